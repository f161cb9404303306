//! A passcode as a customer types it. Owns its normal form: `123 456` and `１２３４５６` are `123456`.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Digits, PasscodeText};
use crate::text::{NotDigits, typed_digits};

/// A typed passcode in its normal form.
pub struct Passcode(Zeroizing<String>);

/// Why a text is no passcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasscodeError {
    /// Nothing was typed.
    #[error("no passcode was typed")]
    Empty,
    /// There are too many or too few digits.
    #[error("the passcode has another number of digits")]
    Length,
    /// There is something else than digits.
    #[error("a passcode is made of digits")]
    Digits,
}

impl Passcode {
    /// Reads a passcode as typed: full-width digits, spaces and hyphens make no difference.
    pub fn parse(text: &str, digits: Digits) -> Result<Self, PasscodeError> {
        let typed = digits_of(text, digits)?;
        match typed.len() {
            0 => Err(PasscodeError::Empty),
            length if length == digits.count() => Ok(Self(typed)),
            _ => Err(PasscodeError::Length),
        }
    }

    /// Reads a passcode whose token is not known yet: any number of digits that tokens have.
    pub fn typed(text: &str) -> Result<Self, PasscodeError> {
        let typed = digits_of(text, Digits::Eight)?;
        match typed.len() {
            0 => Err(PasscodeError::Empty),
            6..=8 => Ok(Self(typed)),
            _ => Err(PasscodeError::Length),
        }
    }

    /// Whether it has the number of digits of a token's passcodes.
    #[must_use]
    pub fn has(&self, digits: Digits) -> bool {
        self.0.len() == digits.count()
    }

    /// Whether this is the computed passcode, in a time that depends on neither.
    #[must_use]
    pub fn matches(&self, computed: &PasscodeText) -> bool {
        self.is(computed).into()
    }

    pub(crate) fn is(&self, computed: &PasscodeText) -> subtle::Choice {
        self.0.as_bytes().ct_eq(computed.digits())
    }
}

fn digits_of(text: &str, most: Digits) -> Result<Zeroizing<String>, PasscodeError> {
    typed_digits(text, most.count()).map_err(|error| match error {
        NotDigits::Other => PasscodeError::Digits,
        NotDigits::TooMany => PasscodeError::Length,
    })
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(redacted)")
    }
}
