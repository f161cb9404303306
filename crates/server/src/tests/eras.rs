//! Another copy of the database takes over (attack 71): what may have been accepted on the one before, and
//! is not known here, is given up.

use warifu_core::access::Scope;

use super::{
    harness::{
        TestApp,
        banks::{AOKI, Bank},
        on_both_engines,
        program::{accepts, said},
    },
    passcodes::in_use,
};

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
