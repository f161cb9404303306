//! `warifu customers …`

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use warifu_core::{audit::Channel, ids::ServiceId};

use super::{Failure, Which};
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
    for bad in &imported.bad {
        eprintln!("line {}: {}", bad.line, bad.reason);
    }
    if json {
        println!("{}", serde_json::json!({"imported": imported.taken, "bad": imported.bad.len()}));
    } else {
        println!("{} customers imported, {} lines not taken.", imported.taken, imported.bad.len());
    }
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
    if json {
        println!("{view}");
    } else {
        print_tree(&view, 0);
    }
    Ok(())
}

fn print_tree(value: &serde_json::Value, depth: usize) {
    let Some(map) = value.as_object() else { return };
    let pad = "  ".repeat(depth);
    for (name, value) in map {
        match value {
            serde_json::Value::Array(items) => {
                println!("{pad}{name}: {}", if items.is_empty() { "none" } else { "" });
                for item in items {
                    print_tree(item, depth + 1);
                    println!();
                }
            }
            serde_json::Value::Null => println!("{pad}{name}: -"),
            serde_json::Value::String(text) => println!("{pad}{name}: {text}"),
            other => println!("{pad}{name}: {other}"),
        }
    }
}

async fn unlock(app: &App, origin: &Origin, word: &str, json: bool) -> Result<(), Failure> {
    let id = find(app, origin, word).await?;
    let cleared = customers::unlock(app, origin, id).await?;
    if json {
        println!("{}", serde_json::json!({ "cleared": cleared }));
    } else {
        println!("{cleared} counters cleared.");
    }
    Ok(())
}
