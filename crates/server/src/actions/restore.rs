//! After a restore, before anything is served: what may have gone on after the copy was made is not known,
//! so that nothing that was begun goes on, and what may have been accepted never is again.

use warifu_core::{
    audit::{Channel, Kind},
    ids::CustomerId,
    time::Millis,
};

use super::{commit, issues};
use crate::{
    app::App,
    error::AppError,
    origin::{Line, Origin},
};

/// Issues that are listed at once.
const ROUND: i64 = 200;

/// What was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// What may have been accepted until then is given up.
    pub(crate) at: Millis,
    pub(crate) sessions: u64,
    pub(crate) issues: usize,
    /// Issues that could not be ended; the log says why.
    pub(crate) left: usize,
    /// Institutions that the key does not open: their issues were not ended.
    pub(crate) unopened: usize,
    /// Customers who are asked for a passcode and have no token any more: it was issued later.
    pub(crate) without_token: Vec<CustomerId>,
}

/// Begins an era; ends sessions, procedures, mail passwords and running issues. What was used since the
/// copy was made is known where it could be taken over; where not, tokens that count uses are locked.
pub(crate) async fn close(app: &App, is_known: bool) -> Result<Closed, AppError> {
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    let mut closed = Closed {
        at: now,
        sessions: tx.end_beginnings().await?,
        issues: 0,
        left: 0,
        unopened: app.institutions.refused(),
        without_token: tx.customers_without_token().await?,
    };
    // Each restore has a name of its own.
    tx.begin_era(&format!("restored {}", now.0), now).await?;
    if !is_known {
        tx.lock_counting_tokens().await?;
    }
    commit(app, tx).await?;
    for institution in app.institutions.all() {
        let origin = Origin::inside(institution, Channel::CommandLine, now);
        loop {
            let running = issues::running(app, &origin, ROUND).await?;
            let (mut ended, mut left) = (0, 0);
            for issue in &running {
                match issues::take_back(app, &origin, issue.customer_id).await {
                    Ok(true) => ended += 1,
                    // One bad row keeps nobody from the rest.
                    outcome => {
                        tracing::error!(issue = %issue.id, ?outcome, "an issue cannot be ended");
                        left += 1;
                    }
                }
            }
            closed.issues += ended;
            if ended == 0 {
                closed.left += left;
                break;
            }
        }
        let mut tx = app.store.begin().await?;
        let line = Line::ok(Kind::DatabaseRestored);
        origin.record(&mut tx, &*app.random, line).await?;
        tx.commit().await?;
    }
    app.store.enter_era(now).await?;
    Ok(closed)
}
