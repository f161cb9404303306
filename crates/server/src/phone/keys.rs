//! The phone's keys: P-256 JWKs, RFC 7638 thumbprints, signatures, and the box that carries the root.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use hkdf::Hkdf;
use p256::{
    PublicKey, SecretKey,
    ecdh::diffie_hellman,
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
    elliptic_curve::sec1::ToSec1Point,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use warifu_core::{
    random::{self, Random},
    secret::SecretBytes,
};

/// A public key as browsers export it (RFC 7517, curve P-256).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

impl Jwk {
    /// RFC 7638: SHA-256 over the required members in alphabetical order, base64url.
    pub(crate) fn thumbprint(&self) -> String {
        let members = format!(
            r#"{{"crv":"{}","kty":"{}","x":"{}","y":"{}"}}"#,
            self.crv, self.kty, self.x, self.y
        );
        B64.encode(Sha256::digest(members))
    }

    /// The key, if it is a point of the curve.
    pub(crate) fn public(&self) -> Option<PublicKey> {
        if self.kty != "EC" || self.crv != "P-256" {
            return None;
        }
        let x: [u8; 32] = B64.decode(&self.x).ok()?.try_into().ok()?;
        let y: [u8; 32] = B64.decode(&self.y).ok()?.try_into().ok()?;
        let mut point = vec![4];
        point.extend_from_slice(&x);
        point.extend_from_slice(&y);
        PublicKey::from_sec1_bytes(&point).ok()
    }

    /// The key in this form.
    pub(crate) fn of(key: &PublicKey) -> Self {
        let point = key.to_sec1_point(false);
        let part =
            |bytes: Option<&_>| bytes.map(|b: &p256::FieldBytes| B64.encode(b)).unwrap_or_default();
        Self {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: part(point.x()),
            y: part(point.y()),
        }
    }

    /// Whether `signature` (64 bytes r ‖ s, base64url) is this key's over `text`.
    pub(crate) fn signed(&self, text: &str, signature: &str) -> bool {
        let verify = || {
            let key = VerifyingKey::from(self.public()?);
            let signature = Signature::from_slice(&B64.decode(signature).ok()?).ok()?;
            key.verify(text.as_bytes(), &signature).ok()
        };
        verify().is_some()
    }
}

/// The root secret on its way to one phone.
#[derive(Debug)]
pub(crate) struct Boxed {
    pub(crate) server_jwk: Jwk,
    pub(crate) nonce: String,
    pub(crate) sealed: String,
}

/// Seals the root to a phone's ECDH key; both keys are used once. `bound` is what the box belongs to,
/// without the server's thumbprint, which is added here.
pub(crate) fn seal_root(
    root: &SecretBytes,
    phone: &Jwk,
    bound: &[&str],
    random: &dyn Random,
) -> Option<Boxed> {
    let ours = loop {
        // Not every 32 bytes are a scalar of the curve; one in 2^32 is drawn again.
        if let Ok(key) = SecretKey::from_slice(&random::bytes::<32>(random)) {
            break key;
        }
    };
    let server_jwk = Jwk::of(&ours.public_key());
    let theirs = phone.public()?;
    let shared = diffie_hellman(ours.to_nonzero_scalar(), theirs.as_affine());
    let cipher = Aes256Gcm::new_from_slice(shared.raw_secret_bytes()).ok()?;
    let nonce: [u8; 12] = random::bytes(random);
    let thumbprint = server_jwk.thumbprint();
    let mut hash = Sha256::new();
    for part in bound.iter().copied().chain([thumbprint.as_str()]) {
        hash.update(u32::try_from(part.len()).ok()?.to_be_bytes());
        hash.update(part.as_bytes());
    }
    let aad = hash.finalize();
    let payload = Payload { msg: root.expose(), aad: &aad };
    let sealed = cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
    Some(Boxed { server_jwk, nonce: B64.encode(nonce), sealed: B64.encode(sealed) })
}

/// One of the keys that follow from a root (HKDF-SHA-256, no salt), as the phone derives it too.
pub(crate) fn from_root(root: &SecretBytes, label: &str) -> SecretBytes {
    let mut key = vec![0; 32];
    // 32 bytes are always within what HKDF can give.
    let given = Hkdf::<Sha256>::new(None, root.expose()).expand(label.as_bytes(), &mut key);
    debug_assert!(given.is_ok());
    SecretBytes::new(key)
}
