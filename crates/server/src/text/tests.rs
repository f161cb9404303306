//! Tests of the localiser and of the Fluent files themselves; owns the sample institution.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::tz::TimeZone;
use warifu_core::time::{Millis, Span};

use super::{Both, Facts, Lang, Numbers, Text, messages, sources};

/// 22 November 2026, 14:35:08 in Tokyo.
pub(crate) const NOW: Millis = Millis(1_795_325_708_000);

fn both(ja: &str, en: &str) -> Both {
    Both { ja: ja.into(), en: en.into() }
}

/// The texts of a sample institution with the default policy.
pub(crate) fn sample_text(lang: Lang) -> Text {
    let facts = Facts {
        zone: TimeZone::get("Asia/Tokyo").unwrap(),
        bank: both("みなと銀行（見本）", "Minato Bank (sample)"),
        contact: both("インターネットバンキングセンター", "Internet Banking Centre"),
        phone: "0120-000-000".into(),
        hours: both("平日 9時～17時", "Monday to Friday, 9:00 to 17:00"),
        emergency: both("緊急停止受付", "Emergency desk"),
        emergency_phone: "0120-000-001".into(),
        sender: "otp@minato-bank.example.jp".into(),
        sender_domain: "minato-bank.example.jp".into(),
        ib_host: "ib.minato-bank.example.jp".into(),
        token_host: "token.minato-bank.example.jp".into(),
        lock_for: Span::of_minutes(30),
        wait_after_release: Span::of_minutes(30),
        hold_for: Span::of_minutes(7_200),
        numbers: Numbers {
            passcode_digits: 6,
            passcode_period: 60,
            lock_after: 5,
            stop_after: 10,
            mail_digits: 8,
            mail_minutes: 30,
            mail_tries: 5,
            address_days: 7,
            session_minutes: 10,
            warning_minutes: 2,
            activate_hours: 72,
            start_tries: 5,
            confirm_tries: 5,
            password_least: 8,
            password_most: 64,
        },
    };
    Text::new(lang, Arc::new(facts))
}

fn folder(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(inside)
}

fn files(under: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn keys(lang: Lang) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    sources(lang).into_iter().flat_map(messages).collect()
}

fn portal_keys() -> impl Iterator<Item = &'static str> {
    messages(include_str!("../../locales/ja/portal.ftl")).into_iter().map(|(key, _)| key)
}

#[test]
fn every_moment_is_told_in_the_institutions_zone() {
    let (ja, en) = (sample_text(Lang::Ja), sample_text(Lang::En));
    assert_eq!(ja.moment(NOW), "2026年11月22日 14時35分08秒");
    assert_eq!(en.moment(NOW), "22 November 2026, 14:35:08");
    assert_eq!((ja.time(NOW), en.time(NOW)), ("14時35分08秒".into(), "14:35:08".into()));
    assert_eq!((ja.day(NOW), en.day(NOW)), ("2026年11月22日".into(), "22 November 2026".into()));
    // Beyond the calendar there is nothing to tell, but nothing may stop either.
    assert!(!ja.moment(Millis(i64::MAX)).is_empty());
}

#[test]
fn a_wait_is_told_in_a_unit_that_suffices() {
    let (ja, en) = (sample_text(Lang::Ja), sample_text(Lang::En));
    let told = |seconds| (ja.wait(seconds), en.wait(seconds));
    assert_eq!(told(1), ("1秒".into(), "1 second".into()));
    assert_eq!(told(90), ("90秒".into(), "90 seconds".into()));
    assert_eq!(told(121), ("3分".into(), "3 minutes".into()));
}

#[test]
fn a_moment_that_is_near_is_told_by_its_time_and_another_with_its_day() {
    let ja = sample_text(Lang::Ja);
    let near = |hours: i64| ja.near(Millis(NOW.0 + hours * 3_600_000), NOW);
    assert_eq!(near(1), "15時35分08秒");
    // Half past two in the afternoon: midnight is less than ten hours away.
    assert_eq!(near(10), "2026年11月23日 00時35分08秒");
    assert_eq!(near(-24), "2026年11月21日 14時35分08秒");
}

#[test]
fn a_span_is_told_in_its_largest_whole_unit() {
    let (ja, en) = (sample_text(Lang::Ja), sample_text(Lang::En));
    for (seconds, in_ja, in_en) in [
        (90, "90秒間", "90 seconds"),
        (60, "1分間", "1 minute"),
        (330 * 60, "330分間", "330 minutes"),
        (24 * 3_600, "1日間", "1 day"),
        (36 * 3_600, "36時間", "36 hours"),
        (7 * 86_400, "7日間", "7 days"),
    ] {
        let span = Span::of_seconds(seconds);
        assert_eq!((ja.span(span), en.span(span)), (in_ja.into(), in_en.into()));
    }
}

