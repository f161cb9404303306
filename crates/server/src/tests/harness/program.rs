//! A program of the bank: it calls the API with a key of its own.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    extract::Request,
    http::{Method, header},
};
use serde_json::{Value, json};
use warifu_core::access::Scope;

use super::{
    TestApp,
    banks::{Bank, Person},
    http::Reply,
};
use crate::actions::api_keys;

/// A program and its key.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) test: TestApp,
    bank: Bank,
    pub(crate) key: String,
}

impl TestApp {
    /// A program of this bank whose key has these scopes.
    pub(crate) async fn program(&self, bank: Bank, scopes: &[Scope]) -> Program {
        let scopes: BTreeSet<_> = scopes.iter().copied().collect();
        let made = api_keys::create(&self.app, &self.origin(bank), "the bank's own", &scopes).await;
        Program { test: self.clone(), bank, key: made.unwrap().1.expose().to_owned() }
    }
}

impl Program {
    /// The same program, calling another node.
    pub(crate) fn at(&self, node: &TestApp) -> Self {
        Self { test: node.clone(), ..self.clone() }
    }

    /// The same, with another key.
    pub(crate) fn with(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Has a passcode verified for the login.
    pub(crate) async fn verify(&self, person: &Person, passcode: &str) -> Reply {
        self.verify_for(person, passcode, "login").await
    }

    pub(crate) async fn verify_for(&self, person: &Person, passcode: &str, purpose: &str) -> Reply {
        let body = json!({ "login_id": person.login_id, "passcode": passcode, "purpose": purpose });
        self.send(&body, None).await
    }

    /// Sends a body, under an idempotency key where there is one.
    pub(crate) async fn send(&self, body: &Value, same: Option<&str>) -> Reply {
        let mut request = self.request().header(header::CONTENT_TYPE, "application/json");
        if let Some(same) = same {
            request = request.header("idempotency-key", same);
        }
        self.test.send(request.body(body.to_string().into()).unwrap(), "10.1.1.1").await
    }

    /// Sends what is no proper body.
    pub(crate) async fn send_raw(&self, kind: &str, body: impl Into<Body>) -> Reply {
        let request = self.request().header(header::CONTENT_TYPE, kind);
        self.test.send(request.body(body.into()).unwrap(), "10.1.1.1").await
    }

    fn request(&self) -> axum::http::request::Builder {
        Request::builder()
            .method(Method::POST)
            .uri("/api/v1/verifications")
            .header(header::HOST, self.bank.ib().replace("ib.", "api."))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
    }
}

/// What an answer says.
pub(crate) fn said(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap_or_default()
}

/// Whether an answer accepts.
pub(crate) fn accepts(reply: &Reply) -> bool {
    assert_eq!(reply.status, 200, "{}", reply.body);
    said(reply)["result"] == "accepted"
}
