//! Drives the released program from outside. `cargo xtask bench verify` measures verifications over HTTP
//! against one-by-one commits of the equal transaction on the same database, alternating, in one run.
//! `cargo xtask torture` kills nodes and databases meanwhile, and looks whether the trail and the answers
//! are the same story.
//!
//! `WARIFU_PROGRAM` is the release program, `TEST_POSTGRES_URL` a PostgreSQL, `PGBENCH` its pgbench.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "a tool that measures and attacks: it prints, reads the clock, and divides counts"
)]

mod bank;
mod client;
mod database;
mod flood;
mod rivals;
mod table;
mod tokens;
mod torture;

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    bank::{Bank, Server},
    client::{Done, Turns},
    database::{Database, on_server, wait_for},
    flood::Flood,
    rivals::{BareCommits, Pgbench},
    table::{Rounds, Table, median},
    tokens::Tokens,
};

/// Clients of pgbench among which its best rate is looked for.
const RIVALS: [usize; 5] = [1, 8, 16, 32, 64];

/// What is measured, and for how long.
struct Plan {
    tokens: usize,
    rounds: usize,
    /// Of one load or one rival in a round.
    seconds: u64,
    open_seconds: u64,
    parts: Vec<String>,
    /// Tokens of the small and of the large database.
    sizes: (usize, usize),
}

fn main() -> Result<()> {
    let program = PathBuf::from(env::var("WARIFU_PROGRAM").context("WARIFU_PROGRAM")?);
    let mut words = env::args().skip(1).peekable();
    if words.next_if(|word| word == "torture").is_some() {
        return torture::run(&program, words);
    }
    let plan = Plan::read(words)?;
    let mut table = Table::default();
    for part in &plan.parts {
        match part.as_str() {
            "postgres" => postgres(&plan, &program, &mut table)?,
            "sqlite" => sqlite(&plan, &program, &mut table)?,
            "sizes" => sizes(&plan, &program, &mut table)?,
            "load" => load(&plan, &program)?,
            "distributed" => distributed(&plan, &program, &mut table)?,
            other => bail!(
                "there is no part {other}; there are postgres, sqlite, sizes, load and distributed"
            ),
        }
    }
    table.print();
    Ok(())
}

impl Plan {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut plan = Self {
            tokens: 1_000_000,
            rounds: 5,
            seconds: 5,
            open_seconds: 60,
            parts: vec!["postgres".to_owned(), "sqlite".to_owned()],
            sizes: (10_000, 10_000_000),
        };
        while let Some(word) = words.next() {
            let value = words.next().with_context(|| format!("{word} wants a value"))?;
            match word.as_str() {
                "--tokens" => plan.tokens = value.parse()?,
                "--rounds" => plan.rounds = value.parse()?,
                "--seconds" => plan.seconds = value.parse()?,
                "--open-seconds" => plan.open_seconds = value.parse()?,
                "--parts" => plan.parts = value.split(',').map(str::to_owned).collect(),
                "--large" => plan.sizes.1 = value.parse()?,
                other => bail!("bench verify does not know {other}"),
            }
        }
        Ok(plan)
    }

    const fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// A bank on this database, filled, and its server.
fn stand_up(program: &Path, url: &str, count: usize) -> Result<(Bank, Tokens, Server)> {
    let bank = Bank::found(program, url, false)?;
    let (tokens, server) = fill(&bank, count)?;
    Ok((bank, tokens, server))
}

fn fill(bank: &Bank, count: usize) -> Result<(Tokens, Server)> {
    let tokens = Tokens::new(count);
    eprintln!("{} tokens …", tokens.len());
    wait_for(tokens::load(bank, &tokens, client::unix_seconds() as i64 * 1_000))?;
    eprintln!("loaded");
    Ok((tokens, bank.serve()?))
}

