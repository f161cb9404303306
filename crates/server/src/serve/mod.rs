//! Serving: listeners, connections, workers, and a shutdown that finishes what it has begun.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    path::Path,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use crate::{
    actions::sweep,
    app::App,
    institutions::HostKind,
    mail::{transport::Transport, worker},
    web::enter::{Doors, Way},
};
use anyhow::Context;
use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode, Version, header},
    response::Response,
    routing::get,
};
use hyper::{
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulConnection},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use warifu_store::Schema;

use guests::Guests;

mod guests;

/// How long a connection may take to send its headers, and to finish after a shutdown.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the headers of a request.
const HEADERS: usize = 32 * 1_024;
const HEADERS_H2: u32 = 32 * 1_024;
/// What one connection of HTTP/2 may have under way: requests, bytes of a request that nobody has read yet,
/// and of a response that nobody has fetched.
const STREAMS_H2: u32 = 64;
const WINDOW_H2: u32 = 64 * 1_024;
const SENDING_H2: usize = 64 * 1_024;
/// Connections of one listener at once.
const CONNECTIONS: usize = 4_096;
/// How often SQLite's log is copied into its file, while it grows and while it does not. Commits wait for the disk beside
/// what was copied, so that much at a time is long for them, and little costs more in all.
const BUSY_CHECKPOINTS: Duration = Duration::from_millis(60);
const IDLE_CHECKPOINTS: Duration = Duration::from_millis(250);
/// No connection is kept longer: one that only answers pings would hold its place for ever.
const LONGEST: Duration = Duration::from_hours(1);

/// A server that was told to stop goes on so long with the connections it has, and asks each to be left:
/// one that is closed while a request is on its way to it would lose that request.
const LEAVE: Duration = Duration::from_secs(1);

/// One listening socket and what it serves.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) kinds: Vec<HostKind>,
    pub(crate) tls: Option<TlsAcceptor>,
    /// The demo's own loopback socket: only here are its mailbox and phone.
    pub(crate) is_demo: bool,
}

/// Serves until told to stop.
pub(crate) async fn run(
    app: &App,
    listeners: Vec<Listener>,
    ops: Vec<TcpListener>,
    transport: Option<Transport>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let doors = Arc::new(Doors::new(app));
    let mut tasks = tokio::task::JoinSet::new();
    for listener in listeners {
        let doors = Arc::clone(&doors);
        let serves: Arc<[HostKind]> = listener.kinds.into();
        let is_demo = listener.is_demo;
        let stopped = stop.clone();
        let service = move |peer: SocketAddr| {
            let way = Way { peer: peer.ip(), serves: Arc::clone(&serves), is_demo };
            let way = Arc::new((Arc::clone(&doors), way, stopped.clone()));
            service_fn(move |request: Request<Incoming>| {
                let way = Arc::clone(&way);
                async move {
                    let (doors, way, stopped) = &*way;
                    let is_http1 = request.version() <= Version::HTTP_11;
                    let mut answer = doors.answer(way, request.map(Body::new)).await;
                    if is_http1 && *stopped.borrow() {
                        let close = HeaderValue::from_static("close");
                        answer.headers_mut().insert(header::CONNECTION, close);
                    }
                    Ok::<_, Infallible>(answer)
                }
            })
        };
        let proxies = app.settings.trusted_proxies.clone();
        tasks.spawn(accept(listener.socket, listener.tls, service, proxies, stop.clone()));
    }
    for socket in ops {
        let router = health(app, stop.clone());
        let service = move |_| TowerToHyperService::new(router.clone());
        tasks.spawn(accept(socket, None, service, Vec::new(), stop.clone()));
    }
    if let Some(transport) = transport {
        let transport = Arc::new(transport);
        for _ in 0..worker::WORKERS {
            tasks.spawn(worker::run(app.clone(), Arc::clone(&transport), stop.clone()));
        }
    }
    tasks.spawn(keep_sweeping(app.clone(), stop.clone()));
    tasks.spawn(keep_reloading(app.clone(), stop.clone()));
    tasks.spawn(keep_checkpointing(app.clone(), stop.clone()));
    while let Some(ended) = tasks.join_next().await {
        // A worker that panicked must not leave a server that only looks alive.
        ended.context("a part of the server died")?;
    }
    // A statement that hangs keeps no server that was told to stop.
    if tokio::time::timeout(PATIENCE, app.store.close()).await.is_err() {
        tracing::warn!("the database does not let go; what was not committed is undone there");
    }
    Ok(())
}

