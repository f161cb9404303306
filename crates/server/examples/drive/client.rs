//! The load: clients on kept-alive connections, in a closed loop or at times that do not wait for the
//! server. A latency counts from when a request was due, so that a stall is not hidden by the requests
//! that it kept from being sent.

use std::{
    cell::{Cell, RefCell},
    io::ErrorKind,
    rc::Rc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::{JoinSet, LocalSet},
};

use crate::{
    bank::Bank,
    tokens::{PERIOD, Tokens},
};

/// What a run of load brought.
#[derive(Clone)]
pub(crate) struct Done {
    pub(crate) accepted: u64,
    pub(crate) others: u64,
    pub(crate) seconds: f64,
    /// In microseconds.
    pub(crate) times: Histogram<u64>,
    /// The first answer that was no acceptance.
    pub(crate) first_other: Option<String>,
}

impl Done {
    fn new() -> Self {
        // A minute at most, to three digits.
        let times = Histogram::new_with_max(60_000_000, 3).expect("bounds that fit");
        Self { accepted: 0, others: 0, seconds: 0.0, times, first_other: None }
    }

    /// Accepted per second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted as f64 / self.seconds
    }

    /// A quantile in milliseconds.
    pub(crate) fn at(&self, quantile: f64) -> f64 {
        self.times.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// A run in which passcodes were refused has measured something else.
    pub(crate) fn checked(self) -> Result<Self> {
        if self.others * 200 > self.accepted {
            let first = self.first_other.unwrap_or_default();
            bail!("{} accepted, {} others; the first: {first}", self.accepted, self.others);
        }
        Ok(self)
    }
}

/// Whose turn it is: each token once before any comes again, in an order that has nothing to do with
/// that of the rows.
pub(crate) struct Turns {
    tokens: Tokens,
    next: Cell<usize>,
    stride: usize,
}

impl Turns {
    pub(crate) fn new(tokens: &Tokens) -> Rc<Self> {
        let len = tokens.len();
        // Near the golden section, so that neighbours in time are far apart; any that shares no factor
        // with the number of tokens meets all of them.
        let mut stride = len * 618 / 1_000;
        while gcd(stride, len) != 1 {
            stride += 1;
        }
        Rc::new(Self { tokens: tokens.clone(), next: Cell::new(0), stride })
    }

