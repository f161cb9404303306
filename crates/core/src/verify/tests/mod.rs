//! The decision on a passcode: single cases first, then any sequence of guesses over time.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::oath::time_step;

const KEY: &[u8] = b"12345678901234567890123456789012";
const PERIOD: i64 = 60_000;
/// Noon of some day, ten seconds into a step.
const NOW: Millis = Millis(29_926_800 * PERIOD + 10_000);
const STEP: i64 = NOW.0 / PERIOD;

fn token() -> Verifier<'static> {
    Verifier {
        key: KEY,
        algorithm: Algorithm::Sha256,
        digits: Digits::Six,
        steps: Steps::Clock { period_seconds: 60, window: 1 },
        standing: IN_USE,
        last_step: -1,
        floor_step: -1,
    }
}

const IN_USE: Standing = Standing {
    state: State::InUse,
    stopped: false,
    expires_at: Millis(i64::MAX),
    counter: Counter::cleared(),
};

/// The same token, standing otherwise.
fn standing(standing: Standing) -> Verifier<'static> {
    Verifier { standing, ..token() }
}

fn digits_of(key: &[u8], step: i64) -> String {
    let counter = u64::try_from(step).unwrap();
    hotp(key, counter, Digits::Six, Algorithm::Sha256).expose().to_owned()
}

fn passcode_of(step: i64) -> Passcode {
    Passcode::parse(&digits_of(KEY, step), Digits::Six).unwrap()
}

/// Digits that belong to none of the steps around now.
fn wrong() -> Passcode {
    let near: Vec<_> = (STEP - 3..=STEP + 3).map(|step| digits_of(KEY, step)).collect();
    let free = (0..10).map(|n| format!("{n:06}")).find(|text| !near.contains(text)).unwrap();
    Passcode::parse(&free, Digits::Six).unwrap()
}

fn login(token: &Verifier<'_>, passcode: &Passcode, now: Millis) -> Decision {
    decide(token, passcode, Purpose::Login, &LockPolicy::default(), now)
}

fn reason(decision: Decision) -> Option<Reason> {
    match decision {
        Decision::Accept { .. } => None,
        Decision::Refuse { reason, .. } => Some(reason),
    }
}

fn failures(decision: Decision) -> u32 {
    match decision {
        Decision::Accept { .. } => 0,
        Decision::Refuse { counter, .. } => counter.failures,
    }
}

#[test]
fn the_passcode_of_a_step_in_the_window_is_accepted() {
    for (ago, accepted) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
        let decision = login(&token(), &passcode_of(STEP + ago), NOW);
        if accepted {
            assert_eq!(decision, Decision::Accept { step: STEP + ago });
        } else {
            assert_eq!(reason(decision), Some(Reason::Wrong));
            assert_eq!(failures(decision), 1);
        }
    }
}

#[test]
fn the_window_is_as_wide_as_the_policy_says() {
    for window in 0..=2 {
        let steps = Steps::Clock { period_seconds: 60, window };
        let token = Verifier { steps, ..token() };
        let accepted =
            (-4..=4).filter(|ago| reason(login(&token, &passcode_of(STEP + ago), NOW)).is_none());
        assert_eq!(accepted.count(), usize::try_from(2 * window + 1).unwrap());
    }
}

#[test]
fn a_passcode_is_accepted_once_and_its_second_use_is_counted() {
    let spent = Verifier { last_step: STEP, ..token() };
    let decision = login(&spent, &passcode_of(STEP), NOW);
    assert_eq!((reason(decision), failures(decision)), (Some(Reason::Used), 1));
    // An earlier step is spent with it; a later one is fresh.
    assert_eq!(reason(login(&spent, &passcode_of(STEP - 1), NOW)), Some(Reason::Used));
    assert_eq!(login(&spent, &passcode_of(STEP + 1), NOW), Decision::Accept { step: STEP + 1 });
}

#[test]
fn nothing_up_to_the_floor_is_accepted() {
    let floored = Verifier { floor_step: STEP, ..token() };
    assert_eq!(reason(login(&floored, &passcode_of(STEP), NOW)), Some(Reason::Used));
    assert_eq!(login(&floored, &passcode_of(STEP + 1), NOW), Decision::Accept { step: STEP + 1 });
}

