//! What holds for every page in every state and language, and how a fair set of them reads.

use std::collections::BTreeSet;

use super::{FieldError, Frame, TextSize, frame::asset_version, samples::samples};
use crate::text::{
    Lang,
    tests::{NOW, sample_text},
};

const LANGS: [Lang; 2] = [Lang::Ja, Lang::En];

/// All opening tags of a name, without their brackets.
fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!("<{name}");
    html.split(&opening)
        .skip(1)
        .filter(|rest| rest.starts_with([' ', '>']))
        .filter_map(|rest| rest.split('>').next())
        .collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let start = format!(" {name}=\"");
    tag.split(&start).nth(1)?.split('"').next()
}

fn every_page(check: impl Fn(&str, &str)) {
    for lang in LANGS {
        for sample in samples(lang) {
            check(&format!("{} in {}", sample.name, lang.tag()), &sample.html);
        }
    }
}

#[test]
fn every_form_posts_with_its_token() {
    every_page(|page, html| {
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            assert!(form.starts_with(' ') && form.contains("method=\"post\""), "{page}: {form}");
            assert!(form.contains("name=\"csrf\" value=\"x4yVbV0rTq2\""), "{page}: {form}");
        }
        assert_eq!(tags(html, "form").len(), html.matches("</form>").count(), "{page}");
    });
}

#[test]
fn every_button_outside_a_form_names_the_form_it_belongs_to() {
    every_page(|page, html| {
        for button in tags(html, "button").iter().filter_map(|tag| attribute(tag, "form")) {
            assert!(html.contains(&format!("id=\"{button}\">")), "{page}: {button}");
        }
    });
}

#[test]
fn every_input_has_a_label_and_tells_what_it_is_for() {
    every_page(|page, html| {
        for input in tags(html, "input") {
            if attribute(input, "type") == Some("hidden") {
                continue;
            }
            let id = attribute(input, "id").unwrap();
            assert!(html.contains(&format!("<label for=\"{id}\"")), "{page}: {id}");
            let name = attribute(input, "name").unwrap();
            if attribute(input, "type") == Some("radio") {
                // Several share a name; their group has a legend.
                assert!(id.starts_with(name), "{page}: {id}");
                assert!(html.contains("<legend"), "{page}: {id}");
            } else {
                assert_eq!(name, id, "{page}");
            }
            assert!(attribute(input, "autocomplete").is_some(), "{page}: {id}");
            // Nothing is cut silently, and digits are never numbers.
            assert!(attribute(input, "maxlength").is_none(), "{page}: {id}");
            assert_ne!(attribute(input, "type"), Some("number"), "{page}: {id}");
        }
    });
}

#[test]
fn no_secret_is_ever_filled_in_by_the_page() {
    every_page(|page, html| {
        for input in tags(html, "input") {
            let secret = attribute(input, "type") == Some("password")
                || attribute(input, "autocomplete") == Some("one-time-code");
            assert!(!secret || attribute(input, "value").is_none(), "{page}: {input}");
        }
    });
}

#[test]
fn every_id_is_there_once_and_every_reference_is_met() {
    every_page(|page, html| {
        let ids: Vec<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let distinct: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len(), "{page}: {ids:?}");
        for reference in ["for", "aria-describedby", "aria-labelledby", "href=\"#"] {
            let start = if reference.contains('#') {
                reference.to_owned()
            } else {
                format!(" {reference}=\"")
            };
            for rest in html.split(&start).skip(1) {
                for id in rest.split('"').next().unwrap().split(' ') {
                    assert!(distinct.contains(id), "{page}: {reference} {id}");
                }
            }
        }
    });
}

#[test]
fn no_page_carries_inline_script_or_style() {
    every_page(|page, html| {
        assert!(!html.contains(" style=") && !html.contains("<style"), "{page}");
        assert!(!html.contains("javascript:"), "{page}");
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/assets/portal.js?v="), "{page}");
            assert!(script.contains("\"></script>"), "{page}");
        }
        let handlers = [" onclick", " onsubmit", " onload", " onchange", " onerror", " oninput"];
        assert!(handlers.iter().all(|handler| !html.contains(handler)), "{page}");
    });
}

#[test]
fn every_page_says_its_screen_and_bank_in_the_title() {
    for (lang, bank, begin) in [
        (Lang::Ja, "｜みなと銀行（見本）", "入力内容をご確認ください："),
        (Lang::En, " | Minato Bank (sample)", "Please check your entries: "),
    ] {
        for sample in samples(lang) {
            let title = sample.html.split("<title>").nth(1).unwrap();
            let title = title.split("</title>").next().unwrap();
            let own = title.strip_prefix(begin).unwrap_or(title);
            assert_eq!(own.len() < title.len(), sample.has_errors, "{}: {title}", sample.name);
            assert!(own.starts_with("[B") && own.contains("] "), "{}: {title}", sample.name);
            assert!(own.ends_with(bank), "{}: {title}", sample.name);
        }
    }
}

#[test]
fn every_page_has_one_heading_one_main_and_its_language() {
    for lang in LANGS {
        for sample in samples(lang) {
            let html = &sample.html;
            assert_eq!(html.matches("<h1>").count(), 1, "{}", sample.name);
            assert_eq!(html.matches("<main").count(), 1, "{}", sample.name);
            assert!(html.contains(&format!("<html lang=\"{}\"", lang.tag())), "{}", sample.name);
        }
    }
}

