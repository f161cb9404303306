//! Programs of the bank: each passcode is sent by one to three of them at once, to any nodes, written in
//! more than one way, sometimes under an idempotency key and asked again after a cut.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::{
    client::{Api, Line},
    tokens::Tokens,
};

/// An answer, or that there was none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted(String),
    Refused(String),
    /// Nothing was done: 503.
    Busy,
    /// The line was cut, or it took too long.
    Unknown,
}

/// What was sent, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) token: usize,
    pub(super) step: u64,
    /// Under an idempotency key.
    pub(super) keyed: bool,
    pub(super) outcome: Outcome,
}

/// The load, until it is told to end.
pub(super) struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<Vec<Sent>>,
}

struct Shared {
    apis: Vec<Api>,
    ends: AtomicBool,
    answers: AtomicU64,
    last_accepted: Mutex<Option<Instant>>,
    /// Which nodes take requests, as who balances the load sees it; all, where nobody does.
    ready: Vec<AtomicBool>,
    /// Answers that no caller should ever see.
    odd: Mutex<Vec<String>>,
}

impl Shared {
    // Any, where none is ready: somebody has to be asked.
    fn pick(&self, random: &mut ChaCha20Rng) -> usize {
        let all = 0..self.ready.len();
        let ready: Vec<_> =
            all.clone().filter(|n| self.ready[*n].load(Ordering::Relaxed)).collect();
        match ready.len() {
            0 => random.random_range(all),
            some => ready[random.random_range(0..some)],
        }
    }
}

