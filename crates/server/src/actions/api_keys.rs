//! Keys of the bank's programs: made and revoked at the command line, shown once, proved at each call.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use tokio::time::Instant;
use warifu_core::{
    access::Scope,
    audit::Kind,
    ids::{ApiKeyId, InstitutionId},
    random,
    secret::{SecretBytes, SecretText},
};
use warifu_store::{ApiKey, StoreError};

use super::{commit, network, places, refusals};
use crate::{
    app::App,
    error::{AppError, SignedOut},
    institutions::Institution,
    origin::{Line, Origin},
};

/// A program of the bank that has proved its key.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) key: ApiKeyId,
    pub(crate) scopes: BTreeSet<Scope>,
}

/// The last use of a key is told to the minute.
const USE_NOTED_EVERY: Duration = Duration::from_mins(1);
/// A key that is used is read again this often, by one call; the others go on with what is known.
const READ_EVERY: Duration = Duration::from_secs(1);
/// But with nothing older than this: so long may a key open something that was revoked elsewhere.
const OLDEST: Duration = Duration::from_secs(2);

/// Makes a key; what is given back is shown once and stands nowhere.
pub(crate) async fn create(
    app: &App,
    origin: &Origin,
    name: &str,
    scopes: &BTreeSet<Scope>,
) -> Result<(ApiKeyId, SecretText), AppError> {
    let id = ApiKeyId::generate(origin.now, &*app.random);
    let secret = SecretBytes::from(random::bytes::<32>(&*app.random));
    let scopes = in_words(scopes);
    let key = ApiKey {
        id,
        name: name.to_owned(),
        mac: origin.institution.keys.mac(
            &places::api_key(origin.institution.id, id).place(),
            &bound(secret.expose(), &scopes),
        ),
        scopes,
        created_at: origin.now.0,
        revoked_at: None,
        last_used_at: None,
    };
    let mut tx = app.store.begin().await?;
    tx.insert_api_key(origin.institution.id, &key).await?;
    let line = Line::ok(Kind::ApiKeyCreated)
        .after(serde_json::json!({ "key": id, "name": name, "scopes": key.scopes }));
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    Ok((id, SecretText::new(format!("{id}.{}", B64.encode(secret.expose())))))
}

/// The keys of an institution, the newest first.
pub(crate) async fn list(app: &App, origin: &Origin) -> Result<Vec<ApiKey>, AppError> {
    Ok(app.store.read().await?.api_keys(origin.institution.id).await?)
}

/// Revokes a key; false when there is none that opens anything.
pub(crate) async fn revoke(app: &App, origin: &Origin, id: ApiKeyId) -> Result<bool, AppError> {
    let mut tx = app.store.begin().await?;
    if tx.revoke_api_key(origin.institution.id, id, origin.now).await? == 0 {
        return Ok(false);
    }
    let line = Line::ok(Kind::ApiKeyRevoked).after(serde_json::json!({ "key": id }));
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    app.api_keys.forget((origin.institution.id, id));
    Ok(true)
}

/// Keys as this node read them last: a key is not read for every call that comes with it.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<BTreeMap<(InstitutionId, ApiKeyId), Seen>>);

#[derive(Debug)]
struct Seen {
    key: Arc<ApiKey>,
    read_at: Instant,
    /// Someone reads it again just now.
    is_read: bool,
}

enum Lately {
    /// As it was read lately.
    Seen(Arc<ApiKey>),
    /// Known, and to be read again by who asks.
    Old,
    /// Not known here.
    Never,
}

impl Known {
    fn lately(&self, of: (InstitutionId, ApiKeyId)) -> Lately {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(seen) = all.get_mut(&of) else { return Lately::Never };
        let age = seen.read_at.elapsed();
        if age < READ_EVERY || (seen.is_read && age < OLDEST) {
            return Lately::Seen(Arc::clone(&seen.key));
        }
        seen.is_read = true;
        Lately::Old
    }

    fn keep(&self, institution: InstitutionId, key: &Arc<ApiKey>, read_at: Instant) {
        let seen = Seen { key: Arc::clone(key), read_at, is_read: false };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((institution, key.id), seen);
    }

    fn forget(&self, of: (InstitutionId, ApiKeyId)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&of);
    }
}

