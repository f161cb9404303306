//! One-time passcodes after RFC 4226 and RFC 6238: how they are computed and how typed ones are read.

mod hotp;
mod passcode;
mod totp;

pub use hotp::{PasscodeText, hotp};
pub use passcode::{Passcode, PasscodeError};
pub use totp::time_step;

worded! {
    /// The hash function under a passcode.
    Algorithm {
        /// What RFC 4226 began with; hardware tokens.
        Sha1 = "SHA1",
        /// The phone app's.
        Sha256 = "SHA256",
        /// Some hardware tokens.
        Sha512 = "SHA512",
    }
}

/// How many digits a passcode has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digits {
    /// 000000 to 999999.
    Six,
    /// 0000000 to 9999999.
    Seven,
    /// 00000000 to 99999999.
    Eight,
}

/// A number of digits that no passcode has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a passcode has 6, 7 or 8 digits, not {0}")]
pub struct DigitsError(pub u32);

impl Digits {
    /// The number itself.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Six => 6,
            Self::Seven => 7,
            Self::Eight => 8,
        }
    }
}

impl TryFrom<u32> for Digits {
    type Error = DigitsError;

    fn try_from(count: u32) -> Result<Self, DigitsError> {
        match count {
            6 => Ok(Self::Six),
            7 => Ok(Self::Seven),
            8 => Ok(Self::Eight),
            _ => Err(DigitsError(count)),
        }
    }
}

#[cfg(test)]
mod tests;
