//! How an issue ends before its token is in use.

use warifu_core::{audit::Kind, issue::IssueEnd};
use warifu_store::{Customer, Issue, Key, Token, Tx};

use crate::{
    actions::notices,
    app::App,
    error::AppError,
    mail::messages::Mail,
    origin::{Line, Origin},
};

/// Ends an issue; with it nothing outside leads to it any more.
pub(crate) async fn close(
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    issue: &mut Issue,
    end: Option<IssueEnd>,
) -> Result<(), AppError> {
    issue.end(end, origin.now);
    tx.save_issue(customer.customer_id, issue).await?;
    tx.free(origin.institution.id, Key::UserId, &issue.user_id).await?;
    if let Some(activation) = &issue.activation_id {
        tx.free(origin.institution.id, Key::Activation, activation).await?;
    }
    Ok(())
}

/// Ends an issue and its token, and tells everyone.
pub(crate) async fn end_issue(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    customer: &Customer,
    (mut issue, mut token): (Issue, Token),
    end: IssueEnd,
) -> Result<(), AppError> {
    let id = customer.customer_id;
    let before = token.state;
    token.end(token.state.after(end.event()).map_err(AppError::internal)?, origin.now);
    tx.save_token(id, &token).await?;
    if issue.activation_id.is_some() {
        tx.set_verifier(customer.customer_id, token.id, token.state, false).await?;
    }
    close(origin, tx, customer, &mut issue, Some(end)).await?;
    let mail = Mail::IssueDead { at: origin.now, end };
    let to = notices::To::NoticeAnd(&issue);
    notices::tell(app, origin, tx, customer, to, &mail, &issue.id.to_string()).await?;
    let line = Line::ok(Kind::IssueDied).of(id).token(token.id).because(end.as_str()).changed(
        serde_json::json!({"state": before.as_str()}),
        serde_json::json!({"state": token.state.as_str()}),
    );
    origin.record(tx, &*app.random, line).await?;
    Ok(())
}
