//! Nothing goes to a stranger, nothing in the clear, and no false promise is believed.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use super::*;

#[tokio::test]
async fn an_implicit_tls_relay_is_served_from_the_first_byte() {
    let identity = Identity::new();
    let [cert, key] = identity.server_files();
    let login = format!("{USER}:{PASSWORD}");
    let relay = Relay::start(&["--cert", &cert, "--key", &key, "--implicit", "--auth", &login]);
    let settings = relay.settings(Tls::Implicit, &identity);

    Transport::smtp(settings).unwrap().send(&mail_to("taro@example.ne.jp")).await.unwrap();

    assert_eq!(relay.mail()["user"], USER);
    assert_eq!(relay.dialogue().0, "");
}

#[tokio::test]
async fn a_wrong_relay_password_fails_no_mail_for_good() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let mut settings = relay.settings(Tls::StartTls, &identity);
    settings.password = Some(SecretText::new("old password".to_owned()));

    let outcome = Transport::smtp(settings).unwrap().send(&mail_to("taro@example.ne.jp")).await;

    let text = "the relay did not let us in: 535".to_owned();
    assert_eq!(outcome, Err(SendError::Temporary(text)));
    assert!(!relay.dialogue().1.contains("MAIL FROM"));
}

#[tokio::test]
async fn an_unknown_authority_gets_nothing_but_the_wish_for_tls() {
    let (identity, stranger) = (Identity::new(), Identity::new());
    let relay = Relay::with_starttls(&identity);
    for ca_file in [Some(stranger.authority()), None] {
        let settings = SmtpSettings { ca_file, ..relay.settings(Tls::StartTls, &identity) };
        // Without a list of authorities on this system there is not even a transport.
        let Ok(transport) = Transport::smtp(settings) else {
            continue;
        };

        let outcome = transport.send(&mail_to("taro@example.ne.jp")).await;

        let Err(SendError::Temporary(text)) = outcome else { panic!("{outcome:?}") };
        assert!(text.contains("invalid peer certificate"), "{text}");
        let (clear, sealed) = relay.dialogue();
        assert_eq!(clear, "EHLO minato-bank.example.jp\r\nSTARTTLS\r\n");
        assert_eq!(sealed, "");
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let identity = Identity::new();
    let relay = Relay::with_starttls(&identity);
    let host = "127.0.0.2".to_owned();
    let relay_elsewhere = SmtpSettings { host, ..relay.settings(Tls::StartTls, &identity) };
    let Ok(Transport::Smtp(mut smtp)) = Transport::smtp(relay_elsewhere) else { panic!() };
    // The name that is demanded stays 127.0.0.2, as after a poisoned DNS answer.
    smtp.host = "127.0.0.1".to_owned();

    let outcome = Transport::Smtp(smtp).send(&mail_to("taro@example.ne.jp")).await;

    let Err(SendError::Temporary(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.contains("certificate not valid for name"), "{text}");
    assert_eq!(relay.dialogue().1, "");
}

#[tokio::test]
async fn a_relay_without_starttls_gets_no_mail() {
    let identity = Identity::new();
    let relay = Relay::start(&[]);
    let transport = relay.transport(&identity);

    let outcome = transport.send(&mail_to("taro@example.ne.jp")).await;

    let Err(SendError::Temporary(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.contains("STARTTLS is not supported"), "{text}");
    assert_eq!(relay.dialogue(), ("EHLO minato-bank.example.jp\r\n".to_owned(), String::new()));
}

#[tokio::test]
async fn a_local_relay_may_do_without_tls() {
    let relay = Relay::start(&[]);
    let settings = SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: relay.port,
        tls: Tls::None,
        username: None,
        password: None,
        ca_file: None,
    };

    Transport::smtp(settings).unwrap().send(&mail_to("taro@example.ne.jp")).await.unwrap();

    assert_eq!(relay.mail()["envelope_to"], serde_json::json!(["taro@example.ne.jp"]));
}

#[tokio::test]
async fn answers_slipped_in_before_tls_do_not_pass_for_a_promise() {
    // One stray reply after the greeting shifts all later ones, as after a STARTTLS injection.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 relay\r\n250 relay\r\n250 injected\r\n").unwrap();
        let mut buffer = [0; 1024];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
            stream.write_all(b"250 OK\r\n").unwrap();
        }
    });
    let settings = SmtpSettings {
        host: "localhost".to_owned(),
        port,
        tls: Tls::None,
        username: None,
        password: None,
        ca_file: None,
    };

    let outcome = Transport::smtp(settings).unwrap().send(&mail_to("taro@example.ne.jp")).await;

    let text = "the relay answered 250 instead of 354".to_owned();
    assert_eq!(outcome, Err(SendError::Temporary(text)));
}
