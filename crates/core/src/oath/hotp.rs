//! RFC 4226: a passcode from a key and a counter. Nothing here touches the heap.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Algorithm, Digits};

/// A computed passcode, in a buffer of its own that is wiped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PasscodeText {
    buffer: [u8; 8],
    length: usize,
}

impl PasscodeText {
    /// The one door to the digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        // The buffer holds ASCII digits only, so this never falls back.
        std::str::from_utf8(self.digits()).unwrap_or_default()
    }

    pub(super) fn digits(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    fn of(mut number: u32, digits: Digits) -> Self {
        let mut text = Self { buffer: [0; 8], length: digits.count() };
        for place in text.buffer[..digits.count()].iter_mut().rev() {
            *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
        text
    }
}

impl fmt::Debug for PasscodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasscodeText(redacted)")
    }
}

/// The passcode of one counter value.
#[must_use]
pub fn hotp(key: &[u8], counter: u64, digits: Digits, algorithm: Algorithm) -> PasscodeText {
    let number = match algorithm {
        Algorithm::Sha1 => truncate(&mac::<Hmac<Sha1>, 20>(key, counter)),
        Algorithm::Sha256 => truncate(&mac::<Hmac<Sha256>, 32>(key, counter)),
        Algorithm::Sha512 => truncate(&mac::<Hmac<Sha512>, 64>(key, counter)),
    };
    PasscodeText::of(number, digits)
}

fn mac<M: Mac + KeyInit, const N: usize>(key: &[u8], counter: u64) -> Zeroizing<[u8; N]> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&counter.to_be_bytes());
    let mut out = Zeroizing::new([0; N]);
    out.copy_from_slice(&mac.finalize().into_bytes());
    out
}

// RFC 4226 section 5.3: the last half-byte says where to read 31 bits.
fn truncate<const N: usize>(mac: &[u8; N]) -> u32 {
    let offset = usize::from(mac[N - 1] & 0xf);
    u32::from_be_bytes([mac[offset], mac[offset + 1], mac[offset + 2], mac[offset + 3]])
        & 0x7fff_ffff
}
