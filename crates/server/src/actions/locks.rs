//! A counter that has just locked is recorded and told to every address, in one way for all counters.

use warifu_core::{audit::Kind, counter::Grade, ids::TokenId};
use warifu_store::{Customer, Tx};

use super::notices::{self, To};
use crate::{
    app::App,
    error::AppError,
    mail::messages::{Mail, Which},
    origin::{Line, Origin},
};

/// Records and tells a lock.
pub(crate) async fn tell(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    (which, token): (Which, Option<TokenId>),
    grade: Grade,
) -> Result<(), AppError> {
    let (mail, how) = match grade {
        Grade::Until(until) => (Mail::LockedUntil { at: origin.now, which, until }, "for_a_time"),
        Grade::Stopped => (Mail::Locked { at: origin.now, which }, "until_unlocked"),
    };
    let line = Line::ok(Kind::CounterLocked)
        .of(customer.customer_id)
        .because(format!("{} {how}", which.word()));
    let line = match token {
        Some(token) => line.token(token),
        None => line,
    };
    origin.record(tx, &*app.random, line).await?;
    notices::tell(app, origin, tx, customer, To::Everyone, &mail, "").await?;
    Ok(())
}