#[test]
fn copied_digits_carry_no_invisible_marks() {
    for lang in [Lang::Ja, Lang::En] {
        let text = sample_text(lang).with("bpt001-last", "at", "1234 5678");
        assert!(text.contains("1234 5678"), "{text}");
        assert!(!text.contains(['\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}']), "{text:?}");
    }
}

#[test]
fn digits_keep_their_leading_zeros() {
    assert!(sample_text(Lang::En).with("bpt001-last", "at", "0012").ends_with("0012"));
}

#[test]
#[should_panic(expected = "no text \"no-such-text\"")]
fn a_missing_text_stops_a_test() {
    let _text = sample_text(Lang::Ja).of("no-such-text");
}

#[test]
#[should_panic(expected = "no text \"bpt001-hello\"")]
fn a_missing_value_stops_a_test() {
    let _text = sample_text(Lang::Ja).of("bpt001-hello");
}

#[test]
fn both_languages_have_the_same_texts_with_the_same_values() {
    assert_eq!(keys(Lang::Ja), keys(Lang::En));
}

#[test]
fn no_text_is_defined_twice() {
    let all: Vec<&str> =
        sources(Lang::Ja).into_iter().flat_map(messages).map(|(key, _)| key).collect();
    let distinct: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len());
}

#[test]
fn every_file_of_the_locales_is_walked() {
    for lang in [Lang::Ja, Lang::En] {
        let on_disk = files(&folder("locales").join(lang.tag()), "ftl");
        let contents: Vec<String> =
            on_disk.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        assert!(contents == sources(lang), "{on_disk:?}");
    }
}

#[test]
fn every_text_can_be_shown_with_its_values_left_open() {
    for lang in [Lang::Ja, Lang::En] {
        let raw = sample_text(lang).raw_messages(&[""]);
        assert_eq!(raw.len(), keys(lang).len());
        assert!(raw.values().all(|text| !text.is_empty() && !text.contains('$')));
    }
}

#[test]
fn open_values_stand_in_braces_and_the_institutions_are_filled_in() {
    let raw = sample_text(Lang::Ja).raw_messages(&["bpt001-", "bli001-safety"]);
    assert_eq!(raw["bpt001-hello"], "{name} 様");
    assert!(raw["bli001-safety"].contains("「ib.minato-bank.example.jp」"));
    assert!(raw.keys().all(|key| key.starts_with("bpt001-") || key == "bli001-safety"));
}

#[test]
fn every_text_of_the_pages_is_used() {
    let mut code = String::new();
    let sources = files(&folder("src"), "rs");
    for file in sources.iter().chain(&files(&folder("templates"), "html")) {
        // Tests and samples show texts, they do not need them.
        let shows = ["tests.rs", "tests", "samples"];
        if !file.iter().any(|part| shows.iter().any(|show| part == *show)) {
            code.push_str(&fs::read_to_string(file).unwrap());
        }
    }
    let unused: Vec<&str> =
        portal_keys().filter(|key| !code.contains(&format!("\"{key}\""))).collect();
    assert!(unused.is_empty(), "no page says {unused:#?}");
}

#[test]
fn every_text_that_a_template_names_exists() {
    let known = keys(Lang::Ja);
    for file in files(&folder("templates"), "html") {
        let template = fs::read_to_string(&file).unwrap();
        for call in ["t(\"", "of(\"", "with(\"", "args(\""] {
            for rest in template.split(call).skip(1) {
                let key = rest.split('"').next().unwrap();
                assert!(known.contains_key(key), "{}: {key}", file.display());
            }
        }
    }
}

#[test]
fn japanese_pages_speak_without_jargon() {
    let banned = [
        "PIN",
        "OTP",
        "エラーコード",
        "セッション",
        "タイムアウト",
        "無効",
        "不正",
        "アクティベーション",
        "シード",
        "認証に失敗",
        "クリック",
        "タップ",
        "間違え",
        "！",
        "(",
        ")",
    ];
    let pages = messages(include_str!("../../locales/ja/portal.ftl"));
    let texts = sample_text(Lang::Ja).raw_messages(&[""]);
    for (key, _) in pages {
        let text = &texts[key];
        for word in banned {
            assert!(!text.contains(word), "{key} says {word}: {text}");
        }
        // The cash card's number is named only to warn against using it here.
        assert!(!text.replace("キャッシュカードの暗証番号", "").contains("暗証番号"), "{key}");
        let half_width_kana = |c: char| ('\u{ff61}'..='\u{ff9f}').contains(&c);
        assert!(!text.contains(half_width_kana), "{key}: {text}");
        let full_width = |c: char| matches!(c, '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ');
        assert!(!text.contains(full_width), "{key}: {text}");
    }
}
