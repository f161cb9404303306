//! Cookies: the browser's secret (session or none yet), its device secret, language, text size.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use sha2::{Digest, Sha256};
use warifu_core::{ids::CustomerId, secret::SecretBytes};

/// Session, or a secret of a browser without one, to which CSRF tokens are bound.
pub(crate) const BROWSER: &str = "__Host-ib";
/// Tells a browser that a customer has used before.
pub(crate) const DEVICE: &str = "__Host-device";
/// Language.
pub(crate) const LANG: &str = "__Host-lang";
/// Text size.
pub(crate) const TEXT: &str = "__Host-text";

/// What `__Host-ib` holds: 32 random bytes; with a session, the customer's id before them, so that
/// the session is found without a directory.
pub(crate) struct BrowserSecret(SecretBytes);

impl BrowserSecret {
    pub(crate) fn fresh(random: [u8; 32]) -> Self {
        Self(SecretBytes::new(random.to_vec()))
    }

    pub(crate) fn for_customer(customer: CustomerId, random: [u8; 32]) -> Self {
        let mut bytes = customer.as_bytes().to_vec();
        bytes.extend_from_slice(&random);
        Self(SecretBytes::new(bytes))
    }

    fn read(value: &str) -> Option<Self> {
        let bytes = B64.decode(value).ok()?;
        matches!(bytes.len(), 32 | 48).then(|| Self(SecretBytes::new(bytes)))
    }

    pub(crate) fn customer(&self) -> Option<CustomerId> {
        let bytes = self.0.expose();
        let id: [u8; 16] = bytes.get(..16)?.try_into().ok()?;
        (bytes.len() == 48).then(|| CustomerId::from_bytes(id))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.expose()
    }

    pub(crate) fn cookie(&self) -> HeaderValue {
        set(BROWSER, &B64.encode(self.0.expose()), None)
    }
}

impl fmt::Debug for BrowserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSecret(redacted)")
    }
}

/// What `__Host-device` holds.
pub(crate) struct DeviceSecret(SecretBytes);

impl DeviceSecret {
    pub(crate) fn fresh(random: [u8; 32]) -> Self {
        Self(SecretBytes::new(random.to_vec()))
    }

    pub(crate) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.expose()).to_vec()
    }

    /// Kept for a year, renewed at each login.
    pub(crate) fn cookie(&self) -> HeaderValue {
        set(DEVICE, &B64.encode(self.0.expose()), Some(365 * 86_400))
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSecret(redacted)")
    }
}

pub(crate) fn browser(headers: &HeaderMap) -> Option<BrowserSecret> {
    BrowserSecret::read(value(headers, BROWSER)?)
}

pub(crate) fn device(headers: &HeaderMap) -> Option<DeviceSecret> {
    let bytes = B64.decode(value(headers, DEVICE)?).ok()?;
    (bytes.len() == 32).then(|| DeviceSecret(SecretBytes::new(bytes)))
}

/// The value of a cookie; of several with one name, the first.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        // Byte by byte, and no white space but ASCII's: a cookie of a neighbouring site may hold
        // anything, and none of it may make one of ours unreadable, or pass for one.
        .find_map(|pair| {
            let value =
                pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            std::str::from_utf8(value.trim_ascii_end()).ok()
        })
}

/// A cookie of this host only. `value` is base64url or a fixed word: always a legal header.
pub(crate) fn set(name: &str, value: &str, max_age: Option<u32>) -> HeaderValue {
    let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &[u8]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        value(&headers, BROWSER).map(str::to_owned)
    }

    #[test]
    fn a_neighbours_cookie_makes_none_of_ours_unreadable() {
        let line =
            [b"shop=\xe6\x97\xa5; bad=\xff\xfe; ".as_slice(), b"__Host-ib=abc; x=y"].concat();
        assert_eq!(found(&line).as_deref(), Some("abc"));
        assert_eq!(found(b"__Host-ib=\xff; __Host-ib=abc").as_deref(), Some("abc"));
    }

    #[test]
    fn no_other_name_passes_for_one_of_ours() {
        for line in [
            b"x__Host-ib=abc".as_slice(),
            b"__Host-ib2=abc",
            b"__host-ib=abc",
            // A space of Unicode before it: browsers keep no promise about such a name.
            b"\xe2\x80\x83__Host-ib=abc",
            b"\xc2\xa0__Host-ib=abc",
            b"__Host-ib =abc",
            b"=__Host-ib=abc",
        ] {
            assert_eq!(found(line), None, "{line:?}");
        }
        assert_eq!(found(b"a=b;  __Host-ib=abc ").as_deref(), Some("abc"));
    }
}
