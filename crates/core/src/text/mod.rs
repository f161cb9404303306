//! Text as people type it: full-width forms, digits with separators, host names.
//! Owns the normal forms; mail addresses and static passwords have files of their own beside it.

mod address;
mod password;

pub use address::{AddressError, MailAddress, MailRules};
pub use password::{StaticPassword, StaticPasswordError, check_static_password};

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The NFKC form: full-width letters and digits become half-width.
#[must_use]
pub fn nfkc(text: &str) -> String {
    text.nfkc().collect()
}

/// Whether a character cannot be seen, or turns the direction of others: none belongs into a name or a
/// number that people compare by eye. Variation selectors do: they choose between forms of a kanji.
#[must_use]
pub const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Whether this is a line that people can read: 1 to `longest` characters, none of them a control or an unseen
/// one.
#[must_use]
pub fn is_readable_line(text: &str, longest: usize) -> bool {
    let odd = |c: char| c.is_control() || is_unseen(c);
    (1..=longest).contains(&text.chars().count()) && !text.chars().any(odd)
}

/// Whether this is a telephone number as people write it.
#[must_use]
pub fn is_phone_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | ' ');
    is_readable_line(text, 30)
        && text.chars().all(is_part)
        && text.contains(|c: char| c.is_ascii_digit())
}

/// Whether this is a lower-case DNS name of two labels or more.
#[must_use]
pub fn is_host_name(text: &str) -> bool {
    let labels = || text.split('.');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // An all-numeric last label would make it an IP address.
    let named = |label: &str| label.bytes().any(|b| !b.is_ascii_digit());
    text.len() <= 253
        && labels().count() >= 2
        && labels().all(is_label)
        && labels().next_back().is_some_and(named)
}

/// Why a text is not a row of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotDigits {
    /// There is something else in it.
    Other,
    /// There are more than expected.
    TooMany,
}

/// The digits of a text as typed: NFKC, without spaces and hyphens, `most` at the most.
pub(crate) fn typed_digits(text: &str, most: usize) -> Result<Zeroizing<String>, NotDigits> {
    // Reserved at once: growing would leave copies of a secret behind.
    let mut digits = Zeroizing::new(String::with_capacity(most));
    for character in text.nfkc().filter(|c| !is_separator(*c)) {
        if !character.is_ascii_digit() {
            return Err(NotDigits::Other);
        }
        if digits.len() == most {
            return Err(NotDigits::TooMany);
        }
        digits.push(character);
    }
    Ok(digits)
}

/// Spaces and every hyphen or dash that a keyboard or a Japanese input method gives for one.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn full_width_text_becomes_half_width() {
        assert_eq!(nfkc("Ｔａｒｏ１２３＠ｅｘ．ｊｐ"), "Taro123@ex.jp");
        assert_eq!(nfkc("ｱ　あ"), "ア あ");
    }

    #[test]
    fn digits_are_read_through_spaces_hyphens_and_full_width_forms() {
        for text in [
            "123456",
            "123 456",
            "１２３４５６",
            "123-456",
            " 123456 ",
            "123　456",
            "１２３－４５６",
            "123ー456",
            "123ｰ456",
            "123−456",
            "123‐456",
            "123–456",
            "1 2 3 4 5 6",
            "123\u{a0}456",
            "\t123456\r\n",
        ] {
            assert_eq!(
                typed_digits(text, 6).as_deref().map(String::as_str),
                Ok("123456"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_not_digits_is_told_from_too_many() {
        assert_eq!(typed_digits("12a456", 6), Err(NotDigits::Other));
        assert_eq!(typed_digits("12٣456", 6), Err(NotDigits::Other));
        assert_eq!(typed_digits("一二三", 6), Err(NotDigits::Other));
        assert_eq!(typed_digits("123.456", 6), Err(NotDigits::Other));
        assert_eq!(typed_digits("1234567", 6), Err(NotDigits::TooMany));
        assert_eq!(typed_digits("", 6).as_deref().map(String::as_str), Ok(""));
    }

    #[test]
    fn host_names_are_told_from_what_only_looks_like_one() {
        let long = format!("{}.jp", "a".repeat(63));
        for good in
            ["ib.localhost", "a.b", "ib.bank-1.example.co.jp", "xn--eckwd4c7c.jp", "1.jp", &long]
        {
            assert!(is_host_name(good), "{good}");
        }
        let (label, whole) = (format!("{}.jp", "a".repeat(64)), "a.".repeat(126) + "jp");
        for bad in [
            "",
            "localhost",
            ".",
            "a.",
            ".a",
            "a..b",
            "A.b",
            "a_b.c",
            "a b.c",
            "-a.b",
            "a-.b",
            "a.b.",
            "あ.jp",
            "127.0.0.1",
            "a.1",
            "a.b:80",
            "a.b/",
            &label,
            &whole,
        ] {
            assert!(!is_host_name(bad), "{bad}");
        }
        assert!(is_host_name(&("a.".repeat(125) + "jp")));
    }

    proptest! {
        #[test]
        fn any_text_gives_digits_or_an_answer(text in ".{0,40}") {
            if let Ok(digits) = typed_digits(&text, 12) {
                prop_assert!(digits.len() <= 12 && digits.bytes().all(|b| b.is_ascii_digit()));
            }
        }
    }
}
