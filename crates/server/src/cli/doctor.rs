//! `warifu doctor`: every setting in force, and what works and what does not.

use warifu_core::mail::MailState;

use super::{Failure, current, keyring, open, say, store, transport};
use crate::config::{Config, KEYS};

/// Shows every setting and checks everything; fails when a check does.
pub(super) async fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let mut report = Report::default();
    roads(config, &mut report);
    report.check("keys.file", keyring::read(&config.keys_file).map(|_| "can be read"));
    mail(config, &mut report);
    database(config, &mut report).await;
    if report.failed() == 0
        && let Err(failure) = inside(config, &mut report).await
    {
        report.fail("institutions", failure);
    }
    say(json, &report.json(config), &report.text(config));
    match report.failed() {
        0 => Ok(()),
        1 => Err(Failure::Failed(anyhow::anyhow!("one check failed"))),
        failed => Err(Failure::Failed(anyhow::anyhow!("{failed} checks failed"))),
    }
}

// How customers come in.
fn roads(config: &Config, report: &mut Report) {
    if config.listen.ib.is_empty() && config.listen.token.is_empty() {
        report.warn("listen.ib", "neither it nor listen.token is set: `serve` will not start");
    } else if config.trusted_proxies.is_empty() {
        let why = "not set: behind a proxy all customers count as one network";
        report.warn("proxies.trusted", why);
    }
    if config.links.plain_http {
        let why = "http: to try it out on this machine; hosts outside of localhost keep https";
        report.warn("links.scheme", why);
    }
}

fn mail(config: &Config, report: &mut Report) {
    match transport(config) {
        Ok(None) => report.warn("smtp.host", "not set: mails wait in the outbox"),
        Ok(Some(_)) => report.ok("smtp.host", "its settings fit together; no connection was tried"),
        Err(failure) => report.fail("smtp.host", failure),
    }
}

async fn database(config: &Config, report: &mut Report) {
    let store = match store(config, false).await {
        Ok(store) => store,
        Err(failure) => return report.fail("database.url", failure),
    };
    report.ok("database.url", store.engine());
    let schema = store.schema().await.map_err(Failure::from);
    report.check("schema", schema.and_then(current).map(|()| "that of this version"));
    if store.engine() == "sqlite" {
        let sound = store.check_file().await.map_err(Failure::from);
        report.check("database.file", sound.map(|()| "every page and index is in order"));
    }
    match store.worries().await {
        Ok(worries) => {
            for worry in worries {
                report.warn("durability", &worry.to_string());
            }
        }
        Err(error) => report.fail("durability", error.into()),
    }
    store.close().await;
}

async fn inside(config: &Config, report: &mut Report) -> Result<(), Failure> {
    let app = open(config).await?;
    let institutions = app.institutions.all();
    if institutions.is_empty() {
        report.warn("institutions", "none yet: `warifu institution create` sets one up");
    }
    for institution in institutions {
        let document = &institution.document;
        report.ok(
            "institution",
            &format!(
                "{} {}, {}, version {}",
                document.service_id.as_str(),
                document.name.ja,
                app.link(&document.hosts.ib, "/"),
                institution.version
            ),
        );
    }
    let now = app.clock.now();
    if app.store.era(now).began > now {
        let why = "the database's era begins in the future, by a clock that was wrong: until then no \
                   passcode is accepted";
        report.fail("era", Failure::Refused(why.to_owned()));
    }
    let mut tx = app.store.read().await?;
    match tx.odd_verifiers().await? {
        0 => report.ok("verifiers", "says of every customer what its own row says"),
        odd => {
            let why = format!("{odd} tokens in use say something else than their customer's row");
            report.fail("verifiers", Failure::Refused(why));
        }
    }
    for (state, count) in tx.mails_by_state().await? {
        let said = format!("{count} {state}");
        match state {
            MailState::Failed | MailState::Bounced => {
                report.warn("mails", &format!("{said}: `warifu mail list --state {state}`"));
            }
            _ => report.ok("mails", &said),
        }
    }
    drop(tx);
    app.store.close().await;
    Ok(())
}

/// What a check came to; in words, for those who do not see colours or hear the lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    Warn,
    Fail,
}

impl Mark {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

#[derive(Default)]
struct Report {
    checks: Vec<(Mark, &'static str, String)>,
}

impl Report {
    fn ok(&mut self, name: &'static str, said: &str) {
        self.checks.push((Mark::Ok, name, said.to_owned()));
    }

    fn warn(&mut self, name: &'static str, said: &str) {
        self.checks.push((Mark::Warn, name, said.to_owned()));
    }

    fn fail(&mut self, name: &'static str, failure: Failure) {
        let said = match failure {
            // Here the key stands before it already.
            Failure::Configuration(why) => {
                why.strip_prefix(&format!("{name}: ")).unwrap_or(&why).to_owned()
            }
            other => other.to_string(),
        };
        self.checks.push((Mark::Fail, name, said));
    }

    fn check(&mut self, name: &'static str, outcome: Result<&str, Failure>) {
        match outcome {
            Ok(said) => self.ok(name, said),
            Err(failure) => self.fail(name, failure),
        }
    }

    fn failed(&self) -> usize {
        self.checks.iter().filter(|(mark, ..)| *mark == Mark::Fail).count()
    }

    fn text(&self, config: &Config) -> String {
        let names = KEYS.iter().map(|key| key.name).chain(self.checks.iter().map(|check| check.1));
        let wide = names.map(str::len).max().unwrap_or(0);
        let mut lines = vec!["Settings".to_owned()];
        lines.extend(KEYS.iter().map(|key| {
            let value = key.effective(config);
            let value = value.unwrap_or_else(|| format!("not set; {}", key.about));
            format!("  {:<wide$}  {value}", key.name)
        }));
        lines.push("\nChecks".to_owned());
        lines.extend(
            self.checks
                .iter()
                .map(|(mark, name, said)| format!("  {:<4}  {name:<wide$}  {said}", mark.word())),
        );
        lines.join("\n")
    }

    fn json(&self, config: &Config) -> serde_json::Value {
        let settings: serde_json::Map<_, _> =
            KEYS.iter().map(|key| (key.name.to_owned(), key.effective(config).into())).collect();
        let checks: Vec<_> = self
            .checks
            .iter()
            .map(|(mark, name, said)| {
                serde_json::json!({"mark": mark.word(), "name": name, "said": said})
            })
            .collect();
        serde_json::json!({"settings": settings, "checks": checks})
    }
}