    fn next(&self) -> usize {
        let now = self.next.get();
        self.next.set((now + self.stride) % self.tokens.len());
        now
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// This many clients, each sending its next request when it has its answer.
pub(crate) fn closed(
    bank: &Bank,
    turns: &Rc<Turns>,
    clients: usize,
    length: Duration,
) -> Result<Done> {
    let (bank, turns) = (Api::of(bank), Rc::clone(turns));
    inside(async move {
        let done = Rc::new(RefCell::new(Done::new()));
        let mut lines = Vec::new();
        for _ in 0..clients {
            lines.push(Line::open(&bank).await?);
        }
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for mut line in lines {
            let (turns, done) = (Rc::clone(&turns), Rc::clone(&done));
            tasks.spawn_local(async move {
                while begun.elapsed() < length {
                    let sent = Instant::now();
                    line.ask(turns.next(), sent, &done).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        Ok(finish(&done, begun))
    })
}

/// Requests at random times (Poisson), so many a second, whatever the server does; as many lines as are
/// needed to send each when it is due.
pub(crate) fn open(bank: &Bank, turns: &Rc<Turns>, rate: f64, length: Duration) -> Result<Done> {
    let (bank, turns) = (Api::of(bank), Rc::clone(turns));
    inside(async move {
        let done = Rc::new(RefCell::new(Done::new()));
        let (send, due) = mpsc::unbounded_channel::<Instant>();
        let due = Rc::new(tokio::sync::Mutex::new(due));
        let mut tasks = JoinSet::new();
        for _ in 0..LINES {
            let mut line = Line::open(&bank).await?;
            let (turns, done, due) = (Rc::clone(&turns), Rc::clone(&done), Rc::clone(&due));
            tasks.spawn_local(async move {
                loop {
                    let at = due.lock().await.recv().await;
                    let Some(at) = at else { return anyhow::Ok(()) };
                    line.ask(turns.next(), at, &done).await?;
                }
            });
        }
        let begun = Instant::now();
        // Timers of the runtime are too coarse for this.
        let clock = std::thread::spawn(move || {
            let mut at = begun;
            let mut random = Random(0x9E37_79B9_7F4A_7C15);
            while at.duration_since(begun) < length {
                at += Duration::from_secs_f64(-random.unit().ln() / rate);
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                if send.send(at).is_err() {
                    return;
                }
            }
        });
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        drop(clock.join());
        Ok(finish(&done, begun))
    })
}

/// Lines of an open loop: more than are ever busy at once while the server keeps up.
const LINES: usize = 400;

fn finish(done: &RefCell<Done>, begun: Instant) -> Done {
    let mut done = done.borrow().clone();
    done.seconds = begun.elapsed().as_secs_f64();
    done
}

/// Runs a load on one thread: its share of the two cores should be small.
fn inside(load: impl Future<Output = Result<Done>>) -> Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, load)
}

struct Random(u64);

impl Random {
    /// Above 0 and up to 1 (xorshift64*).
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// Where the API is, and what opens it.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) port: u16,
    pub(crate) key: String,
}

impl Api {
    pub(crate) fn of(bank: &Bank) -> Self {
        Self { port: bank.port, key: bank.api_key.clone() }
    }
}

/// One kept-alive connection.
pub(crate) struct Line {
    stream: TcpStream,
    head: String,
    buffer: Vec<u8>,
    /// The server has said that it leaves: nothing more is sent here.
    pub(crate) is_over: bool,
}

impl Line {
    pub(crate) async fn open(api: &Api) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", api.port)).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST /api/v1/verifications HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: ",
            Bank::API_HOST,
            api.key
        );
        Ok(Self { stream, head, buffer: Vec::with_capacity(2_048), is_over: false })
    }

    /// Has one passcode verified, and notes what became of it.
    async fn ask(&mut self, n: usize, due: Instant, done: &RefCell<Done>) -> Result<()> {
        let step = unix_seconds() / PERIOD.unsigned_abs();
        let passcode = Tokens::passcode(n, step);
        // Half of them name the login ID, half the customer ID.
        let who = if n.is_multiple_of(2) {
            format!("\"login_id\":\"{}\"", Tokens::login_id(n))
        } else {
            format!("\"customer_id\":\"{}\"", Tokens::customer(n)?)
        };
        let body = format!("{{{who},\"passcode\":\"{passcode}\",\"purpose\":\"login\"}}");
        let (status, body) = self.send(&body, "").await?;
        let mut done = done.borrow_mut();
        done.times.saturating_record(u64::try_from(due.elapsed().as_micros())?);
        if status == 200 && body.contains("\"result\":\"accepted\"") {
            done.accepted += 1;
        } else {
            done.others += 1;
            done.first_other.get_or_insert_with(|| format!("{status} {body}"));
        }
        Ok(())
    }

    /// Whether the server has closed it while nobody used it.
    pub(crate) fn is_closed(&self) -> bool {
        !matches!(self.stream.try_read(&mut [0]), Err(e) if e.kind() == ErrorKind::WouldBlock)
    }

    /// Sends a body, with more lines of the head where there are any; gives status and body of the answer.
    pub(crate) async fn send(&mut self, body: &str, more: &str) -> Result<(u16, String)> {
        let request = format!("{}{}\r\n{more}\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<(u16, String)> {
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut answer = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(head) = answer.parse(&self.buffer)? else { continue };
            let of = |name: &str| {
                let found = answer.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
                found.map(|header| header.value)
            };
            let length = of("content-length").context("an answer without a length")?;
            let length: usize = std::str::from_utf8(length)?.parse()?;
            self.is_over = of("connection").is_some_and(|v| v.eq_ignore_ascii_case(b"close"));
            if self.buffer.len() >= head + length {
                let body = String::from_utf8_lossy(&self.buffer[head..]).into_owned();
                return Ok((answer.code.context("no status")?, body));
            }
        }
    }
}

pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
