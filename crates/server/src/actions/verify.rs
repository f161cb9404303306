//! Verification for the bank's programs: one passcode, one answer, once.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use warifu_core::{
    audit::Kind,
    counter::Counter,
    ids::{CustomerId, InstitutionId, VerificationId},
    oath::Passcode,
    purpose::Purpose,
    random::Random,
    time::Millis,
    token::State,
    verify::Decision,
};
use warifu_store::{Answered, Candidate, Change, Customer, Era, Key, Token, Tx, Wanted, Write};
pub(crate) use warifu_store::{Once, Whose};

use super::{again_on_conflict, commit, places, prove, to_its_end};
use crate::{
    app::App,
    error::AppError,
    origin::{Line, Origin},
    verify_queue::{Answer, Places},
};

/// An idempotency key gives its answer again for this long.
pub(crate) const REPLAYED_FOR: Duration = Duration::from_hours(24);

/// What is asked.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) whose: Whose,
    pub(crate) purpose: Purpose,
    pub(crate) passcode: Passcode,
    /// The bank's own words on what it is for, kept in the trail.
    pub(crate) context: Option<String>,
    pub(crate) same: Option<Same>,
}

/// What makes a request the same as an earlier one.
#[derive(Clone, Debug)]
pub(crate) struct Same {
    pub(crate) once: Once,
    pub(crate) body_mac: Vec<u8>,
}

impl Ask {
    /// The token that is meant.
    pub(crate) fn wanted(&self, institution: InstitutionId) -> Wanted {
        let state = if self.purpose == Purpose::Start { State::Activated } else { State::InUse };
        let once = self.same.as_ref().map(|same| same.once.clone());
        Wanted { institution, whose: self.whose.clone(), state, once }
    }
}

impl Ask {
    // Nobody's answers share one place: there the name belongs to the key.
    fn once_of(&self, same: &Same, owner: &(i64, String)) -> Once {
        let name = match &self.whose {
            Whose::LoginId(login) => login.clone(),
            Whose::Customer(id) => id.to_string(),
        };
        if owner.1.starts_with(CustomerId::PREFIX) {
            return same.once.clone();
        }
        let hash = Sha256::digest(name);
        let hash = hash.iter().fold(String::new(), |out, byte| format!("{out}{byte:02x}"));
        Once { key_hash: format!("{}{hash}", same.once.key_hash), ..same.once.clone() }
    }
}

/// An answer, as it is given and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) verification: VerificationId,
    pub(crate) accepted: bool,
    /// Why not, as a stable word; told to those who may know.
    pub(crate) reason: Option<String>,
    /// Until when the customer's transactions are held; told only with a passcode that was right.
    pub(crate) hold_until: Option<Millis>,
    /// Whether this was answered before, under the same idempotency key.
    #[serde(skip)]
    pub(crate) replayed: bool,
}

/// What becomes of an entry of the queue.
#[derive(Debug)]
pub(crate) enum Decided {
    /// This is the answer once this is written.
    Written(Verdict, Box<Write>),
    /// It was answered before.
    Answered(Verdict),
    /// It brings more with it than a batch carries.
    Alone,
}

/// No refusal is answered sooner after it was asked for: that a customer is unknown, or has just been locked,
/// takes longer to write than that a passcode was wrong.
const REFUSED_AFTER: Duration = Duration::from_millis(40);

/// Verifies a passcode, through the queue.
pub(crate) async fn verify(app: &App, origin: &Origin, ask: Ask) -> Result<Verdict, AppError> {
    let refused_from = Instant::now() + REFUSED_AFTER;
    let verdict = decided(app, origin, ask).await?;
    if !verdict.accepted {
        tokio::time::sleep_until(refused_from).await;
    }
    Ok(verdict)
}

async fn decided(app: &App, origin: &Origin, ask: Ask) -> Result<Verdict, AppError> {
    let ask = if app.store.is_distributed() {
        // Apart: what is seldom done must not make every request's future large, which is moved about.
        Box::pin(by_id(app, origin, ask)).await?
    } else {
        ask
    };
    let ask = Arc::new(ask);
    match app.queue.verify(origin, &ask).await? {
        Answer::Decided(verdict) => Ok(verdict),
        Answer::Alone(places) => Box::pin(in_its_places(app, origin, &ask, places)).await,
        // Under an idempotency key it may have been answered: who asks again later hears it.
        Answer::Crowded if ask.same.is_some() => Err(AppError::Overloaded),
        Answer::Crowded => {
            app.limits.leave_out(Some(origin.institution.id), "too_many_passcodes_at_once");
            Ok(refused(VerificationId::generate(origin.now, &*app.random), "crowded"))
        }
    }
}

async fn in_its_places(
    app: &App,
    origin: &Origin,
    ask: &Arc<Ask>,
    places: Places,
) -> Result<Verdict, AppError> {
    let (app, origin, ask) = (app.clone(), origin.clone(), Arc::clone(ask));
    let done = to_its_end(async move {
        let _places = places;
        again_on_conflict(|| alone(&app, &origin, &ask)).await
    });
    // Others were faster time and again: nothing was done.
    done.await.map_err(|e| if matches!(e, AppError::Conflict) { AppError::Overloaded } else { e })
}

