//! The numbers and names that people type: service ID, user ID, reception number, login ID.
//! Owns how forgiving each is about full-width characters, spaces and hyphens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::random::{self, Random};
use crate::text::{NotDigits, nfkc, typed_digits};

/// A text that is not a number of the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the number is not of the expected form")]
pub struct NumberError;

/// The institution's public number: 8 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(String);

impl ServiceId {
    /// Reads it as typed, with spaces, hyphens and full-width digits.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let digits = typed_digits(text, 8).map_err(|_| NumberError)?;
        if digits.len() == 8 { Ok(Self(digits.as_str().to_owned())) } else { Err(NumberError) }
    }

    /// The 8 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As people read it: `1234 5678`.
    #[must_use]
    pub fn grouped(&self) -> String {
        grouped(&self.0)
    }
}

/// The token holder's number for the phone app: 11 random digits and a check digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(String);

/// Why a text is no user ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserIdError {
    /// It is not 12 digits.
    #[error("a user ID has 12 digits")]
    Form,
    /// Its check digit does not fit: a digit is wrong or two are swapped.
    #[error("the check digit of the user ID does not fit")]
    Check,
}

impl UserId {
    /// A new random one.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut digits = random::digits(random, 11);
        digits.push(char::from(b'0' + damm(&digits)));
        Self(digits)
    }

    /// Reads it as typed, with spaces, hyphens and full-width digits.
    pub fn parse(text: &str) -> Result<Self, UserIdError> {
        let digits = typed_digits(text, 12).map_err(|_| UserIdError::Form)?;
        if digits.len() != 12 {
            return Err(UserIdError::Form);
        }
        // The check digit is the one that brings the whole to zero.
        if damm(&digits) == 0 {
            Ok(Self(digits.as_str().to_owned()))
        } else {
            Err(UserIdError::Check)
        }
    }

    /// The 12 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As people read it: `1234 5678 9012`.
    #[must_use]
    pub fn grouped(&self) -> String {
        grouped(&self.0)
    }
}

/// The number under which a procedure or a mail can be asked about: `R-4821-0970`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceptionNumber(String);

impl ReceptionNumber {
    /// A new random one.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self::of_digits(&random::digits(random, 8))
    }

    /// Reads it as typed or told: with or without the letter, hyphens and spaces.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let text = nfkc(text);
        let text = text.trim_start();
        let digits = typed_digits(text.strip_prefix(['R', 'r']).unwrap_or(text), 8);
        match digits {
            Ok(digits) if digits.len() == 8 => Ok(Self::of_digits(&digits)),
            Ok(_) | Err(_) => Err(NumberError),
        }
    }

    /// The number with its letter and hyphens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of_digits(digits: &str) -> Self {
        let (front, back) = digits.split_at(4);
        Self(format!("R-{front}-{back}"))
    }
}

/// The name a customer logs in with; upper and lower case are one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginId(String);

/// Why a text is no login ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginIdError {
    /// It is shorter than 6 or longer than 32 characters.
    #[error("a login ID has 6 to 32 characters")]
    Length,
    /// It holds something else than letters, digits, dot, underscore and hyphen.
    #[error("a login ID is made of a-z, 0-9, dot, underscore and hyphen")]
    Form,
}

impl LoginId {
    /// Reads it as typed; full-width letters become half-width, capitals small.
    pub fn parse(text: &str) -> Result<Self, LoginIdError> {
        let id = nfkc(text).trim().to_ascii_lowercase();
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        if !id.bytes().all(fits) {
            Err(LoginIdError::Form)
        } else if (6..=32).contains(&id.len()) {
            Ok(Self(id))
        } else {
            Err(LoginIdError::Length)
        }
    }

    /// The normalised form, by which the customer is found.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! as_text {
    ($($name:ident $error:ident,)+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    )+};
}

as_text! {
    ServiceId NumberError,
    UserId UserIdError,
    ReceptionNumber NumberError,
    LoginId LoginIdError,
}

impl From<NotDigits> for NumberError {
    fn from(_: NotDigits) -> Self {
        Self
    }
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 4);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

// H. M. Damm's totally anti-symmetric quasigroup of order 10: finds every single wrong digit and
// every swap of neighbours.
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

