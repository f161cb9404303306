//! What the phone gets: the root in a box that only its key opens.

use serde::Serialize;
use warifu_core::{
    ids::{CustomerId, UserId},
    secret::SecretBytes,
};
use warifu_store::{Issue, Token};

use super::PROTOCOL;
use crate::{
    actions::places,
    app::App,
    error::AppError,
    origin::Origin,
    phone::keys::{self, Jwk},
};

/// What the phone gets.
#[derive(Debug, Serialize)]
pub(crate) struct Reply {
    activation_id: String,
    institution_id: String,
    issue_id: String,
    token_id: String,
    institution_name: String,
    server_jwk: Jwk,
    nonce: String,
    #[serde(rename = "box")]
    sealed: String,
    passcode: PasscodeShape,
    valid_until: i64,
    start_deadline: i64,
}

#[derive(Debug, Serialize)]
struct PasscodeShape {
    algorithm: &'static str,
    digits: u32,
    period: u32,
}

/// Whom a root is sealed to.
#[derive(Debug)]
pub(crate) struct Recipient<'a> {
    pub(crate) user_id: &'a UserId,
    pub(crate) ecdh: &'a Jwk,
    pub(crate) ecdsa: &'a Jwk,
}

/// The answer that carries the root, sealed to one phone.
pub(crate) fn reply(
    app: &App,
    origin: &Origin,
    ask: &Recipient<'_>,
    (issue, token): (&Issue, &Token),
    activation: &str,
    root: &SecretBytes,
) -> Result<Reply, AppError> {
    let institution = &origin.institution;
    let (institution_id, issue_id) = (institution.id.to_string(), issue.id.to_string());
    let (ecdh, ecdsa) = (ask.ecdh.thumbprint(), ask.ecdsa.thumbprint());
    let bound = [PROTOCOL, &institution_id, &issue_id, ask.user_id.as_str(), &ecdh, &ecdsa];
    let boxed = keys::seal_root(root, ask.ecdh, &bound, &*app.random)
        .ok_or_else(|| AppError::internal("the root could not be sealed to the phone"))?;
    let policy = &institution.policy().passcode;
    Ok(Reply {
        activation_id: activation.to_owned(),
        issue_id,
        institution_id,
        token_id: token.id.to_string(),
        institution_name: institution.document.name.ja.clone(),
        server_jwk: boxed.server_jwk,
        nonce: boxed.nonce,
        sealed: boxed.sealed,
        passcode: PasscodeShape {
            algorithm: "SHA-256",
            digits: policy.digits,
            period: policy.period.seconds(),
        },
        valid_until: token.valid_until,
        start_deadline: issue.start_until,
    })
}

/// The answer that was given, again: the phone never got it.
pub(super) fn reply_again(
    origin: &Origin,
    id: CustomerId,
    issue: &Issue,
) -> Result<String, AppError> {
    let sealed = issue.reply.as_ref().ok_or(AppError::Forbidden)?;
    let spot = places::issue(origin.institution.id, id, "reply", issue.id);
    let plain = origin.institution.keys.open(&spot.place(), sealed)?;
    String::from_utf8(plain.expose().to_vec()).map_err(AppError::internal)
}
