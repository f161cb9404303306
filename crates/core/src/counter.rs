//! Counters of wrong guesses and the locks they lead to. Only a success or an unlock clears one.

use serde::{Deserialize, Serialize};

use crate::policy::{LockPolicy, LoginPolicy};
use crate::time::{Millis, Span};

/// The wrong guesses in a row of one subject, and what they led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Wrong guesses since the last success or unlock; a lock that ran out keeps them.
    pub failures: u32,
    /// Until when no guess is evaluated.
    pub locked_until: Option<Millis>,
    /// Whether no guess is evaluated until someone unlocks.
    pub locked: bool,
}

/// Whether a guess may be evaluated. Of two gates the later opens later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// It may.
    Open,
    /// Not before this moment.
    Until(Millis),
    /// Not before an unlock.
    Stopped,
}

/// The grade that a wrong guess has just reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Locked, or made to wait, until this moment.
    Until(Millis),
    /// Stopped until someone unlocks.
    Stopped,
}

impl Counter {
    /// A counter without failures: new, after a success, after an unlock.
    #[must_use]
    pub const fn cleared() -> Self {
        Self { failures: 0, locked_until: None, locked: false }
    }

    /// Whether a guess may be evaluated now.
    #[must_use]
    pub fn gate(&self, now: Millis) -> Gate {
        match self.locked_until {
            _ if self.locked => Gate::Stopped,
            Some(until) if now < until => Gate::Until(until),
            Some(_) | None => Gate::Open,
        }
    }

    /// After a wrong guess: each `lock_after`-th in a row locks, the `stop_after`-th stops.
    /// A guess at a closed gate was not evaluated and changes nothing.
    #[must_use]
    pub fn failed(&self, policy: &LockPolicy, now: Millis) -> (Self, Option<Grade>) {
        self.after_failure(policy.stop_after, now, |failures| {
            failures.is_multiple_of(policy.lock_after.max(1)).then_some(policy.lock_for)
        })
    }

    /// After a wrong login password: from the `free_tries`-th in a row each makes the next one
    /// wait, twice as long each time. A guess at a closed gate changes nothing.
    #[must_use]
    pub fn failed_login(&self, policy: &LoginPolicy, now: Millis) -> (Self, Option<Grade>) {
        self.after_failure(policy.stop_after, now, |failures| {
            let doublings = failures.checked_sub(policy.free_tries)?;
            let longest = policy.longest_wait.seconds();
            // 2^32 times the shortest wait is beyond any longest one.
            let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
            let wait = policy.first_wait.seconds().saturating_mul(factor).min(longest);
            Some(Span::of_seconds(wait))
        })
    }

    /// The counter of something that many share: one failure is forgotten in every `each` that
    /// passed since it was last written. A wait that runs is not shortened.
    #[must_use]
    pub fn eased(&self, written: Millis, now: Millis, each: Span) -> Self {
        let passed = now.0.saturating_sub(written.0).max(0) / 1_000;
        let forgotten = passed / i64::from(each.seconds().max(1));
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        Self { failures: self.failures.saturating_sub(forgotten), ..*self }
    }

