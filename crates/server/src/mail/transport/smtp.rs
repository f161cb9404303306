//! The dialogue with the relay: TLS before anything else, a promise only where the relay gave one.

use std::{error::Error as _, fs, net::IpAddr, path::Path, time::Duration};

use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
    commands::{Data, Mail, Rcpt},
    extension::ClientId,
    response::Response,
};
use tokio::time::timeout;

use super::{Letter, SendError, SmtpSettings, Tls};

/// A relay and how to speak to it.
pub(crate) struct Smtp {
    pub(super) host: String,
    port: u16,
    protection: Protection,
    credentials: Option<Credentials>,
    connect_timeout: Duration,
    pub(super) whole_timeout: Duration,
}

enum Protection {
    None,
    StartTls(TlsParameters),
    Implicit(TlsParameters),
}

impl Smtp {
    pub(super) fn new(settings: SmtpSettings) -> Result<Self, String> {
        let SmtpSettings { host, port, tls, username, password, ca_file } = settings;
        let host = host.trim_matches(['[', ']']).to_owned();
        let protection = match tls {
            Tls::None if is_loopback(&host) => Protection::None,
            Tls::None => {
                return Err("smtp.tls: \"none\" is only for a relay on this machine".to_owned());
            }
            Tls::StartTls => Protection::StartTls(tls_parameters(&host, ca_file.as_deref())?),
            Tls::Implicit => Protection::Implicit(tls_parameters(&host, ca_file.as_deref())?),
        };
        let credentials = match (username, password) {
            (Some(name), Some(word)) => Some(Credentials::new(name, word.expose().to_owned())),
            (None, None) => None,
            (Some(_), None) => return Err("smtp.password_file: is missing".to_owned()),
            (None, Some(_)) => return Err("smtp.username: is missing".to_owned()),
        };
        Ok(Self {
            host,
            port,
            protection,
            credentials,
            connect_timeout: CONNECT_TIMEOUT,
            whole_timeout: WHOLE_TIMEOUT,
        })
    }

    pub(super) async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let late = |_| SendError::Temporary("the relay did not answer in time".to_owned());
        let mut relay = timeout(self.whole_timeout, self.deliver(letter)).await.map_err(late)??;
        // The relay has the mail: a QUIT without an answer must not send it twice.
        drop(timeout(QUIT_TIMEOUT, relay.quit()).await);
        Ok(())
    }

    async fn deliver(&self, letter: &Letter) -> Result<AsyncSmtpConnection, SendError> {
        let hello = ClientId::Domain(letter.from_domain.clone());
        let mut relay = self.open(&hello).await.map_err(|error| not_open(&error))?;
        let sender = Mail::new(Some(letter.return_path.clone()), Vec::new());
        relay.command(sender).await.map_err(|error| not_open(&error))?;
        let recipient = Rcpt::new(letter.to.clone(), Vec::new());
        relay.command(recipient).await.map_err(|error| judged("the recipient", &error))?;
        let go_on = relay.command(Data).await.map_err(|error| judged("the mail", &error))?;
        // An answer slipped in before TLS stays in lettre's buffer and shifts all later ones by
        // one, so only exactly these two codes, in this order, are a promise.
        expected(&go_on, 354)?;
        let taken =
            relay.message(&letter.bytes).await.map_err(|error| judged("the mail", &error))?;
        expected(&taken, 250)?;
        Ok(relay)
    }

    async fn open(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, Error> {
        let server = (self.host.as_str(), self.port);
        let wrapper = match &self.protection {
            Protection::Implicit(parameters) => Some(parameters.clone()),
            Protection::None | Protection::StartTls(_) => None,
        };
        let patience = Some(self.connect_timeout);
        let mut relay =
            AsyncSmtpConnection::connect_tokio1(server, patience, hello, wrapper, None).await?;
        if let Protection::StartTls(parameters) = &self.protection {
            relay.starttls(parameters.clone(), hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            relay.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(relay)
    }
}

/// Before the relay has heard of a recipient, no answer is about this mail: even a 5xx (a password that
/// was changed, a name or a sender that is blocked) is mended by people, and the mail waits for them.
fn not_open(error: &Error) -> SendError {
    SendError::Temporary(match error.status() {
        Some(code) => format!("the relay did not let us in: {code}"),
        None => format!("the relay could not be reached safely: {}", root_cause(error)),
    })
}

/// The relay's own words are left out: they often repeat the address.
fn judged(what: &str, error: &Error) -> SendError {
    match error.status() {
        Some(code) if error.is_permanent() => {
            SendError::Permanent(format!("the relay refused {what}: {code}{}", detail(error)))
        }
        Some(code) => {
            SendError::Temporary(format!("the relay put off {what}: {code}{}", detail(error)))
        }
        None => SendError::Temporary(format!("the connection broke off: {}", root_cause(error))),
    }
}

fn expected(answer: &Response, code: u16) -> Result<(), SendError> {
    if answer.has_code(code) {
        return Ok(());
    }
    Err(SendError::Temporary(format!("the relay answered {} instead of {code}", answer.code())))
}

/// The enhanced status code (RFC 3463) that tells an unknown mailbox from a full one, with a space.
fn detail(error: &Error) -> String {
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let first = words.split_whitespace().next().unwrap_or_default();
    let is_code = first.split('.').count() == 3
        && first.len() <= 9
        && first
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if is_code { format!(" {first}") } else { String::new() }
}

/// What the network or TLS said; an answer that is not SMTP at all is not repeated.
fn root_cause(error: &Error) -> String {
    if error.is_response() {
        return "not an answer of a mail server".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls_parameters(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, String> {
    let file = ca_file
        .or_else(|| SYSTEM_AUTHORITIES.map(Path::new).into_iter().find(|path| path.exists()))
        .ok_or("smtp.ca_file: is missing, and this system keeps no list of authorities")?;
    let named = |why: String| format!("smtp.ca_file: {}: {why}", file.display());
    let pem = fs::read(file).map_err(|error| named(error.to_string()))?;
    if !pem.windows(PEM_HEAD.len()).any(|window| window == PEM_HEAD) {
        return Err(named("holds no certificate".to_owned()));
    }
    let authorities = Certificate::from_pem(&pem).map_err(|error| named(error.to_string()))?;
    TlsParameters::builder(host.to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(authorities)
        .build()
        .map_err(|error| named(error.to_string()))
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WHOLE_TIMEOUT: Duration = Duration::from_secs(30);
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);
const PEM_HEAD: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Where Debian and Red Hat keep the authorities they trust.
const SYSTEM_AUTHORITIES: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
