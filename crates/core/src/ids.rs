//! Identifiers: version 7 UUIDs with a prefix that says whose they are, and numbers people type.
//! Owns their text forms; a text of another form or another prefix is refused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

pub use crate::numbers::{
    LoginId, LoginIdError, NumberError, ReceptionNumber, ServiceId, UserId, UserIdError,
};
use crate::random::{self, Random};
use crate::time::Millis;

/// A text that is no identifier of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// It begins with the prefix of something else.
    #[error("the id does not begin with {0}")]
    Prefix(&'static str),
    /// What follows the prefix is not 26 canonical characters.
    #[error("the id is not 26 characters of 0-9 a-z without i, l, o, u")]
    Form,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// What its text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new one, ordered by time.
            #[must_use]
            pub fn generate(now: Millis, random: &dyn Random) -> Self {
                Self(uuid_v7(now, random))
            }

            /// The sixteen bytes behind the text.
            #[must_use]
            pub const fn as_bytes(self) -> [u8; 16] {
                self.0
            }

            /// The one with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                write_crockford(f, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let rest = text.strip_prefix($prefix).ok_or(IdError::Prefix($prefix))?;
                read_crockford(rest).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// An institution.
    InstitutionId "ins_",
    /// A customer.
    CustomerId "cus_",
    /// A token.
    TokenId "tok_",
    /// One issue of a software token.
    IssueId "iss_",
    /// One activation on a phone.
    ActivationId "act_",
    /// One verification of a passcode.
    VerificationId "ver_",
    /// A transaction of the bank.
    TransactionId "txn_",
    /// A procedure over several pages.
    ProcedureId "prc_",
    /// A session.
    SessionId "ses_",
    /// A key of the bank's programs.
    ApiKeyId "key_",
    /// A member of staff.
    OperatorId "opr_",
    /// An application that a second person approves.
    ApplicationId "app_",
    /// A row of the audit trail.
    AuditId "aud_",
    /// A mail in the outbox.
    MailId "mal_",
    /// A notice address.
    AddressId "adr_",
    /// A text for the customers' top page.
    NoticeId "ntc_",
}

impl CustomerId {
    /// The shard key of everything that belongs to this customer.
    #[must_use]
    pub fn bucket(self) -> u8 {
        bucket_of(&self.to_string())
    }
}

impl InstitutionId {
    /// The shard key of rows that belong to the institution itself.
    #[must_use]
    pub fn bucket(self) -> u8 {
        bucket_of(&self.to_string())
    }
}

fn bucket_of(text: &str) -> u8 {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    digest[0]
}

impl AuditId {
    /// A new one for the `n`th line that one request leaves, counted from 0: lines of the same millisecond
    /// sort as they were written (a counter in front of the random bits, RFC 9562 section 6.2, method 1).
    /// Lines behind the 4,095th share its place.
    #[must_use]
    pub fn nth(n: u32, now: Millis, random: &dyn Random) -> Self {
        let Self(mut bytes) = Self::generate(now, random);
        let [_, _, high, low] = n.min(0xfff).to_be_bytes();
        bytes[6] = bytes[6] & 0xf0 | high;
        bytes[7] = low;
        Self(bytes)
    }
}

fn uuid_v7(now: Millis, random: &dyn Random) -> [u8; 16] {
    let millis = u64::try_from(now.0).unwrap_or(0);
    let random = random::bytes::<10>(random);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().into_bytes()
}

// Lower case, and in ASCII order, so that texts sort as the bytes do.
const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn write_crockford(f: &mut fmt::Formatter<'_>, bytes: [u8; 16]) -> fmt::Result {
    let value = u128::from_be_bytes(bytes);
    let text = [0; 26].map({
        let mut shift = 130;
        move |_: u8| {
            shift -= 5;
            CROCKFORD[usize::try_from((value >> shift) & 31).unwrap_or(0)]
        }
    });
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

/// The value of each character; of those that are none, more than 31.
const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let (mut at, mut value) = (0, 0);
    while at < CROCKFORD.len() {
        values[CROCKFORD[at] as usize] = value;
        at += 1;
        value += 1;
    }
    values
};

