//! `warifu doctor`: what is set, what works, what does not.

use warifu_store::Schema;

use super::{Failure, keyring, open, store, transport};
use crate::config::{Config, KEYS};

/// Checks everything and prints one line each; fails when something is wrong.
pub(super) async fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let mut report = Report::default();
    report.note("listen.ib", format!("{:?}", config.listen.ib));
    report.note("listen.token", format!("{:?}", config.listen.token));
    report.note("listen.ops", format!("{:?}", config.listen.ops));
    report.note("keys.file", config.keys_file.display().to_string());
    report.check("key-encryption key", keyring::read(&config.keys_file).map(|_| "readable".into()));
    match &config.smtp {
        Some(smtp) => {
            let said = format!("{}:{} {}", smtp.host, smtp.port, smtp.tls);
            report.check("mail relay", transport(config).map(|_| said));
        }
        None => report.note("mail relay", "none: mails wait in the outbox".to_owned()),
    }
    match store(config, false).await {
        Err(failure) => report.check("database", Err(failure)),
        Ok(store) => {
            report.note("database", store.engine().to_owned());
            let schema = match store.schema().await? {
                Schema::Current => Ok("current".to_owned()),
                Schema::Older { found, known } => Err(Failure::Refused(format!(
                    "{found}, this version needs {known}: run `warifu migrate`"
                ))),
                Schema::Newer { found, known } => {
                    Err(Failure::Refused(format!("{found}, this version knows only {known}")))
                }
            };
            report.check("schema", schema);
        }
    }
    if report.failed == 0 {
        inside(config, &mut report).await?;
    }
    report.print(json);
    if report.failed == 0 {
        Ok(())
    } else {
        Err(Failure::Failed(anyhow::anyhow!("{} of the checks failed", report.failed)))
    }
}

async fn inside(config: &Config, report: &mut Report) -> Result<(), Failure> {
    let app = match open(config).await {
        Ok(app) => app,
        Err(failure) => {
            report.check("institutions", Err(failure));
            return Ok(());
        }
    };
    for institution in app.institutions.all() {
        let d = &institution.document;
        let said = format!("{} https://{}/ version {}", d.name.ja, d.hosts.ib, institution.version);
        report.note("institution", said);
    }
    let mut tx = app.store.read().await?;
    for (state, count) in tx.mails_by_state().await? {
        report.note("mails", format!("{count} {state}"));
    }
    Ok(())
}

#[derive(Default)]
struct Report {
    lines: Vec<(String, String, bool)>,
    failed: usize,
}

impl Report {
    fn note(&mut self, name: &str, said: String) {
        self.lines.push((name.to_owned(), said, true));
    }

    fn check(&mut self, name: &str, outcome: Result<String, Failure>) {
        match outcome {
            Ok(said) => self.note(name, said),
            Err(failure) => {
                self.failed += 1;
                self.lines.push((name.to_owned(), failure.to_string(), false));
            }
        }
    }

    fn print(&self, json: bool) {
        if json {
            let lines: Vec<_> = self
                .lines
                .iter()
                .map(|(name, said, ok)| serde_json::json!({"name": name, "said": said, "ok": ok}))
                .collect();
            println!("{}", serde_json::Value::Array(lines));
            return;
        }
        for (name, said, ok) in &self.lines {
            let sign = if *ok { "ok    " } else { "FAILED" };
            println!("{sign} {name}: {said}");
        }
        println!("{} settings are known; `--config FILE` or WARIFU_… sets them.", KEYS.len());
    }
}
