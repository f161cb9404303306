//! The command line: nouns, then verbs; clear errors; exit 0 ok, 1 failed, 2 usage, 3 configuration,
//! 4 refused.

mod api_keys;
mod copies;
mod customers;
mod demo;
mod doctor;
mod institution;
mod issues;
mod keyring;
mod mail;
mod threads;
mod told;

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Parser, Subcommand};
use tokio::net::TcpListener;
use warifu_core::{audit::Channel, ids::ServiceId, random::Random, time::Clock};
use warifu_store::{Schema, Settings as StoreSettings, Store, StoreError};

use self::told::{complain, moment, say, visible};
use crate::{
    app::{App, Settings},
    config::{Config, ConfigError, Listen},
    hasher::Hasher,
    institutions::{HostKind, Institution},
    limits::Rates,
    mail::transport::{SmtpSettings, Transport},
    origin::Origin,
    serve::{self, Listener},
    world::{SystemClock, SystemRandom},
};

/// 割符 Warifu: one-time passwords for internet banks.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    /// The configuration file.
    #[arg(long, global = true, env = "WARIFU_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON instead of text, where there is something to print.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the customers' pages and the phone app.
    Serve,
    /// Run a demonstration bank on this machine.
    Demo(demo::Arguments),
    /// Bring the database's schema up to this version.
    Migrate,
    /// Check configuration, keys, database and mail, and show the effective settings.
    Doctor,
    /// Copy the SQLite database into a new file while others go on writing.
    Backup {
        /// The file; it must not be there yet.
        file: PathBuf,
    },
    /// Put a copy in the place of the SQLite database; end what was begun, give up what may have been
    /// accepted. On PostgreSQL, without FILE, after its own tools have restored it and before any `serve`.
    Restore {
        /// The copy.
        file: Option<PathBuf>,
        /// Go on where nothing can be taken over from what stood there.
        #[arg(long)]
        without_takeover: bool,
    },
    /// Make the file with the key-encryption key.
    #[command(subcommand)]
    Keys(keyring::Verb),
    /// Make and revoke the keys of the bank's programs.
    #[command(subcommand)]
    ApiKeys(api_keys::Verb),
    /// Set up institutions and change their documents.
    #[command(subcommand)]
    Institution(institution::Verb),
    /// Import, list, show, unlock and stop customers.
    #[command(subcommand)]
    Customers(customers::Verb),
    /// List running issues and take them back.
    #[command(subcommand)]
    Issues(issues::Verb),
    /// List mails, send them again, take delivery reports.
    #[command(subcommand)]
    Mail(mail::Verb),
}

/// Which institution a command means.
#[derive(Clone, Debug, Args)]
struct Which {
    /// Service ID of the institution; needed when there are several.
    #[arg(long, value_name = "SERVICE_ID")]
    institution: Option<String>,
}

fn origin(app: &App, which: &Which) -> Result<Origin, Failure> {
    let institution = institution_of(app, which)?;
    Ok(Origin::inside(institution, Channel::CommandLine, app.clock.now()))
}

fn institution_of(app: &App, which: &Which) -> Result<Arc<Institution>, Failure> {
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

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error("configuration: {0}")]
    Configuration(String),
    /// What was asked is refused: nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// Something broke.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error.0)
    }
}

