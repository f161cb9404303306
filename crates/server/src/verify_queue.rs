//! The verify queue: requests that arrive while a batch is on its way go together with the next one.
//! A commit costs the disk the same for one as for sixty-four.
//!
//! A lone request goes at once. An entry whose decision brings more than a step or a count with it (a
//! lock with its mails, nobody found) is handed back to be done alone, in a transaction of its own.
//! A passcode that brings a page's effect with it (a login, a start, a release) enters here too, and is
//! always done alone: one commit has the spent step and the effect, so neither is ever there without the other.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::{Id, JoinSet},
    time::Instant,
};
use warifu_core::{
    ids::{CustomerId, InstitutionId},
    random::Random,
    time::Clock,
};
use warifu_store::{Batching, Candidate, Era, StoreError, Wanted, Whose, Write};

use crate::{
    actions::verify::{self, Ask, Decided, Verdict},
    book::Book,
    error::AppError,
    origin::Origin,
};

/// Entries of one batch.
const BATCH: usize = 64;
/// Entries that wait in all, and those that are about to; more are told to come back.
const LONGEST: usize = 4_096;
const AT_THE_DOOR: usize = 64;
/// No entry is evaluated that has waited longer: its caller has been told that nothing came of it, and
/// its passcode's time is over.
const PATIENCE: Duration = Duration::from_secs(20);
/// Entries that are done alone at the same time; who waits too long for that is told to come back.
const ALONE: usize = 8;
/// The same for those that pages ask for: no program's flood takes their places.
const WITH_EFFECT: usize = 8;
const ALONE_PATIENCE: Duration = Duration::from_secs(5);
/// Entries of one customer that wait; more are refused unevaluated.
const OF_ONE: usize = 4;
/// How often an entry is decided again when others were faster.
const ROUNDS: usize = 8;

/// How an entry was answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Decided and durable.
    Decided(Verdict),
    /// To be done alone, for as long as its places are held.
    Alone(Places),
    /// Not evaluated: others of the same customer wait already.
    Crowded,
}

/// The places of an entry that is done alone: its customer's, and one of a few.
#[derive(Debug)]
pub(crate) struct Places {
    _inside: Inside,
    _place: OwnedSemaphorePermit,
}

// What the worker says of an entry.
enum Said {
    Decided(Verdict),
    Alone,
}

struct Entry {
    origin: Origin,
    ask: Arc<Ask>,
    since: Instant,
    rounds: usize,
    reply: oneshot::Sender<Result<Said, AppError>>,
}

/// Whose turn it is: one entry of a customer at a time.
type Turn = (InstitutionId, Whose);

/// The entrance.
#[derive(Debug)]
pub(crate) struct Queue {
    line: mpsc::Sender<Entry>,
    /// How many of each customer are in here.
    inside: Arc<Mutex<BTreeMap<Turn, usize>>>,
    alone: Arc<Semaphore>,
    with_effect: Arc<Semaphore>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").finish_non_exhaustive()
    }
}

impl Queue {
    /// Starts the queue; it ends when its entrance is dropped.
    pub(crate) fn start(book: impl Book, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let (line, entries) = mpsc::channel(AT_THE_DOOR);
        let parts = Parts { book, clock, random };
        tokio::spawn(supervise(parts, Arc::new(AsyncMutex::new(entries))));
        let (alone, with_effect) = (Semaphore::new(ALONE), Semaphore::new(WITH_EFFECT));
        Self {
            line,
            inside: Arc::default(),
            alone: Arc::new(alone),
            with_effect: Arc::new(with_effect),
        }
    }

    /// Has one passcode decided.
    pub(crate) async fn verify(&self, origin: &Origin, ask: &Arc<Ask>) -> Result<Answer, AppError> {
        let turn = (origin.institution.id, ask.whose.clone());
        let Some(inside) = Inside::enter(&self.inside, turn) else { return Ok(Answer::Crowded) };
        let (reply, answer) = oneshot::channel();
        let since = Instant::now();
        let entry = Entry { origin: origin.clone(), ask: Arc::clone(ask), since, rounds: 0, reply };
        let sent = tokio::time::timeout(PATIENCE, self.line.send(entry)).await;
        sent.map_err(|_| AppError::Overloaded)?.map_err(|_| AppError::Overloaded)?;
        // Without an answer the batch died; whether it was written is not known.
        match answer.await.unwrap_or(Err(AppError::Unsure))? {
            Said::Decided(verdict) => Ok(Answer::Decided(verdict)),
            Said::Alone => Ok(Answer::Alone(Places::of(inside, &self.alone).await?)),
        }
    }

    /// Lets in a passcode whose effect belongs into the same transaction; its caller decides it, and holds
    /// the places until that is committed.
    pub(crate) async fn with_effect(
        &self,
        origin: &Origin,
        customer: CustomerId,
    ) -> Result<Places, AppError> {
        let turn = (origin.institution.id, Whose::Customer(customer));
        let inside = Inside::enter(&self.inside, turn).ok_or(AppError::Overloaded)?;
        Places::of(inside, &self.with_effect).await
    }
}