/// Reads certificate chain and key (PEM).
pub(crate) fn tls(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("certificate {}", certificate.display()))?;
    if chain.is_empty() {
        anyhow::bail!("certificate {}: no items found", certificate.display());
    }
    let key =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("key {}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("certificate and key do not belong together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept<S: Serving>(
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    service: impl Fn(SocketAddr) -> S + Send + 'static,
    proxies: Vec<IpAddr>,
    stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let guests = Arc::new(Guests::new(proxies));
    let mut leaves = pin!(async {
        drop(stop.clone().wait_for(|stopped| *stopped).await);
        // Who balances the load hears from `/health/ready` that this one is to be left; until then new
        // connections come, and one that is in the system's own queue would be lost with the socket.
        tokio::time::sleep(LEAVE).await;
    });
    loop {
        let accepted = tokio::select! {
            accepted = placed(&places, &socket) => accepted,
            () = &mut leaves => break,
        };
        match accepted {
            Ok((place, stream, peer)) => {
                let Some(guest) = Guests::enter(&guests, peer.ip()) else { continue };
                let (service, tls, stop) = (service(peer), tls.clone(), stop.clone());
                tokio::spawn(async move {
                    let _places = (place, guest);
                    connection(stream, tls, service, stop).await;
                });
            }
            // Out of descriptors, or a peer that left: the next one may fare better.
            Err(error) => {
                tracing::warn!(%error, "accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(socket);
    // When all places are free again, the last connection has ended.
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    drop(tokio::time::timeout(PATIENCE, places.acquire_many(all)).await);
}

// No more connections than there are places: the rest waits in the system's own queue.
async fn placed(
    places: &Arc<Semaphore>,
    socket: &TcpListener,
) -> std::io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = socket.accept().await?;
    Ok((place, stream, peer))
}

/// Whether a connection says what it is in time; one that stays silent is let go.
async fn speaks(stream: &TcpStream) -> bool {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let decided = async {
        let mut head = [0; PREFACE.len()];
        loop {
            let read = stream.peek(&mut head).await.unwrap_or(0);
            let head = head.get(..read).unwrap_or_default();
            if read == 0 || read == PREFACE.len() || !PREFACE.starts_with(head) {
                return read > 0;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, decided).await.unwrap_or(false)
}

/// What answers the requests of a connection.
trait Serving:
    Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Send + 'static
{
}

impl<S> Serving for S where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
        + Send
        + 'static
{
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    service: impl Serving,
    stop: watch::Receiver<bool>,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADERS_H2)
        .max_concurrent_streams(STREAMS_H2)
        .initial_stream_window_size(WINDOW_H2)
        .initial_connection_window_size(4 * WINDOW_H2)
        .max_send_buf_size(SENDING_H2)
        .keep_alive_interval(Some(PATIENCE))
        .keep_alive_timeout(PATIENCE);
    // Small answers must not wait for more to come.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay");
    }
    match tls {
        None => {
            if speaks(&stream).await {
                let served = builder.serve_connection(TokioIo::new(stream), service);
                until_its_end(served.into_owned(), stop).await;
            }
        }
        Some(tls) => {
            let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await else {
                return;
            };
            // What was agreed on is spoken: nobody is waited for to say it again.
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let builder = if is_h2 { builder.http2_only() } else { builder.http1_only() };
            let served = builder.serve_connection(TokioIo::new(stream), service);
            until_its_end(served.into_owned(), stop).await;
        }
    }
}

/// Serves a connection until its peer has had enough, it has grown old, or the server stops; what it
/// has begun is finished.
async fn until_its_end<E: std::fmt::Display>(
    connection: impl GracefulConnection<Error = E>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connection = pin!(connection);
    let ends = async {
        let stopped = stop.wait_for(|stopped| *stopped);
        if tokio::time::timeout(LONGEST, stopped).await.is_ok() {
            tokio::time::sleep(LEAVE).await;
        }
    };
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = ends => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(PATIENCE, connection).await {
                Ok(served) => served,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection");
    }
}

fn health(app: &App, stop: watch::Receiver<bool>) -> Router {
    let app = app.clone();
    Router::new().route("/health/live", get(|| async { "ok\n" })).route(
        "/health/ready",
        get(move || {
            let (app, is_leaving) = (app.clone(), *stop.borrow());
            async move {
                if is_leaving {
                    return (StatusCode::SERVICE_UNAVAILABLE, "leaving\n".to_owned());
                }
                let Ok(Schema::Current) = app.store.schema().await else {
                    return (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned());
                };
                // It serves; what may get lost is told to who looks.
                let worries = app.store.worries().await.unwrap_or_default();
                let worries = worries.iter().map(|worry| format!("warning: {worry}\n"));
                (StatusCode::OK, format!("ready\n{}", worries.collect::<String>()))
            }
        }),
    )
}

async fn keep_sweeping(app: App, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if let Err(error) = sweep::sweep(&app).await {
            tracing::error!(?error, "sweep");
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(30)) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn keep_reloading(app: App, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if let Err(error) = app.reload_institutions().await {
            tracing::error!(%error, "institutions");
        }
        if let Err(error) = app.store.enter_era(app.clock.now()).await {
            tracing::error!(%error, "era of the database");
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            _ = stop.changed() => {}
        }
    }
}

// Beside the work, not in its way.
async fn keep_checkpointing(app: App, mut stop: watch::Receiver<bool>) {
    let mut wait = IDLE_CHECKPOINTS;
    while !*stop.borrow() {
        match app.store.checkpoint().await {
            Ok(true) => wait = BUSY_CHECKPOINTS,
            Ok(false) => wait = IDLE_CHECKPOINTS,
            // The next one may fare better; a log that grows too long is copied by who writes to it.
            Err(error) => tracing::warn!(%error, "checkpoint"),
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Turns true on the first SIGTERM or Ctrl-C.
pub(crate) fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (tell, stop) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = tell.send(true);
        // Kept, so that receivers see the value and not a closed channel.
        std::future::pending::<()>().await;
    });
    Ok(stop)
}
