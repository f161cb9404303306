//! What a phone gets that asks for the seed of a token: the seed, the seed again, or nothing.
//! Refusals differ here for the records only; to the outside they are one text.

use crate::time::Millis;
use crate::token::State;

/// The thumbprints of the two keys that a phone made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceKeys<'a> {
    /// The key that the seed is encrypted to.
    pub ecdh: &'a [u8],
    /// The key that the phone signs with.
    pub ecdsa: &'a [u8],
}

/// The secret of the QR code, as it came along with the start password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qr {
    /// None came: the numbers were typed.
    Absent,
    /// The one that is shown now.
    Right,
    /// One of this issue, but no longer valid.
    Old,
    /// None that was ever shown for this issue.
    Wrong,
}

/// All that an activation is decided from.
#[derive(Clone, Copy, Debug)]
pub struct ActivationFacts<'a> {
    /// Where the token is in its life.
    pub state: State,
    /// The present moment.
    pub now: Millis,
    /// Until when the phone may be set up, or set up again.
    pub deadline: Millis,
    /// The keys that the seed was given to.
    pub bound: Option<DeviceKeys<'a>>,
    /// The keys of the phone that asks.
    pub offered: DeviceKeys<'a>,
    /// Whether the start password is right.
    pub start_matches: bool,
    /// The secret of the QR code.
    pub qr: Qr,
    /// Wrong guesses so far.
    pub start_failures: u32,
    /// Wrong guesses after which the issue is dead.
    pub start_tries: u32,
    /// Whether the bound phone has acknowledged its seed.
    pub acked: bool,
}

/// The answer to a phone, and what becomes of the issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationOutcome {
    /// The seed leaves for the first time; the offered keys are bound for good.
    First,
    /// The same phone gets the same seed again.
    Repeat,
    /// Another phone knew the start password: the issue dies, every address is told.
    SecondPhone,
    /// A wrong guess, counted.
    Wrong {
        /// Wrong guesses so far, with this one.
        failures: u32,
        /// Whether the issue dies of it.
        dead: bool,
    },
    /// Refused without looking at what was typed.
    Refused,
}

/// Decides one request of a phone.
#[must_use]
pub fn activation(facts: &ActivationFacts<'_>) -> ActivationOutcome {
    if !is_open(facts) || facts.qr == Qr::Old {
        return ActivationOutcome::Refused;
    }
    if !facts.start_matches || facts.qr == Qr::Wrong {
        let failures = facts.start_failures.saturating_add(1);
        // Also once a phone is bound: otherwise a thief who was first could use the tries up, and the
        // customer's own phone would no longer be told apart as the second one (rule 10).
        let dead = failures >= facts.start_tries;
        return ActivationOutcome::Wrong { failures, dead };
    }
    let Some(bound) = facts.bound else {
        return ActivationOutcome::First;
    };
    match (bound.ecdh == facts.offered.ecdh, bound.ecdsa == facts.offered.ecdsa) {
        (true, true) if facts.acked => ActivationOutcome::Refused,
        (true, true) => ActivationOutcome::Repeat,
        (false, false) => ActivationOutcome::SecondPhone,
        // Keys are never replaced, not even one of the two.
        (true, false) | (false, true) => ActivationOutcome::Refused,
    }
}

