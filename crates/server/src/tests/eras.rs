//! Another copy of the database takes over (attack 71): what may have been accepted on the one before, and
//! is not known here, is given up.

use warifu_core::access::Scope;

use super::{
    harness::{
        TestApp,
        banks::{AOKI, Bank, ISHII, MUTO},
        database::Engine,
        on_both_engines,
        program::{accepts, said},
    },
    passcodes::in_use,
};
use crate::actions::{api_keys, restore, stop};

on_both_engines!(
    what_may_have_been_accepted_before_another_era_began_never_is_again,
    a_token_that_counts_uses_gives_up_ten_when_an_era_begins,
    a_start_on_the_same_database_begins_no_era,
);

/// As a copy that was made on another machine tells it.
async fn copied_from_elsewhere(app: &TestApp) {
    assert_eq!(app.database.set("eras", "name = 'elsewhere'", "1 = 1").await, 1);
}

async fn what_may_have_been_accepted_before_another_era_began_never_is_again(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    app.advance_secs(120);
    copied_from_elsewhere(app).await;
    let node = app.second_node().await;
    let program = app.program(Bank::A, Scope::ALL).await.at(&node);
    // Its own step, and the next one, which a phone that is ahead may have shown.
    for ahead in [0, 1] {
        let reply = program.verify(&AOKI, &phone.passcode_of(ahead)).await;
        assert_eq!(said(&reply)["reason"], "used", "{ahead}");
    }
    // A node that has run all the while hears of it too.
    app.app.store.enter_era(app.now()).await.unwrap();
    let mut pc = app.browser(Bank::A);
    pc.sign_in_half(&AOKI).await;
    pc.passcode(&phone.passcode()).await.expect(422).expect_screen("BLI002");
    app.advance_secs(120);
    assert!(accepts(&program.verify(&AOKI, &phone.passcode()).await));
    node.app.store.close().await;
}

async fn a_token_that_counts_uses_gives_up_ten_when_an_era_begins(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    app.database.set("verifiers", "mode = 'event', last_step = 40", &AOKI.rows()).await;
    copied_from_elsewhere(app).await;
    // Two that start: once.
    let (node, other) = (app.second_node().await, app.second_node().await);
    let program = app.program(Bank::A, Scope::ALL).await.at(&node);
    for (counter, accepted) in [(41, false), (50, false), (51, true), (51, false)] {
        let reply = program.verify(&AOKI, &phone.passcode_at(counter)).await;
        assert_eq!(accepts(&reply), accepted, "{counter}");
    }
    for node in [node, other] {
        node.app.store.close().await;
    }
}

async fn a_start_on_the_same_database_begins_no_era(app: &TestApp) {
    let phone = in_use(app, &AOKI).await;
    app.advance_secs(120);
    let node = app.second_node().await;
    let program = app.program(Bank::A, Scope::ALL).await.at(&node);
    assert!(accepts(&program.verify(&AOKI, &phone.passcode()).await));
    assert_eq!(app.database.texts("eras", "began_at", "1 = 1").await, ["0"]);
    node.app.store.close().await;
}

// Attack 71, and 57: what an old copy knows less of than the database it replaces.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_backup_reopens_no_passcode_no_token_no_session_and_no_issue() {
    let app = TestApp::start(Engine::Sqlite).await;
    let phone = in_use(&app, &AOKI).await;
    let program = app.program(Bank::A, Scope::ALL).await;
    let revoked = app.program(Bank::A, Scope::ALL).await;
    let mut pc = app.signed_in(&ISHII).await;
    let numbers = pc.issue(&ISHII).await;
    let (copy, path) = app.database.beside("backup.db");
    app.app.store.back_up(&path).await.unwrap();

    // After it: a passcode of the day, a key that is revoked, a customer who is stopped.
    app.advance_secs(120);
    let spent = phone.passcode();
    assert!(accepts(&program.verify(&AOKI, &spent).await));
    let key = revoked.key.split_once('.').unwrap().0.parse().unwrap();
    assert!(api_keys::revoke(&app.app, &app.origin(Bank::A), key).await.unwrap());
    let muto = app.database.text("customers", "customer_id", &MUTO.rows()).await;
    stop::stop_for(&app.app, &app.origin(Bank::A), muto.parse().unwrap()).await.unwrap();
    // And one whose token was issued and taken into use since.
    app.database.set("customers", "otp_required = TRUE", &MUTO.rows()).await;
    let lines = app.database.count("audit", "1 = 1").await;

    let node = app.on(copy).await;
    node.app.store.take_over(&app.database.path()).await.unwrap();
    node.app.store.take_over_trail(&app.database.path()).await.unwrap();
    let closed = restore::close(&node.app, true).await.unwrap();
    assert_eq!((closed.issues, closed.at), (1, app.now()));
    assert!(closed.sessions >= 1);
    assert_eq!((closed.unopened, closed.left), (0, 0));
    assert_eq!(closed.without_token, [muto.parse().unwrap()]);
    // Whatever the trail said is there, and that this happened, for each bank.
    assert!(node.database.count("audit", "1 = 1").await > lines);
    assert_eq!(node.database.count("audit", "kind = 'database.restored'").await, 2);

    let on_copy = program.at(&node);
    assert_eq!(said(&on_copy.verify(&AOKI, &spent).await)["reason"], "used");
    let next = on_copy.verify(&AOKI, &phone.passcode_of(1)).await;
    assert_eq!(said(&next)["reason"], "used", "it may have been accepted on a phone that is ahead");
    revoked.at(&node).verify(&AOKI, "000000").await.expect(401);
    // The session is no more, nor is the issue: its phone is refused.
    let mut late = node.browser(Bank::A).with_session(&pc.session());
    late.get("/top").await.expect(303);
    let mut stranger = node.phone(Bank::A);
    stranger.activate(&numbers, ISHII.start_password).await.expect(403);
    assert_eq!(
        node.database.text("customers", "suspended_at IS NOT NULL", &MUTO.rows()).await,
        "1"
    );
    app.advance_secs(120);
    assert!(accepts(&on_copy.verify(&AOKI, &phone.passcode()).await));
    node.app.store.close().await;
    app.abandon().await;
}
