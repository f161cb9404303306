//! One row of each kind, as it is when it is new. Equal numbers give equal ids.

use warifu_core::{
    ids::{
        AddressId, AuditId, CustomerId, InstitutionId, IssueId, MailId, ProcedureId, SessionId,
        TokenId,
    },
    mail::MailState,
    procedure::{Flow, Step},
    session::Level,
    time::Millis,
    token::State,
    verify::Mode,
};

use crate::{
    Address, Customer, Issue, MailPassword, MailRow, Procedure, Session, Subject, Token,
    VerifierRow, audit::AuditRow, testing::Db,
};

/// The present of these tests: a day in November 2026.
pub(crate) const NOW: Millis = Millis(1_795_500_000_000);

pub(crate) fn bank() -> InstitutionId {
    InstitutionId::from_bytes([1; 16])
}

pub(crate) fn who(n: u8) -> CustomerId {
    CustomerId::from_bytes([n; 16])
}

pub(crate) fn customer(n: u8) -> Customer {
    Customer {
        bucket: i64::from(who(n).bucket()),
        customer_id: who(n),
        institution_id: bank(),
        customer_number: format!("000{n}"),
        login_id: format!("hanako{n}"),
        name: "渡辺 𠮷子".to_owned(),
        name_kana: "ワタナベ ヨシコ".to_owned(),
        birthday: "1958-02-28".to_owned(),
        locale: "ja".to_owned(),
        login_hash: "$argon2id$login".to_owned(),
        login_mac: vec![0, 1, 255],
        confirmation_hash: "$argon2id$confirmation".to_owned(),
        confirmation_mac: vec![],
        login_given: true,
        confirmation_given: false,
        otp_required: false,
        hold_until: None,
        issue_from: None,
        suspended_at: None,
        stopped_by: None,
        stop_reception: None,
        last_login_at: None,
        previous_login_at: None,
        created_at: NOW.0,
        version: 1,
    }
}

/// A database with some customers in it.
pub(crate) async fn with_customers(db: &Db, numbers: &[u8]) {
    db.write(async |tx| {
        for n in numbers {
            tx.insert_customers(&[customer(*n)]).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

pub(crate) fn address(n: u8) -> Address {
    Address {
        id: AddressId::from_bytes([n; 16]),
        address: "yoshi..ko.@docomo.ne.jp".to_owned(),
        mac: vec![7; 32],
        registered_at: NOW.0,
        confirmed_at: None,
        removed_at: None,
    }
}

pub(crate) fn token(n: u8) -> Token {
    Token {
        id: TokenId::from_bytes([n; 16]),
        kind: "software".to_owned(),
        state: State::Issued,
        root: None,
        signing_key: None,
        signing_mac: None,
        device: None,
        issued_at: NOW.0,
        activated_at: None,
        started_at: None,
        ended_at: None,
        valid_until: NOW.0 + 1,
        due_at: None,
        suspended_at: None,
        version: 1,
    }
}

pub(crate) fn verifier(n: u8) -> VerifierRow {
    VerifierRow {
        bucket: i64::from(who(n).bucket()),
        customer_id: who(n),
        token_id: token(n).id,
        institution_id: bank(),
        state: State::InUse,
        suspended: false,
        hold_until: None,
        mode: Mode::Clock,
        algorithm: "sha256".to_owned(),
        digits: 6,
        period: 60,
        sealed_key: vec![0, 255],
        valid_until: i64::MAX,
        floor_step: 5,
        last_step: -1,
        era: 0,
        drift: 0,
        drift_seen: None,
        failures: 0,
        locked_until: None,
        locked: false,
        version: 1,
    }
}

pub(crate) fn issue(n: u8) -> Issue {
    Issue {
        id: IssueId::from_bytes([n; 16]),
        token_id: token(n).id,
        user_id: "123456789012".to_owned(),
        phone_address: "ヨシコ@example.jp".to_owned(),
        address_mac: vec![1; 32],
        start_mac: Some(vec![2; 32]),
        activate_until: NOW.0 + 10,
        start_until: NOW.0 + 20,
        qr_until: NOW.0 + 5,
        ecdh_thumbprint: None,
        ecdsa_thumbprint: None,
        activation_id: None,
        reply: None,
        acknowledged_at: None,
        created_at: NOW.0,
        deadline: Some(NOW.0 + 10),
        ended_at: None,
        end_reason: None,
    }
}

pub(crate) fn session(n: u8, customer: u8) -> Session {
    Session {
        id: SessionId::from_bytes([n; 16]),
        customer_id: who(customer),
        secret_hash: vec![n; 32],
        level: Level::Password,
        created_at: NOW.0,
        seen_at: NOW.0,
        idle_until: NOW.0 + 600_000,
        ends_at: NOW.0 + 28_800_000,
        ended_at: None,
        end_reason: None,
    }
}

pub(crate) fn procedure(n: u8, kind: Flow) -> Procedure {
    Procedure {
        id: ProcedureId::from_bytes([n; 16]),
        session_id: SessionId::from_bytes([n; 16]),
        kind,
        step: Step::Select,
        input: None,
        created_at: NOW.0,
        expires_at: NOW.0 + 28_800_000,
        ended_at: None,
        outcome: None,
        version: 1,
    }
}

pub(crate) fn mail_password(n: u8, sent_at: i64) -> MailPassword {
    MailPassword {
        id: format!("password-{n}"),
        procedure_id: ProcedureId::from_bytes([9; 16]),
        session_id: SessionId::from_bytes([9; 16]),
        mac: vec![n; 32],
        sent_to: "h***@example.jp\nw***@docomo.ne.jp".to_owned(),
        sent_at,
        expires_at: sent_at + 1_800_000,
        ended_at: None,
    }
}

pub(crate) fn mail(n: u8) -> MailRow {
    MailRow {
        id: MailId::from_bytes([n; 16]),
        customer_id: who(n),
        institution_id: bank(),
        kind: "mail-code".to_owned(),
        reference: "prc_1".to_owned(),
        locale: "ja".to_owned(),
        recipient: "hanako@example.jp".to_owned(),
        subject: "メール通知パスワードのお知らせ".to_owned(),
        body: Some(vec![0, 1, 2]),
        has_secret: true,
        reception: "R-1234-5678".to_owned(),
        state: MailState::Queued,
        attempts: 0,
        next_at: NOW.0,
        leased_by: None,
        created_at: NOW.0,
        expires_at: None,
        sent_at: None,
        last_error: None,
    }
}

pub(crate) fn subject(kind: &'static str) -> Subject {
    Subject {
        bucket: i64::from(who(1).bucket()),
        owner: who(1).to_string(),
        subject: who(1).to_string(),
        kind,
    }
}

pub(crate) fn line(n: u8, at: Millis) -> AuditRow {
    AuditRow {
        bucket: i64::from(who(1).bucket()),
        customer_id: who(1).to_string(),
        at: at.0,
        id: AuditId::from_bytes([n; 16]),
        institution_id: bank().to_string(),
        actor_kind: "customer".to_owned(),
        actor_id: who(1).to_string(),
        token_id: None,
        kind: "passcode.refused".to_owned(),
        result: "refused".to_owned(),
        reason: None,
        channel: "portal".to_owned(),
        screen: None,
        address: None,
        device: None,
        request_id: None,
        correlation: None,
        before_json: None,
        after_json: None,
        v: 1,
    }
}
