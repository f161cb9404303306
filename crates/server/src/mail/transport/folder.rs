//! The demo's mailbox: a folder with one JSON file per mail.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};
use tokio::{fs::OpenOptions, io::AsyncWriteExt};

use super::{Outgoing, SendError};

/// A mail in the demo's mailbox.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredMail {
    pub(crate) message_id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) date_ms: i64,
}

/// The mails of the demo's mailbox, newest first; what is not a mail is passed over.
pub(crate) fn read_folder(folder: &Path) -> Vec<StoredMail> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut mails: Vec<StoredMail> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok())
        .collect();
    mails.sort_by(|a, b| (b.date_ms, &b.message_id).cmp(&(a.date_ms, &a.message_id)));
    mails
}

/// Writes beside and renames, so that a reader sees a whole mail or none; a repeat changes nothing.
pub(super) async fn store(folder: &Path, mail: &Outgoing) -> Result<(), SendError> {
    let trouble = |error| SendError::Temporary(format!("the mail folder: {error}"));
    write(folder, mail).await.map_err(trouble)
}

async fn write(folder: &Path, mail: &Outgoing) -> io::Result<()> {
    let stored = StoredMail {
        message_id: mail.message_id.clone(),
        from: mail.from.clone(),
        to: mail.to.clone(),
        subject: mail.subject.clone(),
        body: mail.body.clone(),
        date_ms: mail.date.0,
    };
    let name = format!("{:015}-{}", stored.date_ms, mail.message_id.replace('/', "_"));
    let unfinished = folder.join(format!(".{name}.new"));
    tokio::fs::create_dir_all(folder).await?;
    // Mail passwords stand in them.
    let mut file = OpenOptions::new();
    let mut file =
        file.write(true).create(true).truncate(true).mode(0o600).open(&unfinished).await?;
    file.write_all(&serde_json::to_vec_pretty(&stored)?).await?;
    file.flush().await?;
    tokio::fs::rename(&unfinished, folder.join(format!("{name}.json"))).await
}
