//! `warifu customers …`

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use warifu_core::text::is_readable_line;

use super::{Failure, Which, complain, moment, origin, say};
use crate::{
    actions::{
        applications::{self, NotTaken},
        customers, import, stop,
    },
    app::App,
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
    /// List customers by their number.
    List {
        /// Begin after this customer number.
        #[arg(long, default_value = "", value_name = "NUMBER")]
        after: String,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
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
    /// Print a customer's audit trail, the oldest first; times are in UTC.
    History {
        /// Customer number, login ID or id.
        customer: String,
        /// How many days back.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3660))]
        days: u16,
        /// How many lines at most.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=10000))]
        limit: u16,
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
    /// Stop everything of a customer at once: sessions, procedures, issues, passcodes.
    Stop {
        /// Customer number, login ID or id.
        customer: String,
        #[command(flatten)]
        which: Which,
    },
    /// Apply for the resume of a customer who was stopped, and print the application; someone else
    /// approves it.
    Resume {
        /// Customer number, login ID or id.
        customer: String,
        /// Who applies.
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why, and how the customer was identified.
        #[arg(long, value_name = "TEXT")]
        reason: String,
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
        Verb::List { after, limit, which } => {
            list(app, &origin(app, which)?, (after, *limit), json).await
        }
        Verb::History { customer, days, limit, which } => {
            history(app, &origin(app, which)?, customer, (*days, *limit), json).await
        }
        Verb::Unlock { customer, which } => unlock(app, &origin(app, which)?, customer, json).await,
        Verb::Stop { customer, which } => stop(app, &origin(app, which)?, customer, json).await,
        Verb::Resume { customer, by, reason, which } => {
            resume(app, &origin(app, which)?, customer, (by, reason), json).await
        }
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
            complain(&format!("line {}: {}", bad.line, bad.reason));
        }
    }
    let (taken, count) = (imported.taken, imported.lines_left_out());
    let bad = imported.bad.iter();
    let bad = bad.map(|bad| serde_json::json!({ "line": bad.line, "reason": bad.reason }));
    say(
        json,
        &serde_json::json!({ "imported": taken, "bad": bad.collect::<Vec<_>>() }),
        &if imported.is_refused(skip_bad) {
            format!("Customers imported: {taken}. Bad lines: {count}.")
        } else {
            format!("Customers imported: {taken}. Lines not taken: {count}.")
        },
    );
    if !imported.is_refused(skip_bad) {
        return Ok(());
    }
    // Without a head there are no good lines.
    let skip = if imported.is_refused(true) { "" } else { "; --skip-bad takes the good lines" };
    Err(Failure::Refused(format!("nothing was imported{skip}")))
}

pub(super) async fn find(
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

async fn list(
    app: &App,
    origin: &Origin,
    (after, limit): (&str, u16),
    json: bool,
) -> Result<(), Failure> {
    let (mut values, mut lines) = (Vec::new(), Vec::new());
    for c in customers::list(app, origin, after, i64::from(limit)).await? {
        let stands = match (c.suspended_at, c.otp_required) {
            (Some(_), _) => "stopped",
            (None, true) => "one-time password in use",
            (None, false) => "password only",
        };
        lines.push(format!("{}  {}  {}  {stands}", c.customer_number, c.login_id, c.name));
        values.push(serde_json::json!({
            "customer_number": c.customer_number, "login_id": c.login_id, "name": c.name,
            "id": c.customer_id, "otp_required": c.otp_required,
            "suspended_at": moment(c.suspended_at),
        }));
    }
    if lines.is_empty() {
        lines.push("There are no (more) customers.".to_owned());
    }
    say(json, &values.into(), &lines.join("\n"));
    Ok(())
}

async fn history(
    app: &App,
    origin: &Origin,
    word: &str,
    (days, limit): (u16, u16),
    json: bool,
) -> Result<(), Failure> {
    let id = find(app, origin, word).await?;
    let rows = customers::history(app, origin, id, (days, i64::from(limit))).await?;
    let values: Vec<_> = rows.iter().map(|row| {
        serde_json::json!({
            "at": moment(Some(row.at)), "kind": row.kind, "result": row.result,
            "reason": row.reason, "actor": row.actor_kind, "channel": row.channel,
            "screen": row.screen, "address": row.address, "device": row.device,
            "token": row.token_id, "correlation": row.correlation,
            "before": json_of(row.before_json.as_deref()), "after": json_of(row.after_json.as_deref()),
        })
    }).collect();
    let line = |row: &customers::AuditRow| {
        let at = moment(Some(row.at)).unwrap_or_default();
        let told = [
            Some(row.result.as_str()),
            row.reason.as_deref(),
            row.screen.as_deref(),
            row.address.as_deref(),
            row.device.as_deref(),
            row.after_json.as_deref(),
        ];
        let told: Vec<_> = told.into_iter().flatten().collect();
        format!("{at}  {:<24} {}", row.kind, told.join("  "))
    };
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("Nothing has happened in that time.".to_owned());
    }
    say(json, &values.into(), &lines.join("\n"));
    Ok(())
}

fn json_of(text: Option<&str>) -> serde_json::Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

async fn stop(app: &App, origin: &Origin, word: &str, json: bool) -> Result<(), Failure> {
    let id = find(app, origin, word).await?;
    let stopped = stop::stop_for(app, origin, id).await?;
    let at = moment(Some(stopped.at.0)).unwrap_or_default();
    let words = format!("Stopped since {at}, reception number {}.", stopped.reception);
    let value = serde_json::json!({ "stopped_at": at, "reception": stopped.reception });
    say(json, &value, &words);
    Ok(())
}

async fn resume(
    app: &App,
    origin: &Origin,
    word: &str,
    (by, reason): (&str, &str),
    json: bool,
) -> Result<(), Failure> {
    let [by, reason] = [("--by", by), ("--reason", reason)].map(|(name, text)| {
        let text = text.trim();
        is_readable_line(text, 200).then_some(text).ok_or_else(|| {
            Failure::Refused(format!(
                "{name}: 1 to 200 characters, none of them a control or an invisible one"
            ))
        })
    });
    let id = find(app, origin, word).await?;
    let applied = applications::apply_for_resume(app, origin, id, (by?, reason?)).await;
    let a = applied.map_err(|why| match why {
        NotTaken::NotStopped => Failure::Refused("the customer is not stopped".to_owned()),
        NotTaken::Failed(error) => error.into(),
    })?;
    let at = moment(Some(a.applied_at)).unwrap_or_default();
    let value = serde_json::json!({
        "id": a.id, "kind": a.kind, "customer": a.customer_id, "reception": a.reception,
        "applied_by": a.applied_by, "applied_at": at, "reason": a.reason,
    });
    let view = customers::show(app, origin, id).await?;
    let text = |name: &str| view.get(name).and_then(|v| v.as_str()).unwrap_or("-").to_owned();
    let words = [
        format!("APPLICATION FOR A RESUME  {}  {}", a.reception, a.id),
        String::new(),
        format!("Institution       {}", origin.institution.document.name.ja),
        format!("Customer          {}  {}", text("customer_number"), text("name")),
        format!("Stopped since     {}", text("suspended_at")),
        format!("Applied for       {at}  by {}", a.applied_by),
        format!("Reason            {}", a.reason),
        String::new(),
        "Approved by (another person)  ______________________  on  ______________".to_owned(),
        String::new(),
        "Nothing is resumed yet: an operator who did not apply approves it in the console."
            .to_owned(),
    ];
    say(json, &value, &words.join("\n"));
    Ok(())
}