impl Places {
    async fn of(inside: Inside, places: &Arc<Semaphore>) -> Result<Self, AppError> {
        let place = Arc::clone(places).acquire_owned();
        let place = tokio::time::timeout(ALONE_PATIENCE, place).await;
        let place = place.map_err(|_| AppError::Overloaded)?.map_err(|_| AppError::Overloaded)?;
        Ok(Self { _inside: inside, _place: place })
    }
}

/// A place of one customer's, given back when it is dropped.
#[derive(Debug)]
struct Inside {
    inside: Arc<Mutex<BTreeMap<Turn, usize>>>,
    turn: Turn,
}

impl Inside {
    fn enter(inside: &Arc<Mutex<BTreeMap<Turn, usize>>>, turn: Turn) -> Option<Self> {
        let mut counts = inside.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(turn.clone()).or_default();
        if *count > OF_ONE {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Self { inside: Arc::clone(inside), turn })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut counts = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.turn) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.turn);
            }
        }
    }
}

#[derive(Clone)]
struct Parts<B> {
    book: B,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

// A worker that died would show as refusals without end: another takes its place.
async fn supervise<B: Book>(parts: Parts<B>, entries: Arc<AsyncMutex<mpsc::Receiver<Entry>>>) {
    loop {
        let (parts, entries) = (parts.clone(), Arc::clone(&entries));
        match tokio::spawn(async move { work(parts, &mut *entries.lock().await).await }).await {
            Ok(()) => return,
            Err(died) => {
                tracing::error!(error = %died, "the verify queue died and starts anew");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn work<B: Book>(parts: Parts<B>, entries: &mut mpsc::Receiver<Entry>) {
    let mut waiting: VecDeque<Entry> = VecDeque::new();
    let mut flights: JoinSet<Vec<Entry>> = JoinSet::new();
    // Whose turn it is, by the flight they are on: freed with it, however it ends.
    let mut turns: Vec<(Id, Vec<Turn>)> = Vec::new();
    let batching = parts.book.batching();
    let mut is_open = true;
    // When something was last heard of the flights: one has left, or landed.
    let mut news = Instant::now();
    loop {
        let mut has_next = !waiting.is_empty();
        while has_next && may_leave(&batching, flights.len(), waiting.len(), news) {
            let busy = turns.iter().flat_map(|(_, own)| own).cloned().collect();
            let batch = next_batch(&mut waiting, busy, batching.by_bucket);
            has_next = !batch.is_empty();
            if has_next {
                let own = batch.iter().map(turn).collect();
                let parts = parts.clone();
                let flight = flights.spawn(async move { fly(&parts, batch).await });
                turns.push((flight.id(), own));
                news = Instant::now();
            }
        }
        let waits_long = has_next && (1..batching.most).contains(&flights.len());
        tokio::select! {
            entry = entries.recv(), if is_open && waiting.len() < LONGEST => match entry {
                Some(entry) => {
                    waiting.push_back(entry);
                    // All that has come meanwhile goes with it.
                    while waiting.len() < LONGEST && let Ok(entry) = entries.try_recv() {
                        waiting.push_back(entry);
                    }
                }
                None => is_open = false,
            },
            () = tokio::time::sleep(batching.held_up.saturating_sub(news.elapsed())), if waits_long => {}
            Some(landed) = flights.join_next_with_id() => {
                news = Instant::now();
                let id = match landed {
                    Ok((id, again)) => {
                        for entry in again.into_iter().rev() {
                            waiting.push_front(entry);
                        }
                        id
                    }
                    Err(died) => {
                        tracing::error!(error = %died, "a batch of the verify queue died");
                        died.id()
                    }
                };
                turns.retain(|(flight, _)| *flight != id);
            }
            else => return,
        }
    }
}

// Whether another batch may leave beside those that are on their way.
fn may_leave(batching: &Batching, flights: usize, waiting: usize, news: Instant) -> bool {
    flights == 0
        || (flights < batching.at_once && waiting >= batching.worth_another)
        || (flights < batching.most && news.elapsed() >= batching.held_up)
}

fn turn(entry: &Entry) -> Turn {
    (entry.origin.institution.id, entry.ask.whose.clone())
}

// Whose entries may go together: everybody's, or those of one bucket. A name stands for itself.
fn group(turn: &Turn, by_bucket: bool) -> Option<i64> {
    match &turn.1 {
        Whose::Customer(id) if by_bucket => Some(i64::from(id.bucket())),
        Whose::LoginId(_) if by_bucket => Some(-1),
        _ => None,
    }
}

// The longest waiting, one of each customer whose turn it is not yet. Who has waited too long is told so.
fn next_batch(
    waiting: &mut VecDeque<Entry>,
    mut busy: BTreeSet<Turn>,
    by_bucket: bool,
) -> Vec<Entry> {
    let (mut batch, mut left) = (Vec::new(), Vec::new());
    // A bucket that is on its way gathers meanwhile.
    let taken: BTreeSet<_> = busy.iter().filter_map(|turn| group(turn, by_bucket)).collect();
    let mut own = None;
    while batch.len() < BATCH
        && let Some(entry) = waiting.pop_front()
    {
        if entry.since.elapsed() > PATIENCE {
            answer(entry, Err(AppError::Overloaded));
            continue;
        }
        let turn = turn(&entry);
        let its = group(&turn, by_bucket);
        let fits = match own {
            None => its.is_none_or(|its| !taken.contains(&its)),
            Some(own) => its == own,
        };
        if fits && busy.insert(turn) {
            own = Some(its);
            batch.push(entry);
        } else {
            left.push(entry);
        }
    }
    for entry in left.into_iter().rev() {
        waiting.push_front(entry);
    }
    batch
}

// Reads, decides and writes a batch; gives back who has to be decided again.
async fn fly<B: Book>(parts: &Parts<B>, batch: Vec<Entry>) -> Vec<Entry> {
    let wanted: Vec<Wanted> = batch.iter().map(|e| e.ask.wanted(e.origin.institution.id)).collect();
    // Before it is read: another era that begins meanwhile is found when it is written.
    let era = parts.book.era(parts.clock.now());
    let found = match parts.book.read(wanted).await {
        Ok(found) => found,
        // Nothing of it was done.
        Err(StoreError::Conflict) => {
            let mut again = Vec::new();
            for entry in batch {
                decide_again(entry, &mut again);
            }
            return again;
        }
        Err(error) => {
            let error = AppError::from(error);
            for entry in batch {
                answer(entry, Err(error.clone()));
            }
            return Vec::new();
        }
    };
    let mut candidates: BTreeMap<usize, Result<Candidate, StoreError>> =
        found.into_iter().collect();
    let now = parts.clock.now();
    let mut tokens = BTreeSet::new();
    let (mut again, mut decided) = (Vec::new(), Vec::new());
    for (place, mut entry) in batch.into_iter().enumerate() {
        let candidate = match candidates.remove(&place) {
            Some(Ok(candidate)) => candidate,
            // One that cannot be read is nobody else's failure.
            Some(Err(error)) => {
                answer(entry, Err(error.into()));
                continue;
            }
            None => {
                answer(entry, Ok(Said::Alone));
                continue;
            }
        };
        // One customer under two names: the second is decided from what the first leaves.
        if !tokens.insert((candidate.verifier.customer_id, candidate.verifier.token_id)) {
            again.push(entry);
            continue;
        }
        entry.origin.now = now;
        match verify::decide(&entry.origin, &*parts.random, &entry.ask, (&candidate, era)) {
            Ok(Decided::Written(verdict, write)) => decided.push((entry, verdict, write)),
            Ok(Decided::Answered(verdict)) => answer(entry, Ok(Said::Decided(verdict))),
            Ok(Decided::Alone) => answer(entry, Ok(Said::Alone)),
            Err(error) => answer(entry, Err(error)),
        }
    }
    // In the order of their rows, on every node: who locks in one order never waits in a circle.
    decided.sort_by_key(|(_, _, write)| {
        write.change.as_ref().map(|c| (c.bucket, c.customer, c.token))
    });
    again.extend(land(parts, decided, era).await);
    again
}

// Writes what was decided; where a batch as a whole fails, each of it alone.
async fn land<B: Book>(
    parts: &Parts<B>,
    decided: Vec<(Entry, Verdict, Box<Write>)>,
    era: Era,
) -> Vec<Entry> {
    if decided.is_empty() {
        return Vec::new();
    }
    let (mut entries, mut writes) = (Vec::new(), Vec::new());
    for (entry, verdict, write) in decided {
        entries.push((entry, verdict));
        writes.push(*write);
    }
    let writes = Arc::new(writes);
    match parts.book.write(Arc::clone(&writes), era).await {
        Ok(written) => {
            let mut again = Vec::new();
            for ((entry, verdict), written) in entries.into_iter().zip(written) {
                if written {
                    answer(entry, Ok(Said::Decided(verdict)));
                } else {
                    decide_again(entry, &mut again);
                }
            }
            again
        }
        // Nothing was written: one of them is what the others cannot go with. A database that is away is
        // nobody's own fault, and not asked once for each.
        Err(StoreError::Conflict) if entries.len() > 1 => {
            let mut again = Vec::new();
            for ((entry, verdict), write) in entries.into_iter().zip(&*writes) {
                let alone = vec![(entry, verdict, Box::new(write.clone()))];
                again.extend(Box::pin(land(parts, alone, era)).await);
            }
            again
        }
        Err(StoreError::Conflict) => {
            let mut again = Vec::new();
            for (entry, _) in entries {
                decide_again(entry, &mut again);
            }
            again
        }
        Err(error) => {
            let error = AppError::from(error);
            for (entry, _) in entries {
                answer(entry, Err(error.clone()));
            }
            Vec::new()
        }
    }
}

fn decide_again(mut entry: Entry, again: &mut Vec<Entry>) {
    entry.rounds += 1;
    if entry.rounds < ROUNDS {
        again.push(entry);
    } else {
        answer(entry, Err(AppError::Overloaded));
    }
}

// Whoever has hung up hears nothing; what was decided stands.
fn answer(entry: Entry, answer: Result<Said, AppError>) {
    drop(entry.reply.send(answer));
}
