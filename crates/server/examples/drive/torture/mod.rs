//! Torture: nodes are killed, databases die and stand-bys take over while programs have passcodes verified;
//! afterwards every answer must be in the trail, and no passcode may have been accepted twice.
//!
//! Everything random comes from one seed. How the machine's threads take turns does not, so that a seed
//! gives the same attacks and not the same run.

mod checks;
mod cluster;
mod load;
mod nodes;
mod proxy;
mod races;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use self::{
    cluster::Cluster,
    load::{Load, Outcome},
    nodes::Nodes,
    proxy::Proxy,
};
use crate::{
    bank::Bank,
    client::unix_seconds,
    tokens::{self, Tokens},
};

/// How long a database may be served again after it is back, before that is told as late.
const BACK_WITHIN: Duration = Duration::from_secs(2);

/// What is done, how often and to what.
struct Plan {
    engine: Engine,
    seed: u64,
    kills: usize,
    /// Rounds of races, before anything is killed.
    races: usize,
    /// Nodes that are stopped and started again, with nothing lost.
    rolls: usize,
    nodes: usize,
    tokens: usize,
    clients: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Attack {
    /// SIGKILL of a node.
    Node,
    /// The database stops in the middle of everything and starts again.
    Restart,
    /// The primary is gone for good; its synchronous standby takes over.
    FailOver,
}

/// Runs it as the words say.
pub(crate) fn run(program: &Path, words: impl Iterator<Item = String>) -> Result<()> {
    let plan = Plan::read(words)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(plan.run(program))
}

// With the time that ids begin with, so that what is found can be laid beside it.
fn note(n: usize, attack: Attack) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    eprintln!("{} attack {n}: {attack:?} done", now.unwrap_or_default().as_millis());
}

impl Plan {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut plan = Self {
            engine: Engine::Postgres,
            seed: 1,
            kills: 200,
            races: 1_000,
            rolls: 12,
            nodes: 3,
            tokens: 4_000,
            clients: 32,
        };
        while let Some(word) = words.next() {
            let value = words.next().with_context(|| format!("{word} wants a value"))?;
            match word.as_str() {
                "--engine" if value == "sqlite" => plan.engine = Engine::Sqlite,
                "--engine" if value == "postgres" => plan.engine = Engine::Postgres,
                "--seed" => plan.seed = value.parse()?,
                "--kills" => plan.kills = value.parse()?,
                "--rolls" => plan.rolls = value.parse()?,
                "--races" => plan.races = value.parse()?,
                "--nodes" => plan.nodes = value.parse()?,
                "--tokens" => plan.tokens = value.parse()?,
                "--clients" => plan.clients = value.parse()?,
                other => bail!("torture does not know {other} {value}"),
            }
        }
        if plan.engine == Engine::Sqlite {
            // One node: while it is away, there is no other to send anything to.
            (plan.nodes, plan.rolls) = (1, 0);
        }
        Ok(plan)
    }

    async fn run(&self, program: &Path) -> Result<()> {
        let mut random = ChaCha20Rng::seed_from_u64(self.seed);
        let mut cluster = None;
        let url = match self.engine {
            Engine::Sqlite => "sqlite:{folder}/warifu.db".to_owned(),
            Engine::Postgres => {
                let started = Cluster::start()?;
                let proxy = Proxy::start(started.port()).await?;
                let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port);
                cluster = Some((started, proxy));
                url
            }
        };
        let bank = Bank::found(program, &url, false)?;
        let tokens = Tokens::new(2 * self.races + self.tokens);
        let now = i64::try_from(unix_seconds())? * 1_000;
        tokens::load(&bank, &tokens, now).await?;
        // Tokens that count uses: no load has to wait for a clock.
        checks::count_uses(&bank.url).await?;
        let nodes = Nodes::start(&bank, self.nodes).await?;
        races::run(&bank.url, &nodes, self.races, &mut random).await?;
        // Those are used up.
        let own = 2 * self.races..tokens.len();
        let middle = own.start.midpoint(own.end);
        let first = own.start..middle;
        let load = Load::start(nodes.apis(), first, self.clients, random.next_u64());
        load.balance(&nodes.ops());
        for n in 0..self.rolls {
            nodes.roll(n % self.nodes).await?;
            load.accepts_again(Instant::now()).await?;
        }
        let mut sent = load.end().await;
        let lost = sent.iter().filter(|one| one.outcome == Outcome::Unknown).count();
        println!("{} nodes rolled over {} requests: {lost} lost", self.rolls, sent.len());
        if lost > 0 {
            bail!("requests were lost where nothing was killed");
        }
        let load = Load::start(nodes.apis(), middle..own.end, self.clients, random.next_u64());
        let outcome = self.attack(&mut random, &nodes, &load, cluster.as_mut()).await;
        sent.extend(load.end().await);
        outcome?;
        nodes.stop().await?;
        let own = own.map(Tokens::token).collect();
        let found = checks::compare(&bank.url, &own, &sent).await?;
        println!("{found}");
        if let Some((cluster, proxy)) = cluster {
            drop((cluster, proxy));
        }
        found.verdict()
    }

    async fn attack(
        &self,
        random: &mut ChaCha20Rng,
        nodes: &Arc<Nodes>,
        load: &Load,
        mut cluster: Option<&mut (Cluster, Proxy)>,
    ) -> Result<()> {
        let mut backs: Vec<(Attack, Duration)> = Vec::new();
        for n in 1..=self.kills {
            tokio::time::sleep(Duration::from_millis(random.random_range(50..700))).await;
            let attack = match (&cluster, random.random_range(0..20)) {
                (None, _) | (Some(_), 0..=12) => Attack::Node,
                (Some(_), 13..=17) => Attack::Restart,
                (Some(_), _) => Attack::FailOver,
            };
            match (attack, cluster.as_deref_mut()) {
                (Attack::Restart, Some((cluster, _))) => cluster.crash_and_start()?,
                (Attack::FailOver, Some((cluster, proxy))) => {
                    cluster.fail_over()?;
                    proxy.aim(cluster.port());
                }
                _ => {
                    let node = random.random_range(0..self.nodes);
                    let away = Duration::from_millis(random.random_range(0..400));
                    nodes.kill_and_start(node, away).await?;
                }
            }
            note(n, attack);
            let back = load
                .accepts_again(Instant::now())
                .await
                .with_context(|| format!("attack {n} of seed {}: {attack:?}", self.seed))?;
            backs.push((attack, back));
            if back > BACK_WITHIN {
                eprintln!("attack {n}, {attack:?}: accepted again only after {back:?}");
            }
            if let (Attack::FailOver, Some((cluster, _))) = (attack, cluster.as_deref_mut()) {
                cluster.add_standby()?;
            }
            if n % 20 == 0 {
                eprintln!("{n} of {} attacks, {} answers", self.kills, load.answers());
            }
        }
        backs.sort_unstable();
        for attack in [Attack::Node, Attack::Restart, Attack::FailOver] {
            let mut of: Vec<_> = backs.iter().filter(|(a, _)| *a == attack).map(|b| b.1).collect();
            of.sort_unstable();
            if let (Some(median), Some(longest)) = (of.get(of.len() / 2), of.last()) {
                println!(
                    "{attack:?}: {} times; accepted again after {median:?} (median), {longest:?} (longest)",
                    of.len()
                );
            }
        }
        Ok(())
    }
}
