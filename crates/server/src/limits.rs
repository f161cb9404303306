//! How much is worked on, and written down one by one, for callers who have proved nothing. Kept in
//! memory, for each node by itself: what only bounds work need not be exact.

use std::{
    collections::BTreeMap,
    mem,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter, clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};
use warifu_core::{ids::InstitutionId, time::Clock};

/// Login passwords of one account are computed no oftener than this, after some at once.
pub(crate) const PASSWORD_EACH: Duration = Duration::from_secs(2);

/// The rates of one node.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Forms and phone requests of one network at once, and how many more each second.
    pub network: (NonZeroU32, NonZeroU32),
    /// Login passwords of one account at once; then one in every two seconds.
    pub passwords: NonZeroU32,
    /// Refusals that are recorded one by one at once, and how many more each second.
    pub refusals: (NonZeroU32, NonZeroU32),
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            network: (number(300), number(20)),
            passwords: number(10),
            refusals: (number(1_000), number(20)),
        }
    }
}

impl Rates {
    /// For a world whose clock stands still, so that no rate would ever recover.
    #[cfg(test)]
    pub(crate) fn unbounded() -> Self {
        Self {
            network: (NonZeroU32::MAX, NonZeroU32::MAX),
            passwords: NonZeroU32::MAX,
            refusals: (NonZeroU32::MAX, NonZeroU32::MAX),
        }
    }
}

const fn number(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(n) => n,
        None => NonZeroU32::MIN,
    }
}

/// Refusals that were only counted, by institution (none: a host of nobody) and reason.
pub(crate) type Uncounted = BTreeMap<(Option<InstitutionId>, String), u64>;

type Keyed = RateLimiter<String, HashMapStateStore<String>, Watch, NoOpMiddleware<Nanos>>;

/// The limits of one node.
pub(crate) struct Limits {
    networks: Keyed,
    passwords: Keyed,
    refusals: RateLimiter<NotKeyed, InMemoryState, Watch, NoOpMiddleware<Nanos>>,
    left_out: Mutex<Uncounted>,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

impl Limits {
    pub(crate) fn new(rates: Rates, clock: &Arc<dyn Clock>) -> Self {
        let quota = |(burst, each_second): (NonZeroU32, NonZeroU32)| {
            Quota::per_second(each_second).allow_burst(burst)
        };
        let watch = Watch(Arc::clone(clock));
        Self {
            networks: RateLimiter::new(
                quota(rates.network),
                HashMapStateStore::default(),
                watch.clone(),
            ),
            passwords: RateLimiter::new(
                Quota::with_period(PASSWORD_EACH)
                    .unwrap_or(Quota::per_second(NonZeroU32::MIN))
                    .allow_burst(rates.passwords),
                HashMapStateStore::default(),
                watch.clone(),
            ),
            refusals: RateLimiter::new(quota(rates.refusals), InMemoryState::default(), watch),
            left_out: Mutex::default(),
        }
    }

    /// Whether one more form of this network is worked on now.
    pub(crate) fn admits(&self, network: &str) -> bool {
        self.networks.check_key(&network.to_owned()).is_ok()
    }

    /// Whether one more login password of this account is computed now.
    pub(crate) fn admits_password(&self, account: &str) -> bool {
        self.passwords.check_key(&account.to_owned()).is_ok()
    }

    /// Whether one more refusal is recorded by itself; else it is counted here.
    pub(crate) fn records(&self, institution: Option<InstitutionId>, reason: &str) -> bool {
        let admitted = self.refusals.check().is_ok();
        if !admitted {
            self.leave_out(institution, reason);
        }
        admitted
    }

    /// Counts a refusal that is not recorded by itself.
    pub(crate) fn leave_out(&self, institution: Option<InstitutionId>, reason: &str) {
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        *left_out.entry((institution, reason.to_owned())).or_default() += 1;
    }

    /// What was counted since the last time; networks that were quiet are forgotten.
    pub(crate) fn take_left_out(&self) -> Uncounted {
        self.networks.retain_recent();
        self.passwords.retain_recent();
        mem::take(&mut self.left_out.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The process's clock as the limiter wants it.
#[derive(Clone)]
struct Watch(Arc<dyn Clock>);

impl clock::Clock for Watch {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(Duration::from_millis(self.0.now().0.max(0).unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use warifu_core::time::Millis;

    use super::*;

    #[derive(Debug, Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Millis {
            Millis(self.0.load(Ordering::SeqCst))
        }
    }

    fn limits() -> (Limits, Arc<Hand>) {
        let hand = Arc::new(Hand::default());
        let clock: Arc<dyn Clock> = Arc::<Hand>::clone(&hand);
        let rates = Rates {
            network: (number(3), number(1)),
            passwords: number(2),
            refusals: (number(2), number(1)),
        };
        (Limits::new(rates, &clock), hand)
    }

    #[test]
    fn a_network_has_a_burst_and_then_its_rate_whatever_others_do() {
        let (limits, hand) = limits();
        assert!((0..3).all(|_| limits.admits("192.0.2.1")));
        assert!(!limits.admits("192.0.2.1"));
        assert!(limits.admits("192.0.2.2"));
        hand.0.store(1_000, Ordering::SeqCst);
        assert!(limits.admits("192.0.2.1") && !limits.admits("192.0.2.1"));
    }

    #[test]
    fn an_account_has_some_passwords_at_once_and_then_one_in_two_seconds() {
        let (limits, hand) = limits();
        assert!((0..2).all(|_| limits.admits_password("a")));
        assert!(!limits.admits_password("a") && limits.admits_password("b"));
        hand.0.store(1_999, Ordering::SeqCst);
        assert!(!limits.admits_password("a"));
        hand.0.store(2_000, Ordering::SeqCst);
        assert!(limits.admits_password("a") && !limits.admits_password("a"));
    }

    #[test]
    fn what_is_not_recorded_is_counted_by_institution_and_reason() {
        let (limits, _) = limits();
        let bank = Some(InstitutionId::from_bytes([1; 16]));
        let recorded = (0..5).filter(|_| limits.records(bank, "forged")).count();
        assert!(!limits.records(None, "misdirected"));
        assert_eq!(recorded, 2);
        let left_out = limits.take_left_out();
        let expected = [((None, "misdirected".to_owned()), 1), ((bank, "forged".to_owned()), 3)];
        assert_eq!(left_out, expected.into());
        assert!(limits.take_left_out().is_empty());
    }
}