fn postgres(plan: &Plan, program: &Path, table: &mut Table) -> Result<()> {
    let database = Database::make()?;
    let (bank, tokens, server) = stand_up(program, &database.url()?, plan.tokens)?;
    let pgbench = Pgbench::new(&pgbench_program()?, &bank, &tokens)?;
    let turns = Turns::new(&tokens);
    table.title(&format!(
        "PostgreSQL {}, {} tokens, shared_buffers {}",
        database.shows("server_version")?,
        tokens.len(),
        database.shows("shared_buffers")?
    ));
    warm_up(&bank, &turns)?;
    let (mut many, mut some) = (Rounds::default(), Rounds::default());
    for round in 1..=plan.rounds {
        let best = best_of(&pgbench, plan)?;
        let of_many = client::closed(&bank, &turns, 256, plan.length())?.checked()?;
        let of_some = client::closed(&bank, &turns, 64, plan.length())?.checked()?;
        eprintln!(
            "round {round}: pgbench {best:.0}/s; 256 clients {:.0}/s, 64 clients {:.0}/s",
            of_many.rate(),
            of_some.rate()
        );
        many.add(best, of_many);
        some.add(best, of_some);
    }
    table.row("verifications/s, 256 clients, over pgbench's best one by one", &many.told(), "3 ×");
    table.row("verifications/s, 64 clients, over the same", &some.told(), "2.5 ×");
    let (peak, now) = server.memory()?;
    table.row(
        "memory of the server after that: highest / now",
        &format!("{peak} / {now} MiB"),
        "64 MB",
    );
    lone(plan, &bank, &turns, &pgbench, table)?;
    let half = some.ours() / 2.0;
    let bare = BareCommits::on_postgres(&bank.url);
    let done =
        client::open(&bank, &turns, half, Duration::from_secs(plan.open_seconds))?.checked()?;
    open_row(&done, bare, half, table)?;
    flooded(plan, &bank, &turns, &server, some.ours(), table)
}

fn sqlite(plan: &Plan, program: &Path, table: &mut Table) -> Result<()> {
    let (bank, tokens, server) = stand_up(program, "sqlite:{folder}/warifu.db", plan.tokens)?;
    let turns = Turns::new(&tokens);
    let file = bank.path("warifu.db");
    table.title(&format!(
        "SQLite {}, {} tokens, synchronous=FULL",
        rusqlite::version(),
        tokens.len()
    ));
    warm_up(&bank, &turns)?;
    let mut rounds = Rounds::default();
    for round in 1..=plan.rounds {
        let one_by_one = rivals::sqlite_commits(&file, &tokens, plan.length())?;
        let ours = client::closed(&bank, &turns, 64, plan.length())?.checked()?;
        eprintln!("round {round}: one by one {one_by_one:.0}/s; 64 clients {:.0}/s", ours.rate());
        rounds.add(one_by_one, ours);
    }
    table.row("verifications/s, 64 clients, over one-by-one commits", &rounds.told(), "4 ×");
    let (peak, now) = server.memory()?;
    table.row(
        "memory of the server after that: highest / now",
        &format!("{peak} / {now} MiB"),
        "100 MB",
    );
    let half = rounds.ours() / 2.0;
    let bare = BareCommits::on_sqlite(bank.path("bare.db"));
    let done =
        client::open(&bank, &turns, half, Duration::from_secs(plan.open_seconds))?.checked()?;
    open_row(&done, bare, half, table)?;
    flooded(plan, &bank, &turns, &server, rounds.ours(), table)
}

