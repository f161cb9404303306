//! The phone's word that it holds the root.

use warifu_core::{
    audit::Kind,
    ids::{ActivationId, CustomerId},
};
use warifu_store::{Key, StoreError, Token};

use crate::{
    actions::{places, refusals},
    app::App,
    error::AppError,
    origin::{Line, Origin},
    phone::keys::Jwk,
};

/// The phone says that it holds the root: repeats end. Said again, it changes nothing.
pub(crate) async fn acknowledge(
    app: &App,
    origin: &Origin,
    activation: ActivationId,
    signature: &str,
) -> Result<(), AppError> {
    let key = activation.to_string();
    let mut tx = app.store.read().await?;
    let found = tx.find(origin.institution.id, Key::Activation, &key).await?;
    drop(tx);
    let Some(found) = found else {
        let line = Line::refused(Kind::ActivationRefused, "unknown");
        refusals::record(app, origin, line).await?;
        // For good: the phone stops asking.
        return Err(AppError::Gone);
    };
    let mut tx = app.store.begin().await?;
    let customer = tx.take_customer(found.customer_id).await?.ok_or(AppError::Gone)?;
    let id = customer.customer_id;
    let issue = found.reference.parse().map_err(AppError::internal)?;
    let issue = tx.issue(id, issue).await?;
    let issue = issue.filter(|i| i.activation_id.as_deref() == Some(key.as_str()));
    let mut issue = issue.ok_or(AppError::Gone)?;
    let token = tx.token(id, issue.token_id).await?.ok_or(AppError::Gone)?;
    let jwk = signing_key(origin, id, &token)?;
    if !jwk.signed(&format!("warifu-ack-1\n{activation}"), signature) {
        let line = Line::refused(Kind::ActivationRefused, "signature").of(id).token(token.id);
        origin.record(&mut tx, &*app.random, line).await?;
        tx.commit().await?;
        return Err(AppError::Forbidden);
    }
    if issue.acknowledged_at.is_none() {
        issue.acknowledged_at = Some(origin.now.0);
        issue.reply = None;
        tx.save_issue(id, &issue).await?;
        let line = Line::ok(Kind::ActivationAcknowledged).of(id).token(token.id);
        origin.record(&mut tx, &*app.random, line).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Puts a phone's signing key into the token's row, bound to it by a MAC.
pub(crate) fn bind(
    origin: &Origin,
    id: CustomerId,
    token: &mut Token,
    signing: &Jwk,
) -> Result<(), AppError> {
    let institution = &origin.institution;
    let jwk = serde_json::to_string(signing).map_err(AppError::internal)?;
    let spot = places::token(institution.id, id, "signing_key", token.id);
    token.signing_mac = Some(institution.keys.mac(&spot.place(), jwk.as_bytes()));
    token.signing_key = Some(jwk);
    Ok(())
}

/// The phone's signing key, if its MAC fits the row.
pub(super) fn signing_key(origin: &Origin, id: CustomerId, token: &Token) -> Result<Jwk, AppError> {
    let (jwk, tag) =
        token.signing_key.as_ref().zip(token.signing_mac.as_ref()).ok_or(AppError::Forbidden)?;
    let spot = places::token(origin.institution.id, id, "signing_key", token.id);
    if !origin.institution.keys.fits(&spot.place(), jwk.as_bytes(), tag) {
        let what = format!("signing key of {}", token.id);
        return Err(StoreError::Corrupt(what).into());
    }
    serde_json::from_str(jwk).map_err(AppError::internal)
}
