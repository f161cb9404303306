//! The counters of networks: who guesses at many customers, or at many user IDs, from one place
//! waits. Each door has its own, so that none closes another: whoever guesses at the login keeps
//! nobody from stopping.

use std::net::IpAddr;

use warifu_core::{
    counter::{Counter, Gate},
    policy::LoginPolicy,
    time::{Millis, Span},
};
use warifu_store::{Subject, Taken, Tx};

use super::counters;
use crate::{app::App, error::AppError, origin::Origin};

/// What is guessed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Login,
    Stop,
    SetUp,
}

/// A failure is forgotten after this long: many people share a network.
const FORGETS: Span = Span::of_seconds(20);
/// A network waits a little, it is never stopped: a branch or a carrier shares one address.
const LONGEST_WAIT: Span = Span::of_seconds(60);

/// The counter of the caller's network.
pub(crate) fn subject(origin: &Origin, door: Door) -> Subject {
    let door = match door {
        Door::Login => "login",
        Door::Stop => "stop",
        Door::SetUp => "set_up",
    };
    let address = origin.address.as_deref().unwrap_or_default();
    counters::filed(origin, "network", format!("{door} {}", network(address)).as_bytes())
}

/// An address as its network: IPv6 by what one line is given, a /56.
pub(crate) fn network(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{:x}::", d & 0xff00)
        }
        Ok(IpAddr::V4(_)) | Err(_) => address.to_owned(),
    }
}

/// What the counter says now.
pub(crate) fn present(taken: &Taken, now: Millis) -> Counter {
    taken.counter().eased(taken.changed_at(), now, FORGETS)
}

/// The policy of the institution for its networks.
pub(crate) fn policy(login: &LoginPolicy) -> LoginPolicy {
    LoginPolicy {
        free_tries: login.network_free_tries,
        longest_wait: LONGEST_WAIT,
        stop_after: u32::MAX,
        ..login.clone()
    }
}

/// Until when the caller's network has to wait.
pub(crate) async fn waits(
    tx: &mut Tx,
    origin: &Origin,
    door: Door,
) -> Result<Option<Millis>, AppError> {
    let Some(taken) = tx.counter(&subject(origin, door)).await? else { return Ok(None) };
    Ok(match present(&taken, origin.now).gate(origin.now) {
        Gate::Until(until) => Some(until),
        Gate::Open | Gate::Stopped => None,
    })
}

/// Counts a wrong guess, in a transaction of its own.
pub(crate) async fn count(app: &App, origin: &Origin, door: Door) -> Result<(), AppError> {
    let subject = subject(origin, door);
    let mut tx = app.store.begin().await?;
    let taken = tx.take_counter(&subject, origin.now).await?;
    let policy = policy(&origin.institution.policy().login);
    let (counter, _) = present(&taken, origin.now).failed_login(&policy, origin.now);
    tx.save_counter(&subject, &taken, &counter, origin.now).await?;
    tx.commit().await?;
    Ok(())
}
