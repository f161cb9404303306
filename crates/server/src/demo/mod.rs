//! The demo: a bank with three customers, their mailbox and their phone; on loopback only.

mod pages;
pub(crate) mod people;
pub(crate) mod seed;

use axum::{
    Router,
    routing::{get, post},
};

use crate::app::App;

/// The demo's own pages, where this is the demo.
pub(crate) fn router(app: &App) -> Option<Router> {
    app.settings.demo.is_some().then(|| {
        Router::new()
            .route("/demo/mailbox", get(pages::mailbox))
            .route("/demo/phone", get(pages::phone))
            .route("/demo/phone.js", get(pages::phone_script))
            .route("/demo/demo.css", get(pages::style))
            .route("/demo/activations", post(pages::activate))
    })
}
