//! RFC 6238: which counter value a moment has.

use crate::time::Millis;

/// The step that a moment lies in, counted from 1970 in periods of so many seconds.
#[must_use]
pub fn time_step(now: Millis, period_seconds: u32) -> i64 {
    now.0.div_euclid(i64::from(period_seconds.max(1)) * 1_000)
}
