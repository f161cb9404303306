//! Configuration of the process: one TOML file, `WARIFU_…` variables above it, every key checked.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use toml::{Table, Value};

/// One setting of the process.
#[derive(Debug)]
pub struct Key {
    /// Its name in the file; `WARIFU_…` in the environment.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    effective: fn(&Config) -> Option<String>,
}

impl Key {
    /// The value in force, without any secret; none where nothing is set.
    #[must_use]
    pub fn effective(&self, config: &Config) -> Option<String> {
        (self.effective)(config)
    }
}

/// Every key there is: any other is refused, and `doctor` shows just these.
pub static KEYS: [Key; 21] = [
    key("listen.ib", "addresses of the customers' pages", |c| list(&c.listen.ib)),
    key("listen.token", "addresses of the phone app; may be those of listen.ib", |c| {
        list(&c.listen.token)
    }),
    key("listen.console", "not served by this version", |_| None),
    key("listen.api", "addresses of the API for the bank's own programs", |c| list(&c.listen.api)),
    key("listen.ops", "addresses of /health; never a public one", |c| list(&c.listen.ops)),
    key("links.scheme", "https, or http to try it out on this machine alone", |c| {
        c.links.plain_http.then(|| "http".to_owned())
    }),
    key("links.port", "port of the customers' hosts, where it is not the scheme's own", |c| {
        Some(c.links.port?.to_string())
    }),
    key("database.url", "sqlite:PATH or postgres://USER@HOST/NAME", |c| {
        Some(without_password(&c.database_url))
    }),
    key("database.distributed", "true: tables lie on many PostgreSQL servers (Citus)", |c| {
        c.distributed.then(|| "true".to_owned())
    }),
    key(
        "database.max_connections",
        "connections of this node at most, beside eight of the verify queue",
        |c| Some(c.max_connections.to_string()),
    ),
    key("keys.file", "file with the key-encryption key", |c| path(Some(&c.keys_file))),
    key("keys.pkcs11", "not supported by this version", |_| None),
    key("smtp.host", "mail relay", |c| Some(c.smtp.as_ref()?.host.clone())),
    key("smtp.port", "the relay's port", |c| Some(c.smtp.as_ref()?.port.to_string())),
    key("smtp.tls", "starttls, implicit, or none (loopback only)", |c| {
        Some(c.smtp.as_ref()?.tls.clone())
    }),
    key("smtp.username", "name to authenticate with", |c| c.smtp.as_ref()?.username.clone()),
    key("smtp.password_file", "file that holds the password", |c| {
        path(c.smtp.as_ref()?.password_file.as_ref())
    }),
    key("smtp.ca_file", "PEM of the relay's CA, where it is not a public one", |c| {
        path(c.smtp.as_ref()?.ca_file.as_ref())
    }),
    key("proxies.trusted", "addresses whose X-Forwarded-For is believed", |c| {
        list(&c.trusted_proxies)
    }),
    key("log.format", "text or json", |c| {
        Some(if c.log_json { "json" } else { "text" }.to_owned())
    }),
    key("log.level", "error, warn, info, debug or trace", |c| Some(c.log_level.clone())),
];

const fn key(
    name: &'static str,
    about: &'static str,
    effective: fn(&Config) -> Option<String>,
) -> Key {
    Key { name, about, effective }
}

fn list(values: &[impl ToString]) -> Option<String> {
    let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn path(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| path.display().to_string())
}

/// An address of a database that may be shown. Rather hides too much than a part of a password.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite")
    else {
        return url.to_owned();
    };
    let rest = match rest.split_once('?') {
        Some((place, query)) => {
            let pairs = query.split('&').map(|pair| match pair.split_once('=') {
                Some((name, _)) if name.contains("password") => format!("{name}=***"),
                _ => pair.to_owned(),
            });
            format!("{place}?{}", pairs.collect::<Vec<_>>().join("&"))
        }
        None => rest.to_owned(),
    };
    // To the last @: what a password holds may not be encoded as it should be.
    let user = rest.rsplit_once('@').and_then(|(user, place)| Some((user.split_once(':')?, place)));
    match user {
        Some(((name, _), place)) => format!("{scheme}://{name}:***@{place}"),
        None => format!("{scheme}://{rest}"),
    }
}

