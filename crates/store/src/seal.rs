//! Sealing: every secret in a row is bound to its row, so that a row copied elsewhere is refused.
//!
//! A key-encryption key (from a file, never in the database) seals each institution's data key; from
//! the data key come, by HKDF, one key for sealed fields and one for MACs.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use warifu_core::{
    random::{self, Random},
    secret::SecretBytes,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::StoreError;

const FORMAT: u8 = 1;
const HEAD: usize = 1 + 4 + 12;

/// Whose field it is: the associated data of a sealed field and the first part of a MAC.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Table the field lives in.
    pub table: &'a str,
    /// Column the field lives in.
    pub column: &'a str,
    /// Institution of the row.
    pub institution: &'a str,
    /// Customer of the row, or empty.
    pub customer: &'a str,
    /// Kind of the row, or empty.
    pub kind: &'a str,
    /// Key of the row.
    pub id: &'a str,
    /// Version of the field's meaning.
    pub version: i64,
}

impl Place<'_> {
    // Each part with its length, so that no two places can be written alike.
    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        let parts = [self.table, self.column, self.institution, self.customer, self.kind, self.id];
        for part in parts {
            out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(&8_u32.to_be_bytes());
        out.extend_from_slice(&self.version.to_be_bytes());
        out
    }
}

/// The key-encryption key of the installation, with the id that sealed fields name.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Kek {
    id: u32,
    key: [u8; 32],
}

impl std::fmt::Debug for Kek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kek({})", self.id)
    }
}

impl Kek {
    /// A key with its id.
    #[must_use]
    pub fn new(id: u32, key: [u8; 32]) -> Self {
        Self { id, key }
    }

    /// Makes a new data key for an institution; gives it sealed, to be stored.
    pub fn new_data_key(
        &self,
        institution: &str,
        key_id: u32,
        random: &dyn Random,
    ) -> Result<Vec<u8>, StoreError> {
        let mut data_key: [u8; 32] = random::bytes(random);
        let place = data_key_place(institution, &key_id.to_string()).bytes();
        let sealed = seal(&self.key, self.id, &place, &data_key, random::bytes(random));
        data_key.zeroize();
        sealed
    }

    /// Opens an institution's data key.
    pub fn open_data_key(
        &self,
        institution: &str,
        key_id: u32,
        sealed: &[u8],
    ) -> Result<Keys, StoreError> {
        let place = data_key_place(institution, &key_id.to_string()).bytes();
        let data_key = open(&self.key, self.id, &place, sealed)?;
        Keys::derive(key_id, data_key.expose())
    }
}

fn data_key_place<'a>(institution: &'a str, id: &'a str) -> Place<'a> {
    Place {
        table: "institution_keys",
        column: "sealed",
        institution,
        customer: "",
        kind: "",
        id,
        version: 1,
    }
}

/// An institution's keys, opened.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Keys {
    id: u32,
    seal: [u8; 32],
    mac: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.id)
    }
}

impl Keys {
    fn derive(id: u32, data_key: &[u8]) -> Result<Self, StoreError> {
        let hkdf = Hkdf::<Sha256>::new(None, data_key);
        let mut keys = Self { id, seal: [0; 32], mac: [0; 32] };
        for (label, out) in [("warifu/seal", &mut keys.seal), ("warifu/mac", &mut keys.mac)] {
            hkdf.expand(label.as_bytes(), out)
                .map_err(|_| StoreError::Corrupt("data key".to_owned()))?;
        }
        Ok(keys)
    }

    /// Seals a field: `v1 ‖ key id (4) ‖ nonce (12) ‖ ciphertext and tag`.
    pub fn seal(
        &self,
        place: &Place<'_>,
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, StoreError> {
        seal(&self.seal, self.id, &place.bytes(), plain, random::bytes(random))
    }

    /// Opens a sealed field; refuses one that was sealed for another place.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<SecretBytes, StoreError> {
        open(&self.seal, self.id, &place.bytes(), sealed)
    }

    /// The MAC of a value in its place (HMAC-SHA-256, 32 bytes).
    #[must_use]
    pub fn mac(&self, place: &Place<'_>, value: &[u8]) -> Vec<u8> {
        // HMAC takes keys of any length; an empty tag would fit nothing.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.mac) else { return Vec::new() };
        mac.update(&place.bytes());
        mac.update(value);
        mac.finalize().into_bytes().to_vec()
    }

    /// Whether `tag` is the MAC of this value in this place; compares in constant time.
    #[must_use]
    pub fn fits(&self, place: &Place<'_>, value: &[u8], tag: &[u8]) -> bool {
        bool::from(self.mac(place, value).ct_eq(tag)) && tag.len() == 32
    }
}

fn seal(
    key: &[u8; 32],
    key_id: u32,
    aad: &[u8],
    plain: &[u8],
    nonce: [u8; 12],
) -> Result<Vec<u8>, StoreError> {
    let cipher = Aes256Gcm::new(&(*key).into());
    let text = cipher
        .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad })
        .map_err(|_| StoreError::Corrupt("cannot seal".to_owned()))?;
    let mut out = Vec::with_capacity(HEAD + text.len());
    out.push(FORMAT);
    out.extend_from_slice(&key_id.to_be_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&text);
    Ok(out)
}

// One error for all that may be wrong: which part did not fit is nobody's business.
fn open(key: &[u8; 32], key_id: u32, aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, StoreError> {
    let refused = || StoreError::Corrupt("a sealed field does not open".to_owned());
    let (head, text) = sealed.split_at_checked(HEAD).ok_or_else(refused)?;
    let nonce: [u8; 12] = head.get(5..).and_then(|n| n.try_into().ok()).ok_or_else(refused)?;
    if head.first() != Some(&FORMAT) || head.get(1..5) != Some(key_id.to_be_bytes().as_slice()) {
        return Err(refused());
    }
    Aes256Gcm::new(&(*key).into())
        .decrypt(&Nonce::from(nonce), Payload { msg: text, aad })
        .map(SecretBytes::new)
        .map_err(|_| refused())
}
