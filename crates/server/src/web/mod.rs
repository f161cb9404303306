//! What stands between a socket and a handler: hosts, cookies, CSRF, headers, forms, sessions.

pub(crate) mod cookies;
pub(crate) mod csrf;
pub(crate) mod enter;
pub(crate) mod form;
pub(crate) mod visit;
