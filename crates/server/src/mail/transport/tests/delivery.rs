//! Mails through a relay as it should be, and through relays that refuse, wait or fall silent.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_japanese_mail_arrives_to_the_letter() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let mail = mail_to("taro@example.ne.jp");

    relay.transport(&identity).send(&mail).await.unwrap();

    let arrived = relay.mail();
    assert_eq!(arrived["subject"], mail.subject);
    assert_eq!(arrived["body"], mail.body.replace('\n', "\r\n"));
    assert_eq!(arrived["charset"], "utf-8");
    assert_eq!(arrived["from_name"], mail.from_name);
    assert_eq!(arrived["from_address"], mail.from);
    assert_eq!(arrived["envelope_from"], mail.return_path);
    assert_eq!(arrived["envelope_to"], serde_json::json!(["taro@example.ne.jp"]));
    assert_eq!(arrived["user"], USER);
}

#[tokio::test]
async fn a_plain_english_mail_arrives_to_the_letter() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let mut mail = mail_to("taro@example.ne.jp");
    mail.subject = "[Minato Bank] Your mail password".to_owned();
    mail.body = "Mail password: 12345678\n.\n..two dots\nFrom here on\n\nEnd\n".to_owned();

    relay.transport(&identity).send(&mail).await.unwrap();

    let arrived = relay.mail();
    assert_eq!(arrived["subject"], mail.subject);
    assert_eq!(arrived["body"], mail.body.replace('\n', "\r\n"));
}

#[tokio::test]
async fn the_header_has_what_carriers_look_at_and_nothing_else() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let mail = mail_to("taro@example.ne.jp");

    relay.transport(&identity).send(&mail).await.unwrap();

    let arrived = relay.mail();
    let headers: Vec<(&str, &str)> = arrived["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding"
        ]
    );
    let header = |wanted: &str| headers.iter().find(|(name, _)| *name == wanted).unwrap().1;
    assert_eq!(header("To"), "taro@example.ne.jp");
    assert_eq!(header("Date"), "Sun, 22 Nov 2026 05:35:08 +0000");
    assert_eq!(header("Message-ID"), "<mal_01kb0000000000000000000000@minato-bank.example.jp>");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    // The envelope's return path is the relay's to write, and no header line is overlong.
    assert!(!arrived["raw"].as_str().unwrap().contains("bounce+"));
    assert!(arrived["raw"].as_str().unwrap().lines().all(|line| line.len() <= 78), "{arrived}");
}

#[tokio::test]
async fn old_carrier_addresses_are_sent_as_written_or_quoted() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let transport = relay.transport(&identity);
    for (typed, quote, sent) in [
        ("a..b@docomo.ne.jp", false, "a..b@docomo.ne.jp"),
        ("a..b@docomo.ne.jp", true, "\"a..b\"@docomo.ne.jp"),
        ("a.@ezweb.ne.jp", false, "a.@ezweb.ne.jp"),
        ("a.@ezweb.ne.jp", true, "\"a.\"@ezweb.ne.jp"),
        (".a@docomo.ne.jp", true, "\".a\"@docomo.ne.jp"),
        ("a.b@docomo.ne.jp", true, "a.b@docomo.ne.jp"),
    ] {
        let mail = Outgoing { quote_broken_local: quote, ..mail_to(typed) };

        transport.send(&mail).await.unwrap();

        assert_eq!(relay.mail()["event"], "mail");
        let (_, sealed) = relay.dialogue();
        assert!(sealed.contains(&format!("\r\nRCPT TO:<{sent}>\r\n")), "{sealed}");
        assert!(sealed.contains(&format!("\r\nTo: <{sent}>\r\n")), "{sealed}");
    }
}

#[tokio::test]
async fn a_relay_that_puts_a_mail_off_is_asked_again_later() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let transport = relay.transport(&identity);
    for (to, text) in [
        ("busy@example.ne.jp", "the relay put off the recipient: 451 4.7.1"),
        ("full@example.ne.jp", "the relay put off the mail: 452 4.2.2"),
    ] {
        let outcome = transport.send(&mail_to(to)).await;
        assert_eq!(outcome, Err(SendError::Temporary(text.to_owned())));
    }
}

#[tokio::test]
async fn a_relay_that_refuses_a_mail_is_not_asked_again() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let transport = relay.transport(&identity);
    for (to, text) in [
        ("unknown@example.ne.jp", "the relay refused the recipient: 550 5.1.1"),
        ("spam@example.ne.jp", "the relay refused the mail: 554 5.7.1"),
    ] {
        let outcome = transport.send(&mail_to(to)).await;
        assert_eq!(outcome, Err(SendError::Permanent(text.to_owned())));
    }
}

#[tokio::test]
async fn a_relay_that_falls_silent_is_given_up() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let Transport::Smtp(mut smtp) = relay.transport(&identity) else { panic!() };
    smtp.whole_timeout = Duration::from_secs(2);

    let outcome = Transport::Smtp(smtp).send(&mail_to("slow@example.ne.jp")).await;

    let text = "the relay did not answer in time".to_owned();
    assert_eq!(outcome, Err(SendError::Temporary(text)));
}

#[tokio::test]
async fn a_mail_that_was_taken_is_sent_even_when_the_relay_never_says_goodbye() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);

    relay.transport(&identity).send(&mail_to("mute@example.ne.jp")).await.unwrap();

    assert_eq!(relay.mail()["event"], "mail");
}

#[tokio::test]
async fn a_relay_that_is_down_is_asked_again_later() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let transport = relay.transport(&identity);
    drop(relay);

    let outcome = transport.send(&mail_to("taro@example.ne.jp")).await;

    let Err(SendError::Temporary(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.starts_with("the relay could not be reached safely: "), "{text}");
}
