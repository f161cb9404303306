//! The top page, the menu of changes and the choice of procedures.

use std::collections::BTreeSet;

use askama::Template;
use warifu_core::{audit::Kind, issue::IssueEnd, time::Millis};

use super::{Frame, Qr, TokenIds, filters};
use crate::{actions::top::Event, text::Lang};

/// BPT001 トップページ.
#[derive(Template, Debug)]
#[template(path = "portal/bpt001.html")]
pub(crate) struct Bpt001 {
    pub frame: Frame,
    pub name: String,
    pub last_login: Option<Millis>,
    pub state: OtpState,
    pub hold_until: Option<Millis>,
    /// What the bank has to say, the newest first.
    pub notices: Vec<String>,
    /// What happened to the customer, the newest first.
    pub events: Vec<ShownEvent>,
}

impl Bpt001 {
    /// Everything that was done, and of what others can make happen again and again the newest of each kind:
    /// it folds nothing else away.
    fn open(&self) -> Vec<&ShownEvent> {
        self.sorted().0
    }

    /// The rest, which opens on request.
    fn folded(&self) -> Vec<&ShownEvent> {
        self.sorted().1
    }

    fn sorted(&self) -> (Vec<&ShownEvent>, Vec<&ShownEvent>) {
        let mut seen = BTreeSet::new();
        self.events.iter().partition(|event| seen.insert(event.key) || !event.is_common)
    }
}

/// Something that happened to the customer.
#[derive(Clone, Debug)]
pub(crate) struct ShownEvent {
    pub at: Millis,
    /// The key of its sentence.
    pub key: &'static str,
    /// Whether others can make it happen, any number of times.
    pub is_common: bool,
}

impl ShownEvent {
    /// None for what needs no telling here.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let key = match (event.kind, event.reason.as_str()) {
            (Kind::TokenIssued, _) => "event-token-issued",
            (Kind::TokenActivated, _) => "event-token-activated",
            (Kind::TokenStarted, _) => "event-token-started",
            (Kind::TokenReleased, _) => "event-token-released",
            (Kind::TokenExpired, _) => "event-token-expired",
            (Kind::TokenRevoked, _) => "event-token-revoked",
            (Kind::IssueDied, reason) => match reason.parse().ok()? {
                IssueEnd::SecondPhone => "event-second-phone",
                IssueEnd::StartPassword => "event-issue-start-password",
                IssueEnd::Deadline => "event-issue-deadline",
                IssueEnd::Reissued => "event-issue-reissued",
                IssueEnd::Stopped => "event-issue-stopped",
                IssueEnd::TakenBack => "event-issue-taken-back",
            },
            (Kind::CounterLocked, reason) => match reason.split(' ').next() {
                Some("passcode") => "event-locked",
                Some("confirm") => "event-locked-confirmation",
                Some("login") => "event-locked-login",
                Some("stop") => "event-locked-stop",
                Some("present_login") => "event-locked-password",
                _ => "event-locked-mail",
            },
            (Kind::CounterUnlocked, _) => "event-unlocked",
            (Kind::PasswordChanged, "login") => "event-login-password",
            (Kind::PasswordChanged, _) => "event-confirmation-password",
            (Kind::AddressRegistered, _) => "event-address-registered",
            (Kind::AddressRemoved, _) => "event-address-removed",
            (Kind::CustomerStopped, _) => "event-stopped",
            (Kind::SessionEnded, _) => "event-session-replaced",
            (Kind::SessionRefused, _) => "event-login-wrong",
            (Kind::ConfirmationRefused, _) => "event-confirmation-wrong",
            (Kind::MailPasswordRefused, _) => "event-mail-wrong",
            (Kind::PasswordRefused, _) => "event-present-wrong",
            (Kind::PasscodeRefused, "wrong") => "event-passcode-wrong",
            (Kind::PasscodeRefused, "used") => "event-passcode-used",
            _ => return None,
        };
        let is_common = matches!(
            event.kind,
            Kind::SessionEnded
                | Kind::SessionRefused
                | Kind::ConfirmationRefused
                | Kind::MailPasswordRefused
                | Kind::PasswordRefused
                | Kind::PasscodeRefused
                | Kind::CounterLocked
        );
        Some(Self { at: event.at, key, is_common })
    }
}

/// BCI001 お客様情報変更.
#[derive(Template, Debug)]
#[template(path = "portal/bci001.html")]
pub(crate) struct Bci001 {
    pub frame: Frame,
    /// The language of the customer's mails.
    pub mails: Lang,
}

impl Bci001 {
    #[expect(clippy::unused_self, reason = "templates reach it through the page they have")]
    const fn languages(&self) -> [Lang; 2] {
        [Lang::Ja, Lang::En]
    }
}

/// BOP001 ワンタイムパスワード設定（申請内容選択）.
#[derive(Template, Debug)]
#[template(path = "portal/bop001.html")]
pub(crate) struct Bop001 {
    pub frame: Frame,
    pub state: OtpState,
    pub offers: Vec<Offer>,
    /// What the phone app asks for, while an issue waits for its set-up.
    pub ids: Option<TokenIds>,
    pub qr: Option<Qr>,
    /// When a second phone ended the last issue.
    pub second_phone: Option<Millis>,
    /// Why no token is issued now, where that is worth a word.
    pub no_issue: Option<NoIssue>,
    /// Whether the customer has just come from BOT003.
    pub after_issue: bool,
}