/// Decides an entry from what was read.
pub(crate) fn decide(
    origin: &Origin,
    random: &dyn Random,
    ask: &Ask,
    (found, era): (&Candidate, Era),
) -> Result<Decided, AppError> {
    let row = &found.verifier;
    let owner = (row.bucket, row.customer_id.to_string());
    if let (Some(answer), Some(mac)) = (&found.answer, &found.mac) {
        return replayed(origin, ask, &owner, (answer, mac)).map(Decided::Answered);
    }
    // The customer is the one that was asked for: the row was found by its id.
    let of = prove::Of { customer: row.customer_id, token: row.token_id, is_stopped: false, era };
    let decision = prove::decide(origin, row, &of, (ask.purpose, &ask.passcode))?;
    let verification = VerificationId::generate(origin.now, random);
    let learns = |step| Ok::<_, AppError>(prove::steps(origin, row)?.learned(step, origin.now));
    let (verdict, change) = match decision {
        Decision::Refuse { grade: Some(_), .. } => return Ok(Decided::Alone),
        // Of hardware only, and seldom.
        Decision::Accept { step } if learns(step)?.is_some() => return Ok(Decided::Alone),
        Decision::Refuse { reason, counter, .. } => {
            let change = (counter != row.counter()).then_some((None, counter));
            (refused(verification, prove::word(reason)), change)
        }
        Decision::Accept { step } => {
            let hold = row.hold_until.map(Millis).filter(|until| origin.now < *until);
            (accepted(verification, ask.purpose, hold), Some((Some(step), Counter::cleared())))
        }
    };
    let step = change.as_ref().and_then(|(step, _)| *step);
    let line = line(ask, &verdict, step).of(row.customer_id).token(row.token_id);
    let write = Write {
        change: change.map(|(accept, counter)| Change {
            bucket: row.bucket,
            customer: row.customer_id,
            token: row.token_id,
            place: found.place.clone(),
            version: row.version,
            accept,
            counter,
        }),
        line: origin.row(random, line),
        answered: answered(origin, ask, &verdict, &owner)?,
    };
    Ok(Decided::Written(verdict, Box::new(write)))
}

// During a hold the right passcode is spent and approves nothing.
fn accepted(verification: VerificationId, purpose: Purpose, hold: Option<Millis>) -> Verdict {
    let is_held = hold.is_some() && purpose == Purpose::Transaction;
    Verdict {
        verification,
        accepted: !is_held,
        reason: is_held.then(|| "held".to_owned()),
        hold_until: hold,
        replayed: false,
    }
}

fn refused(verification: VerificationId, reason: &str) -> Verdict {
    let reason = Some(reason.to_owned());
    Verdict { verification, accepted: false, reason, hold_until: None, replayed: false }
}

fn line(ask: &Ask, verdict: &Verdict, step: Option<i64>) -> Line {
    let mut after = serde_json::json!({ "verification": verdict.verification });
    if let Some(step) = step {
        after["step"] = step.into();
    }
    if let Some(context) = &ask.context {
        after["context"] = context.as_str().into();
    }
    if verdict.accepted {
        return Line::ok(Kind::PasscodeAccepted).because(ask.purpose.as_str()).after(after);
    }
    after["purpose"] = ask.purpose.as_str().into();
    let reason = verdict.reason.clone().unwrap_or_default();
    Line::refused(Kind::PasscodeRefused, reason).after(after)
}

fn answered(
    origin: &Origin,
    ask: &Ask,
    verdict: &Verdict,
    owner: &(i64, String),
) -> Result<Option<Answered>, AppError> {
    let Some(same) = &ask.same else { return Ok(None) };
    let once = ask.once_of(same, owner);
    let answer = serde_json::to_string(verdict).map_err(AppError::internal)?;
    let institution = &origin.institution;
    let spot = places::answer(institution.id, &owner.1, &once);
    Ok(Some(Answered {
        bucket: owner.0,
        customer_id: owner.1.clone(),
        mac: institution.keys.mac(&spot.place(), &bound(same, &answer)),
        once,
        answer,
        created_at: origin.now.0,
    }))
}

// The body's MAC has one length: where the answer begins is never in doubt.
fn bound(same: &Same, answer: &str) -> Vec<u8> {
    [&same.body_mac, answer.as_bytes()].concat()
}

// Where tables are distributed, a batch is of one bucket, which a name does not tell.
async fn by_id(app: &App, origin: &Origin, ask: Ask) -> Result<Ask, AppError> {
    let Whose::LoginId(login) = &ask.whose else { return Ok(ask) };
    let found = app.store.read().await?.find(origin.institution.id, Key::LoginId, login).await?;
    let whose = found.map_or_else(|| ask.whose.clone(), |f| Whose::Customer(f.customer_id));
    Ok(Ask { whose, ..ask })
}

