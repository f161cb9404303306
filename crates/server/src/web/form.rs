//! Forms: read whole, their CSRF token checked before a handler sees them.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header},
};
use tokio::sync::OwnedMutexGuard;
use warifu_core::{ids::ProcedureId, secret::SecretText};

use super::{
    csrf,
    visit::{HalfSigned, Signed, Visit},
};
use crate::{
    actions::procedures,
    error::{AppError, SignedOut},
};

/// What a form brought: one value per name, the first where there are several.
#[derive(Default)]
pub(crate) struct Fields {
    values: BTreeMap<String, String>,
    /// The customer's turn, held for as long as the form is worked on.
    turn: Option<OwnedMutexGuard<()>>,
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.values.keys()).finish()
    }
}

impl Fields {
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            values.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self { values, turn: None }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }

    /// Takes a secret out of the form.
    pub(crate) fn secret(&mut self, name: &str) -> SecretText {
        SecretText::new(self.values.remove(name).unwrap_or_default())
    }

    pub(crate) fn procedure(&self) -> Option<ProcedureId> {
        self.values.get("procedure").and_then(|id| id.parse().ok())
    }
}

/// A form of someone without a session.
#[derive(Debug)]
pub(crate) struct OpenForm(pub(crate) Visit, pub(crate) Fields);

/// A form of a customer who is logged in.
#[derive(Debug)]
pub(crate) struct SignedForm(pub(crate) Signed, pub(crate) Fields);

/// A form of a customer whose passcode is due.
#[derive(Debug)]
pub(crate) struct HalfForm(pub(crate) HalfSigned, pub(crate) Fields);

impl<S: Sync> FromRequest<S> for OpenForm {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        let (mut parts, body) = request.into_parts();
        let mut visit = Visit::from_request_parts(&mut parts, state).await?;
        let fields = fields(&visit, Request::from_parts(parts, body)).await?;
        visit.catch_up();
        Ok(Self(visit, fields))
    }
}

impl<S: Sync> FromRequest<S> for SignedForm {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        let (mut parts, body) = request.into_parts();
        let mut signed = match Signed::from_request_parts(&mut parts, state).await {
            Err(AppError::NotSignedIn(SignedOut::Renewed)) => {
                let visit = Visit::from_request_parts(&mut parts, state).await?;
                return Err(pressed_again(&visit, Request::from_parts(parts, body)).await);
            }
            signed => signed?,
        };
        let mut fields = fields(&signed.visit, Request::from_parts(parts, body)).await?;
        fields.turn = signed.visit.app.turn(signed.customer.customer_id).await;
        signed.visit.catch_up();
        Ok(Self(signed, fields))
    }
}

impl<S: Sync> FromRequest<S> for HalfForm {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        let (mut parts, body) = request.into_parts();
        let mut half = HalfSigned::from_request_parts(&mut parts, state).await?;
        let mut fields = fields(&half.signed.visit, Request::from_parts(parts, body)).await?;
        fields.turn = half.signed.visit.app.turn(half.signed.customer.customer_id).await;
        half.signed.visit.catch_up();
        Ok(Self(half, fields))
    }
}

// The second press of a button whose first has brought the session a new secret: what it asked for is
// done, and the last page of its procedure says so to whoever has that secret.
async fn pressed_again(visit: &Visit, request: Request) -> AppError {
    let path = request.uri().path().to_owned();
    match fields(visit, request).await.map(|fields| fields.procedure()) {
        Ok(procedure) => procedure
            .and_then(|id| procedures::last_page(&path, id))
            .map_or(AppError::NotSignedIn(SignedOut::Renewed), AppError::MovedOn),
        Err(refused) => refused,
    }
}

async fn fields(visit: &Visit, request: Request) -> Result<Fields, AppError> {
    // Pages of ours send forms of this kind only, and browsers say from where (Fetch Metadata): a second lock
    // beside the token.
    let site = request.headers().get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(AppError::Forged);
    }
    if !is_of_kind(request.headers(), "application/x-www-form-urlencoded") {
        return Err(AppError::Forged);
    }
    // The limit of the body is set around the whole router.
    let Ok(body) = Bytes::from_request(request, &()).await else {
        return Err(AppError::Forged);
    };
    let fields = Fields::read(&body);
    if csrf::fits(&visit.origin.institution, &visit.browser, &fields.text("csrf")) {
        Ok(fields)
    } else {
        Err(AppError::Forged)
    }
}

/// Whether a body says that it is of this kind, whatever it adds.
pub(crate) fn is_of_kind(headers: &HeaderMap, kind: &str) -> bool {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = named.and_then(|text| text.split(';').next()).map(str::trim);
    essence.is_some_and(|text| text.eq_ignore_ascii_case(kind))
}