/// Proves what a program has sent as its key. Unknown, wrong and revoked are answered alike; where a
/// key is known, its institution's trail says what was tried with it. Only who does not prove a key is
/// limited: a bank's programs come from one address.
pub(crate) async fn prove(app: &App, origin: &Origin, sent: &str) -> Result<Caller, AppError> {
    let parts = sent.split_once('.').and_then(|(id, secret)| {
        Some((id.parse::<ApiKeyId>().ok()?, SecretBytes::new(B64.decode(secret).ok()?)))
    });
    let Some((id, secret)) = parts else { return Err(unproved(app, origin)) };
    let institution = &origin.institution;
    let (key, is_limited) = match app.api_keys.lately((institution.id, id)) {
        Lately::Seen(key) => (key, false),
        Lately::Old => (Box::pin(read(app, origin, id)).await?, false),
        Lately::Never => {
            // Whoever names keys that nobody has does not make the database look for them.
            limited(app, origin)?;
            (Box::pin(read(app, origin, id)).await?, true)
        }
    };
    let refused = if key.revoked_at.is_some() {
        "revoked"
    } else if !fits(institution, &key, secret.expose()) {
        "wrong"
    } else {
        return Ok(Caller { key: id, scopes: in_scopes(&key.scopes)? });
    };
    if !is_limited {
        limited(app, origin)?;
    }
    let line = Line::refused(Kind::AccessRefused, format!("api_key_{refused}"))
        .after(serde_json::json!({ "key": id }));
    refusals::record(app, origin, line).await?;
    Err(AppError::NotSignedIn(SignedOut::Never))
}

/// What is answered to who proves nothing.
pub(crate) fn unproved(app: &App, origin: &Origin) -> AppError {
    limited(app, origin).err().unwrap_or(AppError::NotSignedIn(SignedOut::Never))
}

fn limited(app: &App, origin: &Origin) -> Result<(), AppError> {
    if app.limits.admits(&network::network(origin.address.as_deref().unwrap_or_default())) {
        return Ok(());
    }
    app.limits.leave_out(Some(origin.institution.id), "too_many_from_one_network");
    Err(AppError::TooMany(origin.now.plus(Duration::from_secs(1))))
}

async fn read(app: &App, origin: &Origin, id: ApiKeyId) -> Result<Arc<ApiKey>, AppError> {
    let institution = origin.institution.id;
    let read_at = Instant::now();
    let key = app.store.read().await?.api_key(institution, id).await?;
    let Some(key) = key.map(Arc::new) else {
        app.api_keys.forget((institution, id));
        return Err(AppError::NotSignedIn(SignedOut::Never));
    };
    app.api_keys.keep(institution, &key, read_at);
    if key.revoked_at.is_none() {
        note_use(app, origin, &key).await;
    }
    Ok(key)
}

// To the minute; that it cannot be noted is no reason to answer nothing else.
async fn note_use(app: &App, origin: &Origin, key: &ApiKey) {
    let before = origin.now.minus(USE_NOTED_EVERY);
    if key.last_used_at.is_some_and(|at| before.0 <= at) {
        return;
    }
    let noting = async {
        let mut tx = app.store.begin().await?;
        tx.touch_api_key(origin.institution.id, key.id, (before, origin.now)).await?;
        tx.commit().await
    };
    if let Err(error) = noting.await {
        tracing::warn!(%error, "the use of an API key could not be noted");
    }
}

fn fits(institution: &Institution, key: &ApiKey, secret: &[u8]) -> bool {
    let spot = places::api_key(institution.id, key.id);
    institution.keys.fits(&spot.place(), &bound(secret, &key.scopes), &key.mac)
}

// Whoever writes another scope into the row has no key any more.
fn bound(secret: &[u8], scopes: &str) -> Vec<u8> {
    [secret, scopes.as_bytes()].concat()
}

fn in_words(scopes: &BTreeSet<Scope>) -> String {
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

fn in_scopes(words: &str) -> Result<BTreeSet<Scope>, StoreError> {
    let corrupt = |word: &str| StoreError::Corrupt(format!("scope {word} of an API key"));
    words.split(' ').map(|word| word.parse().map_err(|_| corrupt(word))).collect()
}