#[test]
fn the_same_digits_of_two_neighbouring_steps_are_accepted_once() {
    // With this key the steps 398541 and 398542 happen to have the same six digits.
    let (first, second) = (398_541, 398_542);
    assert_eq!(digits_of(KEY, first), digits_of(KEY, second));
    let typed = passcode_of(first);
    let now = Millis(first * PERIOD);
    let Decision::Accept { step } = login(&token(), &typed, now) else { panic!("refused") };
    let spent = Verifier { last_step: step, ..token() };
    for later in 0..=3 {
        let again = login(&spent, &typed, Millis((first + later) * PERIOD));
        assert!(reason(again).is_some(), "accepted again {later} steps later");
    }
}

#[test]
fn a_passcode_of_another_token_is_wrong() {
    let other = digits_of(b"another key of thirty-two bytes.", STEP);
    assert_ne!(other, digits_of(KEY, STEP));
    let typed = Passcode::parse(&other, Digits::Six).unwrap();
    assert_eq!(reason(login(&token(), &typed, NOW)), Some(Reason::Wrong));
}

#[test]
fn each_state_serves_its_purposes_only() {
    for &state in State::ALL {
        for &purpose in Purpose::ALL {
            let token = standing(Standing { state, ..IN_USE });
            let decision = decide(&token, &passcode_of(STEP), purpose, &LockPolicy::default(), NOW);
            let served = match state.as_str() {
                "activated" => &["start"][..],
                "in_use" => &["login", "release", "transaction", "step_up", "radius"],
                _ => &[],
            };
            let expected = (!served.contains(&purpose.as_str())).then_some(Reason::NotUsable);
            assert_eq!(reason(decision), expected, "{state} {purpose}");
            assert_eq!(failures(decision), 0, "{state} {purpose} moved the counter");
        }
    }
}

#[test]
fn a_locked_suspended_or_expired_token_evaluates_nothing() {
    let until = Millis(NOW.0 + 1);
    let timed = Counter { failures: 5, locked_until: Some(until), locked: false };
    let locked = Counter { failures: 10, locked_until: None, locked: true };
    let with = |counter| standing(Standing { counter, ..IN_USE });
    for (token, reason) in [
        (with(timed), Reason::LockedUntil(until)),
        (with(locked), Reason::Locked),
        (standing(Standing { stopped: true, ..IN_USE }), Reason::Suspended),
        (standing(Standing { expires_at: NOW, ..IN_USE }), Reason::Expired),
    ] {
        for passcode in [passcode_of(STEP), wrong()] {
            let refused = Decision::Refuse { reason, counter: token.standing.counter, grade: None };
            assert_eq!(login(&token, &passcode, NOW), refused);
            assert_eq!(token.standing.closed(Purpose::Login, NOW), Some(reason));
        }
    }
}

#[test]
fn a_lock_that_ran_out_and_a_last_millisecond_still_serve() {
    let over = Counter { failures: 5, locked_until: Some(NOW), locked: false };
    let unlocked = standing(Standing { counter: over, ..IN_USE });
    assert_eq!(reason(login(&unlocked, &passcode_of(STEP), NOW)), None);
    let barely = standing(Standing { expires_at: Millis(NOW.0 + 1), ..IN_USE });
    assert_eq!(reason(login(&barely, &passcode_of(STEP), NOW)), None);
}

#[test]
fn the_fifth_wrong_one_says_that_it_locked() {
    let four = Counter { failures: 4, ..Counter::cleared() };
    let token = standing(Standing { counter: four, ..IN_USE });
    let until = Millis(NOW.0 + 30 * 60_000);
    assert_eq!(
        login(&token, &wrong(), NOW),
        Decision::Refuse {
            reason: Reason::Wrong,
            counter: Counter { failures: 5, locked_until: Some(until), locked: false },
            grade: Some(Grade::Until(until)),
        }
    );
}

#[test]
fn time_before_the_first_step_breaks_nothing() {
    for now in [Millis(0), Millis(-1), Millis(i64::MIN), Millis(i64::MAX)] {
        let refused = login(&token(), &wrong(), now);
        assert!(matches!(reason(refused), Some(Reason::Wrong | Reason::Expired)), "{now:?}");
    }
    assert_eq!(login(&token(), &passcode_of(0), Millis(0)), Decision::Accept { step: 0 });
}

#[test]
fn a_verifier_hides_its_key() {
    let printed = format!("{:?}", token());
    assert!(!printed.contains("key") && printed.contains("InUse"), "{printed}");
}

/// What can happen to a token between two guesses, or a guess itself.
#[derive(Clone, Debug)]
enum Act {
    Wait(i64),
    Unlock,
    Suspend(bool),
    RaiseFloor,
    Guess { ago: i64, wide: bool, spaced: bool, purpose: Purpose },
    WrongGuess(Purpose),
}

