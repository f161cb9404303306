//! The policy of an institution: each key with its default, its floor and its ceiling, in one table.
//! Owns the bounds; what a key does stands with the rule that reads it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hold::HoldKind;
use crate::time::Span;

/// A value that is outside what the code allows, or at odds with another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value} is outside {floor} to {ceiling}")]
pub struct OutOfBounds {
    /// The section and key, with a dot.
    pub key: &'static str,
    /// What was set.
    pub value: String,
    /// The least that is allowed.
    pub floor: String,
    /// The most that is allowed.
    pub ceiling: String,
}

/// A bounded value of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(u32),
    Span(Span),
}

/// One row of the table of bounds, with the value as it is set.
struct Row {
    key: &'static str,
    value: Value,
    floor: Value,
    ceiling: Value,
}

/// Makes the sections: `key: Type = default, floor => ceiling;` (a key without bounds has none).
macro_rules! policy {
    ($($(#[$doc:meta])* $section:ident: $name:ident {
        $($(#[$key_doc:meta])* $key:ident: $type:ty = $default:expr
            $(, $floor:expr => $ceiling:expr)?;)+
    })+) => {
        /// The policy of an institution; a key that is left out has its default.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Policy {
            $($(#[$doc])* pub $section: $name,)+
        }

        impl Policy {
            fn rows(&self) -> Vec<Row> {
                vec![$($($(Row {
                    key: concat!(stringify!($section), ".", stringify!($key)),
                    value: self.$section.$key.into(),
                    floor: $floor.into(),
                    ceiling: $ceiling.into(),
                },)?)+)+]
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $name {
                $($(#[$key_doc])* pub $key: $type,)+
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $($key: $default,)+ }
                }
            }
        )+
    };
}

policy! {
    /// Passcodes of the phone app, and their counter.
    passcode: PasscodePolicy {
        /// Digits of a passcode.
        digits: u32 = 6, 6 => 8;
        /// The length of a step.
        period: Span = seconds(60), seconds(30) => seconds(60);
        /// Steps accepted before and after the server's own.
        window: u32 = 1, 0 => 2;
        /// Uses after the last one that are looked at, of tokens that count them.
        look_ahead: u32 = 10, 1 => 30;
        /// Wrong ones in a row that lock for a time.
        lock_after: u32 = 5, 3 => 10;
        /// How long they lock.
        lock_for: Span = minutes(30), minutes(5) => hours(24);
        /// Wrong ones in a row that stop until unlocked.
        stop_after: u32 = 10, 5 => 20;
    }
    /// The counter of the confirmation password.
    confirmation: LockPolicy {
        /// Wrong ones in a row that lock for a time.
        lock_after: u32 = 5, 3 => 10;
        /// How long they lock.
        lock_for: Span = minutes(30), minutes(5) => hours(24);
        /// Wrong ones in a row that stop until unlocked.
        stop_after: u32 = 10, 5 => 20;
    }
    /// The counter of the login password: growing waits, no stop within reach of a stranger.
    login: LoginPolicy {
        /// Tries before the first wait.
        free_tries: u32 = 3, 1 => 10;
        /// The first wait; each further one is twice as long.
        first_wait: Span = seconds(5), seconds(1) => seconds(60);
        /// The longest wait.
        longest_wait: Span = minutes(15), minutes(1) => hours(1);
        /// Wrong ones in a row that stop until unlocked.
        stop_after: u32 = 100, 100 => 1000;
        /// Wrong ones from one network before it has to wait.
        network_free_tries: u32 = 20, 5 => 1000;
    }
    /// Mail passwords.
    mail_password: MailPasswordPolicy {
        /// Digits of a mail password.
        digits: u32 = 8, 6 => 10;
        /// How long it is valid.
        valid: Span = minutes(30), minutes(5) => minutes(60);
        /// Tries within one procedure, over all re-sends.
        tries: u32 = 5, 3 => 10;
        /// Tries of a customer in one day.
        tries_a_day: u32 = 15, 5 => 30;
        /// Mails within `sends_window`.
        sends: u32 = 3, 1 => 5;
        /// The time in which `sends` are counted.
        sends_window: Span = minutes(10), minutes(5) => minutes(60);
        /// Mails to a customer in one day.
        sends_a_day: u32 = 10, 3 => 20;
    }
    /// The issue of a software token.
    issue: IssuePolicy {
        /// How long the phone may be set up.
        activate_within: Span = hours(72), hours(1) => hours(168);
        /// How long the use may be started.
        start_within: Span = days(7), days(1) => days(30);
        /// Issues of a customer in one day.
        a_day: u32 = 3, 1 => 10;
        /// Wrong start passwords after which the issue is dead.
        start_password_tries: u32 = 5, 3 => 10;
        /// How long a QR code can be scanned.
        qr_valid: Span = minutes(10), minutes(1) => minutes(30);
        /// The wait between a release and the next issue.
        wait_after_release: Span = minutes(30), minutes(5) => days(7);
        /// How long a notice address must have been confirmed before it serves an issue.
        address_age: Span = days(7), days(7) => days(90);
        /// The only domains a phone's address may have; empty means any.
        phone_address_domains: Vec<String> = Vec::new();
    }
    /// Holds on transactions after a change.
    hold: HoldPolicy {
        /// How long a hold runs.
        span: Span = hours(120), hours(24) => hours(720);
        /// Changes after which none runs.
        exempt: Vec<HoldKind> = Vec::new();
    }
    /// The validity of tokens.
    token: TokenPolicy {
        /// Years that a software token is valid.
        software_years: u32 = 3, 1 => 5;
        /// Years that a hardware token is valid.
        hardware_years: u32 = 5, 1 => 10;
        /// How long before its end the customer is told.
        expiry_notice: Span = days(30), days(7) => days(90);
    }
    /// Sessions of customers.
    session: SessionPolicy {
        /// Idle time after which a session ends.
        idle: Span = minutes(10), minutes(5) => minutes(30);
        /// The same while a mail is awaited.
        idle_waiting_for_mail: Span = minutes(30), minutes(10) => minutes(60);
        /// The longest a session lives.
        longest: Span = hours(8), hours(1) => hours(12);
        /// How long before its end the customer is warned.
        warning: Span = minutes(2), minutes(1) => minutes(5);
    }
    /// Static passwords.
    password: PasswordPolicy {
        /// Fewest characters.
        min_length: u32 = 8, 8 => 16;
        /// Most characters.
        max_length: u32 = 64, 64 => 64;
        /// Whether passwords that the bank has given are changed before anything else.
        change_first: bool = true;
    }
    /// Mails.
    mail: MailPolicy {
        /// Whether mails name the customer.
        name_in_mail: bool = false;
        /// How addresses with misplaced dots are written in the envelope.
        broken_addresses: BrokenAddresses = BrokenAddresses::Quoted;
        /// The domains whose old addresses may have misplaced dots.
        broken_address_domains: Vec<String> = carriers();
        /// Whether mails link to the guide page.
        guide_link: bool = false;
    }
    /// The audit trail.
    audit: AuditPolicy {
        /// Years that it is kept.
        keep_years: u32 = 10, 10 => 30;
    }
}

worded! {
    /// How an address with misplaced dots is written in the envelope of a mail.
    BrokenAddresses {
        /// With a quoted local part: `"abc..def"@docomo.ne.jp`.
        Quoted = "quoted",
        /// As it was written.
        AsWritten = "as_written",
    }
}

impl Policy {
    /// Whether every value is within its bounds and none is at odds with another.
    pub fn check(&self) -> Result<(), Vec<OutOfBounds>> {
        let mut rows = self.rows();
        rows.extend(self.relations());
        let out: Vec<_> = rows.into_iter().filter_map(Row::out_of_bounds).collect();
        if out.is_empty() { Ok(()) } else { Err(out) }
    }

    /// Bounds that other values of the same policy set.
    fn relations(&self) -> [Row; 3] {
        let stop = |key, lock_after: u32, value: u32| Row {
            key,
            value: value.into(),
            floor: lock_after.saturating_add(1).into(),
            ceiling: 20.into(),
        };
        [
            stop("passcode.stop_after", self.passcode.lock_after, self.passcode.stop_after),
            stop(
                "confirmation.stop_after",
                self.confirmation.lock_after,
                self.confirmation.stop_after,
            ),
            // A warning must leave a part of the session without it.
            Row {
                key: "session.warning",
                value: self.session.warning.into(),
                floor: minutes(1).into(),
                ceiling: seconds(self.session.idle.seconds().saturating_sub(1)).into(),
            },
        ]
    }
}

impl PasscodePolicy {
    /// The part that counts and locks.
    #[must_use]
    pub fn lock(&self) -> LockPolicy {
        LockPolicy {
            lock_after: self.lock_after,
            lock_for: self.lock_for,
            stop_after: self.stop_after,
        }
    }
}

impl Row {
    fn out_of_bounds(self) -> Option<OutOfBounds> {
        let Self { key, value, floor, ceiling } = self;
        (value < floor || value > ceiling).then(|| OutOfBounds {
            key,
            value: value.to_string(),
            floor: floor.to_string(),
            ceiling: ceiling.to_string(),
        })
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<Span> for Value {
    fn from(span: Span) -> Self {
        Self::Span(span)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Span(span) => span.fmt(f),
        }
    }
}

fn carriers() -> Vec<String> {
    ["docomo.ne.jp", "ezweb.ne.jp", "au.com"].map(str::to_owned).to_vec()
}

const fn seconds(amount: u32) -> Span {
    Span::of_seconds(amount)
}

const fn minutes(amount: u16) -> Span {
    Span::of_minutes(amount)
}

const fn hours(amount: u16) -> Span {
    Span::of_hours(amount)
}

const fn days(amount: u8) -> Span {
    Span::of_days(amount)
}

#[cfg(test)]
mod tests;
