//! What stands around every page: head, steps, errors, foot, and the version of the assets.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use warifu_core::time::Millis;

use super::filters;
use crate::{
    portal::assets::{Assets, WARIFU_CSS},
    text::{Lang, Text},
};

/// The steps of an issue, as keys of their names; BOT000 is at 1, BOT003 at 5.
pub(crate) const ISSUE_STEPS: &[&str] = &[
    "step-choose",
    "bot000-title",
    "step-mail",
    "step-issue-input",
    "step-issue-check",
    "step-issue-done",
];

/// The steps of a start of use; BOK001 is at 1, BOK003 at 3.
pub(crate) const START_STEPS: &[&str] =
    &["step-choose", "step-check", "step-passcode", "step-done"];

/// The steps of a release; BOS001 is at 1, BOS002 at 2.
pub(crate) const RELEASE_STEPS: &[&str] = &["step-choose", "step-release", "step-done"];

/// The steps of a change of password; BPW001 is at 0, BPW003 at 2.
pub(crate) const PASSWORD_STEPS: &[&str] = &["step-input", "step-check", "step-done"];

/// The steps of a change of address; BMA001 is at 0, BMA003 at 2 and 3.
pub(crate) const ADDRESS_STEPS: &[&str] = &["step-input", "step-check", "step-number", "step-done"];

/// What every page has around it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// The words.
    pub text: Text,
    /// The screen's ID, `BOT001`.
    pub screen: &'static str,
    /// The key of the page's title.
    pub title: &'static str,
    /// The masked token that each form carries.
    pub csrf: String,
    /// Whether the head offers to log out.
    pub signed_in: bool,
    /// The procedure's steps, on pages of one.
    pub steps: Option<Steps>,
    /// What was wrong with the entries, already in words.
    pub errors: Vec<FieldError>,
    /// The page's own path and query, to come back to after a change of language or text size.
    pub here: String,
    /// The size of letters the reader chose.
    pub text_size: TextSize,
    /// When the session ends if nothing is done.
    pub session_until: Option<Millis>,
    /// The moment the page is made.
    pub now: Millis,
    /// Whether this is the demonstration, with links to its mailbox and phone.
    pub demo: bool,
    /// A line shown on top, already in words.
    pub notice: Option<String>,
}

/// Where in a procedure a page stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    /// The keys of the steps' names, in order.
    pub keys: &'static [&'static str],
    /// The present step, counted from 0.
    pub now: usize,
}

impl Steps {
    fn name(&self) -> &'static str {
        self.keys.get(self.now).copied().unwrap_or_default()
    }
}

/// What is wrong with one field, or with all of them where `field` is empty.
#[derive(Clone, Debug)]
pub(crate) struct FieldError {
    /// The field's name, which is also its id.
    pub field: &'static str,
    /// What to do about it, in words.
    pub message: String,
}

/// The size of letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TextSize {
    /// 100 %.
    Standard,
    /// 125 %.
    Large,
    /// 150 %.
    Largest,
}

impl TextSize {
    /// All sizes, in the order they are offered.
    pub(crate) const ALL: [Self; 3] = [Self::Standard, Self::Large, Self::Largest];

    /// The name used in the cookie, in addresses and as the class of the page.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Large => "large",
            Self::Largest => "largest",
        }
    }

    /// The size of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.name() == name)
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Standard => "frame-text-standard",
            Self::Large => "frame-text-large",
            Self::Largest => "frame-text-largest",
        }
    }
}

impl Frame {
    /// What is wrong with a field, if anything.
    pub(crate) fn error(&self, field: &str) -> Option<&str> {
        let error = self.errors.iter().find(|error| error.field == field);
        error.map(|error| error.message.as_str())
    }

    /// The version in the assets' addresses.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame they have")]
    pub(crate) fn asset_version(&self) -> &'static str {
        asset_version()
    }

    /// The address of a picture of the guide.
    pub(super) fn guide_picture(&self, name: &str) -> String {
        let (lang, version) = (self.lang().tag(), self.asset_version());
        format!("/assets/guide/{name}-{lang}.webp?v={version}")
    }

    /// A text.
    pub(super) fn t(&self, key: &str) -> String {
        self.text.of(key)
    }

    pub(crate) fn lang(&self) -> Lang {
        self.text.lang()
    }

    pub(super) fn sizes(&self) -> [(TextSize, String); 3] {
        TextSize::ALL.map(|size| (size, self.t(size.key())))
    }

    /// Errors that belong to no single field.
    pub(super) fn page_errors(&self) -> impl Iterator<Item = &FieldError> {
        self.errors.iter().filter(|error| error.field.is_empty())
    }

    /// Errors to be listed with a link to their fields.
    pub(super) fn field_errors(&self) -> Vec<&FieldError> {
        self.errors.iter().filter(|error| !error.field.is_empty()).collect()
    }

    /// Where a page that is open to everyone leads back to.
    pub(super) fn back(&self) -> (&'static str, String) {
        let (path, key) =
            if self.signed_in { ("/top", "frame-to-top") } else { ("/login", "frame-to-login") };
        (path, self.t(key))
    }

    /// The title of the browser's window.
    pub(super) fn window_title(&self) -> String {
        let title = self.t(self.title).replace(filters::MAY_BREAK, "");
        let title =
            self.text.args("frame-title", &[("screen", self.screen.to_owned()), ("title", title)]);
        if self.errors.is_empty() {
            return title;
        }
        self.text.with("frame-title-error", "title", title)
    }

    /// The present step in one line, where there is no room for all of them.
    pub(super) fn step_now(&self, steps: &Steps) -> String {
        let values = [
            ("name", self.t(steps.name())),
            ("number", (steps.now + 1).to_string()),
            ("count", steps.keys.len().to_string()),
        ];
        self.text.args("frame-step-now", &values)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand out references")]
impl Frame {
    /// A moment on its own.
    pub(super) fn at(&self, at: &Millis) -> String {
        self.text.moment(*at)
    }

    /// A text with a moment in it that is near, or at least not far.
    pub(in crate::portal) fn near(&self, key: &str, name: &str, at: &Millis) -> String {
        self.text.with(key, name, self.text.near(*at, self.now))
    }

    /// A text with a moment in it.
    pub(super) fn moment(&self, key: &str, name: &str, at: &Millis) -> String {
        self.text.with(key, name, self.text.moment(*at))
    }

    /// A text with a day in it.
    pub(super) fn day(&self, key: &str, name: &str, at: &Millis) -> String {
        self.text.with(key, name, self.text.day(*at))
    }
}

/// A digest of the embedded assets, so that a browser may keep them until they change.
pub(crate) fn asset_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut digest = Sha256::new();
        digest.update(WARIFU_CSS);
        for file in Assets::iter().filter_map(|name| Assets::get(&name)) {
            digest.update(file.metadata.sha256_hash());
        }
        let digest = <[u8; 32]>::from(digest.finalize());
        let short = digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        format!("{short:016x}")
    })
}
