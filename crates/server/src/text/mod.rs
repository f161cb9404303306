//! The words of pages, mails and the phone app: one localiser over the Fluent files in `locales/`.
//! Owns languages, the institution's values in texts, and how times read; knows no page.

#[expect(
    clippy::disallowed_types,
    reason = "the loader takes its arguments as a HashMap; it is only looked into, never walked"
)]
use std::collections::HashMap;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    sync::Arc,
};

use fluent_templates::{LanguageIdentifier, fluent_bundle::FluentValue, langid};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use warifu_core::time::{Millis, Span};

use locales::LOCALES;

mod locales {
    #![expect(clippy::disallowed_types, reason = "the loader keeps its languages in a HashMap")]

    fluent_templates::static_loader! {
        pub(super) static LOCALES = {
            locales: "./locales",
            fallback_language: "ja",
            // Isolation marks would be copied along with passcodes and ids.
            customise: |bundle| bundle.set_use_isolating(false),
        };
    }
}

/// A language of the pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lang {
    /// Japanese.
    Ja,
    /// English.
    En,
}

impl Lang {
    /// The tag used in `lang` attributes, cookies and addresses.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// The language with this tag.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "ja" => Some(Self::Ja),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The other language, offered by the head of each page.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Ja => Self::En,
            Self::En => Self::Ja,
        }
    }

    const fn id(self) -> &'static LanguageIdentifier {
        static JA: LanguageIdentifier = langid!("ja");
        static EN: LanguageIdentifier = langid!("en");
        match self {
            Self::Ja => &JA,
            Self::En => &EN,
        }
    }
}

/// A value written in both languages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Both {
    /// In Japanese.
    pub ja: String,
    /// In English.
    pub en: String,
}

impl Both {
    /// The value in one language.
    #[must_use]
    pub fn of(&self, lang: Lang) -> &str {
        match lang {
            Lang::Ja => &self.ja,
            Lang::En => &self.en,
        }
    }
}

/// What every text may say about the institution.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The zone in which all times are told.
    pub zone: TimeZone,
    /// `$bank`: the institution's name.
    pub bank: Both,
    /// `$contact`: the name of its help desk.
    pub contact: Both,
    /// `$phone`: the help desk's number.
    pub phone: String,
    /// `$hours`: when the help desk answers.
    pub hours: Both,
    /// `$emergency`: the name of the desk that answers at all hours.
    pub emergency: Both,
    /// `$emergency-phone`: that desk's number.
    pub emergency_phone: String,
    /// `$sender`: the address mails come from.
    pub sender: String,
    /// `$sender-domain`: the domain customers have to allow.
    pub sender_domain: String,
    /// `$ib-host`: the host of the customers' pages, as it is typed.
    pub ib_host: String,
    /// `$token-host`: the host of the phone app, as it is typed.
    pub token_host: String,
    /// `$lock-span`: how long wrong passcodes lock.
    pub lock_for: Span,
    /// `$wait-span`: between a release and the next issue.
    pub wait_after_release: Span,
    /// `$hold-span`: how long some transactions are held after a change.
    pub hold_for: Span,
    /// The rules that texts tell.
    pub numbers: Numbers,
}

/// The numbers of the institution's policy that texts tell.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// `$passcode-digits`
    pub passcode_digits: u32,
    /// `$passcode-period`, in seconds
    pub passcode_period: u32,
    /// `$lock-after`: wrong ones in a row until a lock for a time
    pub lock_after: u32,
    /// `$stop-after`: wrong ones in a row until a lock that staff must lift
    pub stop_after: u32,
    /// `$mail-digits`
    pub mail_digits: u32,
    /// `$mail-minutes`
    pub mail_minutes: u32,
    /// `$mail-tries`
    pub mail_tries: u32,
    /// `$address-days`: how long a notice address must have been registered
    pub address_days: u32,
    /// `$session-minutes`
    pub session_minutes: u32,
    /// `$warning-minutes`: how long before its end a session's end is told
    pub warning_minutes: u32,
    /// `$activate-hours`: how long an issue waits for its set-up
    pub activate_hours: u32,
    /// `$start-tries`: wrong start passwords until an issue is dead
    pub start_tries: u32,
    /// `$confirm-tries`: wrong confirmation passwords in a row until a lock for a time
    pub confirm_tries: u32,
    /// `$password-least`: fewest characters of a static password
    pub password_least: u32,
    /// `$password-most`: most characters of a static password
    pub password_most: u32,
}

/// The texts of one institution in one language; cheap to clone.
#[derive(Clone, Debug)]
pub struct Text {
    lang: Lang,
    facts: Arc<Facts>,
}

