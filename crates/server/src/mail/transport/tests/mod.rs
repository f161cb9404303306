//! The transport against a real SMTP server: aiosmtpd, over TLS with a self-made authority.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::*;

mod delivery;
mod protection;
mod refusals;

const USER: &str = "warifu";
const PASSWORD: &str = "correct horse";

/// A server of its own for each test; it ends when this is dropped and its standard input closes.
struct Relay {
    port: u16,
    events: Receiver<Value>,
    server: Child,
}

impl Relay {
    fn start(arguments: &[&str]) -> Self {
        let python = env::var("WARIFU_TEST_PYTHON").expect(
            "WARIFU_TEST_PYTHON must name a python with aiosmtpd; `cargo xtask test` sets it",
        );
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp_server.py");
        let mut server = Command::new(&python)
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("WARIFU_TEST_PYTHON={python} does not start: {error}"));
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in lines {
                // Nobody listens any more once the test has ended.
                drop(sender.send(serde_json::from_str(&line.unwrap()).unwrap()));
            }
        });
        let mut relay = Self { port: 0, events, server };
        relay.port = relay.next()["port"].as_u64().unwrap().try_into().unwrap();
        relay
    }

    fn with_starttls(identity: &Identity) -> Self {
        let [cert, key] = identity.server_files();
        Self::start(&["--cert", &cert, "--key", &key, "--auth", &format!("{USER}:{PASSWORD}")])
    }

    fn settings(&self, tls: Tls, identity: &Identity) -> SmtpSettings {
        SmtpSettings {
            host: "localhost".to_owned(),
            port: self.port,
            tls,
            username: Some(USER.to_owned()),
            password: Some(SecretText::new(PASSWORD.to_owned())),
            ca_file: Some(identity.authority()),
        }
    }

    fn transport(&self, identity: &Identity) -> Transport {
        Transport::smtp(self.settings(Tls::StartTls, identity)).unwrap()
    }

    fn next(&self) -> Value {
        self.events.recv_timeout(Duration::from_secs(20)).expect("the SMTP server says nothing")
    }

    /// The next mail it took.
    fn mail(&self) -> Value {
        let event = self.next();
        assert_eq!(event["event"], "mail", "{event}");
        event
    }

    /// What the client sent on the connection that ended next: before TLS, and inside it.
    fn dialogue(&self) -> (String, String) {
        let event = self.next();
        assert_eq!(event["event"], "closed", "{event}");
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        (text("clear"), text("sealed"))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// An authority made for one test and the certificate it gave to `localhost`.
struct Identity(TempDir);

impl Identity {
    fn new() -> Self {
        let identity = Self(tempfile::tempdir().unwrap());
        identity.openssl("ca", &["-subj", "/CN=Warifu test authority"]);
        let [ca, ca_key] = ["ca.pem", "ca.key"].map(|name| identity.file(name));
        identity.openssl(
            "relay",
            &["-subj", "/CN=relay", "-CA", &ca, "-CAkey", &ca_key]
                .into_iter()
                .chain(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
                .chain(["-addext", "basicConstraints=critical,CA:FALSE"])
                .collect::<Vec<_>>(),
        );
        identity
    }

    fn openssl(&self, name: &str, more: &[&str]) {
        let made = Command::new("openssl")
            .args(
                "req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
                    .split(' '),
            )
            .args(["-keyout", &self.file(&format!("{name}.key"))])
            .args(["-out", &self.file(&format!("{name}.pem"))])
            .args(more)
            .output()
            .expect("these tests need openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn authority(&self) -> PathBuf {
        self.0.path().join("ca.pem")
    }

    fn server_files(&self) -> [String; 2] {
        ["relay.pem", "relay.key"].map(|name| self.file(name))
    }
}

fn mail_to(to: &str) -> Outgoing {
    Outgoing {
        from: "otp@minato-bank.example.jp".to_owned(),
        from_name: "みなと銀行 インターネットバンキング".to_owned(),
        to: to.to_owned(),
        quote_broken_local: false,
        subject: "【みなと銀行】メール通知パスワードのお知らせ".to_owned(),
        body: "メール通知パスワード　12345678\n\n.\n※お心当たりがない場合は、お電話ください。\n"
            .to_owned(),
        message_id: "mal_01kb0000000000000000000000@minato-bank.example.jp".to_owned(),
        return_path: "bounce+mal_01kb0000000000000000000000@minato-bank.example.jp".to_owned(),
        date: Millis(1_795_325_708_999),
    }
}
