//! `warifu institution …`

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Subcommand;
use warifu_core::{ids::NoticeId, text::is_readable_line};

use super::{Failure, Which, moment, origin, say};
use crate::{
    actions::{
        institutions::{self, NotTaken},
        top,
    },
    app::App,
    calendar,
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
    /// Texts for the customers' top page.
    #[command(subcommand)]
    Notice(Notice),
}

/// What can be done with texts for the top page.
#[derive(Debug, Subcommand)]
pub(super) enum Notice {
    /// Add a text; customers see it at once, or from --from on.
    Add {
        /// The text in Japanese.
        #[arg(long, value_name = "TEXT")]
        ja: String,
        /// The same in English.
        #[arg(long, value_name = "TEXT")]
        en: String,
        /// Shown from here: a day (in the institution's zone) or a moment (RFC 3339).
        #[arg(long, value_name = "WHEN")]
        from: Option<String>,
        /// Shown until here, of a day until its end; 30 days where it is left out.
        #[arg(long, value_name = "WHEN")]
        until: Option<String>,
        #[command(flatten)]
        which: Which,
    },
    /// List the texts that are shown, or will be.
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Take a text down.
    End {
        /// Its id.
        id: NoticeId,
        #[command(flatten)]
        which: Which,
    },
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
        Verb::Notice(verb) => notice(app, verb, json).await?,
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

async fn notice(app: &App, verb: &Notice, json: bool) -> Result<(), Failure> {
    match verb {
        Notice::Add { ja, en, from, until, which } => {
            let origin = origin(app, which)?;
            for (name, text) in [("--ja", ja), ("--en", en)] {
                if !is_readable_line(text.trim(), 400) {
                    let why = format!(
                        "{name}: 1 to 400 characters, none of them a control or an invisible one"
                    );
                    return Err(Failure::Refused(why));
                }
            }
            let zone = origin.institution.zone();
            let wrong = |name: &str| {
                Failure::Refused(format!("{name}: a day, or a moment like 2026-11-22T09:00:00Z"))
            };
            let from = match from {
                None => origin.now,
                Some(text) => calendar::read(text, zone).ok_or_else(|| wrong("--from"))?,
            };
            let until = match until {
                None => from.plus(Duration::from_hours(30 * 24)),
                Some(text) => calendar::read_end(text, zone).ok_or_else(|| wrong("--until"))?,
            };
            if until <= from || until <= origin.now {
                return Err(Failure::Refused("--until: lies before it would be shown".to_owned()));
            }
            let id = top::add(app, &origin, (ja.trim(), en.trim()), (from, until)).await?;
            say(json, &serde_json::json!({ "id": id }), &format!("Added {id}."));
        }
        Notice::List { which } => {
            let (mut values, mut lines) = (Vec::new(), Vec::new());
            for n in top::listed(app, &origin(app, which)?).await? {
                let [from, until] =
                    [n.shown_from, n.shown_until].map(|at| moment(Some(at)).unwrap_or_default());
                lines
                    .push(format!("{}  {from} to {until}\n  {}\n  {}", n.id, n.text_ja, n.text_en));
                values.push(serde_json::json!({
                    "id": n.id, "ja": n.text_ja, "en": n.text_en, "from": from, "until": until,
                }));
            }
            if lines.is_empty() {
                lines.push("There is no text.".to_owned());
            }
            say(json, &values.into(), &lines.join("\n"));
        }
        Notice::End { id, which } => {
            if !top::end(app, &origin(app, which)?, *id).await? {
                return Err(Failure::Refused("there is no such text".to_owned()));
            }
            say(json, &serde_json::json!({ "ended": id }), "Taken down.");
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
