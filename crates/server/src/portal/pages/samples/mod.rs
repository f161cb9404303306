//! Each page in its states, for tests, snapshots and eyes; every value is made up and fixed.

mod account;
mod procedures;

use askama::Template;
use warifu_core::time::Millis;

use super::{
    Bci001, Ber, Bli001, Bli002, Bop001, Bpt001, Extended, FieldError, Frame, LoggedOut, NoIssue,
    Offer, OtpState, Qr, ShownEvent, Steps, TextSize, TokenIds,
};
use crate::text::{
    Lang, Text,
    tests::{NOW, sample_text},
};

/// One state of one page.
pub(crate) struct Sample {
    pub name: &'static str,
    pub html: String,
    pub has_errors: bool,
}

const HOUR: i64 = 3_600_000;
const PROCEDURE: &str = "prc_06f3k9w2q8v7m4x1t5z0n6b3cd";

/// All pages in all their states.
pub(crate) fn samples(lang: Lang) -> Vec<Sample> {
    let text = sample_text(lang);
    let mut all = sign_in(&text);
    all.extend(passcode(&text));
    all.extend(told(&text));
    all.extend(top(&text));
    all.extend(choice(&text));
    all.extend(procedures::mail_password(&text));
    all.extend(procedures::details(&text));
    all.extend(procedures::check(&text));
    all.extend(procedures::issued(&text));
    all.extend(procedures::start(&text));
    all.extend(procedures::release(&text));
    all.extend(account::stop(&text));
    all.extend(account::passwords(&text));
    all.extend(account::addresses(&text));
    all.extend(account::help(&text));
    all
}

fn later(hours: i64) -> Millis {
    Millis(NOW.0 + hours * HOUR)
}

/// The frame of a page before the login.
fn outside(text: &Text, screen: &'static str, title: &'static str) -> Frame {
    Frame {
        text: text.clone(),
        screen,
        title,
        csrf: "x4yVbV0rTq2".into(),
        signed_in: false,
        steps: None,
        errors: Vec::new(),
        here: "/login".into(),
        text_size: TextSize::Standard,
        session_until: None,
        now: NOW,
        demo: true,
        notice: None,
    }
}

fn inside(text: &Text, screen: &'static str, title: &'static str) -> Frame {
    Frame {
        signed_in: true,
        session_until: Some(Millis(NOW.0 + HOUR / 6)),
        here: format!("/otp/issue/input?procedure={PROCEDURE}"),
        demo: false,
        ..outside(text, screen, title)
    }
}

fn step(frame: Frame, keys: &'static [&'static str], now: usize) -> Frame {
    Frame { steps: Some(Steps { keys, now }), ..frame }
}

