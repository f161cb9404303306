//! Who asks, through which door, when: what every action is told and every audit row repeats.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use serde_json::Value;
use warifu_core::{
    audit::{ActorKind, Channel, Kind, Outcome},
    ids::{AuditId, CustomerId, TokenId},
    random::Random,
    time::Millis,
};
use warifu_store::{StoreError, Tx, audit::AuditRow};

use crate::institutions::Institution;

/// The origin of a request or of work in the background.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) institution: Arc<Institution>,
    pub(crate) now: Millis,
    pub(crate) channel: Channel,
    pub(crate) actor: (ActorKind, String),
    pub(crate) screen: Option<&'static str>,
    pub(crate) address: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) correlation: Option<String>,
    /// How many lines it has left in the trail so far.
    pub(crate) lines: Arc<AtomicU32>,
}

impl Origin {
    /// Work that no request asked for.
    pub(crate) fn inside(institution: Arc<Institution>, channel: Channel, now: Millis) -> Self {
        let actor = if channel == Channel::CommandLine {
            ActorKind::CommandLine
        } else {
            ActorKind::System
        };
        Self {
            institution,
            now,
            channel,
            actor: (actor, String::new()),
            screen: None,
            address: None,
            device: None,
            request_id: None,
            correlation: None,
            lines: Arc::default(),
        }
    }

    /// The same request, on this screen.
    pub(crate) fn on(&self, screen: &'static str) -> Self {
        Self { screen: Some(screen), ..self.clone() }
    }

    /// Writes one line of the audit trail in the transaction of its change.
    pub(crate) async fn record(
        &self,
        tx: &mut Tx,
        random: &dyn Random,
        line: Line,
    ) -> Result<(), StoreError> {
        tx.record(&self.row(random, line)).await
    }

    /// One line of the audit trail, as it is written.
    pub(crate) fn row(&self, random: &dyn Random, line: Line) -> AuditRow {
        let (bucket, owner) = match line.customer {
            Some(customer) => (customer.bucket(), customer.to_string()),
            None => (self.institution.id.bucket(), self.institution.id.to_string()),
        };
        AuditRow {
            bucket: i64::from(bucket),
            customer_id: owner,
            at: self.now.0,
            id: AuditId::nth(self.lines.fetch_add(1, Ordering::Relaxed), self.now, random),
            institution_id: self.institution.id.to_string(),
            actor_kind: self.actor.0.as_str().to_owned(),
            actor_id: self.actor.1.clone(),
            token_id: line.token.map(|t| t.to_string()),
            kind: line.kind.as_str().to_owned(),
            result: line.outcome.as_str().to_owned(),
            reason: line.reason,
            channel: self.channel.as_str().to_owned(),
            screen: self.screen.map(str::to_owned),
            address: self.address.clone(),
            device: self.device.clone(),
            request_id: self.request_id.clone(),
            correlation: self.correlation.clone(),
            before_json: line.before.map(|v| v.to_string()),
            after_json: line.after.map(|v| v.to_string()),
            v: 1,
        }
    }
}

/// What one line of the audit trail says beside its origin.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    kind: Kind,
    outcome: Outcome,
    customer: Option<CustomerId>,
    token: Option<TokenId>,
    reason: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
}

impl Line {
    pub(crate) fn ok(kind: Kind) -> Self {
        Self {
            kind,
            outcome: Outcome::Ok,
            customer: None,
            token: None,
            reason: None,
            before: None,
            after: None,
        }
    }

    pub(crate) fn refused(kind: Kind, reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Refused, reason: Some(reason.into()), ..Self::ok(kind) }
    }

    pub(crate) fn failed(kind: Kind, reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Failed, ..Self::refused(kind, reason) }
    }

    pub(crate) fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_default()
    }

    pub(crate) fn of(self, customer: CustomerId) -> Self {
        Self { customer: Some(customer), ..self }
    }

    pub(crate) fn token(self, token: TokenId) -> Self {
        Self { token: Some(token), ..self }
    }

    pub(crate) fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    pub(crate) fn changed(self, before: Value, after: Value) -> Self {
        Self { before: Some(before), after: Some(after), ..self }
    }

    pub(crate) fn after(self, after: Value) -> Self {
        Self { after: Some(after), ..self }
    }
}
