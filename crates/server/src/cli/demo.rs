//! `warifu demo`: a bank on this machine, with customers, mailbox and phone.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io::{Error, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use warifu_store::{Settings as StoreSettings, Store};

use super::{Failure, keyring, told::say};
use crate::{
    app::{App, Demo, Settings},
    demo::{people::PEOPLE, seed},
    hasher::Hasher,
    institutions::HostKind,
    limits::Rates,
    mail::transport::Transport,
    serve::{self, Listener},
    world::{SystemClock, SystemRandom},
};

const DOCUMENT: &str = include_str!("../demo/institution.toml");
/// Marks the demo's folder: only such a one is used again, or deleted.
const MARK: &str = "demo.txt";
const MARK_TEXT: &str = "This folder belongs to `warifu demo`; `warifu demo --reset` deletes it.\n";

/// How the demo is run.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Begin anew: forget everything that was done in the demo.
    #[arg(long)]
    reset: bool,
    /// Folder for the demo's database, keys and mails.
    #[arg(long, default_value = "warifu-demo", value_name = "DIR")]
    dir: PathBuf,
    /// Port to listen on.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Serve other devices too, under ib.NAME and token.NAME, over TLS. Mailbox and demo phone stay
    /// on this machine.
    #[arg(long, requires_all = ["tls_cert", "tls_key"], value_name = "NAME")]
    host: Option<String>,
    /// Certificate chain (PEM) for ib.NAME and token.NAME.
    #[arg(long, requires = "host", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, requires = "host", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Port for the other devices.
    #[arg(long, default_value_t = 8443, requires = "host", value_name = "PORT")]
    tls_port: u16,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::log("warn", false);
    // First: a demo that cannot be served must not have been reset.
    let listeners = listeners(arguments).await?;
    let (dir, _alone) = prepare(arguments)?;
    let app = app(arguments, &dir).await?;
    let mails = dir.join("mail");
    seed::seed(&app, DOCUMENT, &mails).await?;
    follow_host(&app, arguments).await?;
    let transport = Transport::Folder(mails);
    greet(arguments, &dir);
    let stop = serve::stop_signal()?;
    serve::run(&app, listeners, Vec::new(), Some(transport), stop).await?;
    Ok(())
}

// The folder, and what keeps a second demo out of it for as long as it is held.
fn prepare(arguments: &Arguments) -> Result<(PathBuf, File), Failure> {
    let dir = &arguments.dir;
    let shown = dir.display();
    let is_empty = std::fs::read_dir(dir).map_or(true, |mut inside| inside.next().is_none());
    if !is_empty && !dir.join(MARK).exists() {
        // A bank's own folder may hold files of the same names.
        return Err(Failure::Refused(format!("{shown} is no folder of the demo: see --dir")));
    }
    if !is_empty {
        // Before anything of it is deleted.
        drop(alone(dir)?);
    }
    if arguments.reset && !is_empty {
        std::fs::remove_dir_all(dir).with_context(|| format!("cannot delete {shown}"))?;
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir.join("mail"))
        .and_then(|()| std::fs::write(dir.join(MARK), MARK_TEXT))
        .with_context(|| format!("cannot make {shown}"))?;
    let alone = alone(dir)?;
    let keys = dir.join("warifu.keys");
    if !keys.exists() {
        keyring::create(&keys)?;
    }
    Ok((dir.clone(), alone))
}

fn alone(dir: &Path) -> Result<File, Failure> {
    let mark = dir.join(MARK);
    let file = File::open(&mark).with_context(|| format!("cannot read {}", mark.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let shown = dir.display();
            Err(Failure::Refused(format!("another demo is running in {shown}: see --dir")))
        }
        Err(TryLockError::Error(error)) => {
            Err(anyhow::anyhow!("cannot lock {}: {error}", mark.display()).into())
        }
    }
}

async fn app(arguments: &Arguments, dir: &Path) -> Result<App, Failure> {
    let store = Store::connect(&StoreSettings {
        url: format!("sqlite:{}", dir.join("warifu.db").display()),
        max_connections: 4,
        create: true,
        distributed: false,
    })
    .await?;
    store.migrate().await?;
    let settings = Settings {
        rates: Rates::default(),
        trusted_proxies: Vec::new(),
        plain_http: arguments.host.is_none(),
        public_port: Some(if arguments.host.is_some() {
            arguments.tls_port
        } else {
            arguments.port
        }),
        demo: Some(Demo { dir: dir.to_owned(), port: arguments.port }),
    };
    let hasher = Hasher::for_people().map_err(|e| anyhow::anyhow!(e))?;
    let kek = keyring::read(&dir.join("warifu.keys"))?;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(App::new(store, clock, random, hasher, kek, settings).await?)
}

