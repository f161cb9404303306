//! What holds for every mail in both languages, and every mail word for word.

use std::time::Duration;

use super::*;
use crate::text::{
    Both,
    tests::{NOW, sample_text},
};

mod in_english;
mod in_japanese;

const RECEPTION: &str = "R-4821-0937";
const GUIDE: &str = "https://token.minato-bank.example.jp/";

fn minutes(count: u64) -> Millis {
    NOW.plus(Duration::from_secs(60 * count))
}

/// Every mail there is, named for the snapshots.
fn samples() -> Vec<(&'static str, Mail<'static>)> {
    let at = NOW;
    let half_an_hour_on = minutes(30);
    let token = |name, guide| Mail::Token {
        name,
        guide,
        service: "1234 5678",
        user: "1234 5678 9012",
        deadline: minutes(72 * 60),
    };
    let code = Mail::Code {
        secret: "90314275",
        procedure: "mail-procedure-issue",
        sent_at: at,
        valid_until: half_an_hour_on,
    };
    let phone_address_masked = "ta***@example.ne.jp";
    let start_deadline = minutes(7 * 24 * 60);
    let again_from = half_an_hour_on;
    let dead = |end| Mail::IssueDead { at, end };
    let mut samples = vec![
        ("code", code),
        ("token", token(None, None)),
        ("token_with_name", token(Some("割符　太郎"), None)),
        ("token_with_guide", token(None, Some(GUIDE))),
        ("issued", Mail::Issued { at, phone_address_masked }),
        ("activated", Mail::Activated { at, start_deadline }),
        ("started", Mail::Started { at }),
        ("released", Mail::Released { at, again_from }),
        ("dead_start_password", dead(IssueEnd::StartPassword)),
        ("dead_deadline", dead(IssueEnd::Deadline)),
        ("dead_reissued", dead(IssueEnd::Reissued)),
        ("second_phone", dead(IssueEnd::SecondPhone)),
        ("expiring", Mail::Expiring { valid_until: NOW }),
        ("expired", Mail::Expired { at }),
        ("unlocked", Mail::Unlocked { at }),
        ("dead_stopped", dead(IssueEnd::Stopped)),
        ("dead_taken_back", dead(IssueEnd::TakenBack)),
    ];
    samples.extend(locks(at, half_an_hour_on));
    samples.extend(changes(at, half_an_hour_on));
    samples
}

fn locks(at: Millis, until: Millis) -> [(&'static str, Mail<'static>); 8] {
    let for_a_time = |which| Mail::LockedUntil { at, which, until };
    let for_good = |which| Mail::Locked { at, which };
    [
        ("locked_until_passcode", for_a_time(Which::Passcode)),
        ("locked_until_confirmation", for_a_time(Which::Confirmation)),
        ("locked_until_login", for_a_time(Which::Login)),
        ("locked_passcode", for_good(Which::Passcode)),
        ("locked_confirmation", for_good(Which::Confirmation)),
        ("locked_login", for_good(Which::Login)),
        ("locked_until_mail_password", for_a_time(Which::MailPassword)),
        ("locked_mail_password", for_good(Which::MailPassword)),
    ]
}

fn changes(at: Millis, valid_until: Millis) -> [(&'static str, Mail<'static>); 8] {
    let password = |which| Mail::Password { at, which };
    let address = |new_masked, old_masked| Mail::Address { at, new_masked, old_masked };
    let (new, old) = (Some("ha***@example.ne.jp"), Some("ta***@example.ne.jp"));
    [
        ("stopped", Mail::Stopped { at, by_customer: true }),
        ("stopped_by_bank", Mail::Stopped { at, by_customer: false }),
        ("password_login", password(StaticPassword::Login)),
        ("password_confirmation", password(StaticPassword::Confirmation)),
        ("address_number", Mail::AddressNumber { secret: "40718293", sent_at: at, valid_until }),
        ("address_changed", address(new, old)),
        ("address_added", address(new, None)),
        ("address_removed", address(None, old)),
    ]
}

