//! What stands between a socket and a handler: hosts, cookies, CSRF, headers, forms,
//! sessions; bodies and problems of programs.

pub(crate) mod cookies;
pub(crate) mod csrf;
pub(crate) mod enter;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod part;
pub(crate) mod problems;
pub(crate) mod visit;
