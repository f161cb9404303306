//! The customers' pages: routes, handlers, and the pages that tell what went wrong.

mod account;
mod address;
pub(crate) mod assets;
pub(crate) mod errors;
mod help;
mod issue;
mod login_password;
mod otp;
pub(crate) mod pages;
mod passcode;
mod password;
mod render;
mod sign_in;
mod stop;
mod usage;

use axum::{
    Router,
    routing::{get, post},
};

use crate::{app::App, error::AppError};

/// Every address of the customers' host.
pub(crate) fn router(_app: &App) -> Router {
    Router::new()
        .route("/", get(account::home))
        .route("/login", get(sign_in::show).post(sign_in::post))
        .route("/login/passcode", get(sign_in::show_passcode).post(sign_in::post_passcode))
        .route("/logout", get(sign_in::signed_out).post(sign_in::sign_out))
        .route("/session", get(account::session))
        .route("/display", get(account::display))
        .route("/top", get(account::top))
        .route("/customer", get(account::customer).post(account::choose_language))
        .route("/progress", get(account::progress))
        .route("/help", get(help::show))
        .route("/help/{topic}", get(help::topic))
        .route("/help/{topic}/{number}", get(help::picture))
        .route("/stop", get(stop::show).post(stop::post))
        .route("/stop/done", get(stop::done))
        .route("/password", get(password::show).post(password::enter))
        .route("/password/confirm", get(password::show_confirm).post(password::confirm))
        .route("/password/done", get(password::done))
        .route("/address", get(address::show).post(address::enter))
        .route("/address/confirm", get(address::show_confirm).post(address::confirm))
        .route("/address/number", get(address::show_number).post(address::number))
        .route("/address/cancelled", get(address::cancelled))
        .route("/address/done", get(address::done))
        .route("/otp", get(otp::show))
        .route("/otp/issue", post(issue::begin))
        .route("/otp/issue/select", get(issue::show_select).post(issue::select))
        .route("/otp/issue/mail", get(issue::show_mail).post(issue::send_mail))
        .route("/otp/issue/input", get(issue::show_input).post(issue::enter))
        .route("/otp/issue/confirm", get(issue::show_confirm).post(issue::confirm))
        .route("/otp/issue/cancelled", get(issue::cancelled))
        .route("/otp/issue/done", get(issue::show_done))
        .route("/otp/issue/qr", post(otp::renew_qr))
        .route("/otp/issue/mail-again", post(otp::mail_again))
        .route("/otp/start", post(usage::begin_start))
        .route("/otp/start/confirm", get(usage::show_confirm).post(usage::confirm))
        .route("/otp/start/passcode", get(usage::show_start).post(usage::start))
        .route("/otp/start/done", get(usage::started))
        .route("/otp/release", post(usage::begin_release))
        .route("/otp/release/passcode", get(usage::show_release).post(usage::release))
        .route("/otp/release/done", get(usage::released))
        .route("/assets/institution.css", get(assets::institution_css))
        .route("/assets/warifu.css", get(assets::warifu_css))
        .route("/assets/{*path}", get(assets::file))
        .fallback(|| async { AppError::NotFound })
        .method_not_allowed_fallback(|| async { AppError::NotFound })
}