fn read_crockford(text: &str) -> Result<[u8; 16], IdError> {
    // 26 characters hold 130 bits: the first may use three of its five only.
    if text.len() != 26 || text.as_bytes()[0] > b'7' {
        return Err(IdError::Form);
    }
    let value =
        text.bytes().try_fold(0u128, |value, character| match VALUES[usize::from(character)] {
            u8::MAX => Err(IdError::Form),
            place => Ok((value << 5) | u128::from(place)),
        })?;
    Ok(value.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::Stream;
    use proptest::prelude::*;

    const NOON: Millis = Millis(1_795_500_000_000);

    #[test]
    fn an_id_prints_with_the_prefix_of_its_kind() {
        let id = TokenId::from_bytes([0; 16]);
        assert_eq!(id.to_string(), "tok_00000000000000000000000000");
        assert_eq!(format!("{id:?}"), id.to_string());
        let id = CustomerId::from_bytes([0xff; 16]);
        assert_eq!(id.to_string(), "cus_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let id = TokenId::generate(NOON, &Stream::new(1)).to_string();
        assert!(id.parse::<TokenId>().is_ok());
        assert_eq!(id.parse::<CustomerId>(), Err(IdError::Prefix("cus_")));
        assert_eq!(id.replace("tok_", "TOK_").parse::<TokenId>(), Err(IdError::Prefix("tok_")));
    }

    #[test]
    fn a_form_that_is_not_canonical_is_refused() {
        let good = "tok_01jd9zq5w0e8m3k7v2n4x6y8za";
        assert_eq!(good.parse::<TokenId>().unwrap().to_string(), good);
        for bad in [
            "tok_",
            "tok_01jd9zq5w0e8m3k7v2n4x6y8z",
            "tok_01jd9zq5w0e8m3k7v2n4x6y8zaa",
            "tok_81jd9zq5w0e8m3k7v2n4x6y8za",
            "tok_01JD9ZQ5W0E8M3K7V2N4X6Y8ZA",
            "tok_01jd9zq5w0e8m3k7v2n4x6y8zo",
            "tok_01jd9zq5w0e8m3k7v2n4x6y8zl",
            "tok_01jd9zq5w0e8m3k7v2n4x6y8-a",
            "tok_01jd9zq5w0e8m3k7v2n4x6y8あ",
            " tok_01jd9zq5w0e8m3k7v2n4x6y8z",
        ] {
            assert!(bad.parse::<TokenId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_generated_id_is_a_uuid_of_version_7_and_its_time() {
        let id = SessionId::generate(NOON, &Stream::new(2));
        let uuid = uuid::Uuid::from_bytes(id.as_bytes());
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.as_bytes()[..6], NOON.0.to_be_bytes()[2..]);
        assert_ne!(id, SessionId::generate(NOON, &Stream::new(3)));
    }

    #[test]
    fn later_ids_sort_later_as_values_and_as_texts() {
        let random = Stream::new(4);
        let ids: Vec<_> = (0..50).map(|n| AuditId::generate(Millis(NOON.0 + n), &random)).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().map(ToString::to_string).is_sorted());
    }

    #[test]
    fn lines_of_one_request_sort_as_they_were_written() {
        let random = Stream::new(7);
        let ids: Vec<_> = (0..4_096).map(|n| AuditId::nth(n, NOON, &random)).collect();
        assert!(ids.is_sorted());
        let last = uuid::Uuid::from_bytes(AuditId::nth(u32::MAX, NOON, &random).as_bytes());
        assert_eq!((last.get_version_num(), last.get_variant()), (7, uuid::Variant::RFC4122));
        assert_eq!(last.as_bytes()[..6], ids[4_095].as_bytes()[..6]);
    }

    #[test]
    fn a_bucket_is_the_first_byte_of_the_digest_of_the_text() {
        // printf cus_00000000000000000000000000 | sha256sum
        assert_eq!(CustomerId::from_bytes([0; 16]).bucket(), 0x34);
        assert_eq!(InstitutionId::from_bytes([0; 16]).bucket(), 0xd8);
        let random = Stream::new(5);
        let used: std::collections::BTreeSet<_> =
            (0..4_000).map(|_| CustomerId::generate(NOON, &random).bucket()).collect();
        assert_eq!(used.len(), 256);
    }

    #[test]
    fn an_id_is_a_string_in_documents() {
        let id = MailId::generate(NOON, &Stream::new(6));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<MailId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<AddressId>(&json).is_err());
    }

    proptest! {
        #[test]
        fn every_id_reads_back_from_its_text(bytes in any::<[u8; 16]>()) {
            let id = ProcedureId::from_bytes(bytes);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 30);
            prop_assert_eq!(text.parse::<ProcedureId>(), Ok(id));
            prop_assert_eq!(id.as_bytes(), bytes);
        }

        #[test]
        fn only_the_canonical_text_is_read(text in "iss_[0-9a-zA-Z]{25,27}") {
            if let Ok(id) = text.parse::<IssueId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
