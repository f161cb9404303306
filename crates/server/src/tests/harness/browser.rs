//! A browser without script: keeps cookies by their rules, sends the forms of the page it shows.

use std::collections::BTreeMap;

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderMap, Method, header},
};

use super::{TestApp, banks::Bank, http::Reply};

/// A browser; a clone of it is a second tab with the same cookies as of now.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) test: TestApp,
    pub(crate) bank: Bank,
    pub(crate) cookies: BTreeMap<String, String>,
    /// The address it calls from.
    pub(crate) peer: String,
    pub(crate) language: &'static str,
    /// Headers beyond its own.
    pub(crate) extra: Vec<(&'static str, String)>,
    /// The page that is shown.
    pub(crate) page: Reply,
    /// What no page may show.
    pub(crate) secrets: Vec<String>,
}

impl Browser {
    pub(super) fn new(test: &TestApp, bank: Bank) -> Self {
        Self {
            test: test.clone(),
            bank,
            cookies: BTreeMap::new(),
            peer: "203.0.113.7".to_owned(),
            language: "ja",
            extra: Vec::new(),
            page: Reply { status: 0, headers: HeaderMap::new(), body: String::new() },
            secrets: Vec::new(),
        }
    }

    /// Calls from another address.
    pub(crate) fn from(mut self, peer: &str) -> Self {
        peer.clone_into(&mut self.peer);
        self
    }

    /// Opens an address and follows where it leads.
    pub(crate) async fn open(&mut self, path: &str) -> Reply {
        let reply = self.get(path).await;
        self.follow(reply).await
    }

    /// Opens an address; a redirection stays one.
    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        let reply = self.send(Method::GET, path, "", Body::empty()).await;
        self.show(&reply);
        reply
    }

    /// Sends a form of the page that is shown; its hidden values go along unless a field says
    /// otherwise. A redirection stays one.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = self.form(fields);
        self.post_raw(path, FORM, body).await
    }

    /// The same, and follows where it leads.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let reply = self.post(path, fields).await;
        self.follow(reply).await
    }

    /// Sends any body.
    pub(crate) async fn post_raw(
        &mut self,
        path: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> Reply {
        let reply = self.send(Method::POST, path, kind, body.into()).await;
        self.show(&reply);
        reply
    }

    /// The body of a form as it would be sent now.
    pub(crate) fn form(&self, fields: &[(&str, &str)]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let hidden = [("csrf", self.page.csrf()), ("procedure", self.page.procedure())];
        for (name, value) in &hidden {
            if !value.is_empty() && !fields.iter().any(|(given, _)| given == name) {
                form.append_pair(name, value);
            }
        }
        form.extend_pairs(fields);
        form.finish()
    }

    async fn follow(&mut self, mut reply: Reply) -> Reply {
        for _ in 0..5 {
            if reply.status != 303 {
                return reply;
            }
            reply = self.get(reply.location()).await;
        }
        panic!("led around in circles to {}", reply.location());
    }

    fn show(&mut self, reply: &Reply) {
        if reply.status != 303 && reply.header("content-type").starts_with("text/html") {
            self.page = reply.clone();
        }
    }

    async fn send(&mut self, method: Method, path: &str, kind: &str, body: Body) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::USER_AGENT, "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")
            .header(header::ACCEPT_LANGUAGE, self.language);
        if !self.extra.iter().any(|(name, _)| *name == "host") {
            request = request.header(header::HOST, self.bank.ib());
        }
        for (name, value) in &self.extra {
            request = request.header(*name, value);
        }
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(length) = body.size_hint().exact() {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        let reply = self.test.send(request.body(body).unwrap(), &self.peer).await;
        self.keep(&reply);
        for secret in &self.secrets {
            assert!(!reply.body.contains(secret), "{path} shows a secret: {secret}");
        }
        reply
    }

    // The rules of `__Host-`: without one of these a browser would throw the cookie away.
    fn keep(&mut self, reply: &Reply) {
        for line in reply.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let mut parts = line.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let rules: Vec<_> = parts.collect();
            assert!(name.starts_with("__Host-"), "{name}");
            for rule in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(rules.contains(&rule), "{name} without {rule}");
            }
            assert!(!rules.iter().any(|r| r.starts_with("Domain")), "{name}");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The session, as its cookie carries it.
    pub(crate) fn session(&self) -> String {
        self.cookies.get("__Host-ib").cloned().unwrap_or_default()
    }

    /// The same browser with another session's cookie.
    pub(crate) fn with_session(mut self, session: &str) -> Self {
        self.cookies.insert("__Host-ib".to_owned(), session.to_owned());
        self
    }
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
