//! Login: the password first; then, where demanded, the passcode.

use std::sync::Arc;

use warifu_core::{
    audit::{ActorKind, Kind},
    oath::Passcode,
    purpose::Purpose,
    random,
    verify::Reason,
};
use warifu_store::{Customer, Session, Tx};

use super::{
    again_on_conflict, commit,
    login_password::{self, Credentials, Opens},
    prove::{self, Answer, Proof},
    sessions::{self, Level, Opened},
};
use crate::{
    app::App,
    error::AppError,
    origin::{Line, Origin},
    web::cookies::{BrowserSecret, DeviceSecret},
};

/// A session that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) browser: BrowserSecret,
    pub(crate) level: Level,
}

/// Logs in with the password, under a secret that follows from the one the form was sent with.
pub(crate) async fn sign_in(
    app: &App,
    origin: &Origin,
    given: Credentials,
    browser: &Arc<BrowserSecret>,
) -> Result<login_password::Answer<Begun>, AppError> {
    let device = given.device.clone();
    again_on_conflict(|| async {
        let computed = match login_password::compute(app, origin, &given, Opens::Login).await? {
            Ok(computed) => computed,
            Err(closed) => return Ok(login_password::Answer::Closed(closed)),
        };
        let counted = login_password::count(app, origin, &computed).await?;
        let (mut tx, customer) = match counted {
            login_password::Answer::Right(opened) => opened,
            login_password::Answer::Refused => return Ok(login_password::Answer::Refused),
            login_password::Answer::Closed(gate) => {
                return Ok(login_password::Answer::Closed(gate));
            }
        };
        let begun = enter(app, origin, &mut tx, customer, (&device, browser)).await?;
        commit(app, tx).await?;
        Ok(login_password::Answer::Right(begun))
    })
    .await
}

async fn enter(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: Customer,
    (device, form): (&[u8], &BrowserSecret),
) -> Result<Begun, AppError> {
    let id = customer.customer_id;
    let level = if customer.otp_required { Level::Password } else { Level::Full };
    let secret = sessions::secret_after(origin, id, level, form);
    let secret = match sessions::opened(origin, tx, id, level, &secret).await? {
        // The same form again, by a double click or after a lost answer: the same session.
        Opened::Alive => return Ok(Begun { browser: secret, level }),
        Opened::Over => BrowserSecret::for_customer(id, random::bytes(&*app.random)),
        Opened::Not => secret,
    };
    let session = sessions::begin(app, origin, tx, (&customer, level), &secret).await?;
    if level == Level::Full {
        finish(app, origin, tx, customer, &session).await?;
        tx.remember_device(id, device, origin.now).await?;
    } else {
        // Who stops here knows the password: just what a customer's story must show.
        origin.record(tx, &*app.random, Line::ok(Kind::PasswordProved).of(id)).await?;
    }
    Ok(Begun { browser: secret, level })
}

// The login is complete: its time is what the next login shows.
async fn finish(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    mut customer: Customer,
    session: &Session,
) -> Result<(), AppError> {
    let id = customer.customer_id;
    customer.previous_login_at = customer.last_login_at;
    customer.last_login_at = Some(origin.now.0);
    tx.save_customer(&customer).await?;
    let origin = Origin {
        actor: (ActorKind::Customer, id.to_string()),
        correlation: Some(session.id.to_string()),
        ..origin.clone()
    };
    origin.record(tx, &*app.random, Line::ok(Kind::SessionSignedIn).of(id)).await?;
    Ok(())
}

/// Proves the passcode of a login and makes the session a full one, in one transaction.
pub(crate) async fn prove_passcode(
    app: &App,
    origin: &Origin,
    session: &Session,
    passcode: &Passcode,
    device: &DeviceSecret,
) -> Result<Answer, AppError> {
    prove::with_effect(app, origin, session.customer_id, || async {
        // A passcode is not evaluated for a session that has ended meanwhile.
        let (mut tx, customer) = sessions::take(app, origin, session).await?;
        let view = super::overview::load(&mut tx, origin, customer.clone()).await?;
        let Some((token, row)) = view.in_use else {
            let line = Line::refused(Kind::PasscodeRefused, "no_token").of(customer.customer_id);
            origin.record(&mut tx, &*app.random, line).await?;
            tx.commit().await?;
            return Ok(Answer::Refused(Reason::NotUsable));
        };
        let asked = prove::Asked { customer: &customer, token: &token, purpose: Purpose::Login };
        match prove::prove(app, origin, &mut tx, &asked, &row, passcode).await? {
            Proof::Refused(reason) => {
                commit(app, tx).await?;
                Ok(Answer::Refused(reason))
            }
            Proof::Accepted => {
                let (begun, browser) =
                    sessions::renew(app, origin, &mut tx, &customer, session).await?;
                tx.remember_device(customer.customer_id, &device.hash(), origin.now).await?;
                finish(app, origin, &mut tx, customer, &begun).await?;
                commit(app, tx).await?;
                Ok(Answer::Done(browser))
            }
        }
    })
    .await
}
