//! What the bench tells: rates round by round, and the table at the end.

use crate::client::Done;

/// Rates of ours and of a rival, round by round.
#[derive(Default)]
pub(crate) struct Rounds(Vec<(f64, Done)>);

impl Rounds {
    pub(crate) fn add(&mut self, rival: f64, ours: Done) {
        self.0.push((rival, ours));
    }

    pub(crate) fn ours(&self) -> f64 {
        median(&mut self.0.iter().map(|(_, done)| done.rate()).collect::<Vec<_>>())
    }

    pub(crate) fn theirs(&self) -> f64 {
        median(&mut self.0.iter().map(|(rival, _)| *rival).collect::<Vec<_>>())
    }

    pub(crate) fn told(&self) -> String {
        let ratio = median(&mut self.0.iter().map(|(r, done)| done.rate() / r).collect::<Vec<_>>());
        let at = |q| median(&mut self.0.iter().map(|(_, done)| done.at(q)).collect::<Vec<_>>());
        format!(
            "{ratio:.2} × ({:.0} over {:.0}/s; p50 {:.1}, p99 {:.1} ms)",
            self.ours(),
            self.theirs(),
            at(0.5),
            at(0.99)
        )
    }
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What is printed at the end.
#[derive(Default)]
pub(crate) struct Table(Vec<String>);

impl Table {
    pub(crate) fn title(&mut self, title: &str) {
        eprintln!("── {title}");
        self.0.push(format!("\n{title}\n\n| what | measured | wanted |\n|---|---|---|"));
    }

    pub(crate) fn row(&mut self, what: &str, measured: &str, wanted: &str) {
        eprintln!("{what}: {measured} (wanted: {wanted})");
        self.0.push(format!("| {what} | {measured} | {wanted} |"));
    }

    pub(crate) fn print(&self) {
        println!("{}", self.0.join("\n"));
    }
}
