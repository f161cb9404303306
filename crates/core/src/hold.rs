//! Holds: for a while after a change, transactions are kept back. The later end counts.

use crate::policy::HoldPolicy;
use crate::time::{Millis, Span};

worded! {
    /// A change after which a hold runs.
    HoldKind {
        /// The start of a token's use.
        Start = "start",
        /// An exchange of the phone or the token.
        Exchange = "exchange",
        /// A release.
        Release = "release",
        /// A change of the method of authentication.
        Method = "method",
        /// A change of a notice address.
        Address = "address",
        /// A change of a static password.
        Password = "password",
        /// A resume after a stop.
        Resume = "resume",
    }
}

/// The end of a hold that begins now; a running one that ends later stays.
#[must_use]
pub fn hold_until(current: Option<Millis>, now: Millis, span: Span) -> Millis {
    let fresh = now.plus(span.duration());
    current.map_or(fresh, |running| running.max(fresh))
}

/// The customer's hold after a change of this kind; unchanged when the institution exempts it.
#[must_use]
pub fn hold_after(
    kind: HoldKind,
    policy: &HoldPolicy,
    current: Option<Millis>,
    now: Millis,
) -> Option<Millis> {
    if policy.exempt.contains(&kind) {
        current
    } else {
        Some(hold_until(current, now, policy.span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_sets_a_hold_unless_it_is_exempt() {
        let now = Millis(1_000);
        let strict = HoldPolicy::default();
        for &kind in HoldKind::ALL {
            assert_eq!(hold_after(kind, &strict, None, now), Some(Millis(120 * 3_600_000 + 1_000)));
            let lenient = HoldPolicy { exempt: vec![kind], ..HoldPolicy::default() };
            for &other in HoldKind::ALL {
                let held = hold_after(other, &lenient, None, now).is_some();
                assert_eq!(held, other != kind, "{other} with {kind} exempt");
            }
        }
    }

    #[test]
    fn an_exempt_change_does_not_end_a_running_hold() {
        let policy = HoldPolicy { exempt: HoldKind::ALL.to_vec(), ..HoldPolicy::default() };
        let running = Some(Millis(77));
        assert_eq!(hold_after(HoldKind::Password, &policy, running, Millis(5)), running);
    }

    proptest! {
        #[test]
        fn a_hold_is_never_shortened(
            current in proptest::option::of(0i64..1_000_000_000),
            now in 0i64..1_000_000_000,
            hours in 24u16..720,
        ) {
            let span = Span::of_hours(hours);
            let until = hold_until(current.map(Millis), Millis(now), span);
            prop_assert!(until >= Millis(now).plus(span.duration()));
            prop_assert!(current.is_none_or(|running| until >= Millis(running)));
        }
    }
}
