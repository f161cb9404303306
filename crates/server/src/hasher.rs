//! Static passwords: argon2id on a bounded pool, so that a flood of logins cannot starve the rest.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use warifu_core::secret::SecretText;

use crate::error::AppError;

/// How long a password waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who waits for a place: the two do not wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Logins from browsers that their customer is not known by: the door that can be flooded.
    Strangers,
    /// Browsers that a customer has used before, sessions, and the command line.
    Known,
}

/// Leave to compute one hash.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

async fn work<T: Send + 'static>(
    place: Place,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(move || {
        let _place = place;
        job()
    })
    .await
    .map_err(|e| AppError::internal(format!("argon2 worker: {e}")))
}

/// Hashes and checks static passwords.
#[derive(Clone, Debug)]
pub struct Hasher {
    argon2: Argon2<'static>,
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    /// A hash that no password fits: an unknown login ID costs the same work as a known one.
    nobody: Arc<str>,
}

impl Hasher {
    /// A pool of `places` workers in each lane with argon2id at `memory_kib` and `rounds`.
    pub fn new(memory_kib: u32, rounds: u32, places: usize) -> Result<Self, String> {
        let params = Params::new(memory_kib, rounds, 1, None).map_err(|e| e.to_string())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // Its salt is fixed and its password is unknowable to nobody; it is never accepted anyway.
        let nobody = argon2
            .hash_password_with_salt(b"nobody", &[0; 16])
            .map_err(|e| e.to_string())?
            .to_string();
        let places = || Arc::new(Semaphore::new(places));
        Ok(Self { argon2, strangers: places(), known: places(), nobody: nobody.into() })
    }

    /// The cost for real passwords: OWASP's 19 MiB, two passes.
    pub fn for_people() -> Result<Self, String> {
        // Half of the cores: verification and pages need the others.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self::new(19 * 1024, 2, (cores / 2).max(1))
    }

    /// Hashes a new password; gives a PHC string.
    pub(crate) async fn hash(
        &self,
        password: SecretText,
        salt: [u8; 16],
    ) -> Result<String, AppError> {
        let argon2 = self.argon2.clone();
        let hash = work(self.place(Lane::Known).await?, move || {
            argon2
                .hash_password_with_salt(password.expose().as_bytes(), &salt)
                .map(|hash| hash.to_string())
        });
        hash.await?.map_err(|e| AppError::internal(format!("argon2: {e}")))
    }

    /// Whether a password fits; `None` does the same work and says no.
    pub(crate) async fn fits(
        &self,
        place: Place,
        hash: Option<String>,
        password: SecretText,
    ) -> Result<bool, AppError> {
        let argon2 = self.argon2.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let fits = work(place, move || {
            PasswordHash::new(&hash)
                .is_ok_and(|h| argon2.verify_password(password.expose().as_bytes(), &h).is_ok())
        });
        Ok(fits.await? && known)
    }

    /// A place among those that compute at once. Who waits too long is told to come back: a queue
    /// without an end only makes everyone late.
    pub(crate) async fn place(&self, lane: Lane) -> Result<Place, AppError> {
        let places = match lane {
            Lane::Strangers => &self.strangers,
            Lane::Known => &self.known,
        };
        let place = Arc::clone(places).acquire_owned();
        let place = tokio::time::timeout(PATIENCE, place).await;
        Ok(Place(place.map_err(|_| AppError::Overloaded)?.map_err(|_| AppError::Overloaded)?))
    }

    /// The cost of this pool's hashes, as it stands in one.
    pub(crate) fn cost(&self) -> String {
        let params = self.argon2.params();
        format!("m={},t={},p={}", params.m_cost(), params.t_cost(), params.p_cost())
    }

    /// Whether a text is a hash that this pool may check: a PHC string of argon2id at just its own
    /// cost, since another one would tell known login IDs from unknown ones by their time.
    #[must_use]
    pub fn accepts(&self, hash: &str) -> bool {
        PasswordHash::new(hash).is_ok_and(|h| {
            let (cost, ours) = (Params::try_from(&h), self.argon2.params());
            h.algorithm.as_str() == "argon2id"
                && h.hash.is_some()
                && cost.is_ok_and(|c| {
                    (c.m_cost(), c.t_cost(), c.p_cost())
                        == (ours.m_cost(), ours.t_cost(), ours.p_cost())
                })
        })
    }
}