fn each_rendered(mut check: impl FnMut(&str, &Mail<'_>, &Text, &Message)) {
    for lang in [Lang::Ja, Lang::En] {
        let text = sample_text(lang);
        for (name, mail) in samples() {
            let message = mail.render(&text, RECEPTION);
            check(&format!("{name} ({})", lang.tag()), &mail, &text, &message);
        }
    }
}

/// One sample as a reader sees it, without the foot.
fn shown(lang: Lang, wanted: &str) -> String {
    let samples = samples();
    let (_, mail) = samples.iter().find(|(name, _)| *name == wanted).unwrap();
    let message = mail.render(&sample_text(lang), RECEPTION);
    let (body, _) = message.body.split_once(&format!("\n\n{}", foot(lang))).unwrap();
    format!("{}\n\n{body}", message.subject)
}

fn foot(lang: Lang) -> String {
    portable(&sample_text(lang).of("mail-foot"), lang)
}

/// Texts of an institution that writes its name and hours with every sign phones stumble over.
fn odd_text(lang: Lang) -> Text {
    let mut facts = sample_text(lang).facts().clone();
    let both = |value: &str| Both { ja: value.to_owned(), en: value.to_owned() };
    facts.bank = both("㈱ﾐﾅﾄ銀行🏦第②支店");
    facts.contact = both("とても長い名前の".repeat(12).as_str());
    facts.hours = both("平日 9時～17時、土曜 9時〜12時");
    Text::new(lang, facts.into())
}

/// 35 full-width or 70 half-width characters; anything beyond ASCII counts as full-width.
fn width(line: &str) -> usize {
    line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

#[test]
fn every_line_fits_35_full_width_characters() {
    each_rendered(|name, _, _, message| {
        for line in message.body.lines() {
            assert!(width(line) <= 70, "{name}: {line}");
        }
    });
}

#[test]
fn our_own_lines_fit_without_being_folded() {
    each_rendered(|name, mail, text, message| {
        let whole = format!("{}\n\n{}\n", text_of_body(mail, text), text.of("mail-foot"));
        let whole = portable(&whole, text.lang());
        assert!(message.body.ends_with(&whole), "{name}: {}", message.body);
    });
}

fn text_of_body(mail: &Mail<'_>, text: &Text) -> String {
    let mut values = mail.values(text);
    values.push(("reception", RECEPTION.to_owned()));
    text.args(mail.body_key(), &values)
}

#[test]
fn no_mail_has_a_sign_that_old_phones_cannot_show() {
    let shows = |c: char| match c {
        // Beside the signs people type: circled and Roman numbers, half-width kana, everything
        // outside the first plane, and Fluent's isolation marks, which get copied with a secret.
        '～'
        | '〜'
        | '㈱'
        | '㈲'
        | '℡'
        | '№'
        | '①'..='⑳'
        | 'Ⅰ'..='ⅹ'
        | '｡'..='ﾟ'
        | '\u{10000}'..
        | '\u{2066}'..='\u{2069}'
        | '\u{fffd}' => false,
        _ => c == '\n' || !c.is_control(),
    };
    each_rendered(|name, mail, text, message| {
        let odd = mail.render(&odd_text(text.lang()), RECEPTION);
        for part in [&message.subject, &message.body, &odd.subject, &odd.body] {
            assert_eq!(part.chars().find(|c| !shows(*c)), None, "{name}: {part}");
        }
    });
}

#[test]
fn an_institution_with_odd_signs_and_long_names_still_reads_well() {
    let message = Mail::Started { at: NOW }.render(&odd_text(Lang::Ja), RECEPTION);
    assert!(message.subject.starts_with("【(株)ミナト銀行第2支店】"), "{}", message.subject);
    assert!(message.body.contains("平日 9時から17時、土曜 9時から12時"), "{}", message.body);
    assert!(message.body.lines().all(|line| width(line) <= 70), "{}", message.body);
    assert_eq!(message.body.matches("とても長い名前の").count() + 2, 12, "{}", message.body);
    assert_eq!(message.body.replace('\n', "").matches("とても長い名前の").count(), 12);
}

#[test]
fn a_mail_has_no_link_and_names_no_host_but_the_guides_where_that_is_wanted() {
    each_rendered(|name, _, text, message| {
        if name.starts_with("token_with_guide") {
            assert!(message.body.contains(&format!(" {GUIDE}\n")), "{}", message.body);
            assert_eq!(message.body.matches("://").count(), 1);
            return;
        }
        let facts = text.facts();
        for host in ["http", "://", "www.", &facts.ib_host, &facts.token_host, &facts.sender] {
            assert!(!message.body.contains(host), "{name}: {host}");
        }
    });
}

#[test]
fn every_mail_says_who_writes_when_and_whom_to_call() {
    each_rendered(|name, _, text, message| {
        let facts = text.facts();
        let bank = facts.bank.of(text.lang());
        assert!(message.subject.contains(bank), "{name}: {}", message.subject);
        for needed in [bank, &facts.phone, facts.contact.of(text.lang()), RECEPTION] {
            assert!(message.body.contains(needed), "{name}: {needed}");
        }
        let has_a_moment = match text.lang() {
            Lang::Ja => message.body.contains("2026年11月2"),
            Lang::En => message.body.contains(" November 2026"),
        };
        assert!(has_a_moment, "{name}: {}", message.body);
    });
}

#[test]
fn only_what_proves_a_mailbox_is_a_secret_and_only_its_mail_holds_it() {
    each_rendered(|name, mail, _, message| {
        let secrets = [("code ", "90314275"), ("address_number ", "40718293")];
        let own = secrets.iter().find(|(mail, _)| name.starts_with(mail));
        assert_eq!(mail.has_secret(), own.is_some(), "{name}");
        for (_, secret) in &secrets {
            let is_own = own.is_some_and(|(_, own)| own == secret);
            assert_eq!(message.body.contains(secret), is_own, "{name}");
            assert!(!message.subject.contains(secret), "{name}");
        }
    });
}

#[test]
fn a_lock_names_the_proof_that_was_wrong() {
    for (lang, names) in [
        (
            Lang::Ja,
            [
                "ワンタイムパスワードが続けて",
                "確認用パスワードが続けて",
                "ログインパスワードが続けて",
            ],
        ),
        (Lang::En, ["The one-time password", "The confirmation password", "The login password"]),
    ] {
        for (kind, name) in ["passcode", "confirmation", "login"].into_iter().zip(names) {
            for mail in ["locked_until", "locked"] {
                let shown = shown(lang, &format!("{mail}_{kind}"));
                assert!(shown.contains(&format!("\n\n{name}")), "{shown}");
            }
        }
    }
}

#[test]
fn the_mails_about_stops_passwords_and_addresses_read_so() {
    for lang in [Lang::Ja, Lang::En] {
        let dead = ["dead_stopped", "dead_taken_back"];
        for name in changes(NOW, minutes(30)).iter().map(|(name, _)| *name).chain(dead) {
            insta::assert_snapshot!(format!("{name}-{}", lang.tag()), shown(lang, name));
        }
    }
}

#[test]
fn a_name_is_told_only_when_it_is_given() {
    assert!(shown(Lang::Ja, "token_with_name").contains("\n\n割符　太郎 様\n\nトークン発行の"));
    assert!(shown(Lang::En, "token_with_name").contains("\n\nDear 割符　太郎,\n\nThank you"));
    assert!(!shown(Lang::Ja, "token").contains(" 様"));
    assert!(!shown(Lang::En, "token").contains("Dear"));
}

#[test]
fn each_kind_is_the_key_of_its_subject() {
    each_rendered(|name, mail, text, message| {
        assert!(mail.kind().starts_with("mail-"), "{name}");
        let mut values = mail.values(text);
        values.push(("reception", RECEPTION.to_owned()));
        assert_eq!(message.subject, text.args(mail.kind(), &values), "{name}");
    });
}

#[test]
fn a_value_cannot_write_a_line_of_its_own() {
    let text = sample_text(Lang::Ja);
    let mail = Mail::Issued {
        at: NOW,
        phone_address_masked: "ta***@example.ne.jp\r\n\r\n至急 03-0000-0000 へ\u{85}",
    };
    let body = mail.render(&text, RECEPTION).body;
    assert!(
        body.contains("\n送信先　　　ta***@example.ne.jp至急 03-0000-0000 へ（携帯電話）\n"),
        "{body}"
    );
}

#[test]
fn a_long_line_is_cut_at_a_space_and_else_at_the_edge() {
    let words = "word ".repeat(20);
    assert_eq!(
        folded(&words),
        format!("{}\n{}\n", words[..69].trim_end(), words[70..].trim_start())
    );
    let wide = "字".repeat(36);
    assert_eq!(folded(&wide), format!("{}\n字\n", "字".repeat(35)));
    let fits = "字".repeat(35);
    assert_eq!(folded(&fits), format!("{fits}\n"));
    let indented = format!("　{}", "字".repeat(40));
    assert_eq!(folded(&indented), format!("　{}\n{}\n", "字".repeat(34), "字".repeat(6)));
}

proptest::proptest! {
    // Rule 8: whatever a name or an address holds, it adds neither a line nor a link of its own.
    #[test]
    fn no_value_adds_a_line_or_breaks_the_width(value in "\\PC{0,80}|[\\x00-\\x1f\u{85}\u{2028}a-z]{0,40}") {
        for lang in [Lang::Ja, Lang::En] {
            let text = sample_text(lang);
            let mail = |value| Mail::Issued { at: NOW, phone_address_masked: value };
            let body = mail(&value).render(&text, RECEPTION).body;
            let usual = mail("x").render(&text, RECEPTION).body;
            let lines: Vec<_> = body.lines().collect();
            // A long value is folded; beside its own lines all are as usual, in the same order.
            let mut rest = lines.iter();
            for line in usual.lines().filter(|line| !line.contains('x')) {
                proptest::prop_assert!(rest.any(|l| *l == line), "{line} is gone from {body}");
            }
            proptest::prop_assert!(lines.iter().all(|line| width(line) <= 70), "{body}");
            proptest::prop_assert!(!body.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{2028}'), "{body}");
        }
    }
}
