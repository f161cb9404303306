//! What a caller may learn when something is refused: one enum, one table of codes and statuses.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use warifu_core::{issue::IssueEnd, time::Millis};
use warifu_store::{StoreError, Trouble};

/// A refusal or a failure. A wrong passcode is none: it is an outcome, and committed.
#[derive(Clone, Debug)]
pub(crate) enum AppError {
    /// Fields that cannot be taken as they are; the pages show them themselves.
    InvalidField(Vec<Problem>),
    /// There is no session; the reason is told.
    NotSignedIn(SignedOut),
    /// Refused, and no word more.
    Forbidden,
    /// The form did not come from our page.
    Forged,
    /// No such page or thing.
    NotFound,
    /// The procedure has moved on, was cancelled, or is not this session's.
    Stale(Stale),
    /// Someone else was first; actions decide again from fresh data before anyone sees this.
    Conflict,
    /// The procedure has come to this page already: a double submit goes there.
    MovedOn(String),
    /// It was there and is gone for good.
    Gone,
    /// The host is none of ours.
    Misdirected,
    /// Too much at once; again from this moment.
    TooMany(Millis),
    /// Enough mails for now; the next one from this moment.
    TooManyMails(Millis),
    /// Too busy, or the database is away: nothing was done.
    Overloaded,
    /// The answer of the database got lost: it may have been done or not.
    Unsure,
    /// An idempotency key came again with another body.
    OtherBody,
    /// Our own fault; the source goes to the log with the request's id.
    Internal(Arc<str>),
}

/// What is wrong with one field, as the key of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Name of the field; empty for the page as a whole.
    pub(crate) field: &'static str,
    /// Key of the text.
    pub(crate) key: &'static str,
    /// Values of the text.
    pub(crate) values: Vec<(&'static str, Value)>,
}

/// A value of a text; a moment reads otherwise in each language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Moment(Millis),
}

impl Problem {
    pub(crate) fn new(field: &'static str, key: &'static str) -> Self {
        Self { field, key, values: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, Value::Text(value.into())));
        self
    }

    pub(crate) fn at(mut self, name: &'static str, moment: Millis) -> Self {
        self.values.push((name, Value::Moment(moment)));
        self
    }
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignedOut {
    /// There never was one here.
    Never,
    /// It ended because nothing was done.
    Idle,
    /// It ended because no session lasts longer.
    TooLong,
    /// Someone logged in elsewhere.
    Replaced,
    /// It was logged out.
    LoggedOut,
    /// Everything of the customer was stopped.
    Stopped,
    /// The passcode is still to be given.
    PasscodeDue,
    /// The passcode was given: the session has gone on under a new secret.
    Renewed,
    /// The passcode was not given in time.
    PasscodeLate,
}

/// What became of a procedure that a page wants to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    /// It is done; nothing was done twice.
    Done,
    /// The issue that it made is over.
    IssueOver(IssueEnd),
    /// It was left or replaced by a newer one.
    Ended,
    /// It is another session's, or there never was one: told like one that has ended.
    Foreign,
    /// Its steps come in another order.
    Order,
    /// The state of the token does not offer this.
    NotOffered,
    /// Enough for today.
    DayLimit,
}

impl AppError {
    /// A fault of ours.
    pub(crate) fn internal(source: impl std::fmt::Display) -> Self {
        Self::Internal(source.to_string().into())
    }

    /// Status and code, side by side; codes are part of the API and never renamed.
    pub(crate) const fn parts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidField(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_field"),
            Self::NotSignedIn(_) => (StatusCode::UNAUTHORIZED, "not_signed_in"),
            Self::Forbidden | Self::Forged => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Stale(_) => (StatusCode::CONFLICT, "stale_procedure"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict"),
            Self::MovedOn(_) => (StatusCode::SEE_OTHER, "moved_on"),
            Self::Gone => (StatusCode::GONE, "gone"),
            Self::Misdirected => (StatusCode::MISDIRECTED_REQUEST, "misdirected"),
            Self::TooMany(_) | Self::TooManyMails(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Self::OtherBody => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch"),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::Unsure => (StatusCode::SERVICE_UNAVAILABLE, "unsure"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let trouble = error.trouble().map(Trouble::as_str);
        match error {
            StoreError::Conflict => Self::Conflict,
            StoreError::Unavailable(source) => {
                tracing::error!(error = %source, trouble, "database");
                Self::Overloaded
            }
            StoreError::Unsure(source) => {
                tracing::error!(error = %source, trouble, "a commit without an answer");
                Self::Unsure
            }
            StoreError::Corrupt(_) | StoreError::Settings(_) | StoreError::Migration(_) => {
                Self::internal(error)
            }
        }
    }
}

impl std::fmt::Display for AppError {
    /// For the command line and the log: one sentence, no secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = match self {
            Self::InvalidField(problems) => {
                let fields: Vec<_> = problems.iter().map(|p| p.field).collect();
                return write!(f, "not taken as it is: {}", fields.join(", "));
            }
            Self::NotSignedIn(_) => "there is no session",
            Self::Forbidden | Self::Forged => "refused",
            Self::NotFound => "there is no such thing",
            Self::Stale(_) | Self::MovedOn(_) => "that is over or not offered now",
            Self::Conflict => "someone else was changing the same; try again",
            Self::Gone => "it is gone for good",
            Self::Misdirected => "that host is none of ours",
            Self::TooMany(_) | Self::TooManyMails(_) => "too much at once; try again later",
            Self::OtherBody => "the same idempotency key came with another body",
            Self::Overloaded => "the database is busy or away; nothing was changed",
            Self::Unsure => "the database did not answer; look at what stands before trying again",
            Self::Internal(source) => return f.write_str(source),
        };
        f.write_str(told)
    }
}

/// The bare answer; a layer of each door (pages, phone) gives it its body.
impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let mut response = self.parts().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
