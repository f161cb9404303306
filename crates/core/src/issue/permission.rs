//! Whether a customer may have a token issued now.

use crate::counter::Gate;
use crate::policy::IssuePolicy;
use crate::time::Millis;

/// All that the permission is decided from.
#[derive(Clone, Copy, Debug)]
pub struct IssueFacts<'a> {
    /// The present moment.
    pub now: Millis,
    /// Whether a token of the customer is in use.
    pub token_in_use: bool,
    /// Whether the customer's login demands a passcode, with or without a usable token.
    pub otp_required: bool,
    /// Whether the customer is stopped, by staff or by an emergency stop.
    pub suspended: bool,
    /// The gate of the confirmation password.
    pub confirmation: Gate,
    /// When the customer last released a token.
    pub released_at: Option<Millis>,
    /// Issues of this customer today, in the institution's zone.
    pub issued_today: u32,
    /// When each notice address was confirmed; `None` for one that was not.
    pub addresses: &'a [Option<Millis>],
}

/// Why no token is issued now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueRefused {
    /// A token is in use: there is release and exchange.
    #[error("a token is in use")]
    InUse,
    /// The passcode is demanded although no token is in use: only an exchange helps.
    #[error("the customer's login demands a passcode")]
    OtpRequired,
    /// The customer is stopped.
    #[error("the customer is stopped")]
    Suspended,
    /// The confirmation password is locked until this moment.
    #[error("the confirmation password is locked for a time")]
    LockedUntil(Millis),
    /// The confirmation password is locked until someone unlocks it.
    #[error("the confirmation password is locked")]
    Locked,
    /// The last release was a short while ago.
    #[error("the last release was a short while ago")]
    WaitUntil(Millis),
    /// There were enough issues today.
    #[error("there were enough issues today")]
    DayLimit,
    /// There is no confirmed notice address.
    #[error("there is no confirmed notice address")]
    NoAddress,
    /// No notice address is confirmed for long enough before this moment.
    #[error("every notice address is too young")]
    AddressYoung(Millis),
}

/// Decides whether a token may be issued now.
pub fn may_issue(facts: &IssueFacts<'_>, policy: &IssuePolicy) -> Result<(), IssueRefused> {
    if facts.token_in_use {
        return Err(IssueRefused::InUse);
    }
    if facts.otp_required {
        return Err(IssueRefused::OtpRequired);
    }
    if facts.suspended {
        return Err(IssueRefused::Suspended);
    }
    match facts.confirmation {
        Gate::Open => {}
        Gate::Until(until) => return Err(IssueRefused::LockedUntil(until)),
        Gate::Stopped => return Err(IssueRefused::Locked),
    }
    let wait = policy.wait_after_release.duration();
    if let Some(at) = facts.released_at.filter(|at| facts.now < at.plus(wait)) {
        return Err(IssueRefused::WaitUntil(issue_again_from(at, facts.addresses, policy)));
    }
    if facts.issued_today >= policy.a_day {
        return Err(IssueRefused::DayLimit);
    }
    // The second proof goes over a channel that a thief in the session cannot have added just now.
    let usable = facts.addresses.iter().filter_map(|at| address_usable_from(*at, policy)).min();
    match usable {
        None => Err(IssueRefused::NoAddress),
        Some(from) if facts.now < from => Err(IssueRefused::AddressYoung(from)),
        Some(_) => Ok(()),
    }
}

/// From when a token can be issued after a release at this moment: the wait is over, and an address is old
/// enough where there is one.
#[must_use]
pub fn issue_again_from(
    released_at: Millis,
    addresses: &[Option<Millis>],
    policy: &IssuePolicy,
) -> Millis {
    let waited = released_at.plus(policy.wait_after_release.duration());
    let usable = addresses.iter().filter_map(|at| address_usable_from(*at, policy)).min();
    usable.map_or(waited, |from| waited.max(from))
}

