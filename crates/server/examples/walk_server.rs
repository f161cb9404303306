//! The server with a clock and randomness that tests drive: same configuration, same router, same
//! workers. `walk_server FILE CONTROL_PORT START_MS SEED`; on the control port, loopback only,
//! `POST /advance` with a number of milliseconds moves the clock, `GET /now` reads it.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a tool of the tests")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{Router, routing};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use warifu::{
    cli::{World, serve_in},
    config::Config,
    hasher::Hasher,
};
use warifu_core::{
    random::Random,
    time::{Clock, Millis},
};

struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

struct Seeded(Mutex<ChaCha20Rng>);

impl Random for Seeded {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(out);
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, control, start, seed] = arguments.try_into().unwrap();
    let config = Config::load(Some(&PathBuf::from(file)), std::iter::empty()).unwrap();
    let clock = Arc::new(Hand(AtomicI64::new(start.parse().unwrap())));
    let control = SocketAddr::from((Ipv4Addr::LOCALHOST, control.parse().unwrap()));
    let (hand, eye) = (Arc::clone(&clock), Arc::clone(&clock));
    let router = Router::new()
        .route(
            "/advance",
            routing::post(move |body: String| async move {
                let by: i64 = body.trim().parse().unwrap();
                (hand.0.fetch_add(by, Ordering::SeqCst) + by).to_string()
            }),
        )
        .route("/now", routing::get(move || async move { eye.now().0.to_string() }));
    let socket = tokio::net::TcpListener::bind(control).await.unwrap();
    tokio::spawn(async move { axum::serve(socket, router).await });
    let world = World {
        clock,
        random: Arc::new(Seeded(Mutex::new(ChaCha20Rng::from_seed([seed.parse().unwrap(); 32])))),
        hasher: Hasher::new(64, 1, 2).unwrap(),
    };
    println!("READY");
    serve_in(&config, world).await.unwrap();
}
