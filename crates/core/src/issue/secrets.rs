//! The two secrets of digits around an issue, as typed: the start password and the mail password.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::secret::SecretText;
use crate::text::{NotDigits, typed_digits};

/// The digits a customer chooses on the PC and types once into the phone app.
pub struct StartPassword(SecretText);

/// Why a text is no start password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartPasswordError {
    /// Nothing was typed.
    #[error("no start password was typed")]
    Empty,
    /// There is something else than digits.
    #[error("a start password is made of digits")]
    Digits,
    /// There are fewer than 4 or more than 8 digits.
    #[error("a start password has 4 to 8 digits")]
    Length,
    /// It is a repeated digit, a sequence or the customer's birthday.
    #[error("the start password is easy to guess")]
    Weak,
}

impl StartPassword {
    /// Reads a start password as it is chosen: weak ones are refused.
    pub fn parse(text: &str, birthday: Option<Birthday>) -> Result<Self, StartPasswordError> {
        let chosen = Self::typed(text)?;
        let digits = chosen.expose();
        let weak = is_sequence(digits) || birthday.is_some_and(|day| day.is_written(digits));
        if weak { Err(StartPasswordError::Weak) } else { Ok(chosen) }
    }

    /// Reads a start password as a guess on the phone: weak ones are guesses like any other.
    pub fn typed(text: &str) -> Result<Self, StartPasswordError> {
        let digits = typed_digits(text, 8).map_err(|error| match error {
            NotDigits::Other => StartPasswordError::Digits,
            NotDigits::TooMany => StartPasswordError::Length,
        })?;
        match digits.len() {
            0 => Err(StartPasswordError::Empty),
            4..=8 => Ok(Self(secret(&digits))),
            _ => Err(StartPasswordError::Length),
        }
    }

    /// The one door to the digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for StartPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StartPassword(redacted)")
    }
}

/// The digits that are mailed to a notice address during a procedure, as typed.
pub struct MailPassword(SecretText);

/// Why a text is no mail password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailPasswordError {
    /// Nothing was typed.
    #[error("no mail password was typed")]
    Empty,
    /// There is something else than digits.
    #[error("a mail password is made of digits")]
    Digits,
    /// There are more or fewer digits than were mailed.
    #[error("the mail password has another number of digits")]
    Length,
}

impl MailPassword {
    /// Reads a mail password of so many digits as typed.
    pub fn parse(text: &str, count: usize) -> Result<Self, MailPasswordError> {
        let digits = typed_digits(text, count).map_err(|error| match error {
            NotDigits::Other => MailPasswordError::Digits,
            NotDigits::TooMany => MailPasswordError::Length,
        })?;
        match digits.len() {
            0 => Err(MailPasswordError::Empty),
            length if length == count => Ok(Self(secret(&digits))),
            _ => Err(MailPasswordError::Length),
        }
    }

    /// The one door to the digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for MailPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailPassword(redacted)")
    }
}

/// A customer's birthday, written `1985-03-09` in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Birthday {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a birthday is a day of the calendar, like 1985-03-09")]
pub struct BirthdayError;

impl Birthday {
    /// The day with this year (1000 to 9999), month and day of the month.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => 0,
        };
        ((1000..=9999).contains(&year) && (1..=days).contains(&day)).then_some(Self {
            year,
            month,
            day,
        })
    }

    /// Whether these digits are this day in one of the ways people write it.
    fn is_written(self, digits: &str) -> bool {
        let Self { year, month, day } = self;
        let short = year % 100;
        [
            format!("{year:04}{month:02}{day:02}"),
            format!("{short:02}{month:02}{day:02}"),
            format!("{month:02}{day:02}"),
            format!("{day:02}{month:02}"),
            format!("{day:02}{month:02}{short:02}"),
            format!("{day:02}{month:02}{year:04}"),
        ]
        .map(Zeroizing::new)
        .iter()
        .any(|written| written.as_str() == digits)
    }
}

impl FromStr for Birthday {
    type Err = BirthdayError;

    fn from_str(text: &str) -> Result<Self, BirthdayError> {
        let mut parts = text.split('-');
        let mut part = |length: usize| {
            let digits = parts.next().filter(|part| part.len() == length);
            let digits = digits.filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|part| part.parse::<u16>().ok()).ok_or(BirthdayError)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let small = |number: u16| u8::try_from(number).map_err(|_| BirthdayError);
        if parts.next().is_some() {
            return Err(BirthdayError);
        }
        Self::new(year, small(month)?, small(day)?).ok_or(BirthdayError)
    }
}

