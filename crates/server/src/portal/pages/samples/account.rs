//! Samples of the pages about the customer's own affairs.

use warifu_core::{counter::Gate, text::StaticPassword, time::Millis};

use super::{
    super::{
        ADDRESS_STEPS, Bes001, Bes001Done, Bhp001, Bhp001Picture, Bhp001Topic, Bma001, Bma002,
        Bma003, Bma003Done, Bpw001, Bpw002, Bpw003, Frame, MailShown, PASSWORD_STEPS, ShownAddress,
        Topic,
    },
    PROCEDURE, Sample, inside, later, outside, sample, sampled, step, wrong,
};
use crate::{
    actions::{password::Offered, progress::MailProgress, stop::Stopped},
    text::{Text, tests::NOW},
};

pub(super) fn stop(text: &Text) -> Vec<Sample> {
    let frame = || outside(text, "BES001", "bes001-title");
    let page = |frame: Frame, login_id: &str| Bes001 { frame, login_id: login_id.into() };
    let refused = wrong(frame(), &[("", text.of("bes001-refused"))]);
    let wait = wrong(frame(), &[("", text.with("bes001-wait", "wait", text.wait(40)))]);
    let stopped = Stopped { at: NOW, reception: "R-4821-0970".into() };
    let done = outside(text, "BES001", "bes001-title-done");
    vec![
        sampled!("bes001", page(frame(), "")),
        sampled!("bes001-refused", page(refused, "yamada.taro")),
        sampled!("bes001-wait", page(wait, "yamada.taro")),
        sampled!("bes001-done", Bes001Done { frame: done, stopped }),
    ]
}

pub(super) fn passwords(text: &Text) -> Vec<Sample> {
    let at = |screen, title, now| step(inside(text, screen, title), PASSWORD_STEPS, now);
    let input = || at("BPW001", "bpw001-title", 0);
    let (login, confirmation) = (StaticPassword::Login, StaticPassword::Confirmation);
    let page = |frame, is_due, offered: &[(StaticPassword, Gate)]| Bpw001 {
        frame,
        which: None,
        is_due,
        offered: offered.iter().map(|&(which, gate)| Offered { which, gate }).collect(),
        holds: true,
    };
    let both = [(login, Gate::Open), (confirmation, Gate::Open)];
    let one = [(login, Gate::Until(later(1))), (confirmation, Gate::Open)];
    let none = [(login, Gate::Until(later(1))), (confirmation, Gate::Stopped)];
    let errors =
        [("which", text.of("err-which-empty")), ("new_password", text.of("err-new-short"))];
    let confirm = |errors: &[(&'static str, String)]| Bpw002 {
        frame: wrong(at("BPW002", "bpw002-title", 1), errors),
        procedure: PROCEDURE.into(),
        which: login,
        holds: true,
    };
    let done = |due| Bpw003 {
        frame: at("BPW003", "bpw003-title", 2),
        which: confirmation,
        due,
        hold_until: Some(later(120)),
    };
    vec![
        sampled!("bpw001", page(input(), false, &both)),
        sampled!("bpw001-due", page(input(), true, &both[1..])),
        sampled!("bpw001-due-both", page(input(), true, &both)),
        sampled!("bpw001-one-locked", page(input(), false, &one)),
        sampled!("bpw001-locked", page(input(), false, &none)),
        sampled!("bpw001-wrong", page(wrong(input(), &errors), false, &both)),
        sampled!("bpw002", confirm(&[])),
        sampled!("bpw002-wrong", confirm(&[("present_password", text.of("err-present"))])),
        sampled!("bpw003", done(None)),
        sampled!("bpw003-due", done(Some(login))),
    ]
}

const NEW: &str = "taro.yamada@example.co.jp";

pub(super) fn addresses(text: &Text) -> Vec<Sample> {
    let at = |screen, title, now| step(inside(text, screen, title), ADDRESS_STEPS, now);
    let input = |errors: &[(&'static str, String)], closed| Bma001 {
        holds: true,
        frame: wrong(at("BMA001", "bma001-title", 0), errors),
        addresses: [("adr_01", "ta***@example.ne.jp"), ("adr_02", "ya***@example.com")]
            .map(|(id, masked)| ShownAddress { id: id.into(), masked: masked.into() })
            .into(),
        may_add: true,
        act: "replace adr_01".into(),
        address: String::new(),
        address2: String::new(),
        mails: true,
        closed,
    };
    let mail = |progress| MailShown {
        at: NOW,
        to: vec!["ta***@example.ne.jp".into()],
        progress,
        resend_key: "bot002-resend",
    };
    let confirm = |mail, new: &str, errors: &[(&'static str, String)]| Bma002 {
        frame: wrong(at("BMA002", "bma002-title", 1), errors),
        procedure: PROCEDURE.into(),
        old: "ta***@example.ne.jp".into(),
        new: new.into(),
        mail,
        holds: true,
    };
    let number = |errors: &[(&'static str, String)]| Bma003 {
        frame: wrong(at("BMA003", "bma003-title", 2), errors),
        procedure: PROCEDURE.into(),
        mail: MailShown { to: vec![NEW.into()], ..mail(MailProgress::Sent) },
    };
    let done = |old: &str, new: &str, usable_from: Option<Millis>| Bma003Done {
        frame: at("BMA003", "bma003-title-done", 3),
        old: old.into(),
        new: new.into(),
        usable_from,
        hold_until: Some(later(120)),
    };
    let (old, new) = ("ta***@example.ne.jp", NEW);
    let empty = [("address", text.of("err-new-address-empty"))];
    let wrong_number = [("number", text.with("err-number", "at", text.near(NOW, NOW)))];
    let wrong_proofs = [("confirmation_password", text.of("err-confirm"))];
    let young = text.with("bmp001-young", "date", text.day(later(24)));
    vec![
        sampled!("bma001", input(&[], None)),
        sampled!("bma001-wrong", input(&empty, None)),
        sampled!("bma001-closed", input(&[], Some(young))),
        sampled!("bma002", confirm(Some(mail(MailProgress::Sent)), new, &[])),
        sampled!("bma002-passcode", confirm(None, new, &[])),
        sampled!("bma002-remove", confirm(None, "", &[])),
        sampled!("bma002-wrong", confirm(Some(mail(MailProgress::Sent)), new, &wrong_proofs)),
        sampled!("bma003", number(&[])),
        sampled!("bma003-wrong", number(&wrong_number)),
        sampled!("bma003-changed", done(old, new, Some(later(168)))),
        sampled!("bma003-added", done("", new, Some(later(168)))),
        sampled!("bma003-removed", done(old, "", None)),
    ]
}

pub(super) fn help(text: &Text) -> Vec<Sample> {
    let page = |topic| {
        let frame = outside(text, "BHP001", Bhp001Topic::title(topic));
        Bhp001Topic { frame, topic, notes: topic.notes(&[]) }
    };
    let frame = outside(text, "BHP001", Bhp001Topic::title(Topic::Address));
    let picture = Bhp001Picture::of(frame, Topic::Address, 1).unwrap();
    vec![
        sampled!("bhp001", Bhp001 { frame: outside(text, "BHP001", "bhp001-title") }),
        sampled!("bhp001-enter", page(Topic::Enter)),
        sampled!("bhp001-phone", page(Topic::Phone)),
        sampled!("bhp001-renew", page(Topic::Renew)),
        sampled!("bhp001-picture", picture),
    ]
}
