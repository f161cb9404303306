//! The pages of a token's issue.

use askama::Template;
use warifu_core::time::Millis;

use super::{Frame, MailShown, filters};
use crate::actions::{mail_password::Blocked, progress::MailProgress};

/// BOT000 トークンの発行（選択）.
#[derive(Template, Debug)]
#[template(path = "portal/bot000.html")]
pub(crate) struct Bot000 {
    pub frame: Frame,
    pub procedure: String,
    /// Whether the start of use will hold some transactions.
    pub holds: bool,
}

/// BMP001 メール通知パスワード.
#[derive(Template, Debug)]
#[template(path = "portal/bmp001.html")]
pub(crate) struct Bmp001 {
    pub frame: Frame,
    pub procedure: String,
    /// The notice addresses, masked.
    pub addresses: Vec<String>,
    /// Whether mails speak another language than this page.
    pub other_language: bool,
    /// Why no mail can be sent now.
    pub block: Option<Blocked>,
}

/// BOT001 トークン発行（ソフトウェアトークン発行情報入力）.
#[derive(Template, Debug)]
#[template(path = "portal/bot001.html")]
pub(crate) struct Bot001 {
    pub frame: Frame,
    pub procedure: String,
    pub address: String,
    pub address2: String,
}

/// BOT002 トークン発行（ソフトウェアトークン発行情報入力内容確認）.
#[derive(Template, Debug)]
#[template(path = "portal/bot002.html")]
pub(crate) struct Bot002 {
    pub frame: Frame,
    pub procedure: String,
    /// The phone's address, exactly as it will be used.
    pub address: String,
    pub mail: MailShown,
}

/// What a customer types into the phone app, and until when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TokenIds {
    /// The service ID, in groups of four.
    pub service: String,
    /// The user ID, in groups of four.
    pub user: String,
    pub deadline: Millis,
}

/// What carries the ids to the phone.
#[derive(Clone, Debug)]
pub(crate) struct Qr {
    pub svg: String,
    /// The same for whoever reads the page on that phone.
    pub link: String,
    pub until: Millis,
}

/// BOT003 トークン発行（ソフトウェアトークン発行完了）.
#[derive(Template, Debug)]
#[template(path = "portal/bot003.html")]
pub(crate) struct Bot003 {
    pub frame: Frame,
    pub address: String,
    pub ids: TokenIds,
    /// None once it is too old.
    pub qr: Option<Qr>,
    pub procedure: String,
    pub mail: MailProgress,
    /// Whether the phone has been set up meanwhile.
    pub set_up: bool,
}

/// Why no mail password can be sent, in words.
pub(crate) fn blocked(frame: &Frame, blocked: &Blocked) -> String {
    match blocked {
        Blocked::NoAddress => frame.t("bmp001-no-address"),
        Blocked::Young(from) => frame.day("bmp001-young", "date", from),
        Blocked::DayLimit => frame.t("bmp001-day-limit"),
        // Before the first mail of a procedure there is no field for what earlier ones have brought.
        Blocked::TooMany(until) if frame.screen == "BMP001" => {
            frame.near("bmp001-too-many-yet", "until", until)
        }
        // One that waits there goes on.
        Blocked::TooMany(until) if frame.screen == "BMA001" => {
            frame.near("bma001-too-many", "until", until)
        }
        Blocked::TooMany(until) => frame.near("bmp001-too-many", "until", until),
        Blocked::Tries(until) => frame.near("bmp001-tries", "until", until),
    }
}
