//! Every mail word for word, in English; the common foot once.

use super::{Lang, foot, shown};

#[test]
fn the_mail_with_the_mail_password_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "code"), @r#"
    [Minato Bank (sample)] Your mail password

    Here is your mail password.

    Mail password: 90314275

    Procedure:   Issue of a token
    Sent:        22 November 2026, 14:35:08
    Valid until: 22 November 2026, 15:05:08
    Reception number: R-4821-0937

    Please check that the time of sending shown on the page is the same
    as the one above, then enter the mail password on that page.
    It can no longer be used once you have logged out or once a newer
    e-mail has been sent.

    If you do not recognise this e-mail, someone else may be using your
    passwords. Tell nobody this number, and please call us at once.
    "#);
}

#[test]
fn the_token_mail_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "token"), @r#"
    [Minato Bank (sample)] Your token: how to set it up

    Thank you for applying for a token.
    Please set it up on your mobile phone.

    Service ID: 1234 5678
    User ID:    1234 5678 9012
    Set up by:  25 November 2026, 14:35:08
    Reception number: R-4821-0937

    What to do
    1. Open the app on your mobile phone. How to open it is explained on
       the last page of the issue of the token and on our website, under
       "One-time password".
    2. Under "Set-up", enter the service ID and the user ID above
       and the start password that you chose.
    3. Return to your PC and carry out "Start using one-time passwords".

    Your start password is not written in this e-mail.
    "#);
}

#[test]
fn the_mail_about_issue_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "issued"), @r#"
    [Minato Bank (sample)] We have received your token application

    We have received an application for a token as follows.

    Received: 22 November 2026, 14:35:08
    Sent to:  ta***@example.ne.jp (mobile phone)
    Reception number: R-4821-0937

    If this was not you, please call us at once at the number below.
    We will cancel the issue of the token.
    "#);
}

#[test]
fn the_mail_about_set_up_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "activated"), @r#"
    [Minato Bank (sample)] Your mobile phone has been set up

    The set-up of your mobile phone is complete.

    Time: 22 November 2026, 14:35:08
    Reception number: R-4821-0937

    Next, please carry out "Start using one-time passwords" on your PC
    (by 29 November 2026, 14:35:08).

    If this was not you, please call us at once at the number below.
    "#);
}

#[test]
fn the_mail_about_start_of_use_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "started"), @r#"
    [Minato Bank (sample)] You have started using one-time passwords

    You have started using one-time passwords.

    Time: 22 November 2026, 14:35:08
    Reception number: R-4821-0937

    From your next login on, you will need a one-time password.

    If this was not you, please call us at once at the number below.
    "#);
}

#[test]
fn the_mail_about_release_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "released"), @r#"
    [Minato Bank (sample)] You have stopped using one-time passwords

    You have stopped using one-time passwords.

    Time: 22 November 2026, 14:35:08
    Reception number: R-4821-0937

    A new token can be issued from 22 November 2026, 15:05:08.

    If this was not you, please call us at once at the number below.
    "#);
}

#[test]
fn the_mail_about_lock_for_a_time_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "locked_until_passcode"), @r#"
    [Minato Bank (sample)] We have locked your access for a time

    The one-time password was not entered correctly
    several times in a row, so we have locked
    your access until
    22 November 2026, 15:05:08.
    After that you can use the service again without doing anything.

    Time: 22 November 2026, 14:35:08
    Reception number: R-4821-0937

    If this was not you, someone else may have used your passwords.
    Please call us at once at the number below.
    "#);
}

#[test]
fn the_mail_about_lock_until_it_is_lifted_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "locked_confirmation"), @r#"
    [Minato Bank (sample)] We have locked the issue of tokens and the like

    The confirmation password was not entered correctly
    several times in a row, so we have locked
    the issue of tokens and the like.
    To use the service again, please contact your branch or the number
    below.

    Time: 22 November 2026, 14:35:08
    Reception number: R-4821-0937

    If this was not you, someone else may have used your passwords.
    Please call us at once at the number below.
    "#);
}

#[test]
fn the_mail_about_issue_dead_by_wrong_start_passwords_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "dead_start_password"), @r#"
    [Minato Bank (sample)] The issue of your token has been cancelled

    The start password was not entered correctly several times in a row,
    so we have cancelled the issue of the token.

    Time: 22 November 2026, 14:35:08
    Reception number: R-4821-0937

    If you wish to use one-time passwords, please start again from
    "Issue a token" on your PC.

    If this was not you, someone else may have tried to set up the
    token. Please call us at once at the number below.
    "#);
}

#[test]
fn the_mail_about_issue_dead_by_its_deadline_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "dead_deadline"), @r#"
    [Minato Bank (sample)] The issue of your token has been cancelled

    The procedure was not completed in time, so we have cancelled
    the issue of the token.

    Time: 22 November 2026, 14:35:08
    Reception number: R-4821-0937

    If you wish to use one-time passwords, please start again from
    "Issue a token" on your PC.

    If you did not apply for a token, please call us at once at the
    number below.
    "#);
}

#[test]
fn the_mail_about_issue_replaced_by_another_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "dead_reissued"), @r#"
    [Minato Bank (sample)] The issue of your token has been cancelled

    We have received an application for a new token, so the token issued
    before it has been cancelled.

    Time: 22 November 2026, 14:35:08
    Reception number: R-4821-0937

    The user ID you were given before can no longer be used. Please
    follow the e-mail about the new token and set up your mobile phone.

    If you did not apply for a new token, please call us at once at the
    number below.
    "#);
}

#[test]
fn the_mail_about_issue_dead_by_a_second_phone_reads_so() {
    insta::assert_snapshot!(shown(Lang::En, "second_phone"), @r#"
    [Minato Bank (sample)] The issue of your token has been cancelled (set-up on another mobile phone)

    The set-up was done on another mobile phone, so we have cancelled
    the issue of the token for your safety.

    Time: 22 November 2026, 14:35:08
    Reception number: R-4821-0937

    If this was not you, please call us at once at the number below.
    "#);
}

#[test]
fn the_foot_of_every_mail_reads_so() {
    insta::assert_snapshot!(foot(Lang::En), @r#"
    ------------------------------
    Our staff will never ask you for a password or a
    one-time password.
    If you do not recognise this e-mail, please call us at once:
    Emergency desk (24 hours)
    Telephone 0120-000-001

    Questions:
    Minato Bank (sample), Internet Banking Centre
    Telephone 0120-000-000 (Monday to Friday, 9:00 to 17:00)
    Please do not reply: this address only sends e-mails.
    "#);
}