    fn after_failure(
        &self,
        stop_after: u32,
        now: Millis,
        lock_for: impl FnOnce(u32) -> Option<Span>,
    ) -> (Self, Option<Grade>) {
        if self.gate(now) != Gate::Open {
            return (*self, None);
        }
        let failures = self.failures.saturating_add(1);
        if failures >= stop_after {
            return (Self { failures, locked_until: None, locked: true }, Some(Grade::Stopped));
        }
        let locked_until = lock_for(failures).map(|span| now.plus(span.duration()));
        (Self { failures, locked_until, locked: false }, locked_until.map(Grade::Until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Millis = Millis(1_000_000_000);

    fn after(minutes: i64) -> Millis {
        Millis(NOW.0 + minutes * 60_000)
    }

    #[test]
    fn five_in_a_row_lock_for_half_an_hour_and_ten_stop() {
        let policy = LockPolicy::default();
        let mut counter = Counter::cleared();
        for failures in 1..=4 {
            let (next, grade) = counter.failed(&policy, NOW);
            assert_eq!((next.failures, grade, next.gate(NOW)), (failures, None, Gate::Open));
            counter = next;
        }
        let (locked, grade) = counter.failed(&policy, NOW);
        assert_eq!(grade, Some(Grade::Until(after(30))));
        assert_eq!(locked.gate(Millis(after(30).0 - 1)), Gate::Until(after(30)));
        assert_eq!(locked.gate(after(30)), Gate::Open);
        // The lock ran out and keeps its failures.
        counter = locked;
        for failures in 6..=9 {
            let (next, grade) = counter.failed(&policy, after(31));
            assert_eq!((next.failures, grade), (failures, None));
            counter = next;
        }
        let (stopped, grade) = counter.failed(&policy, after(31));
        assert_eq!(grade, Some(Grade::Stopped));
        assert_eq!(stopped, Counter { failures: 10, locked_until: None, locked: true });
        assert_eq!(stopped.gate(Millis(i64::MAX)), Gate::Stopped);
    }

    #[test]
    fn a_shared_counter_forgets_one_failure_at_a_time_and_shortens_no_wait() {
        let until = after(1);
        let counter = Counter { failures: 3, locked_until: Some(until), locked: false };
        let each = Span::of_seconds(20);
        let eased = |seconds: i64| counter.eased(NOW, Millis(NOW.0 + seconds * 1_000), each);
        assert_eq!(
            [0, 19, 20, 39, 40, 60, 1_000_000].map(|seconds| eased(seconds).failures),
            [3, 3, 2, 2, 1, 0, 0]
        );
        assert_eq!(eased(59).gate(Millis(NOW.0 + 59_000)), Gate::Until(until));
        // A clock that was set back forgets nothing.
        assert_eq!(eased(-100), counter);
    }

    #[test]
    fn each_further_row_of_failures_locks_again_before_the_stop() {
        let policy = LockPolicy { lock_after: 3, stop_after: 20, ..LockPolicy::default() };
        let mut counter = Counter::cleared();
        let mut grades = Vec::new();
        for day in 0..20 {
            let (next, grade) = counter.failed(&policy, after(day * 1_440));
            grades.push(match grade {
                None => '.',
                Some(Grade::Until(_)) => 'L',
                Some(Grade::Stopped) => 'S',
            });
            counter = next;
        }
        assert_eq!(grades.into_iter().collect::<String>(), "..L..L..L..L..L..L.S");
    }

    #[test]
    fn a_guess_at_a_closed_gate_changes_nothing() {
        let policy = LockPolicy::default();
        let login = LoginPolicy::default();
        for closed in [
            Counter { failures: 5, locked_until: Some(after(1)), locked: false },
            Counter { failures: 9, locked_until: None, locked: true },
        ] {
            assert_eq!(closed.failed(&policy, NOW), (closed, None));
            assert_eq!(closed.failed_login(&login, NOW), (closed, None));
        }
    }

    #[test]
    fn login_waits_double_up_to_the_longest() {
        let policy = LoginPolicy::default();
        let mut counter = Counter::cleared();
        let mut waits = Vec::new();
        for _ in 0..13 {
            let now = counter.locked_until.unwrap_or(NOW);
            let (next, grade) = counter.failed_login(&policy, now);
            assert_eq!(grade, next.locked_until.map(Grade::Until));
            waits.push(next.locked_until.map_or(0, |until| (until.0 - now.0) / 1_000));
            counter = next;
        }
        assert_eq!(waits, [0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
    }

    #[test]
    fn a_login_stops_at_its_hundredth_failure_only() {
        let policy = LoginPolicy::default();
        let mut counter = Counter::cleared();
        for failures in 1..100 {
            let now = counter.locked_until.unwrap_or(NOW);
            counter = counter.failed_login(&policy, now).0;
            assert_eq!((counter.failures, counter.locked), (failures, false));
        }
        let now = counter.locked_until.unwrap();
        let (stopped, grade) = counter.failed_login(&policy, now);
        assert_eq!((stopped.gate(Millis(i64::MAX)), grade), (Gate::Stopped, Some(Grade::Stopped)));
    }

    proptest! {
        #[test]
        fn no_more_guesses_are_evaluated_than_the_policy_allows(
            lock_after in 3u32..=10,
            more in 1u32..=10,
            pauses in proptest::collection::vec(0i64..4_000_000, 0..120),
        ) {
            let policy = LockPolicy { lock_after, stop_after: lock_after + more, ..LockPolicy::default() };
            let (mut counter, mut now, mut evaluated) = (Counter::cleared(), NOW, 0);
            for pause in pauses {
                now = Millis(now.0 + pause);
                evaluated += u32::from(counter.gate(now) == Gate::Open);
                let next = counter.failed(&policy, now).0;
                prop_assert!(next.failures >= counter.failures);
                prop_assert!(next.locked || !counter.locked);
                prop_assert_eq!(next.failures, evaluated);
                counter = next;
            }
            prop_assert!(evaluated <= policy.stop_after);
        }

        #[test]
        fn a_login_never_waits_longer_than_the_longest(failures in 0u32..99, first in 1u32..=60) {
            let policy = LoginPolicy { first_wait: Span::of_seconds(first), ..LoginPolicy::default() };
            let counter = Counter { failures, ..Counter::cleared() };
            let until = counter.failed_login(&policy, NOW).0.locked_until.unwrap_or(NOW);
            prop_assert!(until.since(NOW) <= policy.longest_wait.duration());
        }
    }
}
