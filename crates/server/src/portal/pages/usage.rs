//! The pages of the start of use and of the release.

use askama::Template;
use warifu_core::time::Millis;

use super::{Frame, filters};

/// BOK001 ワンタイムパスワード利用開始（内容確認）.
#[derive(Template, Debug)]
#[template(path = "portal/bok001.html")]
pub(crate) struct Bok001 {
    pub frame: Frame,
    pub procedure: String,
    /// The kind of the phone that was set up.
    pub device: String,
    pub set_up_at: Millis,
    /// Whether the change holds some transactions.
    pub holds: bool,
}

/// BOK002 ワンタイムパスワード利用開始（ワンタイムパスワード入力）.
#[derive(Template, Debug)]
#[template(path = "portal/bok002.html")]
pub(crate) struct Bok002 {
    pub frame: Frame,
    pub procedure: String,
    /// Why no passcode is asked for, in words.
    pub closed: Option<String>,
}

/// BOK003 ワンタイムパスワード利用開始（完了）.
#[derive(Template, Debug)]
#[template(path = "portal/bok003.html")]
pub(crate) struct Bok003 {
    pub frame: Frame,
    pub hold_until: Option<Millis>,
}

/// BOS001 ワンタイムパスワード利用解除（利用解除確認）.
#[derive(Template, Debug)]
#[template(path = "portal/bos001.html")]
pub(crate) struct Bos001 {
    pub frame: Frame,
    pub procedure: String,
    /// Whether the change holds some transactions.
    pub holds: bool,
    /// Until when no new token could be issued, where addresses are too young.
    pub young: Option<Millis>,
    /// Why no passcode is asked for, in words.
    pub closed: Option<String>,
}

/// BOS002 ワンタイムパスワード利用解除（完了）.
#[derive(Template, Debug)]
#[template(path = "portal/bos002.html")]
pub(crate) struct Bos002 {
    pub frame: Frame,
    /// From when a token can be issued again.
    pub again_from: Millis,
    pub hold_until: Option<Millis>,
}