fn wrong(frame: Frame, errors: &[(&'static str, String)]) -> Frame {
    let errors =
        errors.iter().map(|(field, message)| FieldError { field, message: message.clone() });
    Frame { errors: errors.collect(), ..frame }
}

fn sample(name: &'static str, page: &impl Template, frame: &Frame) -> Sample {
    Sample { name, html: page.render().unwrap(), has_errors: !frame.errors.is_empty() }
}

/// One state of a page that has a frame.
macro_rules! sampled {
    ($name:literal, $page:expr) => {{
        let page = $page;
        sample($name, &page, &page.frame)
    }};
}

use sampled;

fn sign_in(text: &Text) -> Vec<Sample> {
    let frame = || outside(text, "BLI001", "bli001-title");
    let page = |frame: Frame, login_id: &str| Bli001 { frame, login_id: login_id.into() };
    let refused = wrong(frame(), &[("", text.of("bli001-refused"))]);
    let wait = wrong(frame(), &[("", text.with("bli001-wait", "wait", text.wait(40)))]);
    let empty = [
        ("login_id", text.of("err-login-id-empty")),
        ("login_password", text.of("err-login-password-empty")),
    ];
    let mut largest = frame();
    largest.text_size = TextSize::Largest;
    vec![
        sampled!("bli001", page(frame(), "")),
        sampled!("bli001-refused", page(refused, "yamada.taro")),
        sampled!("bli001-wait", page(wait, "yamada.taro")),
        sampled!("bli001-empty", page(wrong(frame(), &empty), "")),
        sampled!("bli001-largest", page(largest, "")),
    ]
}

fn passcode(text: &Text) -> Vec<Sample> {
    let frame = || outside(text, "BLI002", "bli002-title");
    let refused = wrong(frame(), &[("passcode", text.of("bli002-wrong"))]);
    let form = wrong(frame(), &[("passcode", text.of("err-passcode-form"))]);
    let used = wrong(frame(), &[("passcode", text.of("bli002-used"))]);
    let until = text.with("bli002-locked-until", "until", text.near(later(1), NOW));
    let tomorrow = text.with("bli002-locked-until", "until", text.near(later(24), NOW));
    let page = |frame, closed| Bli002 { frame, closed };
    vec![
        sampled!("bli002", page(frame(), None)),
        sampled!("bli002-wrong", page(refused, None)),
        sampled!("bli002-form", page(form, None)),
        sampled!("bli002-used", page(used, None)),
        sampled!("bli002-locked-until", page(frame(), Some(until))),
        sampled!("bli002-locked-until-tomorrow", page(frame(), Some(tomorrow))),
        sampled!("bli002-locked", page(frame(), Some(text.of("bli002-locked")))),
        sampled!("bli002-suspended", page(frame(), Some(text.of("state-suspended")))),
        sampled!("bli002-no-token", page(frame(), Some(text.of("bli002-no-token")))),
    ]
}

fn told(text: &Text) -> Vec<Sample> {
    let login = ("/login".to_owned(), text.of("frame-to-login"));
    let otp = ("/otp".to_owned(), text.of("frame-to-otp"));
    let out = |screen, title| outside(text, screen, title);
    vec![
        sampled!(
            "logged-out",
            LoggedOut { frame: out("BLI001", "logout-title"), issue_deadline: Some(later(72)) }
        ),
        sampled!(
            "logged-out-done",
            LoggedOut { frame: out("BLI001", "logout-title"), issue_deadline: None }
        ),
        sampled!("extended", Extended { frame: inside(text, "BPT001", "extended-title") }),
        sampled!(
            "ber-expired",
            Ber {
                frame: out("BER006", "expired-title"),
                paragraphs: vec![text.of("expired-text"), text.of("expired-issue")],
                links: vec![login],
            }
        ),
        sampled!(
            "ber-issue-over",
            Ber {
                frame: inside(text, "BER001", "ber-title"),
                paragraphs: vec![text.of("over-start-password")],
                links: vec![otp.clone(), ("/top".to_owned(), text.of("frame-to-top"))],
            }
        ),
        sampled!(
            "ber-stale",
            Ber {
                frame: inside(text, "BER003", "ber-title"),
                paragraphs: vec![text.with("again-stale", "first", text.of("frame-to-otp"))],
                links: vec![otp],
            }
        ),
        sampled!(
            "ber-failed",
            Ber {
                frame: out("BER009", "ber-title"),
                paragraphs: vec![
                    text.with("error-500", "reception", "R-4821-0937"),
                    text.of("lost-reply"),
                ],
                links: Vec::new(),
            }
        ),
    ]
}

fn top(text: &Text) -> Vec<Sample> {
    let page = |state, last_login, hold_until| Bpt001 {
        frame: inside(text, "BPT001", "bpt001-title"),
        name: "山田 太郎".into(),
        last_login,
        state,
        hold_until,
        notices: Vec::new(),
        events: Vec::new(),
    };
    let mut told = page(OtpState::None, Some(later(-30)), None);
    told.notices = vec!["11月29日 2時から5時まで、システムの点検を行います。".into()];
    told.events = [
        ("event-token-issued", -2),
        ("event-locked", -40),
        ("event-locked", -90),
        ("event-login-password", -600),
    ]
    .map(|(key, hours)| ShownEvent { at: later(hours), key, is_common: key == "event-locked" })
    .to_vec();
    let issued = OtpState::Issued { deadline: later(72) };
    let in_use = OtpState::InUse { valid_until: later(3 * 365 * 24) };
    vec![
        sampled!("bpt001", page(OtpState::None, None, None)),
        sampled!("bpt001-issued", page(issued, Some(later(-30)), None)),
        sampled!("bpt001-in-use", page(in_use, Some(later(-30)), Some(later(120)))),
        sampled!("bpt001-locked", page(OtpState::LockedUntil(later(1)), Some(later(-30)), None)),
        sampled!("bpt001-expired", page(OtpState::Expired, Some(later(-30)), None)),
        sampled!("bpt001-told", told),
        sampled!(
            "bci001",
            Bci001 { frame: inside(text, "BCI001", "bci001-title"), mails: Lang::Ja }
        ),
    ]
}

fn bop001(text: &Text, state: OtpState, offers: &[Offer]) -> Bop001 {
    Bop001 {
        frame: inside(text, "BOP001", "bop001-title"),
        state,
        offers: offers.to_vec(),
        ids: None,
        qr: None,
        second_phone: None,
        no_issue: None,
        after_issue: false,
    }
}

fn choice(text: &Text) -> Vec<Sample> {
    let issued = OtpState::Issued { deadline: later(72) };
    let activated = OtpState::Activated { deadline: later(168) };
    let in_use = OtpState::InUse { valid_until: later(3 * 365 * 24) };
    let again = [Offer::IssueAgain];
    let mut waiting = bop001(text, OtpState::None, &[]);
    waiting.state = OtpState::Released;
    waiting.no_issue = Some(NoIssue::Released(Millis(NOW.0 + HOUR / 2)));
    let mut refused = bop001(text, OtpState::None, &[]);
    refused.no_issue = Some(NoIssue::LockedUntil(Millis(NOW.0 + HOUR / 2)));
    let mut stopped = bop001(text, OtpState::None, &[]);
    stopped.no_issue = Some(NoIssue::Locked);
    let mut second = bop001(text, OtpState::IssueExpired, &[Offer::Issue]);
    second.second_phone = Some(later(-1));
    let mut after = bop001(text, issued, &again);
    (after.after_issue, after.ids) = (true, Some(ids()));
    let mut shown = bop001(text, issued, &again);
    (shown.ids, shown.qr) = (Some(ids()), Some(qr()));
    vec![
        sampled!("bop001", bop001(text, OtpState::None, &[Offer::Issue])),
        sampled!("bop001-after-issue", after),
        sampled!("bop001-qr", shown),
        sampled!(
            "bop001-activated",
            bop001(text, activated, &[Offer::Start, Offer::IssueAgainSetUp])
        ),
        sampled!("bop001-in-use", bop001(text, in_use, &[Offer::Release])),
        sampled!("bop001-wait", waiting),
        sampled!("bop001-confirm-until", refused),
        sampled!("bop001-confirm-locked", stopped),
        sampled!("bop001-released", bop001(text, OtpState::Released, &[Offer::Issue])),
        sampled!("bop001-issue-expired", bop001(text, OtpState::IssueExpired, &[Offer::Issue])),
        sampled!("bop001-start-expired", bop001(text, OtpState::StartExpired, &[Offer::Issue])),
        sampled!("bop001-expired", bop001(text, OtpState::Expired, &[])),
        sampled!("bop001-no-token", bop001(text, OtpState::NoToken, &[])),
        sampled!("bop001-second-phone", second),
        sampled!("bop001-locked-until", bop001(text, OtpState::LockedUntil(later(1)), &[])),
        sampled!("bop001-locked", bop001(text, OtpState::Locked, &[])),
        sampled!("bop001-suspended", bop001(text, OtpState::Suspended, &[])),
    ]
}

fn ids() -> TokenIds {
    TokenIds { service: "1234 5678".into(), user: "4829 1376 0512".into(), deadline: later(72) }
}

// Stands where the QR code stands, with the size of a real one.
fn qr() -> Qr {
    Qr {
        svg: r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 41 41" shape-rendering="crispEdges"><path fill="#000" d="M4 4h7v7H4zm1 1v5h5V5zm1 1h3v3H6zM30 4h7v7h-7zm1 1v5h5V5zm1 1h3v3h-3zM4 30h7v7H4zm1 1v5h5v-5zm1 1h3v3H6zM13 4h2v1h-2zM17 5h3v2h-3zM22 8h4v1h-4zM13 13h3v3h-3zM18 12h2v5h-2zM23 14h6v1h-6zM31 13h2v4h-2zM5 14h4v2H5zM7 19h8v1H7zM18 20h5v3h-5zM26 19h3v6h-3zM31 22h5v2h-5zM14 26h6v1h-6zM16 30h2v5h-2zM21 28h4v4h-4zM28 30h6v2h-6zM22 35h7v1h-7z"/></svg>"##.into(),
        link: "https://token.minato-bank.example.jp/app/#1.12345678.482913760512.AAAA".into(),
        until: Millis(NOW.0 + HOUR / 6),
    }
}
