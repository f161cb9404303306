//! Pages about the customer's own affairs: emergency stop, passwords, notice addresses.

use askama::Template;
use warifu_core::{counter::Gate, text::StaticPassword, time::Millis};

use super::{Frame, filters};
use crate::actions::{password::Offered, progress::MailProgress, stop::Stopped};

/// BES001 緊急停止.
#[derive(Template, Debug)]
#[template(path = "portal/bes001.html")]
pub(crate) struct Bes001 {
    pub frame: Frame,
    pub login_id: String,
}

/// BES001, after the stop.
#[derive(Template, Debug)]
#[template(path = "portal/bes001_done.html")]
pub(crate) struct Bes001Done {
    pub frame: Frame,
    pub stopped: Stopped,
}

impl Bes001Done {
    fn told(&self) -> String {
        let text = &self.frame.text;
        let at = text.moment(self.stopped.at);
        text.args("bes001-done", &[("at", at), ("reception", self.stopped.reception.clone())])
    }
}

/// A mail with a secret that a page waits for.
#[derive(Clone, Debug)]
pub(crate) struct MailShown {
    pub at: Millis,
    /// The addresses, masked.
    pub to: Vec<String>,
    pub progress: MailProgress,
    /// The label of the button that sends it again.
    pub resend_key: &'static str,
}

impl MailShown {
    #[expect(clippy::unused_self, reason = "templates reach it through the mail they have")]
    /// What is told at each stage: its word, its sign and its text.
    pub(super) fn tellings(&self) -> [(&'static str, &'static str, &'static str); 5] {
        MailProgress::ALL.map(|progress| {
            let (sign, key) = match progress {
                MailProgress::Queued => ("plain", "bot002-mail-queued"),
                MailProgress::Late => ("plain", "mail-late"),
                MailProgress::Sent => ("well", "mail-sent"),
                MailProgress::Failed => ("stop", "mail-failed"),
                MailProgress::Bounced => ("stop", "mail-bounced"),
            };
            (progress.word(), sign, key)
        })
    }
}

const fn name_key(which: StaticPassword) -> &'static str {
    match which {
        StaticPassword::Login => "bpw-login",
        StaticPassword::Confirmation => "bpw-confirmation",
    }
}

/// BPW001 パスワード変更（入力）.
#[derive(Template, Debug)]
#[template(path = "portal/bpw001.html")]
pub(crate) struct Bpw001 {
    pub frame: Frame,
    pub which: Option<StaticPassword>,
    /// Whether what is offered was given by the bank and must be changed before anything else.
    pub is_due: bool,
    /// Which can be changed, and which are locked.
    pub offered: Vec<Offered>,
    /// Whether the change holds some transactions.
    pub holds: bool,
}

impl Bpw001 {
    /// Why the bank asks for it, where it does.
    fn due(&self) -> Option<String> {
        let text = &self.frame.text;
        match &*self.offered {
            _ if !self.is_due => None,
            [only] => Some(text.with("bpw001-due", "which", text.of(name_key(only.which)))),
            _ => Some(text.of("bpw001-due-both")),
        }
    }

    /// Those that cannot be changed now, in words.
    fn locked(&self) -> Vec<String> {
        let text = &self.frame.text;
        let told = |offered: &Offered| {
            let which = ("which", text.of(name_key(offered.which)));
            match offered.gate {
                Gate::Open => None,
                Gate::Until(until) => {
                    let until = ("until", text.near(until, self.frame.now));
                    Some(text.args("bpw001-locked-until", &[which, until]))
                }
                Gate::Stopped => Some(text.args("bpw001-locked", &[which])),
            }
        };
        self.offered.iter().filter_map(told).collect()
    }

    /// What the new one is called.
    fn new_key(&self) -> &'static str {
        match *self.choices() {
            [StaticPassword::Login] => "bpw001-new-login",
            [StaticPassword::Confirmation] => "bpw001-new-confirmation",
            _ => "bpw001-new",
        }
    }

    /// Those that can.
    fn choices(&self) -> Vec<StaticPassword> {
        let open = self.offered.iter().filter(|offered| offered.gate == Gate::Open);
        open.map(|offered| offered.which).collect()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand out references")]
impl Bpw001 {
    #[expect(clippy::unused_self, reason = "templates reach it through the page they have")]
    const fn label(&self, which: &StaticPassword) -> &'static str {
        match which {
            StaticPassword::Login => "bpw001-login",
            StaticPassword::Confirmation => "bpw001-confirmation",
        }
    }

    fn lead(&self, which: &StaticPassword) -> String {
        let text = &self.frame.text;
        text.with("bpw001-lead-one", "which", text.of(name_key(*which)))
    }

    fn is_chosen(&self, which: &StaticPassword) -> bool {
        // Where both are due, the first is as good as the other.
        let first = self.offered.first().filter(|_| self.is_due).map(|offered| offered.which);
        self.which.or(first) == Some(*which)
    }
}

