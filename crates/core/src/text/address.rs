//! Mail addresses as typed on a page. Owns what is taken, with the misplaced dots that old carrier
//! addresses really have, and how an address is shown, compared and put into an envelope.

use std::fmt;

use super::{is_host_name, nfkc};
use crate::policy::{BrokenAddresses, Policy};

/// What an institution takes as an address; by default no misplaced dots and any domain.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailRules<'a> {
    /// The domains whose addresses may have misplaced dots.
    pub broken_domains: &'a [String],
    /// The only domains that are taken; empty means any.
    pub only_domains: &'a [String],
}

impl<'a> MailRules<'a> {
    /// The rules for the address of the phone that is to be set up.
    #[must_use]
    pub fn for_phones(policy: &'a Policy) -> Self {
        Self { only_domains: &policy.issue.phone_address_domains, ..Self::for_notices(policy) }
    }

    /// The rules for notice addresses.
    #[must_use]
    pub fn for_notices(policy: &'a Policy) -> Self {
        Self { broken_domains: &policy.mail.broken_address_domains, only_domains: &[] }
    }
}

/// A mail address in the form it was typed.
#[derive(Clone)]
pub struct MailAddress {
    whole: String,
    at: usize,
}

/// Why a text is no mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was typed.
    #[error("no address was typed")]
    Empty,
    /// It lacks a part, or has one too many.
    #[error("the address lacks a part or has one too many")]
    Form,
    /// Dots are misplaced before the `@`, and the domain is none of those where that is so.
    #[error("the address has misplaced dots before the @")]
    Dots,
    /// What follows the `@` is no domain.
    #[error("the part after the @ is not a domain")]
    Domain,
    /// It holds a character that addresses do not have.
    #[error("the address holds a character that is not allowed")]
    Chars(char),
    /// It is longer than 254 characters, or 64 before the `@`.
    #[error("the address is too long")]
    Long,
    /// The institution does not take this domain.
    #[error("the institution does not take addresses of this domain")]
    Policy,
}

impl MailAddress {
    /// Reads an address as typed; full-width characters become half-width, outer spaces go.
    pub fn parse(text: &str, rules: &MailRules<'_>) -> Result<Self, AddressError> {
        let whole = nfkc(text).trim().to_owned();
        if whole.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some(character) = whole.chars().find(|c| !is_address_character(*c)) {
            return Err(AddressError::Chars(character));
        }
        let (local, domain) = whole.split_once('@').ok_or(AddressError::Form)?;
        if local.is_empty() || domain.contains('@') {
            return Err(AddressError::Form);
        }
        if local.len() > 64 || whole.len() > 254 {
            return Err(AddressError::Long);
        }
        let domain = domain.to_ascii_lowercase();
        if !is_host_name(&domain) {
            return Err(AddressError::Domain);
        }
        if has_misplaced_dots(local) && !is_among(rules.broken_domains, &domain) {
            return Err(AddressError::Dots);
        }
        if !rules.only_domains.is_empty() && !is_among(rules.only_domains, &domain) {
            return Err(AddressError::Policy);
        }
        let at = local.len();
        Ok(Self { whole, at })
    }

    /// The address as typed, in half-width: what is shown and what is used.
    #[must_use]
    pub fn as_typed(&self) -> &str {
        &self.whole
    }

    /// The part after the `@`, as typed.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.whole[self.at + 1..]
    }

    /// The form by which two addresses are the same: the domain in lower case.
    #[must_use]
    pub fn comparable(&self) -> String {
        format!("{}@{}", self.local(), self.domain().to_ascii_lowercase())
    }

    /// The form for pages and logs: `ta***@example.ne.jp`.
    #[must_use]
    pub fn masked(&self) -> String {
        // Never more than the half of it.
        let shown = &self.local()[..(self.at / 2).min(2)];
        format!("{shown}***@{}", self.domain())
    }

    /// The forms for a page that shows several to one customer, who must be able to tell them apart:
    /// of those that would look alike as much is shown as makes the difference.
    #[must_use]
    pub fn masked_apart(all: &[Self]) -> Vec<String> {
        let masked = |address: &Self| {
            let alike = |other: &&Self| other.masked() == address.masked() && *other != address;
            let shared = |other: &Self| {
                let pairs = address.local().chars().zip(other.local().chars());
                pairs.take_while(|(a, b)| a == b).count()
            };
            let Some(shared) = all.iter().filter(alike).map(shared).max() else {
                return address.masked();
            };
            let shown: String = address.local().chars().take(shared + 1).collect();
            let hidden = if shown == address.local() { "" } else { "***" };
            format!("{shown}{hidden}@{}", address.domain())
        };
        all.iter().map(masked).collect()
    }

    /// The form for the envelope of a mail.
    #[must_use]
    pub fn envelope(&self, style: BrokenAddresses) -> String {
        match style {
            BrokenAddresses::Quoted if has_misplaced_dots(self.local()) => {
                format!("\"{}\"@{}", self.local(), self.domain())
            }
            BrokenAddresses::Quoted | BrokenAddresses::AsWritten => self.whole.clone(),
        }
    }

    fn local(&self) -> &str {
        &self.whole[..self.at]
    }
}

