//! How texts become markup: escaped, and with what must not be broken between two lines in elements of
//! its own: telephone numbers, moments, reception numbers, the name of what is to be pressed.
#![expect(
    unreachable_pub,
    clippy::inline_always,
    clippy::unused_self,
    reason = "the macro of filters writes them"
)]

use std::fmt::{Display, Write};

use askama::filters::Safe;

/// A text for the page's body; never for an attribute.
#[askama::filter_fn]
pub(super) fn whole(text: impl Display, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    marked(&text.to_string(), false)
}

/// The same, for what stands in no link: its telephone numbers can be pressed.
#[askama::filter_fn]
pub(super) fn dial(text: impl Display, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    marked(&text.to_string(), true)
}

fn marked(text: &str, dials: bool) -> askama::Result<Safe<String>> {
    let mut html = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(MAY_BREAK) {
            html.push_str("<wbr>");
            rest = after;
        } else if let Some(part) = whole_part(rest) {
            if dials && is_telephone(part) {
                write!(html, "<a class=\"whole\" href=\"tel:{part}\">{part}</a>")?;
            } else {
                html.push_str("<span class=\"whole\">");
                escape(part, &mut html)?;
                html.push_str("</span>");
            }
            rest = rest.get(part.len()..).unwrap_or_default();
        } else {
            // A run of digits that is nothing of these goes as one, or its tail would be looked at alone.
            let run = if first.is_ascii_digit() { digits(rest) } else { first.len_utf8() };
            escape(rest.get(..run).unwrap_or_default(), &mut html)?;
            rest = rest.get(run..).unwrap_or_default();
        }
    }
    Ok(Safe(html))
}

/// Where a text says that a long word may be broken.
pub(super) const MAY_BREAK: char = '\u{200b}';

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn whole_part(text: &str) -> Option<&str> {
    let end = match text.chars().next()? {
        '0'..='9' => number(text)?,
        'R' => reception(text)?,
        '「' => label(text)?,
        _ => return None,
    };
    text.get(..end)
}

// `0120-111-222`, `2026年11月22日`, `14時35分08秒`.
fn number(text: &str) -> Option<usize> {
    let unit = |c: char| matches!(c, '-' | '年' | '月' | '日' | '時' | '分' | '秒');
    let end = text.find(|c: char| !c.is_ascii_digit() && !unit(c)).unwrap_or(text.len());
    let run = text.get(..end)?.trim_end_matches('-');
    let is_dashed = run.split('-').count() > 1 && run.split('-').all(|p| digits(p) > 0);
    let is_moment = run.starts_with(|c: char| c.is_ascii_digit())
        && ["年", "月", "時", "分"].iter().any(|unit| run.contains(unit));
    (is_dashed || is_moment).then_some(run.len())
}

// `0120-111-222`: with the trunk prefix, of ten or eleven digits, and nothing but dashes between them.
fn is_telephone(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    part.starts_with('0')
        && (10..=11).contains(&digits)
        && part.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

// `R-4821-0937`.
fn reception(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("R-")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    (end > 0).then_some("R-".len() + end)
}

// 「次へ」; a long one may be broken, or narrow pages in large letters would have to be scrolled.
fn label(text: &str) -> Option<usize> {
    const LONGEST: usize = 8;
    let mut inside = 0;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '」' => return Some(at + c.len_utf8()),
            '「' | ' ' | '　' => return None,
            _ => inside += 1,
        }
        if inside > LONGEST {
            return None;
        }
    }
    None
}

fn escape(text: &str, out: &mut String) -> std::fmt::Result {
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '"' | '\'' => write!(out, "&#{};", u32::from(c))?,
            _ => out.push(c),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::super::filters;

    #[derive(Template)]
    #[template(source = "{{ text|whole }}", ext = "html")]
    struct Page<'a> {
        text: &'a str,
    }

    fn shown(text: &str) -> String {
        let html = Page { text }.render().unwrap();
        html.replace("<span class=\"whole\">", "[").replace("</span>", "]")
    }

    #[test]
    fn what_must_not_be_broken_stands_in_an_element_of_its_own() {
        for (text, html) in [
            ("電話 0120-111-222（平日）", "電話 [0120-111-222]（平日）"),
            ("2026年11月22日 14時35分08秒 まで", "[2026年11月22日] [14時35分08秒] まで"),
            ("受付番号 R-4821-0937。", "受付番号 [R-4821-0937]。"),
            ("「次へ」を押してください。", "[「次へ」]を押してください。"),
            ("30分間", "[30分]間"),
            ("5回、8文字以上、12345678", "5回、8文字以上、12345678"),
            ("10- R- R「", "10- R- R「"),
            ("「とても長い名前のお手続きのボタン」", "「とても長い名前のお手続きのボタン」"),
            ("2026-11-22", "[2026-11-22]"),
        ] {
            assert_eq!(shown(text), html);
        }
    }

    #[derive(Template)]
    #[template(source = "{{ text|dial }}", ext = "html")]
    struct Dialled<'a> {
        text: &'a str,
    }

    #[test]
    fn a_telephone_number_in_a_sentence_can_be_pressed_and_nothing_else_can() {
        let linked = "<a class=\"whole\" href=\"tel:0120-111-222\">0120-111-222</a>";
        for (text, html) in [
            ("電話 0120-111-222へ", format!("電話 {linked}へ")),
            ("2026-11-22", "<span class=\"whole\">2026-11-22</span>".to_owned()),
            ("09-17", "<span class=\"whole\">09-17</span>".to_owned()),
            ("R-0821-0937", "<span class=\"whole\">R-0821-0937</span>".to_owned()),
            ("09時30分", "<span class=\"whole\">09時30分</span>".to_owned()),
            ("0120\"<3", "0120&#34;&#60;3".to_owned()),
        ] {
            assert_eq!(Dialled { text }.render().unwrap(), html);
        }
    }

    #[test]
    fn text_stays_text() {
        let odd = "<b>&\"'0120-1<2";
        assert_eq!(shown(odd), "&#60;b&#62;&#38;&#34;&#39;[0120-1]&#60;2");
        assert_eq!(shown("「<i>」"), "[「&#60;i&#62;」]");
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_added(text in "[0-9年月日時分秒「」R\\- <a　]{0,40}") {
            let html = Page { text: &text }.render().unwrap();
            let bare = html.replace("<span class=\"whole\">", "").replace("</span>", "");
            proptest::prop_assert_eq!(bare.replace("&#60;", "<"), text);
        }
    }
}
