//! Random bytes and digits from a source that is passed in. Owns how digits are drawn without bias.

use zeroize::Zeroizing;

/// Whoever can fill bytes unpredictably; the only door through which randomness comes in.
pub trait Random: Send + Sync {
    /// Fills all of `out`.
    fn fill(&self, out: &mut [u8]);
}

/// So many random bytes.
#[must_use]
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}

/// So many decimal digits, each of the ten equally likely.
#[must_use]
pub fn digits(random: &dyn Random, count: usize) -> String {
    // Reserved at once: growing would leave copies of a secret behind.
    let mut out = String::with_capacity(count);
    while out.len() < count {
        let drawn = Zeroizing::new(bytes::<32>(random));
        // 250 to 255 are thrown away: they would make 0 to 5 likelier than 6 to 9.
        let usable =
            drawn.iter().filter(|byte| **byte < 250).map(|byte| char::from(b'0' + byte % 10));
        out.extend(usable.take(count - out.len()));
    }
    out
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Random;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A fixed stream of bytes (`SplitMix64`), different for each seed.
    pub(crate) struct Stream(AtomicU64);

    impl Stream {
        pub(crate) fn new(seed: u64) -> Self {
            Self(AtomicU64::new(seed))
        }
    }

    impl Random for Stream {
        fn fill(&self, out: &mut [u8]) {
            for byte in out {
                let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
                let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                *byte = mixed.to_be_bytes()[0];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Stream;
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// 0, 1, 2 … 255, 0, 1 …: every byte equally often.
    struct Wheel(AtomicU8);

    impl Random for Wheel {
        fn fill(&self, out: &mut [u8]) {
            out.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    #[test]
    fn equally_likely_bytes_give_equally_likely_digits() {
        // Of each 256 bytes exactly 250 are usable, 25 for each digit.
        let drawn = digits(&Wheel(AtomicU8::new(0)), 500);
        for digit in '0'..='9' {
            assert_eq!(drawn.matches(digit).count(), 50, "{digit}");
        }
    }

    #[test]
    fn digits_come_in_the_number_asked_for() {
        for count in [0, 1, 6, 8, 11, 33, 100] {
            let drawn = digits(&Stream::new(7), count);
            assert_eq!(drawn.len(), count);
            assert!(drawn.bytes().all(|b| b.is_ascii_digit()));
        }
    }

    #[test]
    fn bytes_come_from_the_source() {
        assert_eq!(bytes::<4>(&Wheel(AtomicU8::new(9))), [9, 10, 11, 12]);
    }
}