fn any_act() -> impl Strategy<Value = Act> {
    let purpose = || proptest::sample::select(Purpose::ALL);
    prop_oneof![
        // Backwards too: a clock that was set back must not re-open anything.
        3 => (-200_000i64..400_000).prop_map(Act::Wait),
        1 => Just(Act::Wait(1_800_000)),
        1 => Just(Act::Unlock),
        1 => any::<bool>().prop_map(Act::Suspend),
        1 => Just(Act::RaiseFloor),
        8 => (-3i64..=3, any::<bool>(), any::<bool>(), purpose())
            .prop_map(|(ago, wide, spaced, purpose)| Act::Guess { ago, wide, spaced, purpose }),
        4 => (-2i64..=2).prop_map(|ago| Act::Guess {
            ago, wide: false, spaced: false, purpose: Purpose::Login,
        }),
        3 => purpose().prop_map(Act::WrongGuess),
    ]
}

/// One of the forms in which people type a passcode.
fn typed(digits: &str, wide: bool, spaced: bool) -> Passcode {
    let mut text = digits.to_owned();
    if spaced {
        text.insert(3, ' ');
    }
    if wide {
        let widen = |c: char| char::from_u32(u32::from(c) + 0xfee0).filter(|_| c != ' ');
        text = text.chars().map(|c| widen(c).unwrap_or('　')).collect();
    }
    Passcode::parse(&text, Digits::Six).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn over_any_history_a_step_is_accepted_once_and_never_behind_a_closed_gate(
        acts in proptest::collection::vec(any_act(), 1..60),
        started in any::<bool>(),
    ) {
        let policy = LockPolicy::default();
        let state = if started { State::InUse } else { State::Activated };
        let mut token = standing(Standing { state, ..IN_USE });
        let mut now = NOW;
        let mut accepted = BTreeSet::new();
        for act in acts {
            let (passcode, purpose) = match act {
                Act::Wait(millis) => { now = Millis(now.0 + millis); continue }
                Act::Unlock => { token.standing.counter = Counter::cleared(); continue }
                Act::Suspend(stopped) => { token.standing.stopped = stopped; continue }
                Act::RaiseFloor => { token.floor_step = time_step(now, 60) + 1; continue }
                Act::Guess { ago, wide, spaced, purpose } => {
                    let digits = digits_of(KEY, time_step(now, 60) + ago);
                    (typed(&digits, wide, spaced), purpose)
                }
                Act::WrongGuess(purpose) => (wrong(), purpose),
            };
            let before = token.standing.counter;
            let gate = before.gate(now);
            match decide(&token, &passcode, purpose, &policy, now) {
                Decision::Accept { step } => {
                    prop_assert_eq!(gate, Gate::Open);
                    prop_assert!(!token.standing.stopped);
                    prop_assert!(accepted.insert(step), "step {} twice", step);
                    prop_assert!(step > token.floor_step);
                    prop_assert!((step - time_step(now, 60)).abs() <= 1);
                    let served = if purpose == Purpose::Start { State::Activated } else { State::InUse };
                    prop_assert_eq!(token.standing.state, served);
                    prop_assert!(!matches!(purpose, Purpose::Exchange | Purpose::Method | Purpose::Resync));
                    token.last_step = step;
                    token.standing.counter = Counter::cleared();
                    token.standing.state = State::InUse;
                }
                Decision::Refuse { reason, counter, grade } => {
                    let evaluated = matches!(reason, Reason::Wrong | Reason::Used);
                    prop_assert_eq!(counter.failures, before.failures + u32::from(evaluated));
                    prop_assert!(evaluated || (counter == before && grade.is_none()));
                    prop_assert!(!evaluated || gate == Gate::Open);
                    prop_assert!(counter.failures <= policy.stop_after);
                    prop_assert!(counter.locked || !before.locked);
                    token.standing.counter = counter;
                }
            }
        }
    }

    #[test]
    fn a_right_and_fresh_passcode_is_accepted_whatever_came_before_the_gate_opened(
        ago in -1i64..=1,
        failures in 0u32..10,
        last in -1i64..STEP - 1,
    ) {
        let counter = Counter { failures, locked_until: Some(NOW), locked: false };
        let token = Verifier { last_step: last, ..standing(Standing { counter, ..IN_USE }) };
        let step = STEP + ago;
        prop_assert_eq!(login(&token, &passcode_of(step), NOW), Decision::Accept { step });
    }
}

mod steps;
