//! The mails customers receive: which there are, what each carries, how it reads.
//! Never sends anything; no mail holds a link but one to the app's guide, where the institution wants
//! it, and only `Mail::Code` and `Mail::AddressNumber` hold a secret.

use warifu_core::{
    issue::IssueEnd,
    text::{StaticPassword, nfkc},
    time::Millis,
};

use crate::text::{Lang, Text};

/// One mail with all it tells; a new variant does not build until every table below knows it.
pub(crate) enum Mail<'a> {
    /// The mail password, to the notice address.
    Code {
        secret: &'a str,
        /// Locale key of the procedure's name, for instance `mail-procedure-issue`.
        procedure: &'a str,
        sent_at: Millis,
        valid_until: Millis,
    },
    /// The two IDs for the phone app, to the address typed on BOT001; worthless without the start password.
    Token {
        /// The customer's name, only where the institution's policy wants it in mails.
        name: Option<&'a str>,
        service: &'a str,
        user: &'a str,
        deadline: Millis,
        /// The address of the app's guide, where the institution's policy wants a link to it.
        guide: Option<&'a str>,
    },
    /// An issue was accepted.
    Issued { at: Millis, phone_address_masked: &'a str },
    /// A phone was set up.
    Activated { at: Millis, start_deadline: Millis },
    /// From now on the passcode is demanded.
    Started { at: Millis },
    /// The passcode is no longer demanded.
    Released { at: Millis, again_from: Millis },
    /// The token's last day is near.
    Expiring { valid_until: Millis },
    /// The token's last day is over.
    Expired { at: Millis },
    /// Too many wrong ones: closed for a time.
    LockedUntil { at: Millis, which: Which, until: Millis },
    /// Too many wrong ones: closed until unlocked.
    Locked { at: Millis, which: Which },
    /// Locks were lifted by the bank.
    Unlocked { at: Millis },
    /// An issue ended before its token was used.
    IssueDead { at: Millis, end: IssueEnd },
    /// Everything of the customer was stopped.
    Stopped { at: Millis, by_customer: bool },
    /// A static password was changed.
    Password { at: Millis, which: StaticPassword },
    /// The number that proves a new notice address, to that address.
    AddressNumber { secret: &'a str, sent_at: Millis, valid_until: Millis },
    /// A notice address was registered, changed or removed.
    Address { at: Millis, new_masked: Option<&'a str>, old_masked: Option<&'a str> },
}

/// The proof that was entered wrongly too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Passcode,
    Confirmation,
    Login,
    /// The login password, where it stops everything.
    Stop,
    /// The login password, asked for before it is changed.
    PresentLogin,
    MailPassword,
}

/// A rendered mail. No `Debug`: the body of a mail password must not reach a log.
pub(crate) struct Message {
    pub(crate) subject: String,
    /// Plain text, lines end in `\n`.
    pub(crate) body: String,
}

