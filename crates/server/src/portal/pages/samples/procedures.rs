//! The pages of the issue, of the start of use and of the release in their states.

use warifu_core::time::Millis;

use super::{
    super::{
        Bmp001, Bok001, Bok002, Bok003, Bos001, Bos002, Bot000, Bot001, Bot002, Bot003, Frame,
        ISSUE_STEPS, MailShown, RELEASE_STEPS, START_STEPS,
    },
    HOUR, PROCEDURE, Sample, ids, inside, later, qr, sample, sampled, step, wrong,
};
use crate::{
    actions::{mail_password::Blocked, progress::MailProgress},
    text::{Text, tests::NOW},
};

pub(super) fn mail_password(text: &Text) -> Vec<Sample> {
    let page = |addresses: &[&str], block| Bmp001 {
        frame: step(inside(text, "BMP001", "bmp001-title"), ISSUE_STEPS, 2),
        procedure: PROCEDURE.into(),
        addresses: addresses.iter().map(|&address| address.to_owned()).collect(),
        other_language: addresses.len() > 1,
        block,
    };
    let one = ["ta***@example.ne.jp"];
    let two = ["ta***@example.ne.jp", "ya***@example.com"];
    let soon = Millis(NOW.0 + HOUR / 6);
    vec![
        sampled!(
            "bot000",
            Bot000 {
                holds: true,
                frame: step(inside(text, "BOT000", "bot000-title"), ISSUE_STEPS, 1),
                procedure: PROCEDURE.into(),
            }
        ),
        sampled!("bmp001", page(&two, None)),
        sampled!("bmp001-no-address", page(&[], Some(Blocked::NoAddress))),
        sampled!("bmp001-young", page(&one, Some(Blocked::Young(later(100))))),
        sampled!("bmp001-day-limit", page(&one, Some(Blocked::DayLimit))),
        sampled!("bmp001-tries", page(&one, Some(Blocked::Tries(later(10))))),
        sampled!("bmp001-too-many", page(&one, Some(Blocked::TooMany(soon)))),
    ]
}

pub(super) fn details(text: &Text) -> Vec<Sample> {
    let page = |address: &str, errors: &[(&'static str, String)]| Bot001 {
        frame: wrong(step(inside(text, "BOT001", "bot001-title"), ISSUE_STEPS, 3), errors),
        procedure: PROCEDURE.into(),
        address: address.into(),
        address2: address.into(),
    };
    let errors = [
        ("address", text.with("err-address-chars", "char", "<")),
        ("start_password", text.of("err-start-weak")),
    ];
    vec![
        sampled!("bot001", page("", &[])),
        sampled!("bot001-wrong", page("taro<@example.ne.jp", &errors)),
    ]
}

pub(super) fn check(text: &Text) -> Vec<Sample> {
    let page = |mail, notice, errors: &[(&'static str, String)]| Bot002 {
        frame: Frame {
            notice,
            ..wrong(step(inside(text, "BOT002", "bot002-title"), ISSUE_STEPS, 4), errors)
        },
        procedure: PROCEDURE.into(),
        address: "taro..yamada.@docomo.ne.jp".into(),
        mail: MailShown {
            at: NOW,
            to: vec!["ta***@example.ne.jp".into(), "ya***@example.com".into()],
            progress: mail,
            resend_key: "bot002-resend",
        },
    };
    let errors = [
        ("confirmation_password", text.of("err-confirm")),
        ("mail_password", text.with("err-mailpw", "at", text.near(NOW, NOW))),
    ];
    let resent = Some(text.of("bot002-resent"));
    vec![
        sampled!("bot002", page(MailProgress::Sent, None, &[])),
        sampled!("bot002-wrong", page(MailProgress::Sent, None, &errors)),
        sampled!("bot002-resent", page(MailProgress::Queued, resent, &[])),
        sampled!("bot002-queued", page(MailProgress::Queued, None, &[])),
        sampled!(
            "bot002-expired",
            page(MailProgress::Sent, None, &[("mail_password", text.of("err-mailpw-expired"))])
        ),
        sampled!("bot002-failed", page(MailProgress::Failed, None, &[])),
        sampled!("bot002-late", page(MailProgress::Late, None, &[])),
        sampled!("bot002-bounced", page(MailProgress::Bounced, None, &[])),
    ]
}

pub(super) fn issued(text: &Text) -> Vec<Sample> {
    let fresh = || Some(qr());
    let page = |mail, set_up, qr| Bot003 {
        frame: Frame {
            here: format!("/otp/issue/done?procedure={PROCEDURE}"),
            ..step(inside(text, "BOT003", "bot003-title"), ISSUE_STEPS, 5)
        },
        address: "taro@example.ne.jp".into(),
        ids: ids(),
        qr,
        procedure: PROCEDURE.into(),
        mail,
        set_up,
    };
    vec![
        sampled!("bot003", page(MailProgress::Queued, false, fresh())),
        sampled!("bot003-mail-failed", page(MailProgress::Failed, false, fresh())),
        sampled!("bot003-old-qr", page(MailProgress::Sent, false, None)),
        sampled!("bot003-set-up", page(MailProgress::Sent, true, fresh())),
    ]
}

pub(super) fn start(text: &Text) -> Vec<Sample> {
    let at = |screen, title, now| step(inside(text, screen, title), START_STEPS, now);
    let entry = || at("BOK002", "bok002-title", 2);
    let used = wrong(entry(), &[("passcode", text.of("bli002-used"))]);
    let until = text.with("state-locked-time", "until", text.near(later(1), NOW));
    let bok002 = |frame, closed| Bok002 { frame, procedure: PROCEDURE.into(), closed };
    vec![
        sampled!(
            "bok001",
            Bok001 {
                frame: at("BOK001", "bok001-title", 1),
                procedure: PROCEDURE.into(),
                device: "iPhone（Safari）".into(),
                set_up_at: NOW,
                holds: true,
            }
        ),
        sampled!("bok002", bok002(entry(), None)),
        sampled!("bok002-used", bok002(used, None)),
        sampled!("bok002-locked-until", bok002(entry(), Some(until))),
        sampled!(
            "bok003",
            Bok003 { frame: at("BOK003", "bok003-title", 3), hold_until: Some(later(120)) }
        ),
    ]
}

pub(super) fn release(text: &Text) -> Vec<Sample> {
    let at = |screen, title, now| step(inside(text, screen, title), RELEASE_STEPS, now);
    let bos001 = |frame, closed| Bos001 {
        frame,
        procedure: PROCEDURE.into(),
        holds: true,
        young: Some(later(168)),
        closed,
    };
    vec![
        sampled!("bos001", bos001(at("BOS001", "bos001-title", 1), None)),
        sampled!(
            "bos001-locked",
            bos001(at("BOS001", "bos001-title", 1), Some(text.of("state-locked")))
        ),
        sampled!(
            "bos002",
            Bos002 {
                frame: at("BOS002", "bos002-title", 2),
                again_from: Millis(NOW.0 + HOUR / 2),
                hold_until: Some(later(120)),
            }
        ),
    ]
}
