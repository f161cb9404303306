//! Secrets as types: they wipe themselves, hide from logs and compare in constant time.

use std::fmt;

use serde::Deserialize;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret bytes: keys, seeds, hashes under a key.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes the bytes over; no copy stays behind.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The one door to the bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether the bytes are the same, in a time that depends on their length alone.
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
    }
}

impl<const N: usize> From<[u8; N]> for SecretBytes {
    fn from(mut bytes: [u8; N]) -> Self {
        let secret = Self(bytes.to_vec());
        bytes.zeroize();
        secret
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(redacted)")
    }
}

/// Secret text: passwords as typed, secrets about to be shown once.
#[derive(Zeroize, ZeroizeOnDrop, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the text over; no copy stays behind.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The one door to the text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is the same, in a time that depends on its length alone.
    #[must_use]
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_hides_from_debug_prints() {
        let secret = SecretText::new("hunter2hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "SecretText(redacted)");
        assert_eq!(format!("{:?}", SecretBytes::from([1, 2, 3])), "SecretBytes(redacted)");
    }

    #[test]
    fn a_secret_matches_itself_only() {
        let secret = SecretText::new("abc".to_owned());
        assert!(secret.matches("abc"));
        for other in ["", "ab", "abd", "abcd", "ABC"] {
            assert!(!secret.matches(other), "{other}");
        }
        let secret = SecretBytes::new(vec![1, 2, 3]);
        assert!(secret.matches(&[1, 2, 3]));
        for other in [&[][..], &[1, 2], &[1, 2, 4], &[1, 2, 3, 0]] {
            assert!(!secret.matches(other), "{other:?}");
        }
    }

    #[test]
    fn a_secret_wipes_itself() {
        let mut secret = SecretText::new("abc".to_owned());
        secret.zeroize();
        assert_eq!(secret.expose(), "");
        let mut secret = SecretBytes::from([9; 4]);
        assert_eq!(secret.expose(), [9; 4]);
        secret.zeroize();
        assert!(secret.expose().is_empty());
    }

    #[test]
    fn a_typed_secret_goes_straight_into_its_type() {
        let secret: SecretText = serde_json::from_str("\"p@ss w\"").unwrap();
        assert_eq!(secret.expose(), "p@ss w");
    }
}
