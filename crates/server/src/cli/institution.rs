//! `warifu institution …`

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use super::{Failure, say};
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

pub(super) async fn run(app: &App, verb: &Verb, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Create { file } => {
            let id = institutions::create(app, &read(file)?).await.map_err(refused)?;
            say(json, &serde_json::json!({ "id": id, "version": 1 }), &format!("Set up {id}."));
        }
        Verb::Apply { file } => {
            let version = institutions::apply(app, &read(file)?).await.map_err(refused)?;
            let words = format!("Applied as version {version}.");
            say(json, &serde_json::json!({ "version": version }), &words);
        }
        Verb::List => list(app, json),
    }
    Ok(())
}

fn list(app: &App, json: bool) {
    let (mut values, mut lines) = (Vec::new(), Vec::new());
    for institution in app.institutions.all() {
        let (id, version) = (institution.id, institution.version);
        let (service, name) =
            (institution.document.service_id.as_str(), &institution.document.name.ja);
        let ib = format!("https://{}/", institution.document.hosts.ib);
        lines.push(format!("{service}  {id}  version {version}  {name}  {ib}"));
        values.push(serde_json::json!({
            "service_id": service, "id": id, "version": version, "name": name, "ib": ib,
        }));
    }
    if lines.is_empty() {
        lines.push("There is no institution yet.".to_owned());
    }
    say(json, &values.into(), &lines.join("\n"));
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