#[expect(clippy::disallowed_types, reason = "what the loader takes")]
type Arguments<'a> = HashMap<Cow<'static, str>, FluentValue<'a>>;

impl Text {
    /// The texts of an institution in a language.
    #[must_use]
    pub const fn new(lang: Lang, facts: Arc<Facts>) -> Self {
        Self { lang, facts }
    }

    /// The language.
    #[must_use]
    pub const fn lang(&self) -> Lang {
        self.lang
    }

    /// The institution's values.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The same institution's texts in another language.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> Self {
        Self { lang, facts: Arc::clone(&self.facts) }
    }

    /// A text that needs no values but the institution's.
    #[must_use]
    pub fn of(&self, key: &str) -> String {
        self.lookup(key, &self.arguments())
    }

    /// A text with one value.
    #[must_use]
    pub fn with(&self, key: &str, name: &str, value: impl Display) -> String {
        self.args(key, &[(name, value.to_string())])
    }

    /// A text with several values.
    #[must_use]
    pub fn args(&self, key: &str, values: &[(&str, String)]) -> String {
        let mut arguments = self.arguments();
        for (name, value) in values {
            arguments.insert(Cow::Owned((*name).to_owned()), value.as_str().into());
        }
        self.lookup(key, &arguments)
    }

    /// A moment to the second, 「2026年11月22日 14時35分08秒」.
    #[must_use]
    pub fn moment(&self, at: Millis) -> String {
        self.format(at, "%Y年%-m月%-d日 %H時%M分%S秒", "%-d %B %Y, %H:%M:%S")
    }

    /// A time of today, 「14時35分08秒」.
    #[must_use]
    pub fn time(&self, at: Millis) -> String {
        self.format(at, "%H時%M分%S秒", "%H:%M:%S")
    }

    /// A moment as it is told near by: the time alone on the same day, else with its date.
    #[must_use]
    pub fn near(&self, at: Millis, now: Millis) -> String {
        if self.day(at) == self.day(now) { self.time(at) } else { self.moment(at) }
    }

    /// A day, 「2026年11月22日」.
    #[must_use]
    pub fn day(&self, at: Millis) -> String {
        self.format(at, "%Y年%-m月%-d日", "%-d %B %Y")
    }

    /// What kind of device a person used, 「iPhone（Safari）」, as it is kept.
    #[must_use]
    pub fn device(&self, kind: &str) -> String {
        match self.lang {
            Lang::Ja => kind.to_owned(),
            Lang::En => kind.replace('（', " (").replace('）', ")"),
        }
    }

    /// A span to wait: seconds below two minutes, then minutes, rounded up so that it suffices.
    #[must_use]
    pub fn wait(&self, seconds: u64) -> String {
        let (count, ja, en) = match seconds {
            0..120 => (seconds, "秒", "second"),
            120..7_200 => (seconds.div_ceil(60), "分", "minute"),
            _ => (seconds.div_ceil(3_600), "時間", "hour"),
        };
        match self.lang {
            Lang::Ja => format!("{count}{ja}"),
            Lang::En => counted(count, en),
        }
    }

    /// A span of a rule in its largest whole unit, 「30分間」, 「24時間」, 「7日間」.
    #[must_use]
    pub fn span(&self, span: Span) -> String {
        let seconds = span.seconds();
        let (count, ja, en) =
            [(86_400, "日間", "day"), (3_600, "時間", "hour"), (60, "分間", "minute")]
                .into_iter()
                .find(|(unit, ..)| seconds >= *unit && seconds.is_multiple_of(*unit))
                .map_or((seconds, "秒間", "second"), |(unit, ja, en)| (seconds / unit, ja, en));
        match self.lang {
            Lang::Ja => format!("{count}{ja}"),
            Lang::En => counted(u64::from(count), en),
        }
    }

    /// All texts whose keys begin with one of the prefixes, the institution's values filled in and
    /// every other value left as `{name}`.
    #[must_use]
    pub fn raw_messages(&self, prefixes: &[&str]) -> BTreeMap<String, String> {
        sources(self.lang)
            .iter()
            .flat_map(|source| messages(source))
            .filter(|(key, _)| prefixes.iter().any(|prefix| key.starts_with(prefix)))
            .map(|(key, names)| (key.to_owned(), self.raw(key, &names)))
            .collect()
    }

    fn raw(&self, key: &str, names: &BTreeSet<&str>) -> String {
        let mut arguments = self.arguments();
        for &name in names {
            arguments
                .entry(Cow::Owned(name.to_owned()))
                .or_insert_with(|| FluentValue::from(format!("{{{name}}}")));
        }
        self.lookup(key, &arguments)
    }

    fn lookup(&self, key: &str, arguments: &Arguments<'_>) -> String {
        [self.lang, Lang::Ja]
            .into_iter()
            .find_map(|lang| LOCALES.lookup_single_language(lang.id(), key, Some(arguments)).ok())
            .unwrap_or_else(|| missing(key))
    }

    fn format(&self, at: Millis, ja: &str, en: &str) -> String {
        // What lies beyond the calendar reads as its last day.
        let moment = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX);
        let local: Zoned = moment.to_zoned(self.facts.zone.clone());
        let pattern = match self.lang {
            Lang::Ja => ja,
            Lang::En => en,
        };
        local.strftime(pattern).to_string()
    }

    fn arguments(&self) -> Arguments<'_> {
        let (facts, lang) = (&*self.facts, self.lang);
        let texts = [
            ("bank", facts.bank.of(lang)),
            ("contact", facts.contact.of(lang)),
            ("phone", &facts.phone),
            ("hours", facts.hours.of(lang)),
            ("emergency", facts.emergency.of(lang)),
            ("emergency-phone", &facts.emergency_phone),
            ("sender", &facts.sender),
            ("sender-domain", &facts.sender_domain),
            ("ib-host", &facts.ib_host),
            ("token-host", &facts.token_host),
        ];
        let texts = texts.map(|(name, value)| (Cow::Borrowed(name), FluentValue::from(value)));
        let spans = [
            ("lock-span", facts.lock_for),
            ("wait-span", facts.wait_after_release),
            ("hold-span", facts.hold_for),
        ];
        let spans = spans.map(|(name, span)| (Cow::Borrowed(name), self.span(span).into()));
        let numbers = facts.numbers.named();
        let numbers = numbers.map(|(name, value)| (Cow::Borrowed(name), FluentValue::from(value)));
        texts.into_iter().chain(spans).chain(numbers).collect()
    }
}

