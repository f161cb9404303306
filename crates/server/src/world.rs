//! The real clock and the real randomness; everything else gets them passed in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::Rng;
use warifu_core::{
    random::Random,
    time::{Clock, Millis},
};

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's randomness, stretched: a generator of each thread's own (`ChaCha`), seeded by
/// the system and again after every 64 KiB. Asking the system for each id would cost more than what the
/// id is for.
#[derive(Clone, Copy, Debug)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that randomness comes from")]
    fn fill(&self, out: &mut [u8]) {
        rand::rng().fill_bytes(out);
    }
}
