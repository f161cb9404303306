//! Which steps a passcode may be of: by the server's clock, by a token's own clock that goes wrong, or by
//! how often a token was asked.

use std::time::Duration;

use crate::oath::time_step;
use crate::time::Millis;

worded! {
    /// What a token's steps count.
    Mode {
        /// Time, by a clock that corrects itself: the phone app (RFC 6238).
        Clock = "clock",
        /// Time, by a clock of the token's own: hardware (RFC 6238 section 6).
        OwnClock = "own_clock",
        /// Uses (RFC 4226).
        Event = "event",
    }
}

/// How a token's steps go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// Around the server's own step.
    Clock {
        /// The length of a step.
        period_seconds: u32,
        /// How many before and after are accepted.
        window: u32,
    },
    /// Around the step that the token's clock is thought to show, and the server's own.
    OwnClock {
        /// The length of a step.
        period_seconds: u32,
        /// How many before and after are accepted.
        window: u32,
        /// What was learned of that clock.
        drift: Drift,
    },
    /// The next ones after the last (RFC 4226 section 7.4).
    Event {
        /// So many.
        look_ahead: u32,
    },
}

/// What was learned of a token's own clock, never more than [`Drift::MOST`] steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// How far it is ahead of the server's, in steps; behind where negative.
    pub steps: i64,
    /// Since when it has been found off that, and in which direction, if it has.
    pub off: Option<(Off, Millis)>,
}

/// In which direction a clock is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// It is ahead.
    Fast,
    /// It is behind.
    Slow,
}

/// More uses of one token than a database can have accepted and lost.
const USES_GIVEN_UP: i64 = 10;

impl Drift {
    /// The furthest that is learned, in either direction.
    pub const MOST: i64 = 5;
    /// So far apart are the two passcodes that move it: nobody teaches it much in one sitting.
    const APART: Duration = Duration::from_hours(24);
}

impl Steps {
    /// The steps whose passcodes are looked at, in rising order. Of `spent`, the last that is, a token
    /// that counts uses is looked at too, so that a second use is told from a wrong one.
    pub(super) fn offered(&self, spent: i64, now: Millis) -> Vec<i64> {
        let around = |middle: i64, window: u32| {
            let window = i64::from(window);
            middle.saturating_sub(window)..=middle.saturating_add(window)
        };
        match *self {
            Self::Clock { period_seconds, window } => {
                around(time_step(now, period_seconds), window).collect()
            }
            Self::OwnClock { period_seconds, window, drift } => {
                let own = time_step(now, period_seconds);
                let shown = own.saturating_add(drift.steps.clamp(-Drift::MOST, Drift::MOST));
                let mut offered: Vec<_> = around(shown, window).collect();
                // A battery was changed, a clock set: it may be right again.
                if !offered.contains(&own) {
                    offered.push(own);
                    offered.sort_unstable();
                }
                offered
            }
            Self::Event { look_ahead } => {
                (spent..=spent.saturating_add(i64::from(look_ahead))).collect()
            }
        }
    }

    /// The last step that can have been accepted before an era of the database began: what the database
    /// of then knew last may be missing here. Where uses are counted no time tells, and so many after the
    /// last that is known are given up, until one is accepted in this era.
    #[must_use]
    pub fn given_up(&self, (last, accepted_in): (i64, Millis), began: Millis) -> i64 {
        match self {
            Self::Clock { .. } | Self::OwnClock { .. } => {
                self.offered(-1, began).pop().unwrap_or(last)
            }
            Self::Event { .. } if accepted_in < began => last.saturating_add(USES_GIVEN_UP),
            Self::Event { .. } => last,
        }
    }

    /// What the acceptance of this step teaches of the token's clock; none when that is nothing new. It
    /// moves by one step, after two acceptances a day apart that were off in the same direction.
    #[must_use]
    pub fn learned(&self, step: i64, now: Millis) -> Option<Drift> {
        let Self::OwnClock { period_seconds, drift, .. } = *self else { return None };
        let expected = time_step(now, period_seconds).saturating_add(drift.steps);
        let off = match step.cmp(&expected) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some((Off::Fast, 1)),
            std::cmp::Ordering::Less => Some((Off::Slow, -1)),
        };
        let learned = match (off, drift.off) {
            (None, _) => Drift { off: None, ..drift },
            (Some((off, by)), Some((before, since))) if off == before => {
                if now < since.plus(Drift::APART) {
                    return None;
                }
                let steps = (drift.steps + by).clamp(-Drift::MOST, Drift::MOST);
                Drift { steps, off: None }
            }
            (Some((off, _)), _) => Drift { off: Some((off, now)), ..drift },
        };
        (learned != drift).then_some(learned)
    }
}