/// Whether a guess is evaluated at all.
fn is_open(facts: &ActivationFacts<'_>) -> bool {
    // A seed was given out exactly when keys are bound; a row that says otherwise is not trusted.
    let consistent = match facts.state {
        State::Issued => facts.bound.is_none(),
        State::Activated => facts.bound.is_some(),
        State::InUse
        | State::Released
        | State::Revoked
        | State::Expired
        | State::InStock
        | State::Assigned
        | State::Shipped
        | State::Lost
        | State::Faulty
        | State::Destroyed => false,
    };
    consistent && facts.now < facts.deadline && facts.start_failures < facts.start_tries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Event;
    use proptest::prelude::*;

    const NOW: Millis = Millis(1_700_000_000_000);

    const ANNA: DeviceKeys<'_> = DeviceKeys { ecdh: b"anna-ecdh", ecdsa: b"anna-ecdsa" };
    const EVE: DeviceKeys<'_> = DeviceKeys { ecdh: b"eve-ecdh", ecdsa: b"eve-ecdsa" };

    fn asked() -> ActivationFacts<'static> {
        ActivationFacts {
            state: State::Issued,
            now: NOW,
            deadline: Millis(NOW.0 + 1),
            bound: None,
            offered: ANNA,
            start_matches: true,
            qr: Qr::Absent,
            start_failures: 0,
            start_tries: 5,
            acked: false,
        }
    }

    #[test]
    fn the_seed_goes_to_the_first_phone_that_knows_the_start_password() {
        assert_eq!(activation(&asked()), ActivationOutcome::First);
        let scanned = ActivationFacts { qr: Qr::Right, ..asked() };
        assert_eq!(activation(&scanned), ActivationOutcome::First);
        let last_try = ActivationFacts { start_failures: 4, ..asked() };
        assert_eq!(activation(&last_try), ActivationOutcome::First);
    }

    #[test]
    fn a_qr_secret_never_replaces_the_start_password() {
        let scanned = ActivationFacts { qr: Qr::Right, start_matches: false, ..asked() };
        assert_eq!(activation(&scanned), ActivationOutcome::Wrong { failures: 1, dead: false });
        for start_matches in [false, true] {
            let wrong = ActivationFacts { qr: Qr::Wrong, start_matches, ..asked() };
            assert_eq!(activation(&wrong), ActivationOutcome::Wrong { failures: 1, dead: false });
            let old = ActivationFacts { qr: Qr::Old, start_matches, ..asked() };
            assert_eq!(activation(&old), ActivationOutcome::Refused);
        }
    }

    #[test]
    fn the_same_phone_is_answered_again_until_it_acknowledged() {
        let repeat = ActivationFacts { state: State::Activated, bound: Some(ANNA), ..asked() };
        assert_eq!(activation(&repeat), ActivationOutcome::Repeat);
        let acked = ActivationFacts { acked: true, ..repeat };
        assert_eq!(activation(&acked), ActivationOutcome::Refused);
    }

    #[test]
    fn a_second_phone_with_the_start_password_kills_the_issue() {
        for acked in [false, true] {
            let second = ActivationFacts {
                state: State::Activated,
                bound: Some(ANNA),
                offered: EVE,
                acked,
                ..asked()
            };
            assert_eq!(activation(&second), ActivationOutcome::SecondPhone);
            let guess = ActivationFacts { start_matches: false, ..second };
            assert_eq!(activation(&guess), ActivationOutcome::Wrong { failures: 1, dead: false });
        }
    }

    #[test]
    fn one_old_key_with_one_new_key_is_refused() {
        for offered in
            [DeviceKeys { ecdsa: EVE.ecdsa, ..ANNA }, DeviceKeys { ecdh: EVE.ecdh, ..ANNA }]
        {
            let mixed =
                ActivationFacts { state: State::Activated, bound: Some(ANNA), offered, ..asked() };
            assert_eq!(activation(&mixed), ActivationOutcome::Refused);
        }
    }

    #[test]
    fn the_fifth_wrong_guess_kills_an_issue_whether_or_not_a_phone_is_set_up() {
        let fifth = ActivationFacts { start_matches: false, start_failures: 4, ..asked() };
        assert_eq!(activation(&fifth), ActivationOutcome::Wrong { failures: 5, dead: true });
        let set_up = ActivationFacts { state: State::Activated, bound: Some(ANNA), ..fifth };
        assert_eq!(activation(&set_up), ActivationOutcome::Wrong { failures: 5, dead: true });
        for start_matches in [false, true] {
            let sixth = ActivationFacts { start_failures: 5, start_matches, ..set_up };
            assert_eq!(activation(&sixth), ActivationOutcome::Refused);
        }
    }

    #[test]
    fn only_an_open_issue_answers_before_its_deadline() {
        for &state in State::ALL {
            for bound in [None, Some(ANNA)] {
                for late in [0, 1] {
                    for start_matches in [false, true] {
                        let facts = ActivationFacts {
                            state,
                            bound,
                            start_matches,
                            now: Millis(NOW.0 + late),
                            ..asked()
                        };
                        let open = late == 0
                            && matches!(
                                (state.as_str(), bound),
                                ("issued", None) | ("activated", Some(_))
                            );
                        let answered = activation(&facts) != ActivationOutcome::Refused;
                        assert_eq!(answered, open, "{state} {bound:?} {late}");
                    }
                }
            }
        }
    }

    const KEYS: [&[u8]; 3] = [b"one", b"two", b"three"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Rules 4 and 10: whatever phones ask in whatever order, the seed goes to one pair of keys.
        #[test]
        fn a_seed_never_leaves_to_two_phones(
            asks in proptest::collection::vec(
                (0usize..3, 0usize..3, any::<bool>(), 0u8..8, any::<bool>(), 0i64..10_000_000), 1..40),
        ) {
            let start_tries = 5;
            let deadline = Millis(NOW.0 + 72 * 3_600_000);
            let (mut state, mut bound, mut acked) = (State::Issued, None, false);
            let (mut now, mut start_failures, mut given_to) = (NOW, 0, None);
            for (ecdh, ecdsa, start_matches, qr, ack, pause) in asks {
                now = Millis(now.0 + pause);
                let offered = DeviceKeys { ecdh: KEYS[ecdh], ecdsa: KEYS[ecdsa] };
                let qr = match qr { 0 => Qr::Wrong, 1 => Qr::Old, 2 | 3 => Qr::Right, _ => Qr::Absent };
                let facts = ActivationFacts {
                    state, now, deadline, bound, offered, start_matches, qr, start_failures, start_tries, acked,
                };
                let outcome = activation(&facts);
                if outcome != ActivationOutcome::Refused {
                    prop_assert!(now < deadline && start_failures < start_tries);
                }
                match outcome {
                    ActivationOutcome::First | ActivationOutcome::Repeat => {
                        prop_assert!(start_matches && matches!(qr, Qr::Absent | Qr::Right));
                        prop_assert!(!acked);
                        prop_assert_eq!(*given_to.get_or_insert(offered), offered);
                        prop_assert_eq!(outcome == ActivationOutcome::First, bound.is_none());
                        if bound.is_none() {
                            state = state.after(Event::Activated).unwrap();
                            bound = Some(offered);
                        }
                        acked = ack;
                    }
                    ActivationOutcome::SecondPhone => {
                        prop_assert!(start_matches && given_to.is_some() && given_to != Some(offered));
                        state = state.after(Event::Revoked).unwrap();
                    }
                    ActivationOutcome::Wrong { failures, dead } => {
                        prop_assert_eq!(failures, start_failures + 1);
                        prop_assert_eq!(dead, failures == start_tries);
                        start_failures = failures;
                        if dead {
                            state = state.after(Event::Revoked).unwrap();
                        }
                    }
                    ActivationOutcome::Refused => {}
                }
            }
        }
    }
}