/// How a customer's one-time password stands, as far as pages tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OtpState {
    None,
    Issued {
        deadline: Millis,
    },
    Activated {
        deadline: Millis,
    },
    InUse {
        valid_until: Millis,
    },
    LockedUntil(Millis),
    Locked,
    Suspended,
    /// The customer ended the use of the last one.
    Released,
    /// The token's last day is over; the passcode is still demanded.
    Expired,
    /// The passcode is demanded, and there is no token.
    NoToken,
    /// The phone was not set up in time.
    IssueExpired,
    /// The use was not started in time.
    StartExpired,
    /// It was ended by wrong start passwords, a second phone, or the bank.
    IssueCancelled,
}

/// Why no token is issued now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoIssue {
    /// The last one was released a short while ago.
    Released(Millis),
    /// The confirmation password is locked for a time.
    LockedUntil(Millis),
    /// The confirmation password is locked until someone unlocks it.
    Locked,
}

impl NoIssue {
    pub(super) fn told(self, frame: &Frame) -> String {
        match self {
            Self::Released(until) => frame.near("bop001-wait", "until", &until),
            Self::LockedUntil(until) => frame.near("bop001-confirm-until", "until", &until),
            Self::Locked => frame.t("bop001-confirm-locked"),
        }
    }

    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Released(_) => "plain",
            Self::LockedUntil(_) | Self::Locked => "stop",
        }
    }
}

/// A procedure that can be begun on BOP001.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offer {
    Issue,
    /// While the last one waits for its set-up.
    IssueAgain,
    /// After its set-up.
    IssueAgainSetUp,
    Start,
    Release,
}

impl OtpState {
    /// The state in words.
    pub(super) fn told(self, frame: &Frame) -> String {
        match self {
            Self::None => frame.t("state-none"),
            Self::Issued { deadline } => frame.moment("state-issued", "deadline", &deadline),
            Self::Activated { deadline } => frame.moment("state-activated", "deadline", &deadline),
            Self::InUse { valid_until } => frame.day("state-in-use", "date", &valid_until),
            Self::LockedUntil(until) => frame.near("state-locked-time", "until", &until),
            Self::Released => frame.t("state-released"),
            Self::Expired => frame.t("state-expired"),
            Self::NoToken => frame.t("bli002-no-token"),
            Self::Locked => frame.t("state-locked"),
            Self::Suspended => frame.t("state-suspended"),
            Self::IssueExpired => frame.t("state-issue-expired"),
            Self::StartExpired => frame.t("state-start-expired"),
            Self::IssueCancelled => frame.t("state-issue-cancelled"),
        }
    }

    /// The sign beside the words: all well, something to do, or stopped.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::InUse { .. } => "well",
            Self::None
            | Self::Released
            | Self::Issued { .. }
            | Self::Activated { .. }
            | Self::IssueExpired
            | Self::StartExpired
            | Self::IssueCancelled => "plain",
            Self::LockedUntil(_)
            | Self::Expired
            | Self::NoToken
            | Self::Locked
            | Self::Suspended => "stop",
        }
    }

    /// The three steps until the first use, as long as it has not begun.
    pub(super) fn flow(self) -> Option<[FlowStep; 3]> {
        let done = match self {
            Self::None
            | Self::Released
            | Self::IssueExpired
            | Self::StartExpired
            | Self::IssueCancelled => 0,
            Self::Issued { .. } => 1,
            Self::Activated { .. } => 2,
            Self::InUse { .. }
            | Self::LockedUntil(_)
            | Self::Locked
            | Self::Suspended
            | Self::Expired
            | Self::NoToken => return None,
        };
        let step = |key, index| FlowStep { key, past: index < done, next: index == done };
        Some([step("bop001-flow-1", 0), step("bop001-flow-2", 1), step("bop001-flow-3", 2)])
    }

    /// Whether the page may have changed since, by what happens on the phone.
    pub(super) const fn waits_for_phone(self) -> bool {
        matches!(self, Self::Issued { .. })
    }
}

/// One of the three steps until the first use.
pub(super) struct FlowStep {
    key: &'static str,
    past: bool,
    next: bool,
}

impl Offer {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Issue => "bop001-issue",
            Self::IssueAgain | Self::IssueAgainSetUp => "bop001-again",
            Self::Start => "bop001-start",
            Self::Release => "bop001-release",
        }
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Issue => "bop001-issue-text",
            Self::IssueAgain => "bop001-again-text",
            Self::IssueAgainSetUp => "bop001-again-set-up-text",
            Self::Start => "bop001-start-text",
            Self::Release => "bop001-release-text",
        }
    }

    /// Where its button posts to.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Issue | Self::IssueAgain | Self::IssueAgainSetUp => "/otp/issue",
            Self::Start => "/otp/start",
            Self::Release => "/otp/release",
        }
    }

    /// Whether it leads on; the others end or repeat something and stay quiet.
    pub(super) const fn leads_on(self) -> bool {
        matches!(self, Self::Issue | Self::Start)
    }
}
