//! Static passwords: argon2id on a bounded pool, so that a flood of logins cannot starve the rest.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        PasswordHasher, PasswordVerifier,
        phc::{Output, PasswordHash, Salt},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use warifu_core::secret::SecretText;

use crate::error::AppError;

/// How long a password waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who waits for a place: none waits for those of another lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Logins from browsers that their customer is not known by: the door that can be flooded.
    Strangers,
    /// Browsers that a customer has used before, sessions, and the command line.
    Known,
    /// The emergency stop, from wherever: it waits for no login.
    Stop,
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
    stop: Arc<Semaphore>,
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
        Ok(Self {
            argon2,
            strangers: places(),
            known: places(),
            stop: places(),
            nobody: nobody.into(),
        })
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
        let (hasher, place) = (self.clone(), self.place(Lane::Known).await?);
        work(place, move || hasher.hashed(password.expose().as_bytes(), &salt)).await?
    }

    /// Whether a password fits; `None` does the same work and says no. `elsewhere` are the schemes of
    /// hashes that the institution's customers brought along: each is computed for everyone, since a
    /// login must not tell by its time whose hash is of which kind. A right password whose hash came
    /// from elsewhere gives its hash of our own scheme, salted with `salt`.
    pub(crate) async fn fits(
        &self,
        place: Place,
        hash: Option<String>,
        password: SecretText,
        (elsewhere, salt): (Vec<Scheme>, [u8; 16]),
    ) -> Result<Fits, AppError> {
        let (hasher, nobody) = (self.clone(), Arc::clone(&self.nobody));
        work(place, move || {
            let password = password.expose().as_bytes();
            let scheme = hash.as_deref().and_then(|hash| hasher.scheme(hash));
            let mut fits = false;
            for other in &elsewhere {
                let own = hash.as_deref().filter(|_| scheme.as_ref() == Some(other));
                fits |= verified(own.unwrap_or(&other.0), password) && own.is_some();
            }
            match (scheme, hash) {
                (Some(scheme), Some(hash)) => {
                    if !elsewhere.contains(&scheme) {
                        fits = verified(&hash, password);
                    }
                    // Also where it does not fit, which may not be told by the time.
                    let better = hasher.hashed(password, &salt)?;
                    Ok(Fits { fits, better: fits.then_some(better) })
                }
                (None, Some(hash)) => Ok(Fits { fits: verified(&hash, password), better: None }),
                (_, None) => {
                    verified(&nobody, password);
                    Ok(Fits::default())
                }
            }
        })
        .await?
    }

    /// The same for a password of a session, whose hash is known to be the customer's.
    pub(crate) async fn fits_own(
        &self,
        place: Place,
        hash: &str,
        password: SecretText,
        salt: [u8; 16],
    ) -> Result<Fits, AppError> {
        let (hasher, hash) = (self.clone(), hash.to_owned());
        work(place, move || {
            let password = password.expose().as_bytes();
            if !verified(&hash, password) {
                return Ok(Fits::default());
            }
            let better = match hasher.scheme(&hash) {
                Some(_) => Some(hasher.hashed(password, &salt)?),
                None => None,
            };
            Ok(Fits { fits: true, better })
        })
        .await?
    }

    fn hashed(&self, password: &[u8], salt: &[u8]) -> Result<String, AppError> {
        let hash = self.argon2.hash_password_with_salt(password, salt);
        Ok(hash.map_err(|e| AppError::internal(format!("argon2: {e}")))?.to_string())
    }

    /// A place among those that compute at once. Who waits too long is told to come back: a queue
    /// without an end only makes everyone late.
    pub(crate) async fn place(&self, lane: Lane) -> Result<Place, AppError> {
        let places = match lane {
            Lane::Strangers => &self.strangers,
            Lane::Known => &self.known,
            Lane::Stop => &self.stop,
        };
        let place = Arc::clone(places).acquire_owned();
        let place = tokio::time::timeout(PATIENCE, place).await;
        Ok(Place(place.map_err(|_| AppError::Overloaded)?.map_err(|_| AppError::Overloaded)?))
    }

    /// Whether a text is a hash of our own scheme: a PHC string of argon2id at just this pool's cost.
    fn is_own(&self, hash: &PasswordHash) -> bool {
        let (cost, ours) = (Params::try_from(hash), self.argon2.params());
        let same = |c: Params| {
            (c.m_cost(), c.t_cost(), c.p_cost()) == (ours.m_cost(), ours.t_cost(), ours.p_cost())
        };
        hash.algorithm.as_str() == "argon2id" && cost.is_ok_and(same)
    }

    /// The scheme of a hash that is none of our own; none for our own, and for what cannot be checked.
    pub(crate) fn scheme(&self, hash: &str) -> Option<Scheme> {
        let hash = PasswordHash::new(hash).ok()?;
        if self.is_own(&hash) {
            return None;
        }
        Scheme::of(&hash)
    }

    /// Whether a text is a hash that can be checked at a login: of our own scheme, or of one whose cost
    /// is neither a joke nor a way to keep the machine busy.
    #[must_use]
    pub fn accepts(&self, hash: &str) -> bool {
        PasswordHash::new(hash).is_ok_and(|hash| {
            hash.hash.is_some()
                && hash.salt.is_some()
                && (self.is_own(&hash) || Scheme::of(&hash).is_some())
        })
    }
}

/// How a password was found.
#[derive(Debug, Default)]
pub(crate) struct Fits {
    pub(crate) fits: bool,
    /// Its hash of our own scheme, where the one that it was checked against is of another.
    pub(crate) better: Option<String>,
}

/// The scheme of a hash that came from elsewhere: a hash of it that no password fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scheme(pub(crate) String);

impl Scheme {
    fn of(hash: &PasswordHash) -> Option<Self> {
        let bearable = match hash.algorithm.as_str() {
            "argon2id" | "argon2i" => Params::try_from(hash).is_ok_and(|cost| {
                (1_024..=65_536).contains(&cost.m_cost())
                    && cost.t_cost() <= 16
                    && cost.p_cost() <= 4
            }),
            "pbkdf2-sha256" | "pbkdf2-sha512" => pbkdf2::Params::try_from(hash)
                .is_ok_and(|cost| (1_000..=2_000_000).contains(&cost.rounds())),
            _ => false,
        };
        let length = hash.hash.as_ref()?.len();
        let nobodys = PasswordHash {
            salt: Some(Salt::new(&[0; 16]).ok()?),
            hash: Some(Output::new(&[0; 64][..length.min(64)]).ok()?),
            ..hash.clone()
        };
        bearable.then(|| Self(nobodys.to_string()))
    }
}

fn verified(hash: &str, password: &[u8]) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    if hash.algorithm.as_str().starts_with("pbkdf2-") {
        pbkdf2::Pbkdf2::default().verify_password(password, &hash).is_ok()
    } else {
        // With the cost that stands in the hash.
        Argon2::default().verify_password(password, &hash).is_ok()
    }
}