/// The process's settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Listening addresses by what they serve.
    pub listen: Listen,
    /// `database.url`.
    pub database_url: String,
    /// `links.*`.
    pub links: Links,
    /// `database.distributed`.
    pub distributed: bool,
    /// `database.max_connections`.
    pub max_connections: u32,
    /// `keys.file`.
    pub keys_file: PathBuf,
    /// The mail relay, if there is one.
    pub smtp: Option<Smtp>,
    /// `proxies.trusted`.
    pub trusted_proxies: Vec<IpAddr>,
    /// `log.format` is json.
    pub log_json: bool,
    /// `log.level`.
    pub log_level: String,
}

/// Listening addresses.
#[derive(Clone, Debug, Default)]
pub struct Listen {
    /// Customers' pages.
    pub ib: Vec<SocketAddr>,
    /// Phone app.
    pub token: Vec<SocketAddr>,
    /// The API.
    pub api: Vec<SocketAddr>,
    /// Health.
    pub ops: Vec<SocketAddr>,
}

/// How links to the customers' hosts begin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Links {
    /// With `http`: only where nobody but browsers of this machine comes, which take `*.localhost` for secure.
    pub plain_http: bool,
    /// The port that they name.
    pub port: Option<u16>,
}

/// The mail relay.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Host name; its certificate must fit.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `starttls`, `implicit` or `none`.
    pub tls: String,
    /// User name.
    pub username: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// PEM of the CA.
    pub ca_file: Option<PathBuf>,
}

/// A setting that stops the start, with its key's name.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file (none is fine: everything may come from the environment) and the environment.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|e| ConfigError(format!("cannot read {}: {e}", path.display())))?;
            let table: Table = text.parse().map_err(|e| not_toml(path, &text, &e))?;
            flatten("", table, &mut values);
        }
        for (name, value) in environment {
            let Some(key) = name.strip_prefix("WARIFU_") else {
                continue;
            };
            // WARIFU_CONFIG names the file itself; it is the command line's, not a setting.
            if key != "CONFIG" {
                values.insert(key.to_lowercase().replace("__", "."), Value::String(value));
            }
        }
        for key in values.keys() {
            known(key)?;
        }
        Self::from_values(&Values(values))
    }

    fn from_values(v: &Values) -> Result<Self, ConfigError> {
        let distributed = v.flag("database.distributed")?;
        let is_file = v.text("database.url")?.is_none_or(|url| url.starts_with("sqlite:"));
        if distributed && is_file {
            return Err(ConfigError(
                "database.distributed: database.url must name a PostgreSQL with Citus".to_owned(),
            ));
        }
        if v.text("keys.pkcs11")?.is_some() {
            return Err(ConfigError(
                "keys.pkcs11: HSMs are not supported by this version; use keys.file".to_owned(),
            ));
        }
        if !v.addresses("listen.console")?.is_empty() {
            return Err(ConfigError("listen.console: not served by this version".to_owned()));
        }
        let listen = Listen {
            ib: v.addresses("listen.ib")?,
            token: v.addresses("listen.token")?,
            api: v.addresses("listen.api")?,
            ops: v.addresses("listen.ops")?,
        };
        Ok(Self {
            links: v.links(&listen)?,
            listen,
            database_url: v.database_url()?,
            distributed,
            max_connections: v.number("database.max_connections", 1, 500)?.unwrap_or(16),
            keys_file: v.text("keys.file")?.unwrap_or_else(|| "warifu.keys".to_owned()).into(),
            smtp: v.smtp()?,
            trusted_proxies: v.list("proxies.trusted")?,
            log_json: v.word("log.format", &["text", "json"])?.as_deref() == Some("json"),
            log_level: v
                .word("log.level", &["error", "warn", "info", "debug", "trace"])?
                .unwrap_or_else(|| "info".to_owned()),
        })
    }
}

struct Values(BTreeMap<String, Value>);

