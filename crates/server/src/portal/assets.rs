//! Files that the pages load: embedded, named by their version, the same for every institution but
//! for its colour.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

use crate::{
    error::AppError,
    web::{part::Part, visit::Visit},
};

/// For what is asked for by its version.
const FOREVER: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "assets/"]
pub(crate) struct Assets;

/// The look of the pages: one file for the browser, in parts for its readers.
/// Colours, sizes and radii come from `vendor/design-tokens.css`, the institution's own colour from
/// `institution.css`.
pub(crate) const WARIFU_CSS: &str = concat!(
    include_str!("../../styles/page.css"),
    include_str!("../../styles/head.css"),
    include_str!("../../styles/forms.css"),
    include_str!("../../styles/lists.css"),
    include_str!("../../styles/foot.css"),
    include_str!("../../styles/media.css"),
);

pub(crate) async fn warifu_css() -> Response {
    typed("warifu.css", WARIFU_CSS.as_bytes().to_vec(), FOREVER)
}

/// A file of `assets/`.
pub(crate) async fn file(Part(path): Part) -> Result<Response, AppError> {
    let file = Assets::get(&path).ok_or(AppError::NotFound)?;
    Ok(typed(&path, file.data.into_owned(), FOREVER))
}

/// The institution's colour as a style sheet of its own: no inline style is needed anywhere.
pub(crate) async fn institution_css(visit: Visit) -> Response {
    let color = &visit.origin.institution.document.look.color;
    let css = format!(":root{{--institution:{color};--institution-on:#fff}}\n");
    typed("institution.css", css.into_bytes(), "no-cache")
}

/// An answer with the type that its name says.
pub(crate) fn typed(name: &str, bytes: Vec<u8>, cache: &'static str) -> Response {
    let kind = match name.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "html" => "text/html; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, bytes).into_response()
}
