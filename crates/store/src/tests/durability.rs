//! What `doctor` and health ask: pages in order, copies that agree, nothing that can get lost.

use warifu_core::token::State;

use super::samples::{token, verifier, who, with_customers};
use crate::{
    StoreError, Token,
    testing::{Db, Engine, both},
};

both!(
    a_customer_who_is_asked_for_what_nobody_has_is_named,
    a_token_that_says_something_else_of_its_customer_is_counted,
    nothing_that_is_acknowledged_can_get_lost_here,
);

#[tokio::test]
async fn a_file_whose_pages_were_changed_is_found() {
    let db = Db::migrated(Engine::Sqlite).await;
    with_customers(&db, &[1, 2, 3]).await;
    db.store.check_file().await.unwrap();
    db.run("CREATE INDEX by_name ON customers (name)").await.unwrap();
    // As a disk would that forgets a write: the index knows nobody.
    db.run("PRAGMA writable_schema = on").await.unwrap();
    db.run(
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = \
            'devices_idle') WHERE name = 'by_name'",
    )
    .await
    .unwrap();
    let found = db.store.check_file().await;
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
    db.store.close().await;
}

async fn a_token_that_says_something_else_of_its_customer_is_counted(db: &Db) {
    with_customers(db, &[1, 2]).await;
    db.write(async |tx| {
        tx.insert_verifier(&verifier(1)).await?;
        tx.insert_verifier(&verifier(2)).await
    })
    .await
    .unwrap();
    let odd = async || db.read(async |tx| tx.odd_verifiers().await.map(Some)).await;
    assert_eq!(odd().await, Some(0));
    for (break_it, mend_it) in [
        ("verifiers SET hold_until = 5", "verifiers SET hold_until = NULL"),
        ("customers SET suspended_at = 5", "customers SET suspended_at = NULL"),
        (
            "customers SET institution_id = 'x'",
            "customers SET institution_id = (SELECT MIN(institution_id) FROM verifiers)",
        ),
    ] {
        let one = format!("UPDATE {break_it} WHERE customer_id = '{}'", who(2));
        assert_eq!(db.run(&one).await.unwrap(), 1);
        assert_eq!(odd().await, Some(1), "{break_it}");
        db.run(&format!("UPDATE {mend_it}")).await.unwrap();
    }
    db.run("DELETE FROM customers").await.unwrap();
    assert_eq!(odd().await, Some(2));
}

async fn a_customer_who_is_asked_for_what_nobody_has_is_named(db: &Db) {
    with_customers(db, &[1, 2, 3]).await;
    let in_use = Token { state: State::InUse, ..token(1) };
    let revoked = Token { state: State::Revoked, ..token(2) };
    db.write(async |tx| {
        tx.insert_token(who(1), &in_use).await?;
        tx.insert_token(who(2), &revoked).await
    })
    .await
    .unwrap();
    let named = async || db.read(async |tx| tx.customers_without_token().await.map(Some)).await;
    db.run("UPDATE customers SET otp_required = (1 = 0)").await.unwrap();
    assert_eq!(named().await, Some(Vec::new()));
    db.run("UPDATE customers SET otp_required = (1 = 1)").await.unwrap();
    let mut without = vec![who(2), who(3)];
    without.sort_unstable();
    assert_eq!(named().await, Some(without));
}

async fn nothing_that_is_acknowledged_can_get_lost_here(db: &Db) {
    assert_eq!(db.store.worries().await.unwrap(), []);
}
