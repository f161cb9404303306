//! `warifu mail …`

use std::io::Read;

use anyhow::Context;
use clap::Subcommand;
use warifu_core::{
    audit::Channel,
    ids::MailId,
    mail::MailState,
    text::{MailAddress, MailRules},
};

use super::{Failure, Which, moment, origin, say};
use crate::{
    actions::mails::{self, MailRow, NoReport, NotRetried},
    app::App,
    origin::Origin,
};

/// The longest report that is read.
const MOST: u64 = 4 << 20;

/// What can be done with mails.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List mails, the newest first; addresses are masked and no body is shown.
    List {
        /// Only those in one state: queued, sending, sent, failed, bounced or expired.
        #[arg(long)]
        state: Option<MailState>,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        which: Which,
    },
    /// Send a mail again that was given up or came back.
    Retry {
        /// Its id.
        mail: MailId,
        #[command(flatten)]
        which: Which,
    },
    /// Take a delivery report (RFC 3464) from standard input, as a mail server hands it over.
    Bounce {
        /// The address the report came to, where the mail server tells it.
        #[arg(long, value_name = "ADDRESS")]
        recipient: Option<String>,
    },
}

pub(super) async fn run(app: &App, verb: &Verb, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::List { state, limit, which } => {
            list(app, &origin(app, which)?, (*state, *limit), json).await
        }
        Verb::Retry { mail, which } => retry(app, &origin(app, which)?, *mail, json).await,
        Verb::Bounce { recipient } => bounce(app, recipient.as_deref(), json).await,
    }
}

async fn list(
    app: &App,
    origin: &Origin,
    (state, limit): (Option<MailState>, u16),
    json: bool,
) -> Result<(), Failure> {
    let mails = mails::list(app, origin, state, i64::from(limit)).await?;
    let values: Vec<_> = mails.iter().map(|m| value(origin, m)).collect();
    let mut lines: Vec<_> = mails.iter().map(|m| line(origin, m)).collect();
    if lines.is_empty() {
        lines.push("There are none.".to_owned());
    }
    say(json, &values.into(), &lines.join("\n"));
    Ok(())
}

fn masked(origin: &Origin, mail: &MailRow) -> String {
    let rules = MailRules::for_notices(origin.institution.policy());
    let address = MailAddress::parse(&mail.recipient, &rules);
    address.map_or_else(|_| "***".to_owned(), |a| a.masked())
}

fn value(origin: &Origin, mail: &MailRow) -> serde_json::Value {
    serde_json::json!({
        "id": mail.id, "customer": mail.customer_id, "kind": mail.kind,
        "reception": mail.reception, "to": masked(origin, mail), "state": mail.state.as_str(),
        "tries": mail.attempts, "written_at": moment(Some(mail.created_at)),
        "sent_at": moment(mail.sent_at), "error": mail.last_error,
    })
}

fn line(origin: &Origin, mail: &MailRow) -> String {
    let written = moment(Some(mail.created_at)).unwrap_or_default();
    let error = mail.last_error.as_deref().map(|e| format!("  {e}")).unwrap_or_default();
    let (id, kind, reception) = (mail.id, &mail.kind, &mail.reception);
    let (state, tries, to) = (mail.state, mail.attempts, masked(origin, mail));
    format!("{id}  {written}  {state:<8} {tries:>2}  {kind:<18}  {reception}  {to}{error}")
}

async fn retry(app: &App, origin: &Origin, id: MailId, json: bool) -> Result<(), Failure> {
    let why = match mails::retry(app, origin, id).await? {
        Ok(()) => {
            say(json, &serde_json::json!({ "retried": id }), "It will be sent again.");
            return Ok(());
        }
        Err(NotRetried::Unknown) => "there is no such mail",
        Err(NotRetried::Secret) => {
            "its secret is gone: only the customer can ask for a new one, on the page that waits for it"
        }
        Err(NotRetried::NotGivenUp) => "it was not given up",
    };
    Err(Failure::Refused(why.to_owned()))
}

async fn bounce(app: &App, recipient: Option<&str>, json: bool) -> Result<(), Failure> {
    let mut raw = Vec::new();
    std::io::stdin().take(MOST).read_to_end(&mut raw).context("cannot read standard input")?;
    let report = mails::read_report(&raw, recipient).map_err(|why| {
        Failure::Refused(match why {
            NoReport::NotOne => "that is no delivery report (RFC 3464)".to_owned(),
            NoReport::NoMail => "that report names no mail of ours".to_owned(),
        })
    })?;
    let mail = report.mail;
    if !report.is_final {
        let words = "That report is not a final failure: nothing was recorded.";
        say(json, &serde_json::json!({ "mail": mail, "bounced": false }), words);
        return Ok(());
    }
    let owner =
        mails::owner(app, mail).await?.and_then(|m| app.institutions.by_id(m.institution_id));
    let Some(institution) = owner else {
        return Err(Failure::Refused("that report names no mail of ours".to_owned()));
    };
    let origin = Origin::inside(institution, Channel::CommandLine, app.clock.now());
    let recorded = mails::bounced(app, &origin, &report).await?;
    let words = if recorded {
        format!("{mail} came back ({}).", report.status)
    } else {
        format!("{mail} is not one that was sent, or its return is known already.")
    };
    say(json, &serde_json::json!({ "mail": mail, "bounced": recorded }), &words);
    Ok(())
}