/// BPW002 パスワード変更（内容確認）.
#[derive(Template, Debug)]
#[template(path = "portal/bpw002.html")]
pub(crate) struct Bpw002 {
    pub frame: Frame,
    pub procedure: String,
    pub which: StaticPassword,
    /// Whether the change holds some transactions.
    pub holds: bool,
}

impl Bpw002 {
    fn which_key(&self) -> &'static str {
        name_key(self.which)
    }

    fn present_key(&self) -> &'static str {
        match self.which {
            StaticPassword::Login => "bpw001-old-login",
            StaticPassword::Confirmation => "bpw001-old-confirmation",
        }
    }
}

/// BPW003 パスワード変更（完了）.
#[derive(Template, Debug)]
#[template(path = "portal/bpw003.html")]
pub(crate) struct Bpw003 {
    pub frame: Frame,
    pub which: StaticPassword,
    /// The other one, where it must be changed too.
    pub due: Option<StaticPassword>,
    pub hold_until: Option<Millis>,
}

impl Bpw003 {
    fn which_key(&self) -> &'static str {
        name_key(self.which)
    }

    fn due(&self) -> Option<String> {
        let text = &self.frame.text;
        self.due.map(|which| text.with("bpw003-other-due", "which", text.of(name_key(which))))
    }
}

/// A registered address, as BMA001 names and shows it.
#[derive(Clone, Debug)]
pub(crate) struct ShownAddress {
    pub id: String,
    pub masked: String,
}

/// BMA001 メールアドレス変更（入力）.
#[derive(Template, Debug)]
#[template(path = "portal/bma001.html")]
pub(crate) struct Bma001 {
    pub frame: Frame,
    pub addresses: Vec<ShownAddress>,
    /// Whether there is room for one more.
    pub may_add: bool,
    /// What is chosen, as the form sends it.
    pub act: String,
    pub address: String,
    pub address2: String,
    /// Whether a mail password will be sent to the registered addresses.
    pub mails: bool,
    /// Whether the change holds some transactions.
    pub holds: bool,
    /// Why nothing can be changed now, in words.
    pub closed: Option<String>,
}

/// One of the things that BMA001 offers.
pub(super) struct Choice {
    value: String,
    label: String,
}

impl Bma001 {
    fn choices(&self) -> Vec<Choice> {
        let text = &self.frame.text;
        let named = |key: &str, word: &str, a: &ShownAddress| Choice {
            value: format!("{word} {}", a.id),
            label: text.with(key, "address", &a.masked),
        };
        let mut all: Vec<_> =
            self.addresses.iter().map(|a| named("bma001-replace", "replace", a)).collect();
        if self.may_add {
            all.push(Choice { value: "add".to_owned(), label: text.of("bma001-add") });
        }
        if self.addresses.len() > 1 {
            all.extend(self.addresses.iter().map(|a| named("bma001-remove", "remove", a)));
        }
        all
    }
}

/// BMA002 メールアドレス変更（内容確認）.
#[derive(Template, Debug)]
#[template(path = "portal/bma002.html")]
pub(crate) struct Bma002 {
    pub frame: Frame,
    pub procedure: String,
    /// The address that goes, masked; empty where none does.
    pub old: String,
    /// The address that comes, exactly as it will be used; empty where none does.
    pub new: String,
    /// The mail with the mail password; none where the passcode is asked for.
    pub mail: Option<MailShown>,
    pub holds: bool,
}

/// BMA003 メールアドレス変更: the number that was sent to the new address.
#[derive(Template, Debug)]
#[template(path = "portal/bma003.html")]
pub(crate) struct Bma003 {
    pub frame: Frame,
    pub procedure: String,
    pub mail: MailShown,
}

/// BMA003 メールアドレス変更（完了）.
#[derive(Template, Debug)]
#[template(path = "portal/bma003_done.html")]
pub(crate) struct Bma003Done {
    pub frame: Frame,
    pub old: String,
    pub new: String,
    /// From when the new address serves an issue.
    pub usable_from: Option<Millis>,
    pub hold_until: Option<Millis>,
}

impl Bma003Done {
    fn done_key(&self) -> &'static str {
        match (self.old.is_empty(), self.new.is_empty()) {
            (true, _) => "bma003-added",
            (_, true) => "bma003-removed",
            _ => "bma003-changed",
        }
    }
}
