//! Which counter counts what: by customer, or, for what has none, by a keyed hash of what was typed.

use warifu_core::{counter::Gate, time::Millis};
use warifu_store::{Customer, Subject, Tx};

use super::places;
use crate::{error::AppError, origin::Origin};

/// The counter of a customer's confirmation password.
pub(crate) fn confirmation(customer: &Customer) -> Subject {
    own(customer, "confirm")
}

/// The counter of the login password where it is asked for inside a session, before it is changed.
pub(crate) fn present_login(customer: &Customer) -> Subject {
    own(customer, "login")
}

/// The counter of a customer's mail passwords.
pub(crate) fn mail_tries(customer: &Customer) -> Subject {
    own(customer, "mail")
}

fn own(customer: &Customer, kind: &'static str) -> Subject {
    Subject {
        bucket: customer.bucket,
        owner: customer.customer_id.to_string(),
        subject: customer.customer_id.to_string(),
        kind,
    }
}

/// The counter of a login ID from browsers that its customer does not know; alike for IDs that
/// nobody has. Of the kind `login`, or of `stop` where the login password stops.
pub(crate) fn login(origin: &Origin, kind: &'static str, login_id: &str) -> Subject {
    filed(origin, kind, login_id.as_bytes())
}

/// The same counter for one browser that the customer knows.
pub(crate) fn of_browser(account: Subject, device: &[u8]) -> Subject {
    Subject { subject: hex(device), ..account }
}

/// A counter of something from outside, filed by keyed hash: never under the text itself.
pub(crate) fn filed(origin: &Origin, kind: &'static str, key: &[u8]) -> Subject {
    let spot = places::counter_subject(origin.institution.id, kind);
    let hash = origin.institution.keys.mac(&spot.place(), key);
    let owner = hex(&hash);
    let bucket = i64::from(hash.first().copied().unwrap_or(0));
    Subject { bucket, subject: owner.clone(), owner, kind }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().take(16).fold(String::new(), |out, b| format!("{out}{b:02x}"))
}

/// Whether a guess on a counter would be evaluated.
pub(crate) async fn gate(tx: &mut Tx, subject: &Subject, now: Millis) -> Result<Gate, AppError> {
    let taken = tx.counter(subject).await?;
    Ok(taken.map_or(Gate::Open, |t| t.counter().gate(now)))
}
