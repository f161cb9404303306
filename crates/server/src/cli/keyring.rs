//! The file with the key-encryption key: one line, readable by its owner only.

use std::{
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Subcommand;
use warifu_core::random;
use warifu_store::seal::Kek;
use zeroize::Zeroizing;

use super::{Failure, say};
use crate::{config::Config, world::SystemRandom};

const FORMAT: &str = "warifu-kek-1";

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make the file that `keys.file` names; one that is there is never overwritten.
    Create,
}

pub(super) fn run(config: &Config, verb: &Verb, json: bool) -> Result<(), Failure> {
    let Verb::Create = verb;
    create(&config.keys_file)?;
    let file = config.keys_file.display().to_string();
    let words = format!("Made {file}. Keep a copy where the database's backups are not.");
    say(json, &serde_json::json!({ "file": file }), &words);
    Ok(())
}

/// Makes a new key file.
pub(super) fn create(path: &Path) -> Result<(), Failure> {
    let key = Zeroizing::new(random::bytes::<32>(&SystemRandom));
    let id = u32::from_be_bytes(random::bytes::<4>(&SystemRandom));
    let line = Zeroizing::new(format!("{FORMAT} {id:08x} {}\n", STANDARD.encode(*key)));
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(
            |e| match e.kind() {
                io::ErrorKind::AlreadyExists => Failure::Refused(format!(
                    "{} is there already; it stays as it is",
                    path.display()
                )),
                _ => Failure::Refused(format!("cannot make {}: {e}", path.display())),
            },
        )?;
    file.write_all(line.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|e| anyhow::anyhow!("cannot write {}: {e}", path.display()))?;
    Ok(())
}

/// Reads the key; refuses a file that others could read.
pub(super) fn read(path: &Path) -> Result<Kek, Failure> {
    let wrong = |what: String| Failure::Configuration(format!("keys.file: {what}"));
    let shown = path.display();
    let meta = std::fs::metadata(path)
        .map_err(|e| wrong(format!("cannot read {shown}: {e}; `warifu keys create` makes one")))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(wrong(format!("{shown} can be read by others: chmod 600 {shown}")));
    }
    let text = Zeroizing::new(
        std::fs::read_to_string(path).map_err(|e| wrong(format!("cannot read {shown}: {e}")))?,
    );
    let mut words = text.split_whitespace();
    let parsed = || {
        if words.next()? != FORMAT {
            return None;
        }
        let id = u32::from_str_radix(words.next()?, 16).ok()?;
        let key = Zeroizing::new(STANDARD.decode(words.next()?).ok()?);
        let key: [u8; 32] = key.as_slice().try_into().ok()?;
        words.next().is_none().then(|| Kek::new(id, key))
    };
    let mut parsed = parsed;
    parsed().ok_or_else(|| wrong(format!("{shown} is no key file of Warifu")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        create(&path).unwrap();
        assert!(read(&path).is_ok());
        assert!(matches!(create(&path), Err(Failure::Refused(_))));
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        create(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.contains("can be read by others"), "{refused}");
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_without_repeating_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        std::fs::write(&path, "secret words here").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.contains("is no key file") && !refused.contains("words"), "{refused}");
    }
}