impl From<crate::error::AppError> for Failure {
    fn from(error: crate::error::AppError) -> Self {
        Self::Failed(anyhow::anyhow!("{error}"))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match threads::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("warifu: {error}"));
            return ExitCode::from(1);
        }
    };
    match runtime.block_on(run(cli)) {
        // What somebody wanted to keep has not arrived.
        Ok(()) if told::is_lost() => ExitCode::from(1),
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("warifu: {}", visible(&failure.to_string())));
            ExitCode::from(match failure {
                Failure::Failed(_) => 1,
                Failure::Configuration(_) => 3,
                Failure::Refused(_) => 4,
            })
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    if let Command::Demo(arguments) = &cli.command {
        return demo::run(arguments).await;
    }
    // Bytes that are no text make a value that is refused with its key, not a process that dies.
    let environment = std::env::vars_os()
        .map(|(name, value)| [name, value].map(|text| text.to_string_lossy().into_owned()))
        .map(|[name, value]| (name, value));
    let config = Config::load(cli.config.as_deref(), environment)?;
    log(&config.log_level, config.log_json);
    match cli.command {
        Command::Demo(_) => Ok(()),
        Command::Serve => serve(&config).await,
        Command::Migrate => migrate(&config, cli.json).await,
        Command::Doctor => doctor::run(&config, cli.json).await,
        Command::Backup { file } => copies::back_up(&config, &file, cli.json).await,
        Command::Restore { file, without_takeover } => {
            copies::restore(&config, (file.as_deref(), without_takeover), cli.json).await
        }
        Command::Keys(verb) => keyring::run(&config, &verb, cli.json),
        Command::ApiKeys(verb) => api_keys::run(&open(&config).await?, &verb, cli.json).await,
        Command::Institution(verb) => {
            institution::run(&open(&config).await?, &verb, cli.json).await
        }
        Command::Customers(verb) => customers::run(&open(&config).await?, &verb, cli.json).await,
        Command::Issues(verb) => issues::run(&open(&config).await?, &verb, cli.json).await,
        Command::Mail(verb) => mail::run(&open(&config).await?, &verb, cli.json).await,
    }
}

fn log(level: &str, json: bool) {
    let filter = tracing_subscriber::EnvFilter::new(format!("{level},sqlx=warn,hyper=warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Told where? A full disk or a reader who has gone would end the server, since that panics.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    if json {
        log.json().init();
    } else {
        log.with_target(false).init();
    }
}

async fn store(config: &Config, create: bool) -> Result<Store, Failure> {
    let settings = StoreSettings {
        url: config.database_url.clone(),
        max_connections: config.max_connections,
        create,
        distributed: config.distributed,
    };
    if !create && is_missing(&settings.url) {
        return Err(Failure::Refused("there is no database yet: run `warifu migrate`".to_owned()));
    }
    Store::connect(&settings).await.map_err(|error| match error {
        StoreError::Settings(why) => Failure::Configuration(format!("database.url: {why}")),
        other => Failure::Failed(other.into()),
    })
}

// What the settings ask of a database and it is not.
fn settings(error: StoreError) -> Failure {
    match error {
        StoreError::Settings(why) => Failure::Configuration(format!("database.distributed: {why}")),
        other => Failure::Failed(other.into()),
    }
}

// The file that the address names, where it names one.
fn database_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    (!path.is_empty() && path != ":memory:").then(|| path.into())
}

// Whether the address is that of a file which is not there.
fn is_missing(url: &str) -> bool {
    database_file(url).is_some_and(|path| !path.exists())
}

/// The store of a schema this binary knows.
async fn current_store(config: &Config) -> Result<Store, Failure> {
    let store = store(config, false).await?;
    current(store.schema().await?)?;
    store.check_distribution().await.map_err(settings)?;
    Ok(store)
}

fn current(schema: Schema) -> Result<(), Failure> {
    match schema {
        Schema::Current => Ok(()),
        Schema::Older { found, known } => Err(Failure::Refused(format!(
            "the database has schema {found}, this version needs {known}: run `warifu migrate`"
        ))),
        Schema::Newer { found, known } => Err(Failure::Refused(format!(
            "the database has schema {found}, this version knows only {known}: use a newer Warifu"
        ))),
    }
}

/// What a process gets from the world around it; tests give another.
pub struct World {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub random: Arc<dyn Random>,
    /// The cost of static passwords.
    pub hasher: Hasher,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    fn real() -> Result<Self, Failure> {
        Ok(Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            hasher: Hasher::for_people().map_err(|e| anyhow::anyhow!(e))?,
        })
    }
}

async fn open(config: &Config) -> Result<App, Failure> {
    open_in(config, World::real()?).await
}

async fn open_in(config: &Config, world: World) -> Result<App, Failure> {
    app_on(config, world, current_store(config).await?).await
}

