//! The token is made: rows, mails and audit line in the caller's transaction.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use warifu_core::{
    audit::Kind,
    ids::{IssueId, TokenId, UserId},
    issue::IssueEnd,
    procedure::ProcedureEnd,
    text::{MailAddress, MailRules},
    token::State,
};
use warifu_store::{Customer, Issue, Key, Procedure, Token, Tx};

use super::{Commit, ending::end_issue, waiting::tell_token};
use crate::{
    actions::{
        notices, overview, places,
        procedures::{self, Input},
    },
    app::App,
    calendar,
    error::{AppError, Stale},
    mail::messages::Mail,
    origin::{Line, Origin},
};

// Both proofs were right: token, issue, mails and audit row, all in the caller's transaction.
pub(super) async fn make(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    procedure: &mut Procedure,
) -> Result<Commit, AppError> {
    let id = customer.customer_id;
    let input: Input = procedures::kept(origin, id, procedure)?;
    let view = overview::load(tx, origin, customer.clone()).await?;
    if overview::may_issue(tx, origin, &view).await?.is_err() {
        return Err(AppError::Stale(Stale::NotOffered));
    }
    if let Some(open) = view.open {
        let open = (open.issue, open.token);
        end_issue(app, origin, tx, customer, open, IssueEnd::Reissued).await?;
    }
    let token = new_token(app, origin);
    tx.insert_token(id, &token).await?;
    let issue = new_issue(app, origin, customer, &token, &input)?;
    // A number that is taken already (one in a hundred thousand million) makes the whole act run again.
    let reference = issue.id.to_string();
    tx.reserve(origin.institution.id, Key::UserId, &issue.user_id, id, &reference, origin.now)
        .await?;
    tx.insert_issue(id, &issue).await?;
    procedures::end(tx, origin, id, procedure, ProcedureEnd::Done).await?;
    tx.end_mail_passwords(id, origin.now).await?;
    tell_issued(app, origin, tx, customer, &issue).await?;
    let line = Line::ok(Kind::TokenIssued)
        .of(id)
        .token(token.id)
        .changed(serde_json::json!({"state": null}), serde_json::json!({"state": "issued"}));
    origin.record(tx, &*app.random, line).await?;
    Ok(Commit::Done)
}

fn new_token(app: &App, origin: &Origin) -> Token {
    let years = origin.institution.policy().token.software_years;
    Token {
        id: TokenId::generate(origin.now, &*app.random),
        kind: "software".to_owned(),
        state: State::Issued,
        root: None,
        signing_key: None,
        signing_mac: None,
        device: None,
        issued_at: origin.now.0,
        activated_at: None,
        started_at: None,
        ended_at: None,
        valid_until: calendar::years_later(origin.now, years, origin.institution.zone()).0,
        due_at: None,
        suspended_at: None,
        version: 1,
    }
}

fn new_issue(
    app: &App,
    origin: &Origin,
    customer: &Customer,
    token: &Token,
    input: &Input,
) -> Result<Issue, AppError> {
    let policy = &origin.institution.policy().issue;
    let id: IssueId = input.issue.parse().map_err(AppError::internal)?;
    let start_mac = URL_SAFE_NO_PAD.decode(&input.start_password).map_err(AppError::internal)?;
    let spot = places::issue(origin.institution.id, customer.customer_id, "phone_address", id);
    let activate_until = origin.now.plus(policy.activate_within.duration()).0;
    Ok(Issue {
        id,
        token_id: token.id,
        user_id: UserId::generate(&*app.random).as_str().to_owned(),
        phone_address: input.address.clone(),
        address_mac: origin.institution.keys.mac(&spot.place(), input.address.as_bytes()),
        start_mac: Some(start_mac),
        activate_until,
        start_until: origin.now.plus(policy.start_within.duration()).0,
        qr_until: origin.now.plus(policy.qr_valid.duration()).0,
        ecdh_thumbprint: None,
        ecdsa_thumbprint: None,
        activation_id: None,
        reply: None,
        acknowledged_at: None,
        created_at: origin.now.0,
        deadline: Some(activate_until),
        ended_at: None,
        end_reason: None,
    })
}

async fn tell_issued(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    issue: &Issue,
) -> Result<(), AppError> {
    tell_token(app, origin, tx, customer, issue).await?;
    let rules = MailRules::for_phones(origin.institution.policy());
    let masked = MailAddress::parse(&issue.phone_address, &rules).map(|a| a.masked());
    let masked = masked.unwrap_or_else(|_| "***".to_owned());
    let mail = Mail::Issued { at: origin.now, phone_address_masked: &masked };
    let reference = issue.id.to_string();
    notices::tell(app, origin, tx, customer, notices::To::Notice, &mail, &reference).await?;
    Ok(())
}
