//! `warifu institution …`

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use super::Failure;
use crate::{
    actions::institutions::{self, NotTaken},
    app::App,
};

/// What can be done with institutions.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Set up a new institution from its document (TOML).
    Create {
        /// The document.
        file: PathBuf,
    },
    /// Replace an institution's document; its service ID says whose.
    Apply {
        /// The document.
        file: PathBuf,
    },
    /// List the institutions.
    List,
}

pub(super) async fn run(app: &App, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create { file } => {
            let id = institutions::create(app, &read(file)?).await.map_err(refused)?;
            println!("Set up {id}.");
        }
        Verb::Apply { file } => {
            let version = institutions::apply(app, &read(file)?).await.map_err(refused)?;
            println!("Applied as version {version}.");
        }
        Verb::List => {
            for institution in app.institutions.all() {
                let d = &institution.document;
                println!(
                    "{}  {}  version {}  {}  https://{}/",
                    d.service_id.as_str(),
                    institution.id,
                    institution.version,
                    d.name.ja,
                    d.hosts.ib
                );
            }
        }
    }
    Ok(())
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?)
}

fn refused(reason: NotTaken) -> Failure {
    match reason {
        NotTaken::Failed(error) => error.into(),
        refused => Failure::Refused(refused.to_string()),
    }
}
