//! `POST /api/v1/verifications`: one passcode of one customer, for one purpose.

use axum::{
    Json,
    body::Bytes,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use warifu_core::{
    access::Scope,
    ids::{CustomerId, LoginId, VerificationId},
    oath::Passcode,
    purpose::Purpose,
    secret::SecretText,
};

use super::caller;
use crate::{
    actions::{
        api_keys::Caller,
        places, refusals,
        verify::{self, Ask, Once, Same, Verdict, Whose},
    },
    app::App,
    calendar,
    error::{AppError, Problem},
    origin::Origin,
    web::json::json,
};

/// The header that makes a request the same as an earlier one.
const SAME: &str = "idempotency-key";
/// Characters of an idempotency key, and of a context.
const LONGEST: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    login_id: Option<String>,
    #[serde(default)]
    customer_id: Option<String>,
    passcode: SecretText,
    purpose: String,
    #[serde(default)]
    context: Option<String>,
}

/// Verifies a passcode. A refused one is an answer like any other: 200.
pub(super) async fn create(
    app: &App,
    mut origin: Origin,
    headers: &HeaderMap,
    body: Option<&Bytes>,
) -> Result<Response, AppError> {
    let caller = caller::prove(app, &mut origin, headers).await?;
    // A body, or a turn, may have been long in coming.
    origin.now = app.clock.now();
    let ask = match read(&origin, &caller, headers, body) {
        Ok(ask) => ask,
        Err(problems) => {
            refusals::input(app, &origin, None, &problems).await?;
            return Err(AppError::InvalidField(problems));
        }
    };
    if Scope::of(ask.purpose).is_none_or(|scope| !caller.scopes.contains(&scope)) {
        refusals::access(app, &origin, None, "scope").await?;
        return Err(AppError::Forbidden);
    }
    let verdict = verify::verify(app, &origin, ask).await?;
    Ok(told(&verdict, caller.scopes.contains(&Scope::Reason)))
}

/// One shape for all refusals; the reason only for who may know it.
#[derive(Serialize)]
struct Told {
    hold_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<serde_json::Value>,
    replayed: bool,
    result: &'static str,
    verification_id: VerificationId,
}

fn told(verdict: &Verdict, with_reason: bool) -> Response {
    let told = Told {
        hold_until: verdict.hold_until.and_then(calendar::rfc3339),
        reason: with_reason.then(|| verdict.reason.as_deref().into()),
        replayed: verdict.replayed,
        result: if verdict.accepted { "accepted" } else { "refused" },
        verification_id: verdict.verification,
    };
    Json(told).into_response()
}

fn read(
    origin: &Origin,
    caller: &Caller,
    headers: &HeaderMap,
    body: Option<&Bytes>,
) -> Result<Ask, Vec<Problem>> {
    let parsed: Body = json(headers, body)?;
    let mut problems = Vec::new();
    let whose = match (&parsed.login_id, &parsed.customer_id) {
        (Some(login), None) => login_id(login),
        (None, Some(id)) => id
            .parse::<CustomerId>()
            .map(Whose::Customer)
            .map_err(|_| Problem::new("customer_id", "form")),
        _ => Err(Problem::new("login_id", "one_of_login_id_and_customer_id")),
    };
    let passcode = Passcode::typed(parsed.passcode.expose());
    let purpose = match parsed.purpose.parse::<Purpose>() {
        Ok(purpose) if Scope::of(purpose).is_some() => Ok(purpose),
        Ok(_) => Err(Problem::new("purpose", "not_verifiable")),
        Err(_) => Err(Problem::new("purpose", "unknown")),
    };
    let whose = whose.map_err(|problem| problems.push(problem)).ok();
    let passcode = passcode.map_err(|_| problems.push(Problem::new("passcode", "form"))).ok();
    let purpose = purpose.map_err(|problem| problems.push(problem)).ok();
    if parsed.context.as_deref().is_some_and(|context| !is_plain(context)) {
        problems.push(Problem::new("context", "form"));
    }
    let key = headers.get(SAME).map(|value| value.to_str().ok().filter(|key| is_plain(key)));
    if key == Some(None) {
        problems.push(Problem::new("idempotency_key", "form"));
    }
    let (Some(whose), Some(passcode), Some(purpose), []) =
        (whose, passcode, purpose, problems.as_slice())
    else {
        return Err(problems);
    };
    let bytes = body.map(Bytes::as_ref).unwrap_or_default();
    let same = key.flatten().map(|key| Same {
        once: Once {
            api_key: caller.key.to_string(),
            purpose: purpose.as_str(),
            key_hash: hash(key),
        },
        // Keyed: the body has the passcode in it.
        body_mac: {
            let institution = &origin.institution;
            institution.keys.mac(&places::body(institution.id).place(), bytes)
        },
    });
    Ok(Ask { whose, purpose, passcode, context: parsed.context, same })
}

// What cannot be a login ID is nobody's: it is looked up all the same.
fn login_id(typed: &str) -> Result<Whose, Problem> {
    if typed.is_empty() || typed.len() > LONGEST || typed.contains(char::is_control) {
        return Err(Problem::new("login_id", "form"));
    }
    let login = LoginId::parse(typed);
    Ok(Whose::LoginId(login.map_or_else(|_| String::new(), |login| login.as_str().to_owned())))
}

fn is_plain(text: &str) -> bool {
    (1..=LONGEST).contains(&text.chars().count()) && !text.contains(char::is_control)
}

fn hash(key: &str) -> String {
    let hash = Sha256::digest(key);
    hash.iter().fold(String::new(), |out, byte| format!("{out}{byte:02x}"))
}
