//! The check of an institution's document, key by key.

use super::*;

const DOCUMENT: &str = r##"
    service_id = "12345678"
    zone = "Asia/Tokyo"
    hosts = { ib = "ib.localhost", token = "token.localhost", console = "console.localhost", api = "api.localhost" }
    name = { ja = "あさひ銀行", en = "Asahi Bank" }
    emergency = { name = { ja = "緊急デスク", en = "Emergency Desk" }, phone = "0120-000-001" }
    look = { color = "#0017c1" }
    [contact]
    name = { ja = "ダイレクトセンター", en = "Direct Centre" }
    phone = "0120-000-000"
    hours = { ja = "9時～17時", en = "9:00 to 17:00" }
    [mail]
    sender = "otp@bank.example.jp"
    sender_name = { ja = "あさひ銀行", en = "Asahi Bank" }
    [policy.passcode]
    digits = 6
"##;

fn institution() -> Institution {
    toml::from_str(DOCUMENT).unwrap()
}

fn refused(change: impl FnOnce(&mut Institution)) -> Vec<String> {
    let mut institution = institution();
    change(&mut institution);
    institution.check().unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_document_is_taken() {
    assert_eq!(institution().check(), Ok(()));
    assert_eq!(institution().service_id.as_str(), "12345678");
    let json = serde_json::to_string(&institution()).unwrap();
    assert_eq!(serde_json::from_str::<Institution>(&json).unwrap(), institution());
}

#[test]
fn an_unknown_or_missing_key_is_refused() {
    for (from, to) in [
        ("zone =", "zones ="),
        ("zone = \"Asia/Tokyo\"", ""),
        ("phone = \"0120-000-000\"", "phone = \"1\"\nfax = \"2\""),
        ("digits = 6", "digit = 6"),
        ("12345678", "1234567"),
    ] {
        let text = DOCUMENT.replace(from, to);
        assert_ne!(text, DOCUMENT);
        assert!(toml::from_str::<Institution>(&text).is_err(), "{to}");
    }
}

#[test]
fn hosts_are_lower_case_names_that_differ() {
    for bad in
        ["Ib.localhost", "ib", "ib_.localhost", "", "-ib.localhost", "127.0.0.1", "ib.localhost:80"]
    {
        assert_eq!(
            refused(|i| i.hosts.token = bad.to_owned()),
            ["hosts.token is not a lower-case host name"],
            "{bad}"
        );
    }
    assert_eq!(
        refused(|i| i.hosts.api = i.hosts.ib.clone()),
        ["hosts.api is the same host as another one"]
    );
}

#[test]
fn a_colour_must_carry_white_text() {
    assert_eq!(
        refused(|i| i.look.color = "#777777".to_owned()),
        ["look.color has less than 4.5:1 contrast against white"]
    );
    for bad in ["0017c1", "#0017c", "#0017c1f", "#0017cg", "#+017c1", "blue", ""] {
        let errors = refused(|i| i.look.color = bad.to_owned());
        assert_eq!(errors, ["look.color is not a colour like #0017c1"], "{bad}");
    }
    let mut institution = institution();
    institution.look.color = "#767676".to_owned();
    assert_eq!(institution.check(), Ok(()));
}

#[test]
fn contrast_is_what_the_guideline_computes() {
    let of = |a, b| contrast(Rgb::parse(a).unwrap(), Rgb::parse(b).unwrap());
    let near = |value: f64, expected: f64| (value - expected).abs() < 0.005;
    assert!(near(of("#000000", "#ffffff"), 21.0));
    assert!(near(of("#ffffff", "#000000"), 21.0));
    assert!(near(of("#123456", "#123456"), 1.0));
    assert!(near(of("#767676", "#ffffff"), 4.54));
    assert!(near(of("#777777", "#ffffff"), 4.48));
    assert!(near(of("#333333", "#ffffff"), 12.63));
    assert!(near(of("#ff0000", "#ffffff"), 4.00));
    assert!(near(of("#0000ff", "#ffffff"), 8.59));
    assert!(near(of("#00ff00", "#ffffff"), 1.37));
}

#[test]
fn the_sender_is_a_mail_address() {
    for bad in
        ["", "otp", "otp@bank", "a..b@docomo.ne.jp", " otp@bank.example.jp", "ｏtp@bank.example.jp"]
    {
        let errors = refused(|i| i.mail.sender = bad.to_owned());
        assert_eq!(errors, ["mail.sender is not a mail address"], "{bad}");
    }
}

#[test]
fn every_error_names_its_key() {
    assert_eq!(refused(|i| i.contact.hours.en.clear()), ["contact.hours.en is empty"]);
    assert_eq!(refused(|i| i.name.ja = "　".to_owned()), ["name.ja is empty"]);
    for odd in ["みどり\u{202e}銀行", "a\tb"] {
        let errors = refused(|i| i.name.ja = odd.to_owned());
        assert_eq!(errors, ["name.ja holds a control or an invisible character"], "{odd}");
    }
    for odd in ["0120\" onclick=x", "０１２０", "call us", "(-)"] {
        let errors = refused(|i| i.contact.phone = odd.to_owned());
        let told = "contact.phone is no telephone number: digits, spaces and + - ( )";
        assert_eq!(errors, [told], "{odd}");
    }
    assert_eq!(
        refused(|i| i.policy.passcode.digits = 9),
        ["policy.passcode.digits = 9 is outside 6 to 8"]
    );
    assert_eq!(
        refused(|i| i.policy.mail.broken_address_domains = vec!["@docomo.ne.jp".to_owned()]),
        ["policy.mail.broken_address_domains holds something that is not a lower-case domain"]
    );
    let all = refused(|i| {
        i.zone.clear();
        i.hosts.ib.clear();
        i.look.color.clear();
    });
    assert_eq!(all.len(), 3);
}
