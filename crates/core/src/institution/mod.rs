//! The document of an institution: who it is, under which names it is reached, how it looks.
//! Owns the check of the whole document; each error names its key.

use serde::{Deserialize, Serialize};

use crate::ids::ServiceId;
use crate::policy::{OutOfBounds, Policy};
use crate::text::{MailAddress, MailRules, is_host_name, is_phone_number, is_unseen};

/// An institution as its document describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Institution {
    /// Its public number, typed into the phone app.
    pub service_id: ServiceId,
    /// The IANA name of its time zone; whether there is such a zone is checked by who knows them.
    pub zone: String,
    /// The host names it is reached under.
    pub hosts: Hosts,
    /// Its name.
    pub name: Bilingual,
    /// Whom customers ask.
    pub contact: Contact,
    /// Whom customers call at any hour.
    pub emergency: Emergency,
    /// The sender of its mails.
    pub mail: Sender,
    /// How its pages look.
    pub look: Look,
    /// Its policy.
    #[serde(default)]
    pub policy: Policy,
}

/// The host names of an institution, one for each kind of visitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    /// The customers' pages.
    pub ib: String,
    /// The phone app.
    pub token: String,
    /// The staff's pages.
    pub console: String,
    /// The bank's programs.
    pub api: String,
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

/// Whom customers ask, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// The desk.
    pub name: Bilingual,
    /// Its telephone number.
    pub phone: String,
    /// Its hours.
    pub hours: Bilingual,
}

/// Whom customers call in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// The desk.
    pub name: Bilingual,
    /// Its telephone number.
    pub phone: String,
}

/// The sender of an institution's mails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// The address mails come from.
    pub sender: String,
    /// The name before it.
    pub sender_name: Bilingual,
}

/// How an institution's pages look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// The colour of the primary button and the step indicator: `#rrggbb`.
    pub color: String,
}

/// What is wrong with a document; each names its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstitutionError {
    /// A text is empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A text holds a line break, a tab or another control character.
    #[error("{0} holds a control or an invisible character")]
    Control(&'static str),
    /// A telephone number that nobody could call.
    #[error("{0} is no telephone number: digits, spaces and + - ( )")]
    Phone(&'static str),
    /// A host is no lower-case DNS name.
    #[error("{0} is not a lower-case host name")]
    Host(&'static str),
    /// A host is the same as another one.
    #[error("{0} is the same host as another one")]
    SameHost(&'static str),
    /// The sender is no mail address.
    #[error("{0} is not a mail address")]
    Sender(&'static str),
    /// A list of domains holds something else.
    #[error("{0} holds something that is not a lower-case domain")]
    Domain(&'static str),
    /// The colour is not written as `#rrggbb`.
    #[error("{0} is not a colour like #0017c1")]
    Color(&'static str),
    /// The colour is too pale for white text on it.
    #[error("{0} has less than 4.5:1 contrast against white")]
    Contrast(&'static str),
    /// A value of the policy is outside its bounds.
    #[error("policy.{0}")]
    Policy(OutOfBounds),
}

impl Institution {
    /// Whether the document can be used; tells all that is wrong at once.
    pub fn check(&self) -> Result<(), Vec<InstitutionError>> {
        let mut errors = self.text_errors();
        errors.extend(self.hosts.errors());
        errors.extend(self.sender_error());
        errors.extend(self.look.error());
        errors.extend(self.domain_errors());
        errors
            .extend(self.policy.check().err().into_iter().flatten().map(InstitutionError::Policy));
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    // They stand in headers of mails: what breaks a line there would break every mail.
    fn text_errors(&self) -> Vec<InstitutionError> {
        [
            ("zone", &self.zone),
            ("name.ja", &self.name.ja),
            ("name.en", &self.name.en),
            ("contact.name.ja", &self.contact.name.ja),
            ("contact.name.en", &self.contact.name.en),
            ("contact.phone", &self.contact.phone),
            ("contact.hours.ja", &self.contact.hours.ja),
            ("contact.hours.en", &self.contact.hours.en),
            ("emergency.name.ja", &self.emergency.name.ja),
            ("emergency.name.en", &self.emergency.name.en),
            ("emergency.phone", &self.emergency.phone),
            ("mail.sender_name.ja", &self.mail.sender_name.ja),
            ("mail.sender_name.en", &self.mail.sender_name.en),
        ]
        .into_iter()
        .filter_map(|(key, text)| {
            let is_empty = text.trim().is_empty().then_some(InstitutionError::Empty(key));
            let is_broken = text.chars().any(|c| c.is_control() || is_unseen(c));
            let is_phone = key.rsplit('.').next() != Some("phone") || is_phone_number(text);
            is_empty
                .or(is_broken.then_some(InstitutionError::Control(key)))
                .or((!is_phone).then_some(InstitutionError::Phone(key)))
        })
        .collect()
    }

    fn sender_error(&self) -> Option<InstitutionError> {
        let sender = MailAddress::parse(&self.mail.sender, &MailRules::default());
        let as_written = sender.is_ok_and(|address| address.as_typed() == self.mail.sender);
        (!as_written).then_some(InstitutionError::Sender("mail.sender"))
    }

    fn domain_errors(&self) -> Vec<InstitutionError> {
        [
            ("policy.issue.phone_address_domains", &self.policy.issue.phone_address_domains),
            ("policy.mail.broken_address_domains", &self.policy.mail.broken_address_domains),
        ]
        .into_iter()
        .filter(|(_, domains)| !domains.iter().all(|domain| is_host_name(domain)))
        .map(|(key, _)| InstitutionError::Domain(key))
        .collect()
    }
}

impl Hosts {
    /// The four hosts with their keys.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &str); 4] {
        [
            ("hosts.ib", &self.ib),
            ("hosts.token", &self.token),
            ("hosts.console", &self.console),
            ("hosts.api", &self.api),
        ]
    }

    fn errors(&self) -> Vec<InstitutionError> {
        let named = self.named();
        let mut errors = Vec::new();
        for (place, (key, host)) in named.iter().enumerate() {
            if !is_host_name(host) {
                errors.push(InstitutionError::Host(key));
            }
            if named[..place].iter().any(|(_, earlier)| earlier == host) {
                errors.push(InstitutionError::SameHost(key));
            }
        }
        errors
    }
}

impl Look {
    fn error(&self) -> Option<InstitutionError> {
        let Some(color) = Rgb::parse(&self.color) else {
            return Some(InstitutionError::Color("look.color"));
        };
        let readable = contrast(color, Rgb::WHITE) >= LEAST_CONTRAST;
        (!readable).then_some(InstitutionError::Contrast("look.color"))
    }
}

/// A colour of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

impl Rgb {
    /// `#ffffff`.
    pub const WHITE: Self = Self { red: 255, green: 255, blue: 255 };

    /// Reads `#rrggbb`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        // `from_str_radix` alone would take a sign.
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self { red, green, blue })
    }

    /// WCAG 2: relative luminance.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

/// The contrast of two colours after WCAG 2: 1 to 21.
#[must_use]
pub fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (one.luminance(), other.luminance());
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

// WCAG 2, success criterion 1.4.3, text of ordinary size.
const LEAST_CONTRAST: f64 = 4.5;

#[cfg(test)]
mod tests;
