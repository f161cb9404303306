//! What is refused before any relay is asked, and the demo's mailbox.

use std::fs;

use super::{super::folder::read_folder, *};

/// A field of a mail, to be poisoned.
type Field = fn(&mut Outgoing) -> &mut String;

#[tokio::test]
async fn no_field_can_carry_a_second_header_or_command() {
    let folder = tempfile::tempdir().unwrap();
    let transport = Transport::Folder(folder.path().to_owned());
    let fields: [(&str, Field); 7] = [
        ("from", |mail| &mut mail.from),
        ("from_name", |mail| &mut mail.from_name),
        ("to", |mail| &mut mail.to),
        ("subject", |mail| &mut mail.subject),
        ("body", |mail| &mut mail.body),
        ("message_id", |mail| &mut mail.message_id),
        ("return_path", |mail| &mut mail.return_path),
    ];
    for poison in ["\r\nBcc: thief@example.com", "\rX", "\nX", "\0", "\u{85}X", "\u{1b}"] {
        for (name, field) in fields {
            // A body is made of lines.
            if name == "body" && poison == "\nX" {
                continue;
            }
            for at_end in [true, false] {
                let mut mail = mail_to("taro@example.ne.jp");
                let value = field(&mut mail);
                value.insert_str(if at_end { value.len() } else { 0 }, poison);
                let Err(SendError::Permanent(text)) = transport.send(&mail).await else {
                    panic!("{name} took {poison:?}");
                };
                assert!(text.starts_with(name) && !text.contains("thief"), "{text}");
            }
        }
    }
    assert!(read_folder(folder.path()).is_empty());
}

#[tokio::test]
async fn what_is_no_address_is_refused_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let transport = Transport::Folder(folder.path().to_owned());
    for typed in [
        "",
        "taro",
        "@example.ne.jp",
        "taro@",
        "taro@example..jp",
        "taro@.jp",
        "ta ro@example.ne.jp",
        "taro@example.ne.jp> SIZE=1",
        "<taro@example.ne.jp",
        "taro,jiro@example.ne.jp",
        "\"taro\"@example.ne.jp",
        "taro(comment)@example.ne.jp",
        "たろう@example.ne.jp",
        "taro@例え.jp",
        &format!("{}@example.ne.jp", "a".repeat(65)),
        &format!("taro@{}jp", "example.".repeat(32)),
    ] {
        let outcome = transport.send(&mail_to(typed)).await;
        assert!(matches!(outcome, Err(SendError::Permanent(_))), "{typed}: {outcome:?}");
    }
}

#[test]
fn settings_that_would_send_in_the_clear_are_refused_by_name() {
    let settings = |host: &str, tls| SmtpSettings {
        host: host.to_owned(),
        port: 25,
        tls,
        username: None,
        password: None,
        ca_file: None,
    };
    for host in ["relay.example.jp", "10.0.0.1", "0.0.0.0", "localhost.example.jp", "::2"] {
        let refusal = Transport::smtp(settings(host, Tls::None)).err().unwrap();
        assert!(refusal.starts_with("smtp.tls: "), "{host}: {refusal}");
    }
    for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"] {
        assert!(Transport::smtp(settings(host, Tls::None)).is_ok(), "{host}");
    }
}

#[test]
fn the_protection_is_one_of_three_words() {
    let parsed: Vec<_> = ["none", "starttls", "implicit"].map(str::parse::<Tls>).into();
    assert_eq!(parsed, [Ok(Tls::None), Ok(Tls::StartTls), Ok(Tls::Implicit)]);
    for word in ["", "opportunistic", "STARTTLS", "off"] {
        assert!(word.parse::<Tls>().unwrap_err().starts_with("smtp.tls: "), "{word}");
    }
}

#[test]
fn half_a_login_and_a_useless_authority_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "no certificate here").unwrap();
    let settings = || SmtpSettings {
        host: "relay.example.jp".to_owned(),
        port: 587,
        tls: Tls::StartTls,
        username: None,
        password: None,
        ca_file: None,
    };
    let refusal = |settings: SmtpSettings| Transport::smtp(settings).err().unwrap();

    let nowhere = Some(folder.path().join("nowhere.pem"));
    assert!(refusal(SmtpSettings { ca_file: nowhere, ..settings() }).starts_with("smtp.ca_file: "));
    let useless = refusal(SmtpSettings { ca_file: Some(empty), ..settings() });
    assert!(useless.ends_with("holds no certificate"), "{useless}");
    let identity = Identity::new();
    let trusted = || SmtpSettings { ca_file: Some(identity.authority()), ..settings() };
    let name_only = SmtpSettings { username: Some(USER.to_owned()), ..trusted() };
    assert_eq!(refusal(name_only), "smtp.password_file: is missing");
    let password = Some(SecretText::new(PASSWORD.to_owned()));
    assert_eq!(refusal(SmtpSettings { password, ..trusted() }), "smtp.username: is missing");
}

#[tokio::test]
async fn the_demo_mailbox_shows_each_mail_once_and_the_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = folder.path().join("mailbox");
    assert!(read_folder(&mailbox).is_empty());
    let transport = Transport::Folder(mailbox.clone());
    let second = mail_to("a..b@docomo.ne.jp");
    let mut first = mail_to("taro@example.ne.jp");
    first.date = Millis(second.date.0 - 1);
    first.message_id = "mal_/../first@minato-bank.example.jp".to_owned();

    for mail in [&second, &first, &second] {
        transport.send(mail).await.unwrap();
    }
    fs::write(mailbox.join(".half.new"), "{").unwrap();
    fs::write(mailbox.join("broken.json"), "{").unwrap();

    let mails = read_folder(&mailbox);
    let seen: Vec<(&str, &str)> =
        mails.iter().map(|mail| (mail.to.as_str(), mail.body.as_str())).collect();
    assert_eq!(
        seen,
        [("a..b@docomo.ne.jp", second.body.as_str()), ("taro@example.ne.jp", first.body.as_str())]
    );
    assert_eq!(mails[0].message_id, second.message_id);
    assert_eq!(mails[0].subject, second.subject);
    assert_eq!(mails[0].from, second.from);
    assert_eq!(mails[0].date_ms, second.date.0);
    assert_eq!(fs::read_dir(&mailbox).unwrap().count(), 4);
}
