//! `warifu backup` and `warifu restore`: copies of a SQLite database; and what follows a restore of
//! PostgreSQL, which has tools of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use warifu_core::{ids::CustomerId, time::Millis};
use warifu_store::{
    Schema, Settings as StoreSettings, Store, StoreError,
    copies::{InUse, TakenOver, beside, copy, own_like, sync_folder},
};

use super::{Failure, World, app_on, current, current_store, database_file, open, say};
use crate::{actions::restore, config::Config};

/// Copies the database into a new file.
pub(super) async fn back_up(config: &Config, to: &Path, json: bool) -> Result<(), Failure> {
    if database_file(&config.database_url).is_none() {
        return Err(Failure::Refused(
            "PostgreSQL is copied by its own tools (pg_basebackup, pgBackRest); after their restore \
             run `warifu restore`"
                .to_owned(),
        ));
    }
    if to.exists() {
        return Err(Failure::Refused(format!("{} is there already", to.display())));
    }
    let store = current_store(config).await?;
    // Under its own name only when it is whole.
    let part = beside(to, ".part");
    clear(&part).map_err(anyhow::Error::from)?;
    let done = with_progress(&part, store.back_up(&part)).await;
    store.close().await;
    done.map_err(|e| anyhow::anyhow!("{}: {e}", to.display()))?;
    fs::rename(&part, to).and_then(|()| sync_folder(to)).map_err(anyhow::Error::from)?;
    let bytes = fs::metadata(to).map_err(anyhow::Error::from)?.len();
    say(
        json,
        &serde_json::json!({ "file": to, "bytes": bytes }),
        &format!(
            "The database was copied to {} ({bytes} bytes). It is of use only with the key file, which \
             is not in it: keep the two apart.",
            to.display()
        ),
    );
    Ok(())
}

/// Puts a copy in the place of the database; without one, ends what a restore of PostgreSQL brought back.
pub(super) async fn restore(
    config: &Config,
    (from, is_forced): (Option<&Path>, bool),
    json: bool,
) -> Result<(), Failure> {
    match (database_file(&config.database_url), from) {
        (Some(database), Some(from)) => {
            put_in_place(config, &database, (from, is_forced), json).await
        }
        (Some(_), None) => Err(Failure::Refused("name the copy: `warifu restore FILE`".to_owned())),
        (None, Some(_)) => Err(Failure::Refused(
            "PostgreSQL is restored by its own tools; then run `warifu restore` without a file"
                .to_owned(),
        )),
        (None, None) => {
            let app = open(config).await?;
            let closed = restore::close(&app, false).await?;
            app.store.close().await;
            let mut lines = vec![ended(&closed)];
            lines.extend(left(&closed));
            lines.push("Now `warifu serve` may run again.".to_owned());
            say(json, &document(&closed), &lines.join("\n"));
            Ok(())
        }
    }
}

async fn put_in_place(
    config: &Config,
    database: &Path,
    (from, is_forced): (&Path, bool),
    json: bool,
) -> Result<(), Failure> {
    if !from.exists() {
        return Err(Failure::Refused(format!("{}: there is no such file", from.display())));
    }
    // A link stays: the file itself is what is put aside.
    let is_link = fs::symlink_metadata(database).is_ok_and(|found| found.is_symlink());
    let real = fs::canonicalize(database).ok();
    let database = if is_link { real.as_deref().unwrap_or(database) } else { database };
    if real.is_some() && fs::canonicalize(from).ok() == real {
        return Err(Failure::Refused(format!("{} is the database itself", from.display())));
    }
    let alone = InUse::alone(database).map_err(|e| {
        Failure::Configuration(format!("database.url: {}: {e}", database.display()))
    })?;
    let Some(_alone) = alone else {
        return Err(Failure::Refused(
            "another Warifu uses this database: stop `warifu serve` and every other command first"
                .to_owned(),
        ));
    };
    let next = beside(database, ".restoring");
    clear(&next).map_err(anyhow::Error::from)?;
    let made = with_progress(&next, {
        let (from, next) = (from.to_owned(), next.clone());
        async move {
            tokio::task::spawn_blocking(move || copy(&from, &next))
                .await
                .unwrap_or_else(|died| Err(StoreError::Corrupt(died.to_string())))
        }
    });
    made.await.map_err(|e| Failure::Refused(format!("{} cannot be used: {e}", from.display())))?;
    let done = prepare(config, database, &next, is_forced).await;
    let (taken, trail, closed) = match done {
        Ok(done) => done,
        Err(failure) => {
            if let Err(error) = clear(&next) {
                tracing::warn!(%error, "what was begun of a copy");
            }
            return Err(failure);
        }
    };
    let old = exchange(database, &next, closed.at).map_err(anyhow::Error::from)?;
    let mut said = document(&closed);
    said["database"] = serde_json::json!(database);
    said["before"] = serde_json::json!(old);
    said["taken_over"] = taken.as_ref().map_or(serde_json::Value::Null, |t| {
        serde_json::json!({
            "tokens_used": t.verifiers, "tokens_ended": t.tokens, "customers": t.customers,
            "api_keys": t.api_keys,
        })
    });
    said["not_taken_over"] = serde_json::json!(taken.as_ref().err());
    said["audit_rows"] = serde_json::json!(trail.as_ref().ok());
    said["trail_not_taken_over"] = serde_json::json!(trail.as_ref().err());
    say(json, &said, &told(database, old.as_deref(), (&taken, &trail), &closed));
    Ok(())
}

/// What was taken over; or why nothing could be.
type Taken = Result<TakenOver, String>;