/// From when a notice address may carry a mail password for an issue; never when not confirmed.
#[must_use]
pub fn address_usable_from(confirmed_at: Option<Millis>, policy: &IssuePolicy) -> Option<Millis> {
    confirmed_at.map(|at| at.plus(policy.address_age.duration()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 86_400_000;
    const NOW: Millis = Millis(20_000 * DAY);

    fn days_ago(days: i64) -> Millis {
        Millis(NOW.0 - days * DAY)
    }

    fn facts(addresses: &[Option<Millis>]) -> IssueFacts<'_> {
        IssueFacts {
            now: NOW,
            token_in_use: false,
            otp_required: false,
            suspended: false,
            confirmation: Gate::Open,
            released_at: None,
            issued_today: 0,
            addresses,
        }
    }

    #[test]
    fn after_a_release_the_later_of_wait_and_age_of_the_oldest_address_counts() {
        let policy = IssuePolicy::default();
        let (wait, age) = (policy.wait_after_release.duration(), policy.address_age.duration());
        let from = |addresses: &[_]| issue_again_from(NOW, addresses, &policy);
        assert_eq!(from(&[]), NOW.plus(wait));
        assert_eq!(from(&[None, Some(days_ago(400))]), NOW.plus(wait));
        assert_eq!(from(&[Some(NOW), Some(days_ago(1))]), days_ago(1).plus(age));
    }

    #[test]
    fn an_issue_is_refused_for_each_single_reason() {
        let old = [Some(days_ago(8))];
        let good = facts(&old);
        let answer = |facts: IssueFacts<'_>| may_issue(&facts, &IssuePolicy::default());
        let locked = |confirmation| answer(IssueFacts { confirmation, ..good });
        let until = Millis(NOW.0 + 1);
        assert_eq!(answer(good), Ok(()));
        assert_eq!(answer(IssueFacts { token_in_use: true, ..good }), Err(IssueRefused::InUse));
        assert_eq!(
            answer(IssueFacts { otp_required: true, ..good }),
            Err(IssueRefused::OtpRequired)
        );
        assert_eq!(answer(IssueFacts { suspended: true, ..good }), Err(IssueRefused::Suspended));
        assert_eq!(locked(Gate::Until(until)), Err(IssueRefused::LockedUntil(until)));
        assert_eq!(locked(Gate::Stopped), Err(IssueRefused::Locked));
    }

    #[test]
    fn an_issue_waits_for_half_an_hour_after_a_release() {
        let old = [Some(days_ago(8))];
        let released = |minutes: i64, millis: i64| {
            let released_at = Some(Millis(NOW.0 - minutes * 60_000 + millis));
            may_issue(&IssueFacts { released_at, ..facts(&old) }, &IssuePolicy::default())
        };
        assert_eq!(released(30, 1), Err(IssueRefused::WaitUntil(Millis(NOW.0 + 1))));
        assert_eq!(released(0, 0), Err(IssueRefused::WaitUntil(Millis(NOW.0 + 1_800_000))));
        assert_eq!(released(30, 0), Ok(()));
    }

    #[test]
    fn there_are_three_issues_a_day() {
        let old = [Some(days_ago(8))];
        for (issued_today, expected) in [(2, Ok(())), (3, Err(IssueRefused::DayLimit))] {
            let facts = IssueFacts { issued_today, ..facts(&old) };
            assert_eq!(may_issue(&facts, &IssuePolicy::default()), expected);
        }
    }

    #[test]
    fn an_issue_needs_an_address_confirmed_seven_days_ago() {
        let policy = IssuePolicy::default();
        let in_a_day = Millis(NOW.0 + DAY);
        for (addresses, expected) in [
            (vec![], Err(IssueRefused::NoAddress)),
            (vec![None, None], Err(IssueRefused::NoAddress)),
            (vec![Some(days_ago(0))], Err(IssueRefused::AddressYoung(Millis(NOW.0 + 7 * DAY)))),
            (
                vec![Some(days_ago(1)), None, Some(days_ago(6))],
                Err(IssueRefused::AddressYoung(in_a_day)),
            ),
            (vec![Some(days_ago(1)), Some(days_ago(7))], Ok(())),
        ] {
            assert_eq!(may_issue(&facts(&addresses), &policy), expected, "{addresses:?}");
        }
        assert_eq!(address_usable_from(None, &policy), None);
        assert_eq!(address_usable_from(Some(days_ago(7)), &policy), Some(NOW));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Rule 9: nobody gets a token over a channel that is younger than the policy says.
        #[test]
        fn an_issue_always_rests_on_an_old_address_and_an_unlocked_customer(
            ages in proptest::collection::vec(proptest::option::of(0i64..20), 0..4),
            gate in 0u8..3,
            flags in any::<[bool; 3]>(),
            released in proptest::option::of(0i64..120),
            issued_today in 0u32..6,
        ) {
            let addresses: Vec<_> = ages.iter().map(|age| age.map(days_ago)).collect();
            let confirmation = match gate {
                0 => Gate::Open,
                1 => Gate::Until(Millis(NOW.0 + 5)),
                _ => Gate::Stopped,
            };
            let [token_in_use, otp_required, suspended] = flags;
            let released_at = released.map(|minutes| Millis(NOW.0 - minutes * 60_000));
            let facts = IssueFacts {
                token_in_use, otp_required, suspended, confirmation, released_at, issued_today,
                ..facts(&addresses)
            };
            let fine = !token_in_use && !otp_required && !suspended && gate == 0
                && issued_today < 3
                && released.is_none_or(|minutes| minutes >= 30)
                && ages.iter().any(|age| age.is_some_and(|days| days >= 7));
            let answer = may_issue(&facts, &IssuePolicy::default());
            prop_assert_eq!(answer.is_ok(), fine, "{:?}", answer);
            if let Err(IssueRefused::WaitUntil(until) | IssueRefused::AddressYoung(until)) = answer {
                prop_assert!(until > NOW);
            }
        }
    }
}