fn damm(digits: &str) -> u8 {
    digits.bytes().fold(0, |interim, digit| DAMM[usize::from(interim)][usize::from(digit - b'0')])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::Stream;
    use proptest::prelude::*;

    #[test]
    fn a_service_id_is_eight_digits_however_typed() {
        for text in ["12345678", "1234 5678", "１２３４－５６７８", " 1234-5678 "] {
            let id = ServiceId::parse(text).unwrap();
            assert_eq!((id.as_str(), id.grouped().as_str()), ("12345678", "1234 5678"));
        }
        for text in ["", "1234567", "123456789", "1234567a", "ABCDEFGH"] {
            assert_eq!(ServiceId::parse(text), Err(NumberError), "{text}");
        }
    }

    #[test]
    fn the_check_digit_is_damms() {
        // The example of Damm's own thesis: 572 has the check digit 4.
        assert_eq!(damm("572"), 4);
        assert_eq!(damm("5724"), 0);
        assert_eq!(damm("43881234567"), 9);
    }

    #[test]
    fn a_user_id_is_read_however_typed() {
        let id = UserId::parse("438812345679").unwrap();
        assert_eq!(id.grouped(), "4388 1234 5679");
        for text in
            ["4388 1234 5679", "4388-1234-5679", "４３８８　１２３４　５６７９", " 438812345679\n"]
        {
            assert_eq!(UserId::parse(text), Ok(id.clone()));
        }
        for text in ["", "43881234567", "4388123456790", "43881234567x"] {
            assert_eq!(UserId::parse(text), Err(UserIdError::Form), "{text}");
        }
        assert_eq!(UserId::parse("438812345670"), Err(UserIdError::Check));
    }

    #[test]
    fn a_reception_number_is_read_as_told_on_the_telephone() {
        let number = ReceptionNumber::parse("R-4821-0970").unwrap();
        assert_eq!(number.to_string(), "R-4821-0970");
        for text in
            ["r-4821-0970", "48210970", "R48210970", "Ｒ－４８２１－０９７０", " R 4821 0970 "]
        {
            assert_eq!(ReceptionNumber::parse(text), Ok(number.clone()), "{text}");
        }
        for text in ["", "R-", "R-4821-097", "R-4821-09701", "Q-4821-0970", "RR-4821-0970"] {
            assert_eq!(ReceptionNumber::parse(text), Err(NumberError), "{text}");
        }
        let fresh = ReceptionNumber::generate(&Stream::new(1));
        assert_eq!(ReceptionNumber::parse(fresh.as_str()), Ok(fresh));
    }

    #[test]
    fn a_login_id_ignores_case_and_width() {
        for text in ["hanako_01", "Hanako_01", "ＨＡＮＡＫＯ＿０１", " hanako_01 "] {
            assert_eq!(LoginId::parse(text).unwrap().as_str(), "hanako_01");
        }
        for text in ["", "hanak", &"a".repeat(33)] {
            assert_eq!(LoginId::parse(text), Err(LoginIdError::Length), "{text}");
        }
        for text in
            ["hanako 01", "hanako@01", "はなこさんです", "hanako/01", "hanakö01", "hanako\0"]
        {
            assert_eq!(LoginId::parse(text), Err(LoginIdError::Form), "{text}");
        }
        assert!(LoginId::parse(&"a".repeat(32)).is_ok() && LoginId::parse("a.b-c_").is_ok());
    }

    #[test]
    fn numbers_are_strings_in_documents() {
        let id: UserId = serde_json::from_str("\"4388 1234 5679\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"438812345679\"");
        assert!(serde_json::from_str::<UserId>("\"438812345670\"").is_err());
    }

    proptest! {
        #[test]
        fn a_generated_user_id_is_accepted(seed in any::<u64>()) {
            let id = UserId::generate(&Stream::new(seed));
            prop_assert_eq!(id.as_str().len(), 12);
            prop_assert_eq!(UserId::parse(id.as_str()), Ok(id.clone()));
            prop_assert_eq!(UserId::parse(&id.grouped()), Ok(id));
        }

        #[test]
        fn one_wrong_digit_of_a_user_id_is_noticed(seed in any::<u64>(), place in 0usize..12, add in 1u8..10) {
            let mut digits = UserId::generate(&Stream::new(seed)).as_str().as_bytes().to_vec();
            digits[place] = b'0' + (digits[place] - b'0' + add) % 10;
            let typed = String::from_utf8(digits).unwrap();
            prop_assert_eq!(UserId::parse(&typed), Err(UserIdError::Check));
        }

        #[test]
        fn two_swapped_neighbours_of_a_user_id_are_noticed(seed in any::<u64>(), place in 0usize..11) {
            let mut digits = UserId::generate(&Stream::new(seed)).as_str().as_bytes().to_vec();
            prop_assume!(digits[place] != digits[place + 1]);
            digits.swap(place, place + 1);
            let typed = String::from_utf8(digits).unwrap();
            prop_assert_eq!(UserId::parse(&typed), Err(UserIdError::Check));
        }
    }
}