// Everything is done to the copy, before it stands where it is served from.
async fn prepare(
    config: &Config,
    database: &Path,
    next: &Path,
    is_forced: bool,
) -> Result<(Taken, Result<usize, String>, restore::Closed), Failure> {
    let settings = StoreSettings {
        url: format!("sqlite://{}", next.display()),
        max_connections: config.max_connections,
        create: false,
        distributed: false,
    };
    let store = Store::connect(&settings).await?;
    match store.schema().await? {
        Schema::Older { found: 0, .. } => {
            return Err(Failure::Refused("the copy is no database of Warifu".to_owned()));
        }
        Schema::Older { .. } => store.migrate().await?,
        schema => current(schema)?,
    }
    let (taken, trail) = if database.exists() {
        let taken = store.take_over(database).await.map_err(|e| e.to_string());
        (taken, store.take_over_trail(database).await.map_err(|e| e.to_string()))
    } else {
        let why = "nothing stood in its place".to_owned();
        (Err(why.clone()), Err(why))
    };
    if let Err(why) = &taken
        && !is_forced
    {
        return Err(Failure::Refused(format!(
            "nothing can be taken over ({why}), so that stops, revocations, releases and changed passwords \
             since the copy was made would be lost. If there is no better copy of what stood there, say \
             --without-takeover"
        )));
    }
    let app = app_on(config, World::real()?, store).await?;
    let closed = restore::close(&app, taken.is_ok()).await?;
    app.store.close().await;
    Ok((taken, trail, closed))
}

// The present database goes aside with its log; the copy takes its name.
fn exchange(database: &Path, next: &Path, at: Millis) -> io::Result<Option<PathBuf>> {
    // Closed by us, and by nobody else opened: its log has been copied into it and is gone.
    for ending in ["-wal", "-shm"] {
        if beside(next, ending).exists() {
            return Err(io::Error::other("the copy still has a log: it is in use"));
        }
    }
    let time = Timestamp::from_millisecond(at.0).unwrap_or_default();
    let old = beside(database, &format!(".replaced-{}", time.strftime("%Y%m%dT%H%M%SZ")));
    let is_there = database.exists();
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    own_like(next, if is_there { database } else { folder })?;
    if is_there {
        // A second name, so that the first is never without a database.
        fs::hard_link(database, &old)?;
    }
    // Whatever is left of a log would be played into the copy: it goes aside, also without its database.
    for ending in ["-wal", "-shm", "-journal"] {
        let file = beside(database, ending);
        if file.exists() {
            fs::rename(file, beside(&old, ending))?;
        }
    }
    sync_folder(database)?;
    fs::File::open(next)?.sync_all()?;
    fs::rename(next, database)?;
    clear(next)?;
    sync_folder(database)?;
    Ok(is_there.then_some(old))
}

// What is left of a copy that did not come to its end.
fn clear(next: &Path) -> io::Result<()> {
    for ending in ["", "-wal", "-shm", ".lock"] {
        match fs::remove_file(beside(next, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn document(closed: &restore::Closed) -> serde_json::Value {
    serde_json::json!({
        "sessions": closed.sessions, "issues": closed.issues, "issues_left": closed.left,
        "institutions_left": closed.unopened, "without_token": closed.without_token,
    })
}

// What somebody has to see to.
fn left(closed: &restore::Closed) -> Vec<String> {
    let mut lines = Vec::new();
    if closed.left > 0 {
        lines.push(format!("{} issues could not be ended; the log says why.", closed.left));
    }
    if closed.unopened > 0 {
        lines.push(format!(
            "{} institutions are not opened by this key; the log says which. Their issues were not ended.",
            closed.unopened
        ));
    }
    if !closed.without_token.is_empty() {
        lines.push(format!(
            "Customers who are asked for a passcode and have no token here: {}. They cannot log in until that \
             is seen to: {}",
            closed.without_token.len(),
            list(&closed.without_token)
        ));
    }
    lines
}

// The first of them; `--json` has all.
fn list(customers: &[CustomerId]) -> String {
    let mut names: Vec<_> = customers.iter().take(20).map(ToString::to_string).collect();
    if customers.len() > names.len() {
        names.push("…".to_owned());
    }
    names.join(", ")
}

fn ended(closed: &restore::Closed) -> String {
    format!(
        "Sessions ended: {}. Issues taken back: {}. Passcodes until now are accepted no more.",
        closed.sessions, closed.issues
    )
}

fn told(
    database: &Path,
    old: Option<&Path>,
    (taken, trail): (&Taken, &Result<usize, String>),
    closed: &restore::Closed,
) -> String {
    let mut lines = vec![format!("{} is the copy now.", database.display()), ended(closed)];
    match taken {
        Ok(t) => lines.push(format!(
            "Taken over from what stood there: used tokens {}, ended tokens {}, customers {}, revoked \
             API keys {}.",
            t.verifiers, t.tokens, t.customers, t.api_keys
        )),
        Err(why) => lines.push(format!(
            "Nothing could be taken over from what stood there ({why}): stops, revocations, releases and \
             changed passwords since the copy was made are not known here. Do them again before you serve."
        )),
    }
    lines.push(match trail {
        Ok(lines) => format!("Lines of the trail taken over: {lines}."),
        Err(why) => format!("The trail since the copy was made could not be taken over ({why})."),
    });
    lines.extend(left(closed));
    if let Some(old) = old {
        lines.push(format!(
            "What stood there is kept as {}; destroy it when it is not needed any more.",
            old.display()
        ));
    }
    lines.join("\n")
}

// A copy tells nothing of itself: its size does.
async fn with_progress<T>(file: &Path, work: impl Future<Output = T>) -> T {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {bytes} copied, {elapsed}") {
        bar.set_style(style);
    }
    let looks = async {
        loop {
            bar.set_position(fs::metadata(file).map_or(0, |found| found.len()));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = looks => unreachable!("it looks until the work is done"),
    };
    bar.finish_and_clear();
    done
}
