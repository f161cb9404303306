//! Clocks that go wrong and tokens that count uses: single cases first, then any history.

use super::*;

const DAY: i64 = 86_400_000;

fn own_clock(drift: Drift) -> Verifier<'static> {
    Verifier { steps: Steps::OwnClock { period_seconds: 60, window: 1, drift }, ..token() }
}

fn drifted(steps: i64) -> Drift {
    Drift { steps, off: None }
}

#[test]
fn a_clock_that_drifted_is_followed_and_one_that_is_right_again_is_accepted() {
    let token = own_clock(drifted(4));
    let accepted: Vec<_> = (-8..=8)
        .filter(|ago| reason(login(&token, &passcode_of(STEP + ago), NOW)).is_none())
        .collect();
    assert_eq!(accepted, [0, 3, 4, 5]);
}

#[test]
fn two_passcodes_a_day_apart_that_are_off_in_the_same_direction_move_the_drift_by_one() {
    let learn = |drift, step, now| {
        Steps::OwnClock { period_seconds: 60, window: 1, drift }.learned(step, now)
    };
    let first = learn(drifted(0), STEP + 1, NOW).unwrap();
    assert_eq!(first, Drift { steps: 0, off: Some((Off::Fast, NOW)) });
    let later = |ms: i64| (STEP + ms / PERIOD, Millis(NOW.0 + ms));
    // Not on the same day; and the first of the two stays the first.
    let (step, now) = later(DAY - PERIOD);
    assert_eq!(learn(first, step + 1, now), None);
    let (step, now) = later(DAY);
    assert_eq!(learn(first, step + 1, now), Some(drifted(1)));
    // One that fits, or is off the other way, begins anew.
    assert_eq!(learn(first, step, now), Some(drifted(0)));
    let turned = learn(first, step - 1, now).unwrap();
    assert_eq!(turned, Drift { steps: 0, off: Some((Off::Slow, now)) });
    let (step, now) = later(2 * DAY);
    assert_eq!(learn(turned, step - 1, now), Some(drifted(-1)));
    // What is known already teaches nothing.
    assert_eq!(learn(drifted(1), STEP + 1, NOW), None);
    // Nobody but a token with a clock of its own is taught anything.
    let phone = Steps::Clock { period_seconds: 60, window: 1 };
    assert_eq!(phone.learned(STEP + 1, NOW), None);
}

#[test]
fn what_can_have_been_accepted_before_an_era_is_told_by_time_or_given_up_by_tens() {
    let (period_seconds, window) = (60, 1);
    let own = |drift| Steps::OwnClock { period_seconds, window, drift: drifted(drift) };
    for (steps, last) in [
        (Steps::Clock { period_seconds, window }, STEP + 1),
        (own(3), STEP + 4),
        // Its clock may have been set right meanwhile.
        (own(-4), STEP),
    ] {
        for accepted_in in [0, NOW.0] {
            assert_eq!(steps.given_up((7, Millis(accepted_in)), NOW), last, "{steps:?}");
        }
    }
    let uses = Steps::Event { look_ahead: 10 };
    for (last, accepted_in, given_up) in [
        (7, 0, 17),
        (-1, NOW.0 - 1, 9),
        // Accepted in this one.
        (7, NOW.0, 7),
        (i64::MAX, 0, i64::MAX),
    ] {
        assert_eq!(uses.given_up((last, Millis(accepted_in)), NOW), given_up);
    }
    assert_eq!(uses.given_up((7, Millis(0)), Millis(0)), 7, "the first era follows none");
}

fn event(last_step: i64) -> Verifier<'static> {
    Verifier { steps: Steps::Event { look_ahead: 10 }, last_step, ..token() }
}

#[test]
fn a_token_that_counts_uses_is_looked_for_among_the_next_ones() {
    let decided = |last, counter| login(&event(last), &passcode_of(counter), NOW);
    assert_eq!(decided(-1, 0), Decision::Accept { step: 0 });
    assert_eq!(decided(6, 7), Decision::Accept { step: 7 });
    assert_eq!(decided(6, 16), Decision::Accept { step: 16 });
    // Further ahead is a wrong guess, and burns nothing: the token that is asked on gets there by
    // being right within its reach.
    assert_eq!(reason(decided(6, 17)), Some(Reason::Wrong));
    assert_eq!(reason(decided(6, 6)), Some(Reason::Used));
    assert_eq!(reason(decided(6, 5)), Some(Reason::Wrong));
    let floored = Verifier { floor_step: 9, ..event(6) };
    assert_eq!(reason(login(&floored, &passcode_of(9), NOW)), Some(Reason::Used));
    assert_eq!(login(&floored, &passcode_of(10), NOW), Decision::Accept { step: 10 });
}

#[test]
fn counters_end_without_going_round() {
    for last in [i64::MAX - 3, i64::MAX - 1, i64::MAX] {
        for counter in [i64::MAX - 3, i64::MAX - 2, i64::MAX] {
            let decision = login(&event(last), &passcode_of(counter), NOW);
            let accepted = reason(decision).is_none();
            assert_eq!(accepted, counter > last, "{counter} after {last}");
        }
        assert!(reason(login(&event(last), &passcode_of(0), NOW)).is_some());
    }
}

#[test]
fn the_year_2038_is_a_step_like_any_other() {
    for seconds in [i64::from(i32::MAX), i64::from(i32::MAX) + 1, i64::from(u32::MAX) + 1] {
        let now = Millis(seconds * 1_000);
        let step = time_step(now, 60);
        assert_eq!(login(&token(), &passcode_of(step), now), Decision::Accept { step });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever a clock does, and whoever guesses in between: no step is accepted twice or behind one that
    /// was, and the drift stays in its bounds, one step for a day.
    #[test]
    fn over_any_history_a_drifting_clock_never_lets_a_used_step_in_again(
        acts in proptest::collection::vec((0i64..3 * DAY, -8i64..=8), 1..60),
    ) {
        let (mut now, mut drift, mut last) = (NOW, drifted(0), -1);
        let mut moved_at = Millis(i64::MIN);
        for (wait, ago) in acts {
            now = Millis(now.0 + wait);
            let token = Verifier { last_step: last, ..own_clock(drift) };
            let typed = passcode_of(time_step(now, 60) + ago);
            let Decision::Accept { step } = login(&token, &typed, now) else { continue };
            prop_assert!(step > last);
            last = step;
            if let Some(learned) = token.steps.learned(step, now) {
                if learned.steps != drift.steps {
                    prop_assert_eq!((learned.steps - drift.steps).abs(), 1);
                    prop_assert!(moved_at.0.saturating_add(DAY) <= now.0);
                    moved_at = now;
                }
                prop_assert!(learned.steps.abs() <= Drift::MOST);
                drift = learned;
            }
        }
    }

    /// A token that counts uses: its own presses are never accepted twice, whatever is typed of them, late
    /// or out of order.
    #[test]
    fn over_any_history_a_use_is_accepted_once(
        presses in proptest::collection::vec(0i64..30, 1..60),
    ) {
        let (mut last, mut accepted) = (-1, BTreeSet::new());
        for counter in presses {
            let Decision::Accept { step } = login(&event(last), &passcode_of(counter), NOW) else {
                continue;
            };
            prop_assert!(step > last && step <= last + 10);
            prop_assert!(accepted.insert(step));
            last = step;
        }
    }
}
