//! After a restore, before anything is served: what may have gone on after the copy was made is not known,
//! so that nothing that was begun goes on, and what may have been accepted never is again.

use warifu_core::{
    audit::{Channel, Kind},
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// What may have been accepted until then is given up.
    pub(crate) at: Millis,
    pub(crate) sessions: u64,
    pub(crate) issues: usize,
}

/// Begins an era; ends sessions, procedures, mail passwords and running issues.
pub(crate) async fn close(app: &App) -> Result<Closed, AppError> {
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    let mut closed = Closed { at: now, sessions: tx.end_beginnings().await?, issues: 0 };
    // Each restore has a name of its own.
    tx.begin_era(&format!("restored {}", now.0), now).await?;
    tx.give_up_uses().await?;
    commit(app, tx).await?;
    for institution in app.institutions.all() {
        let origin = Origin::inside(institution, Channel::CommandLine, now);
        loop {
            let running = issues::running(app, &origin, ROUND).await?;
            if running.is_empty() {
                break;
            }
            for issue in &running {
                if !issues::take_back(app, &origin, issue.customer_id).await? {
                    return Err(AppError::internal(format!("{} does not end", issue.id)));
                }
                closed.issues += 1;
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