impl Mail<'_> {
    /// The kind's stable name, which is also the locale key of its subject.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Code { .. } => "mail-code",
            Self::Token { .. } => "mail-token",
            Self::Issued { .. } => "mail-issued",
            Self::Activated { .. } => "mail-activated",
            Self::Started { .. } => "mail-started",
            Self::Released { .. } => "mail-released",
            Self::Expiring { .. } => "mail-expiring",
            Self::Expired { .. } => "mail-expired",
            Self::LockedUntil { .. } => "mail-locked-time",
            Self::Locked { .. } => "mail-locked",
            Self::Unlocked { .. } => "mail-unlocked",
            Self::IssueDead { end: IssueEnd::SecondPhone, .. } => "mail-second-phone",
            Self::IssueDead { .. } => "mail-issue-dead",
            Self::Stopped { .. } => "mail-stopped",
            Self::Password { .. } => "mail-password",
            Self::AddressNumber { .. } => "mail-address-code",
            Self::Address { .. } => "mail-address",
        }
    }

    /// Whether the body must be sealed while it waits and wiped afterwards.
    pub(crate) fn has_secret(&self) -> bool {
        matches!(self, Self::Code { .. } | Self::AddressNumber { .. })
    }

    /// The mail in the customer's language, ready for the transport.
    pub(crate) fn render(&self, text: &Text, reception: &str) -> Message {
        let mut values = self.values(text);
        values.push(("reception", reception.to_owned()));
        for (_, value) in &mut values {
            // A line break inside a value could write lines of its own into the mail.
            value.retain(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}'));
        }

        let mut body = String::new();
        if let Self::Token { name: Some(_), .. } = self {
            body.push_str(&text.args("mail-greeting", &values));
            body.push_str("\n\n");
        }
        body.push_str(&text.args(self.body_key(), &values));
        body.push_str("\n\n");
        body.push_str(&text.of("mail-foot"));

        Message {
            subject: portable(&text.args(self.kind(), &values), text.lang()),
            body: folded(&portable(&body, text.lang())),
        }
    }

    fn body_key(&self) -> &'static str {
        match self {
            Self::Code { .. } => "mail-code-body",
            Self::Token { .. } => "mail-token-body",
            Self::Issued { .. } => "mail-issued-body",
            Self::Activated { .. } => "mail-activated-body",
            Self::Started { .. } => "mail-started-body",
            Self::Released { .. } => "mail-released-body",
            Self::Expiring { .. } => "mail-expiring-body",
            Self::Expired { .. } => "mail-expired-body",
            Self::LockedUntil { .. } => "mail-locked-time-body",
            Self::Locked { .. } => "mail-locked-body",
            Self::Unlocked { .. } => "mail-unlocked-body",
            Self::IssueDead { end, .. } => match end {
                IssueEnd::StartPassword => "mail-issue-dead-start-password-body",
                IssueEnd::Deadline => "mail-issue-dead-deadline-body",
                IssueEnd::Reissued => "mail-issue-dead-reissued-body",
                IssueEnd::SecondPhone => "mail-second-phone-body",
                IssueEnd::Stopped => "mail-issue-dead-stopped-body",
                IssueEnd::TakenBack => "mail-issue-dead-taken-back-body",
            },
            Self::Stopped { by_customer: true, .. } => "mail-stopped-body",
            Self::Stopped { by_customer: false, .. } => "mail-stopped-by-bank-body",
            Self::Password { .. } => "mail-password-body",
            Self::AddressNumber { .. } => "mail-address-code-body",
            Self::Address { old_masked: None, .. } => "mail-address-added-body",
            Self::Address { new_masked: None, .. } => "mail-address-removed-body",
            Self::Address { .. } => "mail-address-changed-body",
        }
    }

    fn values(&self, text: &Text) -> Vec<(&'static str, String)> {
        let at = |at: &Millis| ("at", text.moment(*at));
        match self {
            Self::Code { secret, procedure, sent_at, valid_until } => vec![
                ("secret", (*secret).to_owned()),
                ("procedure", text.of(procedure)),
                ("sent-at", text.moment(*sent_at)),
                ("valid-until", text.moment(*valid_until)),
            ],
            Self::Token { name, service, user, deadline, guide } => vec![
                ("name", name.unwrap_or_default().to_owned()),
                ("service", (*service).to_owned()),
                ("user", (*user).to_owned()),
                ("deadline", text.moment(*deadline)),
                ("guide", guide.unwrap_or("none").to_owned()),
            ],
            Self::Issued { at: when, phone_address_masked } => {
                vec![at(when), ("address", (*phone_address_masked).to_owned())]
            }
            Self::Activated { at: when, start_deadline } => {
                vec![at(when), ("deadline", text.moment(*start_deadline))]
            }
            Self::Released { at: when, again_from } => {
                vec![at(when), ("again-from", text.moment(*again_from))]
            }
            Self::LockedUntil { at: when, which, until } => {
                let [proof, stopped] = which.told(text);
                vec![at(when), proof, stopped, ("until", text.moment(*until))]
            }
            Self::Locked { at: when, which } => {
                let [proof, stopped] = which.told(text);
                vec![at(when), proof, stopped]
            }
            Self::Expiring { valid_until } => vec![("date", text.day(*valid_until))],
            Self::Password { at: when, which } => {
                let which = match which {
                    StaticPassword::Login => Which::Login,
                    StaticPassword::Confirmation => Which::Confirmation,
                };
                vec![at(when), ("which", text.of(which.key()))]
            }
            Self::AddressNumber { secret, sent_at, valid_until } => vec![
                ("secret", (*secret).to_owned()),
                ("sent-at", text.moment(*sent_at)),
                ("valid-until", text.moment(*valid_until)),
            ],
            Self::Address { at: when, new_masked, old_masked } => vec![
                at(when),
                ("new", new_masked.unwrap_or_default().to_owned()),
                ("old", old_masked.unwrap_or_default().to_owned()),
            ],
            Self::Started { at: when }
            | Self::Stopped { at: when, .. }
            | Self::Expired { at: when }
            | Self::Unlocked { at: when }
            | Self::IssueDead { at: when, .. } => vec![at(when)],
        }
    }
}

