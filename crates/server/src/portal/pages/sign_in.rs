//! Pages before and after a session: login, its second step, log-out, and the pages that tell.

use askama::Template;
use warifu_core::time::Millis;

use super::{Frame, filters};

/// BLI001 ログイン.
#[derive(Template, Debug)]
#[template(path = "portal/bli001.html")]
pub(crate) struct Bli001 {
    pub frame: Frame,
    pub login_id: String,
}

/// BLI002 ワンタイムパスワード認証.
#[derive(Template, Debug)]
#[template(path = "portal/bli002.html")]
pub(crate) struct Bli002 {
    pub frame: Frame,
    /// Why no passcode is asked for, in words.
    pub closed: Option<String>,
}

/// After a log-out the customer asked for.
#[derive(Template, Debug)]
#[template(path = "portal/logged_out.html")]
pub(crate) struct LoggedOut {
    pub frame: Frame,
    /// Until when an issue still waits for its set-up.
    pub issue_deadline: Option<Millis>,
}

/// The page that 「時間を延長する」 opens beside the one being filled in.
#[derive(Template, Debug)]
#[template(path = "portal/extended.html")]
pub(crate) struct Extended {
    pub frame: Frame,
}

/// BER001 to BER009 お知らせ画面.
#[derive(Template, Debug)]
#[template(path = "portal/ber.html")]
pub(crate) struct Ber {
    pub frame: Frame,
    /// What happened and what to do, in words.
    pub paragraphs: Vec<String>,
    /// Where to go: address and label.
    pub links: Vec<(String, String)>,
}