/// The same load on a large and on a small database, and pgbench's on both.
fn sizes(plan: &Plan, program: &Path, table: &mut Table) -> Result<()> {
    let mut found = Vec::new();
    for count in [plan.sizes.1, plan.sizes.0] {
        let database = Database::make()?;
        let (bank, tokens, _server) = stand_up(program, &database.url()?, count)?;
        let pgbench = Pgbench::new(&pgbench_program()?, &bank, &tokens)?;
        // As they are in a database that has run for a while: a few seconds' load reads a few of the many.
        on_server(&database.url()?, "CREATE EXTENSION IF NOT EXISTS pg_prewarm")?;
        for hot in ["directory_pkey", "verifiers_pkey", "verifiers"] {
            on_server(&database.url()?, &format!("SELECT pg_prewarm('{hot}')"))?;
        }
        let turns = Turns::new(&tokens);
        // A token is good for one passcode of a minute: few are soon used up, and made fresh for each round.
        let are_few = count < 1_000_000;
        let (length, rounds) = if are_few {
            (Duration::from_micros(count as u64 * 40), plan.rounds * 3)
        } else {
            (plan.length(), plan.rounds)
        };
        let measured = || {
            if are_few {
                on_server(&database.url()?, "UPDATE verifiers SET last_step = 0")?;
                on_server(&database.url()?, "VACUUM verifiers")?;
            }
            client::closed(&bank, &turns, 64, length)?.checked()
        };
        drop(measured()?);
        let mut of_this = Rounds::default();
        for _ in 0..rounds {
            let best = best_of(&pgbench, plan)?;
            of_this.add(best, measured()?);
        }
        eprintln!("{count} tokens: {}", of_this.told());
        found.push((of_this.ours(), of_this.theirs()));
    }
    let [(large, large_pgbench), (small, small_pgbench)] = found[..] else { bail!("two sizes") };
    let (ours, theirs) = (large / small, large_pgbench / small_pgbench);
    table.title(&format!("{} tokens beside {}", plan.sizes.1, plan.sizes.0));
    table.row(
        "rate with the many over rate with the few: ours / pgbench's",
        &format!("{ours:.2} / {theirs:.2} ({:.2})", ours / theirs),
        "0.9 of it",
    );
    Ok(())
}

/// Nothing but the load of 64 clients, for who looks with a profiler.
fn load(plan: &Plan, program: &Path) -> Result<()> {
    let database = Database::make()?;
    for url in [database.url()?, "sqlite:{folder}/warifu.db".to_owned()] {
        let (bank, tokens, server) = stand_up(program, &url, plan.tokens)?;
        let turns = Turns::new(&tokens);
        for _ in 0..plan.rounds {
            let before = server.cpu()?;
            let done = client::closed(&bank, &turns, 64, plan.length())?.checked()?;
            let cpu =
                server.cpu()?.saturating_sub(before).as_secs_f64() * 1e6 / done.accepted as f64;
            let (rate, p50, p99) = (done.rate(), done.at(0.5), done.at(0.99));
            eprintln!("{rate:.0}/s, p50 {p50:.1}, p99 {p99:.1} ms; server {cpu:.0} µs each");
        }
    }
    Ok(())
}

/// Tables that lie on many servers: the coordinator is the run's PostgreSQL, which must have Citus; its
/// workers stand in `CITUS_WORKERS`, as addresses.
fn distributed(plan: &Plan, program: &Path, table: &mut Table) -> Result<()> {
    let database = Database::make()?;
    let workers = env::var("CITUS_WORKERS").unwrap_or_default();
    let workers: Vec<_> = workers.split(',').filter(|worker| !worker.is_empty()).collect();
    for worker in &workers {
        on_server(
            &format!("postgres://{worker}/postgres"),
            &format!("CREATE DATABASE {}", database.name),
        )?;
        on_server(&format!("postgres://{worker}/{}", database.name), "CREATE EXTENSION citus")?;
    }
    on_server(&database.url()?, "CREATE EXTENSION citus")?;
    for worker in &workers {
        let (host, port) =
            worker.rsplit('@').next().and_then(|a| a.split_once(':')).context("CITUS_WORKERS")?;
        on_server(&database.url()?, &format!("SELECT citus_add_node('{host}', {port})"))?;
    }
    let bank = Bank::found(program, &database.url()?, true)?;
    let (tokens, server) = fill(&bank, plan.tokens)?;
    let turns = Turns::new(&tokens);
    table.title(&format!("Citus, {} workers, {} tokens", workers.len(), tokens.len()));
    warm_up(&bank, &turns)?;
    for clients in [1, 64, 256] {
        let mut rates = Vec::new();
        for _ in 0..plan.rounds {
            let done = client::closed(&bank, &turns, clients, plan.length())?.checked()?;
            rates.push(format!(
                "{:.0}/s (p50 {:.1}, p99 {:.1} ms)",
                done.rate(),
                done.at(0.5),
                done.at(0.99)
            ));
        }
        table.row(&format!("verifications/s, {clients} clients"), &rates.join(", "), "");
    }
    let (peak, now) = server.memory()?;
    table.row("memory of the server: highest / now", &format!("{peak} / {now} MiB"), "");
    Ok(())
}