impl Numbers {
    const fn named(&self) -> [(&'static str, u32); 15] {
        [
            ("passcode-digits", self.passcode_digits),
            ("passcode-period", self.passcode_period),
            ("lock-after", self.lock_after),
            ("stop-after", self.stop_after),
            ("mail-digits", self.mail_digits),
            ("mail-minutes", self.mail_minutes),
            ("mail-tries", self.mail_tries),
            ("address-days", self.address_days),
            ("session-minutes", self.session_minutes),
            ("warning-minutes", self.warning_minutes),
            ("activate-hours", self.activate_hours),
            ("start-tries", self.start_tries),
            ("confirm-tries", self.confirm_tries),
            ("password-least", self.password_least),
            ("password-most", self.password_most),
        ]
    }
}

fn counted(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// What a reader sees of a text that is not there, or that was given too few values.
#[cfg(not(test))]
fn missing(key: &str) -> String {
    key.to_owned()
}

/// In tests such a text stops the test.
#[cfg(test)]
fn missing(key: &str) -> String {
    panic!("no text {key:?}, or a value is missing in it");
}

/// The Fluent files of a language, for walking over keys; the loader only finds single ones.
const fn sources(lang: Lang) -> [&'static str; 4] {
    match lang {
        Lang::Ja => [
            include_str!("../../locales/ja/demo.ftl"),
            include_str!("../../locales/ja/mail.ftl"),
            include_str!("../../locales/ja/phone.ftl"),
            include_str!("../../locales/ja/portal.ftl"),
        ],
        Lang::En => [
            include_str!("../../locales/en/demo.ftl"),
            include_str!("../../locales/en/mail.ftl"),
            include_str!("../../locales/en/phone.ftl"),
            include_str!("../../locales/en/portal.ftl"),
        ],
    }
}

/// Each message's key with the names of the values it asks for.
fn messages(source: &str) -> Vec<(&str, BTreeSet<&str>)> {
    let mut found: Vec<(&str, BTreeSet<&str>)> = Vec::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(|first: char| first.is_ascii_lowercase())
            && let Some((key, _)) = line.split_once('=')
        {
            found.push((key.trim_end(), BTreeSet::new()));
        }
        if let Some((_, names)) = found.last_mut() {
            names.extend(names_in(line));
        }
    }
    found
}

fn names_in(line: &str) -> impl Iterator<Item = &str> {
    line.split('$').skip(1).map(|rest| {
        let end = rest.find(|c: char| c != '-' && !c.is_ascii_alphanumeric());
        end.and_then(|end| rest.get(..end)).unwrap_or(rest)
    })
}

#[cfg(test)]
pub(crate) mod tests;