impl PartialEq for MailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.comparable() == other.comparable()
    }
}

impl Eq for MailAddress {}

// Addresses do not belong into logs.
impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailAddress({})", self.masked())
    }
}

/// RFC 5322 `atext`, the dot and the `@`: no quotes, comments, spaces or control characters.
fn is_address_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.@".contains(character)
}

fn has_misplaced_dots(local: &str) -> bool {
    local.starts_with('.') || local.ends_with('.') || local.contains("..")
}

fn is_among(domains: &[String], domain: &str) -> bool {
    domains.iter().any(|one| one.eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<MailAddress, AddressError> {
        MailAddress::parse(text, &MailRules::for_phones(&Policy::default()))
    }

    #[test]
    fn several_that_would_look_alike_are_shown_as_far_as_they_differ() {
        let rules = MailRules::default();
        let apart = |all: &[&str]| {
            let all: Vec<_> =
                all.iter().map(|text| MailAddress::parse(text, &rules).unwrap()).collect();
            MailAddress::masked_apart(&all)
        };
        assert_eq!(
            apart(&["sakura@mail.example", "sakura-new@mail.example", "hana@mail.example"]),
            ["sakura@mail.example", "sakura-***@mail.example", "ha***@mail.example"]
        );
        assert_eq!(
            apart(&["sakura@a.example", "sakura@b.example"]),
            ["sa***@a.example", "sa***@b.example"]
        );
        assert_eq!(
            apart(&["sato@a.example", "sano@a.example"]),
            ["sat***@a.example", "san***@a.example"]
        );
        assert_eq!(apart(&[]), [""; 0]);
    }

    #[test]
    fn an_address_is_kept_as_typed_in_half_width() {
        for (typed, kept) in [
            ("taro@example.ne.jp", "taro@example.ne.jp"),
            ("  taro@example.ne.jp\r\n", "taro@example.ne.jp"),
            ("Ｔａｒｏ．Ｙ＠Ｅｘａｍｐｌｅ．ｎｅ．ｊｐ", "Taro.Y@Example.ne.jp"),
            ("a+b_c-d/e=f@x.jp", "a+b_c-d/e=f@x.jp"),
        ] {
            assert_eq!(parse(typed).unwrap().as_typed(), kept);
        }
    }

    #[test]
    fn each_kind_of_mistake_is_told() {
        use AddressError::{Chars, Domain, Dots, Empty, Form, Long};
        for (typed, error) in [
            ("", Empty),
            (" 　", Empty),
            ("taro", Form),
            ("@example.jp", Form),
            ("a@b@example.jp", Form),
            ("a..b@example.jp", Dots),
            (".a@example.jp", Dots),
            ("a.@example.jp", Dots),
            ("taro@", Domain),
            ("taro@example", Domain),
            ("taro@-a.jp", Domain),
            ("taro@a..jp", Domain),
            ("taro@a+b.jp", Domain),
            ("taro@127.0.0.1", Domain),
            ("ta ro@example.jp", Chars(' ')),
            ("taro@example.jp\nbcc: x@y.jp", Chars('\n')),
            ("taro\0@example.jp", Chars('\0')),
            ("太郎@example.jp", Chars('太')),
            ("taro@例え.jp", Chars('例')),
            ("\"a..b\"@docomo.ne.jp", Chars('"')),
            ("taro(x)@example.jp", Chars('(')),
            ("<taro@example.jp>", Chars('<')),
            ("a@x.jp,b@x.jp", Chars(',')),
        ] {
            assert_eq!(parse(typed).unwrap_err(), error, "{typed:?}");
        }
        assert_eq!(parse(&format!("{}@x.jp", "a".repeat(65))).unwrap_err(), Long);
        assert!(parse(&format!("{}@x.jp", "a".repeat(64))).is_ok());
        let domain = format!("{}.{}.{}", "b".repeat(63), "c".repeat(63), "d".repeat(60));
        let whole = |local: usize| format!("{}@{domain}", "a".repeat(local));
        assert_eq!(whole(65).len(), 254);
        assert!(parse(&whole(64)).is_ok());
        assert_eq!(parse(&format!("{}.e", whole(63))).unwrap().as_typed().len(), 254);
        assert_eq!(parse(&format!("{}.e", whole(64))).unwrap_err(), Long);
    }

    #[test]
    fn misplaced_dots_are_taken_from_their_carriers_only() {
        for local in ["abc..def", "abc.", ".abc", "a...b."] {
            for domain in ["docomo.ne.jp", "ezweb.ne.jp", "au.com", "DoCoMo.ne.jp"] {
                let typed = format!("{local}@{domain}");
                assert_eq!(parse(&typed).unwrap().as_typed(), typed);
            }
            for domain in ["example.jp", "docomo.ne.jp.example.jp", "xdocomo.ne.jp"] {
                let typed = format!("{local}@{domain}");
                assert_eq!(parse(&typed).unwrap_err(), AddressError::Dots, "{typed}");
            }
        }
    }

    #[test]
    fn a_broken_address_goes_out_quoted_or_as_written() {
        let broken = parse("abc..def@docomo.ne.jp").unwrap();
        assert_eq!(broken.envelope(BrokenAddresses::Quoted), "\"abc..def\"@docomo.ne.jp");
        assert_eq!(broken.envelope(BrokenAddresses::AsWritten), "abc..def@docomo.ne.jp");
        let sound = parse("abc.def@docomo.ne.jp").unwrap();
        assert_eq!(sound.envelope(BrokenAddresses::Quoted), "abc.def@docomo.ne.jp");
    }

    #[test]
    fn an_institution_may_take_some_domains_only() {
        let mut policy = Policy::default();
        policy.issue.phone_address_domains = vec!["docomo.ne.jp".to_owned()];
        let rules = MailRules::for_phones(&policy);
        assert!(MailAddress::parse("a@DOCOMO.ne.jp", &rules).is_ok());
        let other = MailAddress::parse("a@example.jp", &rules);
        assert_eq!(other.unwrap_err(), AddressError::Policy);
        assert!(MailAddress::parse("a@example.jp", &MailRules::for_notices(&policy)).is_ok());
    }

    #[test]
    fn a_masked_address_shows_two_characters_at_most() {
        for (typed, masked) in [
            ("taro@example.ne.jp", "ta***@example.ne.jp"),
            ("hanako.yamada@example.ne.jp", "ha***@example.ne.jp"),
            ("tar@example.ne.jp", "t***@example.ne.jp"),
            ("ta@example.ne.jp", "t***@example.ne.jp"),
            ("t@example.ne.jp", "***@example.ne.jp"),
        ] {
            assert_eq!(parse(typed).unwrap().masked(), masked);
            assert_eq!(format!("{:?}", parse(typed).unwrap()), format!("MailAddress({masked})"));
        }
    }

    #[test]
    fn domains_compare_without_case_and_local_parts_with_it() {
        assert_eq!(parse("taro@EXAMPLE.jp").unwrap(), parse("taro@example.jp").unwrap());
        assert_ne!(parse("Taro@example.jp").unwrap(), parse("taro@example.jp").unwrap());
        assert_eq!(parse("taro@EXAMPLE.jp").unwrap().comparable(), "taro@example.jp");
    }

    proptest! {
        #[test]
        fn what_is_taken_can_never_break_a_mail_header(text in "\\PC{0,12}[a-z.]{0,4}@?[a-z]{1,3}[.][a-z]{2}.{0,3}") {
            if let Ok(address) = parse(&text) {
                let typed = address.as_typed();
                prop_assert!(typed.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\()<>,:;[]".contains(&b)));
                prop_assert_eq!(typed.matches('@').count(), 1);
                prop_assert!(typed.len() <= 254);
                let again = parse(typed).unwrap();
                prop_assert_eq!(again.as_typed(), typed);
            }
        }
    }
}