async fn app_on(config: &Config, world: World, store: Store) -> Result<App, Failure> {
    let kek = keyring::read(&config.keys_file)?;
    let settings = Settings {
        rates: Rates::default(),
        trusted_proxies: config.trusted_proxies.clone(),
        plain_http: config.links.plain_http,
        public_port: config.links.port,
        demo: None,
    };
    let app = App::new(store, world.clock, world.random, world.hasher, kek, settings).await?;
    // Told as what it is, and never as a database without institutions.
    if app.institutions.all().is_empty() && app.institutions.refused() > 0 {
        return Err(Failure::Configuration(
            "keys.file: this key does not open the institutions of this database".to_owned(),
        ));
    }
    Ok(app)
}

async fn migrate(config: &Config, json: bool) -> Result<(), Failure> {
    let store = store(config, true).await?;
    let before = store.schema().await?;
    if matches!(before, Schema::Newer { .. }) {
        return current(before);
    }
    store.migrate().await.map_err(settings)?;
    let (engine, changed) = (store.engine(), before != Schema::Current);
    store.close().await;
    say(
        json,
        &serde_json::json!({ "engine": engine, "changed": changed }),
        &format!("The database ({engine}) has the schema of this version."),
    );
    Ok(())
}

async fn serve(config: &Config) -> Result<(), Failure> {
    serve_in(config, World::real()?).await
}

/// Serves as configured, in a given world.
pub async fn serve_in(config: &Config, world: World) -> Result<(), Failure> {
    let transport = transport(config)?;
    let app = open_in(config, world).await?;
    let Listen { ib, token, api, .. } = &config.listen;
    if ib.is_empty() && token.is_empty() && api.is_empty() {
        let why = "listen.ib, listen.token, listen.api: none is set";
        return Err(Failure::Configuration(why.to_owned()));
    }
    let listeners = listeners(config).await?;
    let mut ops = Vec::new();
    for address in &config.listen.ops {
        ops.push(bind("listen.ops", *address).await?);
    }
    if transport.is_none() {
        tracing::warn!("smtp.host is not set: mails wait in the outbox");
    }
    let stop = serve::stop_signal()?;
    tracing::info!(institutions = app.institutions.all().len(), "serving");
    serve::run(&app, listeners, ops, transport, stop).await?;
    Ok(())
}

// One socket for each address; what several keys name is served by one.
async fn listeners(config: &Config) -> Result<Vec<Listener>, Failure> {
    let mut sockets = std::collections::BTreeMap::<_, (&str, Vec<HostKind>)>::new();
    for (key, kind, addresses) in [
        ("listen.ib", HostKind::Ib, &config.listen.ib),
        ("listen.token", HostKind::Token, &config.listen.token),
        ("listen.api", HostKind::Api, &config.listen.api),
    ] {
        for address in addresses {
            sockets.entry(*address).or_insert((key, Vec::new())).1.push(kind);
        }
    }
    let mut listeners = Vec::new();
    for (address, (key, kinds)) in sockets {
        let socket = bind(key, address).await?;
        listeners.push(Listener { socket, kinds, tls: None, is_demo: false });
    }
    Ok(listeners)
}

async fn bind(key: &str, address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|e| Failure::Configuration(format!("{key}: cannot listen on {address}: {e}")))
}

fn transport(config: &Config) -> Result<Option<Transport>, Failure> {
    let Some(smtp) = &config.smtp else {
        return Ok(None);
    };
    let password = match &smtp.password_file {
        Some(file) => Some(warifu_core::secret::SecretText::new(
            read_secret("smtp.password_file", file)?.trim_end().to_owned(),
        )),
        None => None,
    };
    let tls = smtp.tls.parse().map_err(Failure::Configuration)?;
    Transport::smtp(SmtpSettings {
        host: smtp.host.clone(),
        port: smtp.port,
        tls,
        username: smtp.username.clone(),
        password,
        ca_file: smtp.ca_file.clone(),
    })
    .map(Some)
    .map_err(Failure::Configuration)
}

fn read_secret(key: &str, file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|e| Failure::Configuration(format!("{key}: cannot read {}: {e}", file.display())))
}