impl fmt::Display for Birthday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Whether every digit follows the one before it by the same step of 0, 1 or -1, 9 and 0 being
/// neighbours: `1111`, `7890`, `3210`.
fn is_sequence(digits: &str) -> bool {
    [0, 1, 9].into_iter().any(|step| {
        digits.as_bytes().windows(2).all(|pair| (pair[0] - b'0' + step) % 10 == pair[1] - b'0')
    })
}

fn secret(digits: &Zeroizing<String>) -> SecretText {
    SecretText::new(digits.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_start_password_is_read_however_typed() {
        use StartPasswordError::{Digits, Empty, Length};
        for text in ["4829", "４８２９", " 48 29 ", "48-29"] {
            assert_eq!(StartPassword::parse(text, None).unwrap().expose(), "4829");
        }
        assert_eq!(StartPassword::parse("48291735", None).unwrap().expose(), "48291735");
        for (text, error) in [
            ("", Empty),
            ("　", Empty),
            ("482", Length),
            ("482917356", Length),
            ("48a9", Digits),
            ("四八二九", Digits),
        ] {
            assert_eq!(StartPassword::parse(text, None).unwrap_err(), error, "{text:?}");
            assert_eq!(StartPassword::typed(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn repeated_and_sequential_start_passwords_are_weak() {
        for text in [
            "0000",
            "1111",
            "99999999",
            "1234",
            "0123",
            "7890",
            "8901",
            "9012",
            "12345678",
            "3210",
            "4321",
            "0987",
            "1098",
            "98765432",
            "９８７６",
        ] {
            assert_eq!(
                StartPassword::parse(text, None).unwrap_err(),
                StartPasswordError::Weak,
                "{text}"
            );
            // On the phone the same digits are a guess, to be counted like any other.
            assert!(StartPassword::typed(text).is_ok(), "{text}");
        }
        for text in ["1112", "1243", "1357", "2468", "1212", "0121", "12346", "11112222"] {
            assert!(StartPassword::parse(text, None).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_customers_birthday_is_a_weak_start_password() {
        let birthday: Birthday = "1985-03-09".parse().unwrap();
        for text in ["19850309", "850309", "0309", "0903", "090385", "09031985"] {
            let chosen = StartPassword::parse(text, Some(birthday));
            assert_eq!(chosen.unwrap_err(), StartPasswordError::Weak, "{text}");
            assert!(StartPassword::parse(text, None).is_ok(), "{text}");
        }
        for text in ["1985", "0310", "03091985", "19850308"] {
            assert!(StartPassword::parse(text, Some(birthday)).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_birthday_is_a_day_of_the_calendar() {
        for text in ["1985-03-09", "2000-02-29", "2024-02-29", "1999-12-31"] {
            assert_eq!(text.parse::<Birthday>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "1985-3-9",
            "19850309",
            "1985-02-30",
            "1900-02-29",
            "2023-02-29",
            "1985-00-10",
            "1985-13-01",
            "1985-04-31",
            "1985-01-00",
            "1985-03-09-",
            "1985-03-09T00",
            "0985-03-09",
            "昭和60-03-09",
            "+985-03-09",
            "1985/03/09",
            "1985-+3-09",
        ] {
            assert_eq!(text.parse::<Birthday>(), Err(BirthdayError), "{text}");
        }
    }

    #[test]
    fn a_mail_password_has_the_digits_that_were_mailed() {
        for text in ["12345678", "1234 5678", "１２３４５６７８"] {
            assert_eq!(MailPassword::parse(text, 8).unwrap().expose(), "12345678");
        }
        for (text, error) in [
            ("", MailPasswordError::Empty),
            ("1234567", MailPasswordError::Length),
            ("123456789", MailPasswordError::Length),
            ("1234567a", MailPasswordError::Digits),
        ] {
            assert_eq!(MailPassword::parse(text, 8).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn the_secrets_of_an_issue_hide_from_debug_prints() {
        let start = StartPassword::typed("4829").unwrap();
        assert_eq!(format!("{start:?}"), "StartPassword(redacted)");
        let mail = MailPassword::parse("482917", 6).unwrap();
        assert_eq!(format!("{mail:?}"), "MailPassword(redacted)");
    }

    proptest! {
        #[test]
        fn a_start_password_that_is_taken_has_no_pattern(digits in "[0-9]{3,9}") {
            if let Ok(taken) = StartPassword::parse(&digits, None) {
                let values: Vec<_> = taken.expose().bytes().collect();
                let steps: std::collections::BTreeSet<_> =
                    values.windows(2).map(|pair| (10 + pair[1] - pair[0]) % 10).collect();
                prop_assert!((4..=8).contains(&values.len()));
                prop_assert!(steps.len() > 1 || ![0, 1, 9].contains(steps.first().unwrap()));
            }
        }
    }
}
