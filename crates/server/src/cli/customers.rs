//! `warifu customers …`

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use warifu_core::{audit::Channel, ids::ServiceId};

use super::{Failure, Which, say};
use crate::{
    actions::{customers, import},
    app::App,
    institutions::Institution,
    origin::Origin,
};

/// What can be done with customers.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Import customers from a CSV file (UTF-8); all or none.
    Import {
        /// The file.
        file: PathBuf,
        /// Take the good lines even where others are bad.
        #[arg(long)]
        skip_bad: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Show what stands of a customer; no secret is shown.
    Show {
        /// Customer number, login ID or id.
        customer: String,
        #[command(flatten)]
        which: Which,
    },
    /// Clear a customer's locks and counters; states and stops stay.
    Unlock {
        /// Customer number, login ID or id.
        customer: String,
        #[command(flatten)]
        which: Which,
    },
}

pub(super) async fn run(app: &App, verb: &Verb, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Import { file, skip_bad, which } => {
            import(app, &origin(app, which)?, file, *skip_bad, json).await
        }
        Verb::Show { customer, which } => show(app, &origin(app, which)?, customer, json).await,
        Verb::Unlock { customer, which } => unlock(app, &origin(app, which)?, customer, json).await,
    }
}

fn origin(app: &App, which: &Which) -> Result<Origin, Failure> {
    let institution = institution(app, which)?;
    Ok(Origin::inside(institution, Channel::CommandLine, app.clock.now()))
}

fn institution(app: &App, which: &Which) -> Result<Arc<Institution>, Failure> {
    let all = app.institutions.all();
    match &which.institution {
        Some(service) => {
            let wanted = ServiceId::parse(service)
                .map_err(|_| Failure::Refused("a service ID has 8 digits".to_owned()))?;
            all.into_iter()
                .find(|i| i.document.service_id == wanted)
                .ok_or_else(|| Failure::Refused(format!("no institution has {service}")))
        }
        None => match <[_; 1]>::try_from(all) {
            Ok([only]) => Ok(only),
            Err(all) if all.is_empty() => Err(Failure::Refused(
                "there is no institution yet: `institution create`".to_owned(),
            )),
            Err(_) => {
                Err(Failure::Refused("there are several: say --institution SERVICE_ID".to_owned()))
            }
        },
    }
}

async fn import(
    app: &App,
    origin: &Origin,
    path: &PathBuf,
    skip_bad: bool,
    json: bool,
) -> Result<(), Failure> {
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} customers, {eta} left") {
        bar.set_style(style);
    }
    let imported = import::import(app, origin, file, skip_bad, |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    })
    .await?;
    bar.finish_and_clear();
    if !json {
        for bad in &imported.bad {
            eprintln!("line {}: {}", bad.line, bad.reason);
        }
    }
    let (taken, count) = (imported.taken, imported.bad.len());
    let bad = imported.bad.iter();
    let bad = bad.map(|bad| serde_json::json!({ "line": bad.line, "reason": bad.reason }));
    say(
        json,
        &serde_json::json!({ "imported": taken, "bad": bad.collect::<Vec<_>>() }),
        &format!("{taken} customers imported, {count} lines not taken."),
    );
    if imported.bad.is_empty() || skip_bad {
        Ok(())
    } else {
        Err(Failure::Refused("nothing was imported; --skip-bad takes the good lines".to_owned()))
    }
}

async fn find(
    app: &App,
    origin: &Origin,
    word: &str,
) -> Result<warifu_core::ids::CustomerId, Failure> {
    customers::find(app, origin, word)
        .await?
        .ok_or_else(|| Failure::Refused("there is no such customer".to_owned()))
}

async fn show(app: &App, origin: &Origin, word: &str, json: bool) -> Result<(), Failure> {
    let id = find(app, origin, word).await?;
    let view = customers::show(app, origin, id).await?;
    say(json, &view, &tree(&view, 0).join("\n"));
    Ok(())
}

fn tree(value: &serde_json::Value, depth: usize) -> Vec<String> {
    let pad = "  ".repeat(depth);
    let mut lines = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            serde_json::Value::Array(items) if items.is_empty() => {
                lines.push(format!("{pad}{name}: none"));
            }
            serde_json::Value::Array(items) => {
                lines.push(format!("{pad}{name}:"));
                for item in items {
                    lines.extend(tree(item, depth + 1));
                    lines.push(String::new());
                }
            }
            serde_json::Value::Null => lines.push(format!("{pad}{name}: -")),
            serde_json::Value::String(text) => lines.push(format!("{pad}{name}: {text}")),
            other => lines.push(format!("{pad}{name}: {other}")),
        }
    }
    lines
}

async fn unlock(app: &App, origin: &Origin, word: &str, json: bool) -> Result<(), Failure> {
    let id = find(app, origin, word).await?;
    let cleared = customers::unlock(app, origin, id).await?;
    let words = format!("{cleared} counters cleared.");
    say(json, &serde_json::json!({ "cleared": cleared }), &words);
    Ok(())
}
