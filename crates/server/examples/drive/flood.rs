//! A flood of logins with wrong static passwords, from everywhere: each makes the server compute argon2,
//! as far as it lets itself be made to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use anyhow::{Context, Result, bail};

use crate::bank::Bank;

/// Logins that are under way at once.
const CALLERS: u32 = 32;

/// The flood, until it is stopped.
pub(crate) struct Flood {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Flood {
    pub(crate) fn start(bank: &Bank) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let answered = Arc::<AtomicU64>::default();
        let caller = |n| {
            let (stop, answered, port) = (Arc::clone(&stop), Arc::clone(&answered), bank.ib_port);
            std::thread::spawn(move || call(port, n, &stop, &answered))
        };
        let threads = (0..CALLERS).map(caller).collect();
        Self { stop, answered, threads }
    }

    /// Stops it; gives how many were answered.
    pub(crate) fn end(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().ok().context("a caller of the flood died")??;
        }
        Ok(self.answered.load(Ordering::Relaxed))
    }
}

fn call(port: u16, caller: u32, stop: &AtomicBool, answered: &AtomicU64) -> Result<()> {
    let mut line = BufReader::new(TcpStream::connect(("127.0.0.1", port))?);
    let host = Bank::IB_HOST;
    write!(line.get_mut(), "GET /login HTTP/1.1\r\nhost: {host}\r\n\r\n")?;
    let (status, head, page) = answer(&mut line)?;
    let cookie = head
        .iter()
        .filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
        .collect::<Vec<_>>()
        .join("; ");
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let csrf = csrf.with_context(|| format!("no login page: {status}"))?;
    let mut n = 0_u32;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let body =
            format!("csrf={csrf}&login_id=nobody{caller}x{n}&login_password=Wrong-Password-{n}");
        // From a network of its own each time: what is limited by network is not what is measured.
        let [_, b, c, _] = (caller * 7_919 + n).to_be_bytes();
        write!(
            line.get_mut(),
            "POST /login HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\n\
             origin: https://{host}\r\nx-forwarded-for: {}.{b}.{c}.9\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            100 + n % 100,
            body.len()
        )?;
        let (status, ..) = answer(&mut line)?;
        match status {
            200 | 401 | 422 | 429 | 503 => answered.fetch_add(1, Ordering::Relaxed),
            other => bail!("a login was answered by {other}"),
        };
    }
    Ok(())
}

fn answer(line: &mut BufReader<TcpStream>) -> Result<(u16, Vec<String>, String)> {
    let mut head = Vec::new();
    loop {
        let mut text = String::new();
        if line.read_line(&mut text)? == 0 {
            bail!("the server hung up on the flood");
        }
        let text = text.trim_end().to_owned();
        if text.is_empty() {
            break;
        }
        head.push(text);
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.context("an answer without a length")?.parse()?];
    line.read_exact(&mut body)?;
    let status = head.first().and_then(|first| first.split(' ').nth(1)).context("no status")?;
    Ok((status.parse()?, head, String::from_utf8_lossy(&body).into_owned()))
}
