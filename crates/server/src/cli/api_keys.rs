//! `warifu api-keys …`

use std::collections::BTreeSet;

use clap::Subcommand;
use warifu_core::{access::Scope, ids::ApiKeyId, text::is_readable_line};

use super::{Failure, Which, moment, origin, say};
use crate::{actions::api_keys, app::App, origin::Origin};

/// What can be done with the keys of the bank's programs.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a key; it is shown once, here.
    Create {
        /// What the bank calls it: the program that uses it.
        name: String,
        /// What it may do; several with a comma between.
        #[arg(long, value_name = "SCOPE", required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
        #[command(flatten)]
        which: Which,
    },
    /// List the keys with what they may do and their last use.
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Revoke a key: it opens nothing any more.
    Revoke {
        /// Its id, the part before the dot.
        id: ApiKeyId,
        #[command(flatten)]
        which: Which,
    },
}

pub(super) async fn run(app: &App, verb: &Verb, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Create { name, scope, which } => {
            let scopes = scope.iter().copied().collect();
            create(app, &origin(app, which)?, name.trim(), &scopes, json).await
        }
        Verb::List { which } => list(app, &origin(app, which)?, json).await,
        Verb::Revoke { id, which } => {
            if !api_keys::revoke(app, &origin(app, which)?, *id).await? {
                return Err(Failure::Refused(
                    "there is no such key that opens anything".to_owned(),
                ));
            }
            say(json, &serde_json::json!({ "revoked": id }), "Revoked.");
            Ok(())
        }
    }
}

async fn create(
    app: &App,
    origin: &Origin,
    name: &str,
    scopes: &BTreeSet<Scope>,
    json: bool,
) -> Result<(), Failure> {
    if !is_readable_line(name, 60) {
        let why = "the name: 1 to 60 characters, none of them a control or an invisible one";
        return Err(Failure::Refused(why.to_owned()));
    }
    if !scopes.iter().any(|scope| *scope != Scope::Reason) {
        let why = "--scope: with verifications:reason alone nothing can be verified";
        return Err(Failure::Refused(why.to_owned()));
    }
    let (id, key) = api_keys::create(app, origin, name, scopes).await?;
    let words = format!(
        "Made {id}. This is the key; it is shown only here, and stands in no database:\n{}",
        key.expose()
    );
    say(json, &serde_json::json!({ "id": id, "key": key.expose() }), &words);
    Ok(())
}

async fn list(app: &App, origin: &Origin, json: bool) -> Result<(), Failure> {
    let (mut values, mut lines) = (Vec::new(), Vec::new());
    for key in api_keys::list(app, origin).await? {
        let (used, revoked) = (moment(key.last_used_at), moment(key.revoked_at));
        let stands = match &revoked {
            Some(at) => format!("revoked {at}"),
            None => match &used {
                Some(at) => format!("last used {at}"),
                None => "not used yet".to_owned(),
            },
        };
        lines.push(format!("{}  {}  {}  {stands}", key.id, key.name, key.scopes));
        values.push(serde_json::json!({
            "id": key.id, "name": key.name,
            "scopes": key.scopes.split(' ').collect::<Vec<_>>(),
            "created_at": moment(Some(key.created_at)),
            "last_used_at": used, "revoked_at": revoked,
        }));
    }
    if lines.is_empty() {
        lines.push("There is no key.".to_owned());
    }
    say(json, &values.into(), &lines.join("\n"));
    Ok(())
}
