//! What BPT001 shows beside the token's state: the customer's own events, and what the bank has to say.

use std::time::Duration;

use warifu_core::{
    audit::Kind,
    ids::{CustomerId, NoticeId},
    time::Millis,
};
use warifu_store::{Customer, Notice, StoreError, Tx, audit::EventRow};

use super::{
    commit,
    overview::{self, Overview},
    places,
};
use crate::{
    app::App,
    error::AppError,
    institutions::Institution,
    origin::{Line, Origin},
    text::Lang,
};

/// Events are shown for this long.
const SHOWN_FOR: Duration = Duration::from_hours(30 * 24);
/// No more of them than this, beside those that are counted apart.
const MOST: i64 = 20;
/// Of logins that ended another one these, and as many of each kind of what was typed wrongly, and of locks.
const MOST_LOGINS: i64 = 3;

/// Something that happened to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at: Millis,
    pub(crate) kind: Kind,
    /// Which of several: the stable word of the trail.
    pub(crate) reason: String,
}

/// What the top page shows.
#[derive(Debug)]
pub(crate) struct Top {
    pub(crate) view: Overview,
    /// The newest first.
    pub(crate) events: Vec<Event>,
    /// The bank's texts that are shown now, the newest first.
    pub(crate) notices: Vec<String>,
}

/// Reads the top page of a customer who has just been read.
pub(crate) async fn top(
    app: &App,
    origin: &Origin,
    customer: Customer,
    lang: Lang,
) -> Result<Top, AppError> {
    let id = customer.customer_id;
    let mut tx = app.store.read().await?;
    let view = overview::load(&mut tx, origin, customer).await?;
    let events = events(&mut tx, origin, id).await?;
    let notices = checked_notices(&mut tx, origin).await?;
    let shown = notices.into_iter().filter(|n| n.shown_from <= origin.now.0);
    let in_words = |n: Notice| if lang == Lang::En { n.text_en } else { n.text_ja };
    Ok(Top { view, events, notices: shown.map(in_words).collect() })
}

async fn events(tx: &mut Tx, origin: &Origin, id: CustomerId) -> Result<Vec<Event>, AppError> {
    let (bucket, since) = (i64::from(id.bucket()), origin.now.minus(SHOWN_FOR));
    let rows = tx.events_of(bucket, &id.to_string(), since, (MOST, MOST_LOGINS)).await?;
    let event = |row: EventRow| {
        let kind = row.kind.parse().ok()?;
        Some(Event { at: Millis(row.at), kind, reason: row.reason.unwrap_or_default() })
    };
    Ok(rows.into_iter().filter_map(event).collect())
}

/// The bank's texts that are shown now or still to come.
pub(crate) async fn listed(app: &App, origin: &Origin) -> Result<Vec<Notice>, AppError> {
    let mut tx = app.store.read().await?;
    checked_notices(&mut tx, origin).await
}

async fn checked_notices(tx: &mut Tx, origin: &Origin) -> Result<Vec<Notice>, AppError> {
    let all = tx.notices(origin.institution.id, origin.now).await?;
    for notice in &all {
        // What the bank says to its customers is nobody else's to write.
        if !origin.institution.keys.fits(
            &spot(&origin.institution, notice.id).place(),
            &bound(notice),
            &notice.mac,
        ) {
            return Err(StoreError::Corrupt(format!("notice {}", notice.id)).into());
        }
    }
    Ok(all)
}

/// Adds a text for the top page.
pub(crate) async fn add(
    app: &App,
    origin: &Origin,
    (ja, en): (&str, &str),
    (from, until): (Millis, Millis),
) -> Result<NoticeId, AppError> {
    let id = NoticeId::generate(origin.now, &*app.random);
    let mut notice = Notice {
        id,
        text_ja: ja.to_owned(),
        text_en: en.to_owned(),
        mac: Vec::new(),
        shown_from: from.0,
        shown_until: until.0,
        created_at: origin.now.0,
    };
    let keys = &origin.institution.keys;
    notice.mac = keys.mac(&spot(&origin.institution, id).place(), &bound(&notice));
    let mut tx = app.store.begin().await?;
    tx.insert_notice(origin.institution.id, &notice).await?;
    let line = Line::ok(Kind::NoticeAdded).after(serde_json::json!({
        "notice": id, "ja": ja, "en": en, "from": from.0, "until": until.0
    }));
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    Ok(id)
}

/// Takes a text down; false when there is none of this id.
pub(crate) async fn end(app: &App, origin: &Origin, id: NoticeId) -> Result<bool, AppError> {
    let mut tx = app.store.begin().await?;
    if tx.remove_notice(origin.institution.id, id).await? == 0 {
        return Ok(false);
    }
    let line = Line::ok(Kind::NoticeEnded).after(serde_json::json!({ "notice": id }));
    origin.record(&mut tx, &*app.random, line).await?;
    commit(app, tx).await?;
    Ok(true)
}

fn spot(institution: &Institution, id: NoticeId) -> places::Spot {
    places::notice(institution.id, id)
}

// Each part with its length, so that no two notices share their bytes.
fn bound(notice: &Notice) -> Vec<u8> {
    let parts = [&notice.text_ja, &notice.text_en];
    let texts = parts.map(|text| format!("{}:{text}", text.len())).concat();
    format!("{texts}{}:{}", notice.shown_from, notice.shown_until).into_bytes()
}
