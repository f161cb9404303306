//! Static passwords: argon2id on a bounded pool, so that a flood of logins cannot starve the rest.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;
use warifu_core::{
    random::{self, Random},
    secret::SecretText,
};

use crate::error::AppError;

/// Hashes and checks static passwords.
#[derive(Clone, Debug)]
pub struct Hasher {
    argon2: Argon2<'static>,
    places: Arc<Semaphore>,
    /// A hash that no password fits: an unknown login ID costs the same work as a known one.
    nobody: Arc<str>,
}

impl Hasher {
    /// A pool of `places` workers with argon2id at `memory_kib` and `rounds`.
    pub fn new(memory_kib: u32, rounds: u32, places: usize) -> Result<Self, String> {
        let params = Params::new(memory_kib, rounds, 1, None).map_err(|e| e.to_string())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // Its salt is fixed and its password is unknowable to nobody; it is never accepted anyway.
        let nobody = argon2
            .hash_password_with_salt(b"nobody", &[0; 16])
            .map_err(|e| e.to_string())?
            .to_string();
        Ok(Self { argon2, places: Arc::new(Semaphore::new(places)), nobody: nobody.into() })
    }

    /// The cost for real passwords: OWASP's 19 MiB, two passes.
    pub fn for_people() -> Result<Self, String> {
        let places = std::thread::available_parallelism().map_or(2, usize::from);
        Self::new(19 * 1024, 2, places)
    }

    /// Hashes a new password; gives a PHC string.
    pub(crate) fn hash(
        &self,
        password: &SecretText,
        random: &dyn Random,
    ) -> Result<String, AppError> {
        let salt: [u8; 16] = random::bytes(random);
        self.argon2
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(|e| AppError::internal(format!("argon2: {e}")))
    }

    /// Whether a password fits; `None` does the same work and says no.
    pub(crate) async fn fits(
        &self,
        hash: Option<String>,
        password: SecretText,
    ) -> Result<bool, AppError> {
        let place =
            Arc::clone(&self.places).acquire_owned().await.map_err(|_| AppError::Overloaded)?;
        let argon2 = self.argon2.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let fits = tokio::task::spawn_blocking(move || {
            let _place = place;
            PasswordHash::new(&hash)
                .is_ok_and(|h| argon2.verify_password(password.expose().as_bytes(), &h).is_ok())
        })
        .await
        .map_err(|e| AppError::internal(format!("argon2 worker: {e}")))?;
        Ok(fits && known)
    }

    /// Whether a text is a hash that this pool can check (a PHC string of argon2id).
    #[must_use]
    pub fn accepts(hash: &str) -> bool {
        PasswordHash::new(hash)
            .is_ok_and(|h| h.algorithm.as_str() == "argon2id" && h.hash.is_some())
    }
}