// The bank's hosts are those it is reached under this time.
async fn follow_host(app: &App, arguments: &Arguments) -> Result<(), Failure> {
    let name = arguments.host.as_deref().unwrap_or("localhost");
    let document = DOCUMENT.replace(".localhost\"", &format!(".{name}\""));
    let present = app.institutions.all();
    if present.iter().any(|i| i.document.hosts.ib == format!("ib.{name}")) {
        return Ok(());
    }
    crate::actions::institutions::apply(app, &document)
        .await
        .map_err(|e| Failure::Refused(format!("--host {name}: {e}")))?;
    Ok(())
}

async fn listeners(arguments: &Arguments) -> Result<Vec<Listener>, Failure> {
    let kinds = vec![HostKind::Ib, HostKind::Token, HostKind::Api];
    let mut listeners = Vec::new();
    if let (Some(cert), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        let tls =
            Some(serve::tls(cert, key).map_err(|e| Failure::Configuration(format!("{e:#}")))?);
        let socket = everywhere(arguments.tls_port).await?;
        listeners.push(Listener { socket, kinds: kinds.clone(), tls, is_demo: false });
    }
    // Mailbox, demo phone and plain http: on loopback, and nowhere else.
    for loopback in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let address = SocketAddr::new(loopback, arguments.port);
        match TcpListener::bind(address).await {
            Ok(socket) => {
                listeners.push(Listener { socket, kinds: kinds.clone(), tls: None, is_demo: true });
            }
            // A machine without IPv6 still has a demo.
            Err(error) if loopback.is_ipv6() && has_no_such_address(&error) => {}
            Err(error) => return Err(not_bound(address, "--port", &error)),
        }
    }
    Ok(listeners)
}

// One socket of IPv6 takes IPv4 too, where there is IPv6.
async fn everywhere(port: u16) -> Result<TcpListener, Failure> {
    let six = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
    let four = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    let bound = match TcpListener::bind(six).await {
        Err(error) if has_no_such_address(&error) => TcpListener::bind(four).await,
        bound => bound,
    };
    bound.map_err(|error| not_bound(six, "--tls-port", &error))
}

/// Whether the machine has no such address, or no such family of addresses.
fn has_no_such_address(error: &Error) -> bool {
    // EAFNOSUPPORT on Linux, for which the standard library has no name.
    const NO_SUCH_FAMILY: i32 = 97;
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

fn not_bound(address: SocketAddr, option: &str, error: &Error) -> Failure {
    Failure::Refused(format!("cannot listen on {address}: {error}; {option} takes another one"))
}

fn greet(arguments: &Arguments, dir: &Path) {
    let port = arguments.port;
    let log_in = match &arguments.host {
        None => format!("http://ib.localhost:{port}/"),
        Some(name) => format!("https://ib.{name}:{}/", arguments.tls_port),
    };
    let mut lines = vec![
        format!("\n  割符 Warifu, the demo bank. Everything stays in {}.\n", dir.display()),
        format!("  Log in        {log_in}"),
        format!("  Mailbox       http://ib.localhost:{port}/demo/mailbox"),
        format!("  Phone         http://token.localhost:{port}/demo/phone\n"),
        "  Who to be     login ID    login password    confirmation password".to_owned(),
    ];
    for (person, state) in PEOPLE.iter().zip(["fresh", "利用開始 waits", "in use"]) {
        lines.push(format!(
            "  {:<14}{:<12}{:<18}{}",
            state, person.login_id, person.login_password, person.confirmation_password
        ));
    }
    lines
        .push("\n  Use Chrome, Edge or Firefox (Safari drops secure cookies on localhost).".into());
    lines.push("  Ctrl-C stops it; started again it carries on; --reset begins anew.\n".into());
    say(false, &serde_json::Value::Null, &lines.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_the_machine_does_not_have_is_passed_over() {
        // EADDRNOTAVAIL, EAFNOSUPPORT; EADDRINUSE, EACCES.
        for (number, passed) in [(99, true), (97, true), (98, false), (13, false)] {
            let error = Error::from_raw_os_error(number);
            assert_eq!(has_no_such_address(&error), passed, "{error}");
        }
    }
}
