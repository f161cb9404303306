//! Processes of `warifu serve` on one database, killed and started again.

use std::{
    fs::OpenOptions,
    process::{Child, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;

use crate::{
    bank::{Bank, free_ports},
    client::Api,
};

pub(super) struct Nodes {
    nodes: Vec<Node>,
}

struct Node {
    api: Api,
    ops: u16,
    start: Box<dyn Fn() -> std::io::Result<Child> + Send + Sync>,
    child: Mutex<Option<Child>>,
}

impl Nodes {
    pub(super) async fn start(bank: &Bank, count: usize) -> Result<Arc<Self>> {
        let mut nodes = Vec::new();
        for n in 0..count {
            let [api_port, ib_port, ops] = free_ports()?;
            let log = bank.path(&format!("node{n}.log"));
            let mut command = bank.command();
            command.arg("serve");
            let command = Mutex::new(command);
            let api = Api { port: api_port, key: bank.api_key.clone() };
            let start = move || {
                let log = OpenOptions::new().create(true).append(true).open(&log)?;
                let mut command = command.lock().unwrap_or_else(PoisonError::into_inner);
                command.env("WARIFU_LISTEN__API", format!("127.0.0.1:{api_port}"));
                for name in ["WARIFU_LISTEN__IB", "WARIFU_LISTEN__TOKEN"] {
                    command.env(name, format!("127.0.0.1:{ib_port}"));
                }
                command.env("WARIFU_LISTEN__OPS", format!("127.0.0.1:{ops}"));
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()
            };
            nodes.push(Node { api, ops, start: Box::new(start), child: Mutex::default() });
        }
        let nodes = Arc::new(Self { nodes });
        for n in 0..count {
            nodes.start_one(n).await?;
        }
        Ok(nodes)
    }

    pub(super) fn apis(&self) -> Vec<Api> {
        self.nodes.iter().map(|node| node.api.clone()).collect()
    }

    /// Where each says whether it is ready.
    pub(super) fn ops(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.ops).collect()
    }

    async fn start_one(&self, n: usize) -> Result<()> {
        let node = self.nodes.get(n).context("no such node")?;
        let begun = Instant::now();
        loop {
            let started = (node.start)()?;
            *node.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
            loop {
                if TcpStream::connect(("127.0.0.1", node.api.port)).await.is_ok() {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                let mut child = node.child.lock().unwrap_or_else(PoisonError::into_inner);
                // A database that is just away keeps it from starting: whoever runs it starts it again.
                if child.as_mut().is_none_or(|c| !matches!(c.try_wait(), Ok(None))) {
                    break;
                }
                if begun.elapsed() > Duration::from_mins(1) {
                    bail!("node {n} does not start");
                }
            }
            if begun.elapsed() > Duration::from_mins(1) {
                bail!("node {n} ends by itself");
            }
        }
    }

    /// Kills a node in the middle of whatever it does; it is back after a while.
    pub(super) async fn kill_and_start(&self, n: usize, away: Duration) -> Result<()> {
        let node = self.nodes.get(n).context("no such node")?;
        let child = node.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            child.kill()?;
            child.wait()?;
        }
        tokio::time::sleep(away).await;
        self.start_one(n).await
    }

    /// Ends a node as its operator would, and starts it again: a new version, say.
    pub(super) async fn roll(&self, n: usize) -> Result<()> {
        self.stop_one(n).await?;
        self.start_one(n).await
    }

    /// Ends all of them as their operator would.
    pub(super) async fn stop(&self) -> Result<()> {
        for n in 0..self.nodes.len() {
            self.stop_one(n).await?;
        }
        Ok(())
    }

    async fn stop_one(&self, n: usize) -> Result<()> {
        let node = self.nodes.get(n).context("no such node")?;
        let child = node.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut child) = child else { return Ok(()) };
        std::process::Command::new("kill").arg(child.id().to_string()).status()?;
        let ended = tokio::task::spawn_blocking(move || child.wait()).await??;
        if !ended.success() {
            bail!("node {n} ended with {ended}");
        }
        Ok(())
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for node in &self.nodes {
            let child = node.child.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(mut child) = child {
                drop(child.kill());
                drop(child.wait());
            }
        }
    }
}
