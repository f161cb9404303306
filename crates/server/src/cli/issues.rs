//! `warifu issues …`

use clap::Subcommand;

use super::{Failure, Which, customers::find, moment, origin, say};
use crate::{actions::issues, app::App, origin::Origin};

/// What can be done with issues that run.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List the issues that wait for a set-up or a start of use, the one that ends next first.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        which: Which,
    },
    /// Take a customer's running issue back; every address is told.
    Cancel {
        /// Customer number, login ID or id.
        customer: String,
        #[command(flatten)]
        which: Which,
    },
}

pub(super) async fn run(app: &App, verb: &Verb, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::List { limit, which } => list(app, &origin(app, which)?, *limit, json).await,
        Verb::Cancel { customer, which } => cancel(app, &origin(app, which)?, customer, json).await,
    }
}

async fn list(app: &App, origin: &Origin, limit: u16, json: bool) -> Result<(), Failure> {
    let (mut values, mut lines) = (Vec::new(), Vec::new());
    for issue in issues::running(app, origin, i64::from(limit)).await? {
        let ends = moment(Some(issue.deadline)).unwrap_or_default();
        let (id, number) = (issue.id, &issue.customer_number);
        let waits = if issue.is_set_up { "start of use" } else { "set-up" };
        lines.push(format!("{id}  customer {number}  waits for {waits} until {ends}"));
        values.push(serde_json::json!({
            "id": id, "customer_number": number, "customer": issue.customer_id,
            "waits_for": if issue.is_set_up { "start" } else { "activation" }, "ends_at": ends,
        }));
    }
    if lines.is_empty() {
        lines.push("No issue is running.".to_owned());
    }
    say(json, &values.into(), &lines.join("\n"));
    Ok(())
}

async fn cancel(app: &App, origin: &Origin, word: &str, json: bool) -> Result<(), Failure> {
    let id = find(app, origin, word).await?;
    if !issues::take_back(app, origin, id).await? {
        return Err(Failure::Refused("no issue of this customer is running".to_owned()));
    }
    say(json, &serde_json::json!({ "cancelled": true }), "The issue was taken back.");
    Ok(())
}
