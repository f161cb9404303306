//! Races: one passcode a hundred times at once, and the right one among a hundred wrong guesses, over all
//! nodes, in every way of writing it.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;
use serde_json::Value;

use super::{
    checks::{self, Standing},
    load::{body_of, passcode},
    nodes::Nodes,
};
use crate::{client::Line, tokens::Tokens};

/// Requests at once.
const AT_ONCE: usize = 100;
/// Wrong guesses in a row after which a token is locked, by default.
const LIMIT: i64 = 5;

/// So many rounds of each kind; the first tokens are used up by them.
pub(super) async fn run(
    url: &str,
    nodes: &Nodes,
    rounds: usize,
    random: &mut ChaCha20Rng,
) -> Result<()> {
    let mut lines = Vec::new();
    let apis = nodes.apis();
    for n in 0..AT_ONCE {
        lines.push(Line::open(&apis[n % apis.len()]).await?);
    }
    let mut accepted = 0;
    for token in 0..rounds {
        let mut bodies: Vec<_> =
            (0..AT_ONCE).map(|n| body_of(token, &passcode(token, 1, n % 3))).collect();
        bodies.shuffle(random);
        let found = at_once(&mut lines, bodies).await?;
        if found != 1 {
            bail!("round {token}: one passcode was accepted {found} times");
        }
        accepted += found;
    }
    println!("one passcode {AT_ONCE} times at once, {rounds} rounds: accepted {accepted} times");
    let mut right = BTreeMap::new();
    for token in rounds..2 * rounds {
        let mut bodies: Vec<_> =
            (0..AT_ONCE).map(|_| body_of(token, &wrong(token, random))).collect();
        let place = random.random_range(0..AT_ONCE);
        bodies[place] = body_of(token, &passcode(token, 1, place % 3));
        right.insert(Tokens::token(token), at_once(&mut lines, bodies).await?);
    }
    let standing = checks::standing(url).await?;
    let (mut among, mut locked) = (0, 0);
    for (token, accepted) in right {
        let s = standing.get(&token).copied().unwrap_or_default();
        judge(s, accepted).map_err(|why| anyhow::anyhow!("{token}: {why}; {s:?}"))?;
        among += accepted;
        locked += usize::from(s.is_locked);
    }
    println!(
        "the right one among {AT_ONCE} at once, {rounds} rounds: accepted {among} times, locked {locked} times"
    );
    Ok(())
}

/// What may be of a token that was guessed at.
fn judge(s: Standing, accepted: usize) -> Result<(), String> {
    let before = s.wrong - s.failures;
    match accepted {
        0 if s.failures != s.wrong => Err("the counter is not what the trail says".to_owned()),
        0 | 1 if s.failures > LIMIT => Err("evaluated behind the lock".to_owned()),
        0 | 1 if (s.failures == LIMIT) != s.is_locked => {
            Err("locked too early or too late".to_owned())
        }
        1 if before >= LIMIT => Err("accepted behind the limit".to_owned()),
        1 if s.accepted != 1 => Err("accepted without its line".to_owned()),
        0 | 1 => Ok(()),
        _ => Err("accepted more than once".to_owned()),
    }
}

fn wrong(token: usize, random: &mut ChaCha20Rng) -> String {
    loop {
        let guess = format!("{:06}", random.random_range(0..1_000_000));
        // None of those that would be looked at.
        if (0..=11).all(|step| Tokens::passcode(token, step) != guess) {
            return guess;
        }
    }
}

// How many of them were accepted.
async fn at_once(lines: &mut [Line], bodies: Vec<String>) -> Result<usize> {
    let asked = lines.iter_mut().zip(bodies).map(|(line, body)| async move {
        let (status, said) = line.send(&body, "").await?;
        match status {
            200 => {}
            // Others were faster time and again: nothing was done.
            503 => return Ok(false),
            _ => bail!("{status} {said}"),
        }
        let said: Value = serde_json::from_str(&said)?;
        anyhow::Ok(said["result"] == "accepted")
    });
    let answers = futures_util::future::try_join_all(asked).await?;
    Ok(answers.into_iter().filter(|accepted| *accepted).count())
}