impl Load {
    pub(super) fn start(apis: Vec<Api>, tokens: Range<usize>, clients: usize, seed: u64) -> Self {
        let ready = apis.iter().map(|_| AtomicBool::new(true)).collect();
        let shared = Arc::new(Shared {
            apis,
            ends: AtomicBool::new(false),
            ready,
            answers: AtomicU64::new(0),
            last_accepted: Mutex::default(),
            odd: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for n in 0..clients {
            let own = tokens.clone().filter(|token| token % clients == n).collect();
            let random = ChaCha20Rng::seed_from_u64(seed ^ n as u64);
            tasks.spawn(client(Arc::clone(&shared), own, random));
        }
        Self { shared, tasks }
    }

    /// Balances the load: asks each node ten times a second whether it is ready, and sends nothing to one
    /// that is not.
    pub(super) fn balance(&self, ops: &[u16]) {
        for (n, ops) in ops.iter().copied().enumerate() {
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move {
                while !shared.ends.load(Ordering::Relaxed) {
                    let is_ready = ready(ops).await.is_ok_and(|ready| ready);
                    if let Some(node) = shared.ready.get(n) {
                        node.store(is_ready, Ordering::Relaxed);
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
    }

    pub(super) fn answers(&self) -> u64 {
        self.shared.answers.load(Ordering::Relaxed)
    }

    /// Waits until something was accepted that was answered after this moment; gives how long it took.
    pub(super) async fn accepts_again(&self, since: Instant) -> Result<Duration> {
        loop {
            let last = *self.shared.last_accepted.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(last) = last.filter(|last| *last > since) {
                return Ok(last - since);
            }
            if let Some(odd) =
                self.shared.odd.lock().unwrap_or_else(PoisonError::into_inner).first()
            {
                bail!("an answer that nobody should see: {odd}");
            }
            if since.elapsed() > Duration::from_mins(1) {
                bail!("nothing was accepted for a minute");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it; gives everything that was sent.
    pub(super) async fn end(mut self) -> Vec<Sent> {
        self.shared.ends.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(task) = self.tasks.join_next().await {
            match task {
                Ok(sent) => all.extend(sent),
                Err(died) => eprintln!("a client died: {died}"),
            }
        }
        all
    }
}

async fn client(shared: Arc<Shared>, own: Vec<usize>, mut random: ChaCha20Rng) -> Vec<Sent> {
    let mut lines: BTreeMap<(usize, usize), Line> = BTreeMap::new();
    let mut next: BTreeMap<usize, (u64, u32)> = BTreeMap::new();
    let mut all = Vec::new();
    while !shared.ends.load(Ordering::Relaxed) {
        let token = own[random.random_range(0..own.len())];
        let (step, refusals) = *next.get(&token).unwrap_or(&(1, 0));
        // Whose answer is not known sends one at a time, so that guesses do not lock the token.
        let copies = if refusals > 0 { 1 } else { random.random_range(1..=3) };
        let key = random.random_bool(0.25).then(|| format!("k{}", random.random::<u64>()));
        let mut calls = Vec::new();
        for place in 0..copies {
            let node = shared.pick(&mut random);
            let way = if key.is_some() { 0 } else { random.random_range(0..3) };
            calls.push((place, node, body(token, step, way)));
        }
        let mut outcomes = Vec::new();
        for (place, node, body) in calls {
            let line = lines.remove(&(place, node));
            outcomes.push(ask(&shared, node, line, body, key.clone(), place));
        }
        let mut seen = Vec::new();
        for (place, node, line, outcome) in futures_util::future::join_all(outcomes).await {
            if let Some(line) = line {
                lines.insert((place, node), line);
            }
            seen.push(outcome);
        }
        // After a cut the same is asked again under its key, of any node.
        if let Some(key) = &key
            && seen.contains(&Outcome::Unknown)
        {
            let node = shared.pick(&mut random);
            let again = ask(&shared, node, None, body(token, step, 0), Some(key.clone()), 9).await;
            seen.push(again.3);
        }
        let keyed = key.is_some();
        all.extend(seen.iter().map(|o| Sent { token, step, keyed, outcome: o.clone() }));
        next.insert(token, following(step, refusals, &seen));
        if seen.iter().all(|o| matches!(o, Outcome::Busy | Outcome::Unknown)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    all
}

async fn ready(ops: u16) -> Result<bool> {
    let mut line = TcpStream::connect(("127.0.0.1", ops)).await?;
    line.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await?;
    let mut said = String::new();
    line.read_to_string(&mut said).await?;
    Ok(said.starts_with("HTTP/1.1 200"))
}

/// The use that is sent next, and how often in a row it was refused.
fn following(step: u64, refusals: u32, seen: &[Outcome]) -> (u64, u32) {
    if seen.iter().any(|o| matches!(o, Outcome::Accepted(_))) {
        (step + 1, 0)
    } else if seen.iter().any(|o| matches!(o, Outcome::Refused(_))) {
        // The answer to an acceptance got lost, or an era has begun, which gives up ten.
        (if refusals == 0 { step + 1 } else { step + 10 }, refusals + 1)
    } else {
        (step, refusals)
    }
}

fn body(token: usize, step: u64, way: usize) -> String {
    body_of(token, &passcode(token, step, way))
}

/// A passcode in one of the ways in which people write it.
pub(super) fn passcode(token: usize, step: u64, way: usize) -> String {
    let passcode = Tokens::passcode(token, step);
    match way {
        1 => format!("{} {}", &passcode[..3], &passcode[3..]),
        2 => passcode.chars().filter_map(|c| char::from_u32(u32::from(c) + 0xFEE0)).collect(),
        _ => passcode,
    }
}

pub(super) fn body_of(token: usize, passcode: &str) -> String {
    let login = Tokens::login_id(token);
    format!("{{\"login_id\":\"{login}\",\"passcode\":\"{passcode}\",\"purpose\":\"login\"}}")
}

async fn ask(
    shared: &Shared,
    node: usize,
    line: Option<Line>,
    body: String,
    key: Option<String>,
    place: usize,
) -> (usize, usize, Option<Line>, Outcome) {
    let more = key.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
    let answered = timeout(Duration::from_secs(30), async {
        let mut line = match line.filter(|line| !line.is_closed()) {
            Some(line) => line,
            // Nothing was sent where nobody listens; told apart from a line that was cut.
            None => match Line::open(&shared.apis[node]).await {
                Ok(line) => line,
                Err(_) => return Ok((None, 503, String::new())),
            },
        };
        let (status, body) = line.send(&body, &more).await?;
        anyhow::Ok((Some(line).filter(|line| !line.is_over), status, body))
    });
    let Ok(Ok((line, status, body))) = answered.await else {
        return (place, node, None, Outcome::Unknown);
    };
    shared.answers.fetch_add(1, Ordering::Relaxed);
    let outcome = match status {
        200 => read(shared, &body),
        // Says that nothing was done, unless it says that this is not known.
        503 if body.contains("\"unsure\"") => Outcome::Unknown,
        503 => Outcome::Busy,
        _ => {
            note(shared, format!("{status} {body}"));
            Outcome::Unknown
        }
    };
    (place, node, line, outcome)
}

fn read(shared: &Shared, body: &str) -> Outcome {
    let said: Value = serde_json::from_str(body).unwrap_or_default();
    let id = said["verification_id"].as_str().unwrap_or_default().to_owned();
    match said["result"].as_str() {
        Some("accepted") => {
            let mut last = shared.last_accepted.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(Instant::now());
            Outcome::Accepted(id)
        }
        // Not looked at: no line of the trail says more than that some were left out.
        Some("refused") if said["reason"] == "crowded" => Outcome::Busy,
        Some("refused") => Outcome::Refused(id),
        _ => {
            note(shared, body.to_owned());
            Outcome::Unknown
        }
    }
}

fn note(shared: &Shared, odd: String) {
    shared.odd.lock().unwrap_or_else(PoisonError::into_inner).push(odd);
}