fn pgbench_program() -> Result<PathBuf> {
    Ok(env::var("PGBENCH").context("PGBENCH")?.into())
}

fn best_of(pgbench: &Pgbench, plan: &Plan) -> Result<f64> {
    let mut best = 0.0_f64;
    for clients in RIVALS {
        best = best.max(pgbench.rate(clients, plan.length())?);
    }
    Ok(best)
}

fn warm_up(bank: &Bank, turns: &std::rc::Rc<Turns>) -> Result<()> {
    client::closed(bank, turns, 64, Duration::from_secs(3))?.checked().map(drop)
}

/// One client on an idle server beside one client of pgbench.
fn lone(
    plan: &Plan,
    bank: &Bank,
    turns: &std::rc::Rc<Turns>,
    pgbench: &Pgbench,
    table: &mut Table,
) -> Result<()> {
    let mut ratios = Vec::new();
    let mut told = Vec::new();
    for _ in 0..plan.rounds {
        let theirs = pgbench.median(plan.length())?;
        let ours = client::closed(bank, turns, 1, plan.length())?.checked()?.at(0.5);
        ratios.push(ours / theirs);
        told.push(format!("{ours:.2}/{theirs:.2}"));
    }
    let told = format!("{:.2} × ({} ms)", median(&mut ratios), told.join(", "));
    table.row("a lone request, p50, over one client of pgbench", &told, "under 1.2 ×");
    Ok(())
}

fn open_row(done: &Done, bare: BareCommits, rate: f64, table: &mut Table) -> Result<()> {
    let bare = bare.end()?;
    table.row(
        &format!("open loop, {rate:.0}/s: p50, p90, p99, p99.9, longest"),
        &format!(
            "{:.1}, {:.1}, {:.1}, {:.1}, {:.0} ms",
            done.at(0.5),
            done.at(0.9),
            done.at(0.99),
            done.at(0.999),
            done.at(1.0)
        ),
        "",
    );
    table.row(
        "a bare commit beside it: p50, p99; our p99 over its",
        &format!("{:.1}, {:.1} ms; {:.1} ×", bare(0.5), bare(0.99), done.at(0.99) / bare(0.99)),
        "under 3 ×",
    );
    Ok(())
}

fn flooded(
    plan: &Plan,
    bank: &Bank,
    turns: &std::rc::Rc<Turns>,
    server: &Server,
    calm: f64,
    table: &mut Table,
) -> Result<()> {
    let flood = Flood::start(bank);
    let done = client::closed(bank, turns, 64, plan.length() * 2)?.checked()?;
    let logins = flood.end()? as f64 / done.seconds;
    table.row(
        "rate beside a flood of wrong logins, of the rate without",
        &format!("{:.2} ({:.0}/s beside {logins:.0} logins/s)", done.rate() / calm, done.rate()),
        "over 0.5",
    );
    let (peak, now) = server.memory()?;
    table.row("memory with the flood: highest / now", &format!("{peak} / {now} MiB"), "bounded");
    Ok(())
}
