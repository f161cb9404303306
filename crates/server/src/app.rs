//! What every part of the server shares: store, clock, randomness, keys, institutions.

use std::{ops::Deref, sync::Arc};

use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use warifu_core::{ids::CustomerId, random::Random, time::Clock};
use warifu_store::{Store, StoreError, seal::Kek};

use crate::{
    actions::api_keys::Known,
    hasher::Hasher,
    institutions::Institutions,
    limits::{Limits, Rates},
    verify_queue::Queue,
};

/// More than there are connections of a database, so that lines seldom mix two customers.
const LINES: usize = 1_024;

/// The server's shared parts; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What [`App`] points to.
pub struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) hasher: Hasher,
    pub(crate) kek: Kek,
    pub(crate) institutions: Institutions,
    pub(crate) settings: Settings,
    /// One line of waiting for each customer (by bucket of its id): acts on one customer happen one
    /// after the other anyway, and who waits here holds no connection of the database.
    pub(crate) lines: Vec<Arc<Mutex<()>>>,
    /// What bounds the work for callers who have proved nothing.
    pub(crate) limits: Limits,
    /// Where passcodes of the bank's programs are decided.
    pub(crate) queue: Queue,
    /// Keys of the bank's programs, as they were read last.
    pub(crate) api_keys: Known,
    /// Rung when a mail was put into the outbox.
    pub(crate) mail_waits: Notify,
}

/// Settings of the process that requests depend on.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// `http` only on loopback, where browsers treat `*.localhost` as secure.
    pub plain_http: bool,
    /// Port that links must name, where it is not the scheme's own.
    pub public_port: Option<u16>,
    /// How much is worked on for one network, and recorded of refusals.
    pub rates: Rates,
    /// Set when this is the demo.
    pub demo: Option<Demo>,
}

/// Where the demo lives.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Its folder.
    pub dir: std::path::PathBuf,
    /// Its port on loopback, where mailbox and phone are.
    pub port: u16,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("store", &self.0.store).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts the parts together and loads the institutions.
    pub async fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        hasher: Hasher,
        kek: Kek,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let queue = Queue::start(store.clone(), Arc::clone(&clock), Arc::clone(&random));
        let app = Self(Arc::new(Parts {
            queue,
            store,
            limits: Limits::new(settings.rates, &clock),
            clock,
            random,
            hasher,
            kek,
            institutions: Institutions::new(settings.public_port),
            settings,
            lines: (0..LINES).map(|_| Arc::default()).collect(),
            api_keys: Known::default(),
            mail_waits: Notify::new(),
        }));
        app.store.enter_era(app.clock.now()).await?;
        app.reload_institutions().await?;
        Ok(app)
    }

    /// Takes up institutions that were made or changed.
    pub async fn reload_institutions(&self) -> Result<(), StoreError> {
        self.institutions.reload(&self.store, &self.kek).await
    }

    /// The customer's turn to do something; held until it is done.
    pub(crate) async fn turn(&self, customer: CustomerId) -> Option<OwnedMutexGuard<()>> {
        let [.., high, low] = customer.as_bytes();
        let place = usize::from(u16::from_be_bytes([high, low])) % LINES;
        Some(Arc::clone(self.lines.get(place)?).lock_owned().await)
    }

    /// Whether a host is reached by plain http: only names that never leave the machine, whatever is set.
    pub(crate) fn is_plain(&self, host: &str) -> bool {
        self.settings.plain_http && is_of_this_machine(host)
    }

    /// A link to one of our hosts, with scheme and port as this process serves them.
    pub(crate) fn link(&self, host: &str, path: &str) -> String {
        let scheme = if self.is_plain(host) { "http" } else { "https" };
        match self.settings.public_port {
            Some(port) => format!("{scheme}://{host}:{port}{path}"),
            None => format!("{scheme}://{host}{path}"),
        }
    }
}

fn is_of_this_machine(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::is_of_this_machine;

    #[test]
    fn only_names_that_never_leave_the_machine_are_reached_without_tls() {
        assert!(is_of_this_machine("ib.bank.localhost") && is_of_this_machine("localhost"));
        for host in ["ib.bank.example", "localhost.bank.example", "notlocalhost", "127.0.0.1"] {
            assert!(!is_of_this_machine(host), "{host}");
        }
    }
}
