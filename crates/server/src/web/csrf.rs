//! CSRF tokens: bound to the browser's secret, masked anew for each page so that compression of the
//! page tells nothing of them (BREACH).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use subtle::ConstantTimeEq;
use warifu_core::random::{self, Random};

use super::cookies::BrowserSecret;
use crate::{actions::places, institutions::Institution};

/// A token for one page.
pub(crate) fn token(
    institution: &Institution,
    browser: &BrowserSecret,
    random: &dyn Random,
) -> String {
    let mask: [u8; 32] = random::bytes(random);
    let mut out = mask.to_vec();
    out.extend(bare(institution, browser).iter().zip(mask).map(|(a, b)| a ^ b));
    B64.encode(out)
}

/// Whether a token belongs to this browser.
pub(crate) fn fits(institution: &Institution, browser: &BrowserSecret, token: &str) -> bool {
    let Ok(bytes) = B64.decode(token) else {
        return false;
    };
    let Some((mask, masked)) = bytes.split_at_checked(32) else {
        return false;
    };
    let given: Vec<u8> = mask.iter().zip(masked).map(|(a, b)| a ^ b).collect();
    masked.len() == 32 && bool::from(given.ct_eq(&bare(institution, browser)))
}

fn bare(institution: &Institution, browser: &BrowserSecret) -> Vec<u8> {
    let spot = places::csrf(institution.id);
    institution.keys.mac(&spot.place(), browser.bytes())
}