// An answer that was written into the database past the product fits no body.
fn replayed(
    origin: &Origin,
    ask: &Ask,
    owner: &(i64, String),
    (answer, mac): (&str, &[u8]),
) -> Result<Verdict, AppError> {
    let institution = &origin.institution;
    let fits = ask.same.as_ref().is_some_and(|same| {
        let spot = places::answer(institution.id, &owner.1, &ask.once_of(same, owner));
        institution.keys.fits(&spot.place(), &bound(same, answer), mac)
    });
    if !fits {
        return Err(AppError::OtherBody);
    }
    let verdict: Verdict = serde_json::from_str(answer).map_err(AppError::internal)?;
    Ok(Verdict { replayed: true, ..verdict })
}

// What a batch does not carry: a lock with its mails, a customer without a token, nobody at all.
async fn alone(app: &App, origin: &Origin, ask: &Ask) -> Result<Verdict, AppError> {
    let origin = Origin { now: app.clock.now(), ..origin.clone() };
    let institution = origin.institution.id;
    let mut tx = app.store.begin().await?;
    let id = match &ask.whose {
        Whose::Customer(id) => Some(*id),
        Whose::LoginId(login) => {
            tx.find(institution, Key::LoginId, login).await?.map(|found| found.customer_id)
        }
    };
    // Looked at before it is taken: another bank's customer is not even made to wait.
    let own = match id {
        Some(id) => tx.customer(id).await?.filter(|c| c.institution_id == institution),
        None => None,
    };
    let customer = match own {
        Some(own) => tx.take_customer(own.customer_id).await?,
        None => None,
    };
    // What is answered about nobody is kept in the institution's own name.
    let owner = match &customer {
        Some(c) => (c.bucket, c.customer_id.to_string()),
        None => (i64::from(institution.bucket()), institution.to_string()),
    };
    if let Some(same) = &ask.same
        && let Some((answer, mac)) = tx.answer(&owner, &ask.once_of(same, &owner)).await?
    {
        return replayed(&origin, ask, &owner, (&answer, &mac));
    }
    let unproved = |reason| refused(VerificationId::generate(origin.now, &*app.random), reason);
    let Some(customer) = customer else {
        let verdict = unproved("unknown");
        let line = line(ask, &verdict, None);
        return settle(app, &origin, tx, ask, (verdict, owner), line).await;
    };
    let state = ask.wanted(institution).state;
    let token = tx.living_tokens(customer.customer_id).await?;
    let Some(token) = token.into_iter().find(|token| token.state == state) else {
        let verdict = unproved("no_token");
        let line = line(ask, &verdict, None).of(customer.customer_id);
        return settle(app, &origin, tx, ask, (verdict, owner), line).await;
    };
    let (verdict, step) = prove_alone(app, &origin, &mut tx, ask, (&customer, &token)).await?;
    let line = line(ask, &verdict, step).of(customer.customer_id).token(token.id);
    settle(app, &origin, tx, ask, (verdict, owner), line).await
}

// What is decided, and the step that it spends.
async fn prove_alone(
    app: &App,
    origin: &Origin,
    tx: &mut Tx,
    ask: &Ask,
    (customer, token): (&Customer, &Token),
) -> Result<(Verdict, Option<i64>), AppError> {
    let verification = VerificationId::generate(origin.now, &*app.random);
    let row = tx.take_verifier(customer.customer_id, token.id).await?;
    let row = row.ok_or_else(|| AppError::internal("a token without a verifier"))?;
    let of = prove::Of {
        customer: customer.customer_id,
        token: token.id,
        is_stopped: customer.suspended_at.is_some(),
        era: app.store.era(app.clock.now()),
    };
    match prove::decide(origin, &row, &of, (ask.purpose, &ask.passcode))? {
        Decision::Accept { step } => {
            let learned = prove::steps(origin, &row)?.learned(step, origin.now);
            tx.accept_step(&row, (step, of.era), learned).await?;
            let hold = customer.hold_until.map(Millis).filter(|until| origin.now < *until);
            Ok((accepted(verification, ask.purpose, hold), Some(step)))
        }
        Decision::Refuse { reason, counter, grade } => {
            if counter != row.counter() {
                tx.count_failure(&row, &counter).await?;
            }
            if let Some(grade) = grade {
                prove::tell_lock(app, origin, tx, customer, token.id, grade).await?;
            }
            Ok((refused(verification, prove::word(reason)), None))
        }
    }
}

async fn settle(
    app: &App,
    origin: &Origin,
    mut tx: Tx,
    ask: &Ask,
    (verdict, owner): (Verdict, (i64, String)),
    line: Line,
) -> Result<Verdict, AppError> {
    origin.record(&mut tx, &*app.random, line).await?;
    if let Some(answered) = answered(origin, ask, &verdict, &owner)? {
        tx.keep_answer(&answered).await?;
    }
    commit(app, tx).await?;
    Ok(verdict)
}