impl Which {
    /// The counter's kind, as stored.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Passcode => "passcode",
            Self::Confirmation => "confirm",
            Self::Login => "login",
            Self::Stop => "stop",
            Self::PresentLogin => "present_login",
            Self::MailPassword => "mail",
        }
    }

    // The proof, and what its lock stops, in words.
    fn told(self, text: &Text) -> [(&'static str, String); 2] {
        [("which", text.of(self.key())), ("stopped", text.of(self.stopped()))]
    }

    fn key(self) -> &'static str {
        match self {
            Self::Passcode => "mail-which-passcode",
            Self::Confirmation => "mail-which-confirmation",
            Self::Login | Self::Stop | Self::PresentLogin => "mail-which-login",
            Self::MailPassword => "mail-which-mail-password",
        }
    }

    // What a lock of this counter stops.
    fn stopped(self) -> &'static str {
        match self {
            Self::Passcode | Self::Login => "mail-stopped-use",
            Self::Stop => "mail-stopped-stop",
            Self::PresentLogin => "mail-stopped-password",
            Self::Confirmation | Self::MailPassword => "mail-stopped-issue",
        }
    }
}

/// The text without the signs that some phones show as garbage. Our own words have none, but
/// institutions put ㈱ into their name and ～ into their hours.
fn portable(text: &str, lang: Lang) -> String {
    let range = match lang {
        Lang::Ja => "から",
        Lang::En => "-",
    };
    let mut out = String::with_capacity(text.len());
    // Half-width kana and their voicing marks only compose when converted together.
    let mut compatibility = String::new();
    for c in text.chars() {
        if is_compatibility_sign(c) {
            compatibility.push(c);
            continue;
        }
        out.push_str(&nfkc(&compatibility));
        compatibility.clear();
        match c {
            '～' | '〜' => out.push_str(range),
            _ if is_emoji(c) => {}
            _ => out.push(c),
        }
    }
    out.push_str(&nfkc(&compatibility));
    out
}

/// Letterlike signs, Roman and circled numbers, squared words such as ㈱, half-width kana.
fn is_compatibility_sign(c: char) -> bool {
    matches!(c,
        '\u{2100}'..='\u{214f}' | '\u{2160}'..='\u{2188}' | '\u{2460}'..='\u{24ff}'
        | '\u{3200}'..='\u{33ff}' | '\u{ff61}'..='\u{ff9f}')
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}' | '\u{fe00}'..='\u{fe0f}' | '\u{200d}')
}

/// The text with every line cut to `COLUMNS`. Our own lines fit; a long name or address may not.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut rest = line;
        while let Some(cut) = overflow(rest) {
            let (row, tail) = rest.split_at(cut);
            out.push_str(row.trim_end());
            out.push('\n');
            rest = tail.trim_start();
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// Where to cut a line that is too wide: at its last space that fits, or else at the edge.
fn overflow(line: &str) -> Option<usize> {
    let mut width = 0;
    let edge = line.char_indices().find_map(|(at, c)| {
        width += columns(c);
        (width > COLUMNS).then_some(at)
    })?;
    let space = line[..edge].rfind([' ', '　']);
    Some(space.filter(|at| !line[..*at].trim().is_empty()).unwrap_or(edge))
}

fn columns(c: char) -> usize {
    if c.is_ascii() { 1 } else { 2 }
}

/// Thirty-five full-width characters: what carriers' phones show without breaking a line again.
const COLUMNS: usize = 70;

#[cfg(test)]
mod tests;