impl Values {
    fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.0.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong(key, "a text", &other.to_string())),
        }
    }

    fn flag(&self, key: &str) -> Result<bool, ConfigError> {
        match self.0.get(key) {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(*flag),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(other) => Err(wrong(key, "true or false", &other.to_string())),
        }
    }

    fn number(&self, key: &str, floor: u32, ceiling: u32) -> Result<Option<u32>, ConfigError> {
        let Some(value) = self.0.get(key) else {
            return Ok(None);
        };
        let number = match value {
            Value::Integer(number) => u32::try_from(*number).ok(),
            Value::String(text) => text.parse().ok(),
            Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_)
            | Value::Table(_) => None,
        };
        match number {
            Some(number) if (floor..=ceiling).contains(&number) => Ok(Some(number)),
            _ => {
                Err(wrong(key, &format!("a number from {floor} to {ceiling}"), &value.to_string()))
            }
        }
    }

    fn word(&self, key: &str, words: &[&str]) -> Result<Option<String>, ConfigError> {
        match self.text(key)? {
            Some(text) if !words.contains(&text.as_str()) => {
                Err(wrong(key, &format!("one of {}", words.join(", ")), &text))
            }
            other => Ok(other),
        }
    }

    /// A list, or one value, or (from the environment) values with commas.
    fn list<T: FromStr>(&self, key: &str) -> Result<Vec<T>, ConfigError> {
        let texts: Vec<String> = match self.0.get(key) {
            None => Vec::new(),
            Some(Value::String(text)) => text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text.clone()),
                    other => Err(wrong(key, "a list of texts", &other.to_string())),
                })
                .collect::<Result<_, _>>()?,
            Some(other) => return Err(wrong(key, "a list of texts", &other.to_string())),
        };
        texts.iter().map(|text| text.parse().map_err(|_| wrong(key, "an address", text))).collect()
    }

    fn addresses(&self, key: &str) -> Result<Vec<SocketAddr>, ConfigError> {
        self.list(key).map_err(|_| match self.0.get(key) {
            Some(value) => wrong(key, "addresses such as 127.0.0.1:8080", &value.to_string()),
            None => wrong(key, "addresses such as 127.0.0.1:8080", ""),
        })
    }

    fn links(&self, listen: &Listen) -> Result<Links, ConfigError> {
        let scheme = self.word("links.scheme", &["https", "http"])?;
        let plain_http = scheme.as_deref() == Some("http");
        let is_near = listen.ib.iter().chain(&listen.token).all(|at| at.ip().is_loopback());
        if plain_http && !is_near {
            return Err(ConfigError(
                "links.scheme: http is for trying it out on this machine: listen.ib and listen.token \
                 must be addresses like 127.0.0.1:8080"
                    .to_owned(),
            ));
        }
        let port = self.number("links.port", 1, 65_535)?.and_then(|port| u16::try_from(port).ok());
        Ok(Links { plain_http, port })
    }

    fn database_url(&self) -> Result<String, ConfigError> {
        let url = self.text("database.url")?.unwrap_or_else(|| "sqlite:warifu.db".to_owned());
        if ["sqlite:", "postgres://", "postgresql://"].iter().any(|p| url.starts_with(p)) {
            Ok(url)
        } else {
            // The value may hold a password: it is not repeated.
            Err(ConfigError("database.url: must begin with sqlite: or postgres://".to_owned()))
        }
    }

    fn smtp(&self) -> Result<Option<Smtp>, ConfigError> {
        let Some(host) = self.text("smtp.host")? else {
            return match self.0.keys().find(|key| key.starts_with("smtp.")) {
                Some(key) => Err(ConfigError(format!("{key}: is set, but smtp.host is not"))),
                None => Ok(None),
            };
        };
        let tls = self
            .word("smtp.tls", &["starttls", "implicit", "none"])?
            .unwrap_or_else(|| "starttls".to_owned());
        let usual = if tls == "implicit" { 465 } else { 587 };
        let port = self.number("smtp.port", 1, 65_535)?.unwrap_or(usual);
        Ok(Some(Smtp {
            host,
            port: u16::try_from(port).unwrap_or(587),
            tls,
            username: self.text("smtp.username")?,
            password_file: self.text("smtp.password_file")?.map(PathBuf::from),
            ca_file: self.text("smtp.ca_file")?.map(PathBuf::from),
        }))
    }
}

// Where and why, but not the line itself: it may hold a password.
fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    ConfigError(format!("{} is not TOML: line {line}: {}", path.display(), error.message()))
}

fn flatten(prefix: &str, table: Table, out: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, out),
            other @ (Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_)) => {
                out.insert(key, other);
            }
        }
    }
}

fn known(key: &str) -> Result<(), ConfigError> {
    if KEYS.iter().any(|known| known.name == key) {
        return Ok(());
    }
    let nearest = KEYS
        .iter()
        .map(|known| (strsim::osa_distance(key, known.name), known.name))
        .min()
        .map_or("", |(_, known)| known);
    Err(ConfigError(format!("{key}: there is no such setting; the nearest is {nearest}")))
}

fn wrong(key: &str, wanted: &str, found: &str) -> ConfigError {
    ConfigError(format!("{key}: must be {wanted}, not {found}"))
}

#[cfg(test)]
mod tests;