#[test]
fn an_error_stands_under_its_field_and_in_the_summary() {
    for lang in LANGS {
        let page = samples(lang).into_iter().find(|page| page.name == "bot001-wrong").unwrap();
        let weak = sample_text(lang).of("err-start-weak");
        assert!(page.html.contains(&format!("<a href=\"#start_password\">{weak}</a>")));
        let under = page.html.split("id=\"start_password-error\"").nth(1).unwrap();
        assert!(under.split("</p>").next().unwrap().contains(&weak));
        // What was typed stays, and stays text.
        assert_eq!(page.html.matches("value=\"taro&#60;@example.ne.jp\"").count(), 2);
        assert!(
            page.html.contains("aria-describedby=\"start_password-error start_password-hint\"")
        );
    }
}

#[test]
fn enter_confirms_and_never_cancels_or_sends_again() {
    for lang in LANGS {
        let page = samples(lang).into_iter().find(|page| page.name == "bot002").unwrap();
        let form = page.html.split("<form").find(|form| form.contains("mail_password")).unwrap();
        let own = form.split("</form>").next().unwrap();
        let submits: Vec<&str> = tags(own, "button")
            .into_iter()
            .filter(|tag| attribute(tag, "form").is_none())
            .filter(|tag| attribute(tag, "type") != Some("button"))
            .collect();
        assert_eq!(submits.len(), 1, "{submits:?}");
        assert_eq!(attribute(submits[0], "value"), Some("commit"));
    }
}

#[test]
fn the_way_back_after_a_change_of_display_is_one_value() {
    every_page(|page, html| {
        for link in html.split("href=\"/display?").skip(1) {
            let query = link.split('"').next().unwrap();
            let back = query.split("back=").nth(1).unwrap();
            assert!(!back.contains(['&', '?', '/', '=']), "{page}: {back}");
        }
    });
}

#[test]
fn text_sizes_are_found_by_their_names() {
    for size in TextSize::ALL {
        assert_eq!(TextSize::from_name(size.name()), Some(size));
    }
    assert_eq!(TextSize::from_name("huge"), None);
}

#[test]
fn a_frame_finds_the_error_of_a_field() {
    let frame = Frame {
        text: sample_text(Lang::Ja),
        screen: "BOT001",
        title: "bot001-title",
        csrf: String::new(),
        signed_in: true,
        steps: None,
        errors: vec![FieldError { field: "address", message: "x".into() }],
        here: "/".into(),
        text_size: TextSize::Standard,
        session_until: None,
        now: NOW,
        demo: false,
        notice: None,
    };
    assert_eq!((frame.error("address"), frame.error("address2")), (Some("x"), None));
}

#[test]
fn the_assets_version_is_a_short_digest() {
    assert_eq!(asset_version().len(), 16);
    assert!(asset_version().chars().all(|c| c.is_ascii_hexdigit()));
}

/// What a reader is told, line by line, with the fields and buttons between.
fn read_out(html: &str) -> String {
    let main = html.split("<main").nth(1).unwrap().split("</main>").next().unwrap();
    // What a script may show later is not there yet.
    let mut parts = main.split("\" hidden><div class=\"told");
    let mut main = parts.next().unwrap().to_owned();
    for part in parts {
        main.push_str("\">");
        main.push_str(part.split_once("</p></div></div>").unwrap().1);
    }
    let mut told = String::new();
    for piece in main.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        let begin = match tag.split(' ').next().unwrap() {
            "input" if attribute(tag, "type") == Some("hidden") => String::new(),
            "input" => {
                let name = attribute(tag, "name").unwrap();
                format!("\n[{name}={}]", attribute(tag, "value").unwrap_or(""))
            }
            "form" => format!("\n→ {}", attribute(tag, "action").unwrap()),
            "a" => format!("\n({}) ", attribute(tag, "href").unwrap()),
            "button" => "\n* ".into(),
            "h1" => "\n# ".into(),
            "h2" => "\n## ".into(),
            "p" | "li" | "dt" | "dd" | "label" | "legend" | "h3" => "\n".into(),
            _ => String::new(),
        };
        told.push_str(&begin);
        told.push_str(text.trim_matches('\n'));
    }
    let lines = told.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_main_pages_read_as_agreed() {
    let chosen = [
        "bli001-refused",
        "bli002",
        "bop001-after-issue",
        "bot000",
        "bmp001",
        "bot001-wrong",
        "bot002",
        "bot003",
        "bok001",
        "bok002",
        "bok003",
        "bos001",
        "bos002",
        "bes001",
        "bes001-done",
        "bpw001",
        "bpw002",
        "bpw003",
        "bma001",
        "bma002",
        "bma002-passcode",
        "bma003",
        "bma003-changed",
        "bpt001-told",
        "bci001",
    ];
    for lang in LANGS {
        for sample in samples(lang).iter().filter(|sample| chosen.contains(&sample.name)) {
            let name = format!("{}-{}", sample.name, lang.tag());
            insta::assert_snapshot!(name, read_out(&sample.html));
        }
    }
}
