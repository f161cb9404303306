//! What a phone sends: service ID, user ID, start password, keys and signature; and all that is no
//! such thing.

use serde_json::{Value, json};

use super::garbage;
use crate::tests::harness::{
    TestApp,
    banks::{AOKI, Bank},
    on_both_engines,
    phone::Phone,
    walk::Numbers,
};

on_both_engines!(
    each_field_of_a_set_up_is_told_by_its_name,
    numbers_are_taken_as_people_type_them,
    what_is_no_json_is_told,
    unknown_and_missing_fields_are_told,
    keys_that_are_none_are_told,
    a_signature_of_something_else_is_told,
    a_body_that_is_not_json_by_its_name_is_refused,
    an_acknowledgement_that_is_none_is_told,
    other_methods_and_addresses_are_not_there,
);

const PATH: &str = "/phone/v1/activations";

async fn ready(app: &TestApp) -> (Phone, Numbers) {
    let numbers = app.signed_in(&AOKI).await.issue(&AOKI).await;
    app.advance_secs(1);
    (app.phone(Bank::A), numbers)
}

/// Sends it; it must be refused for these fields, with one audit row that repeats nothing.
async fn told(app: &TestApp, phone: &Phone, body: &str, fields: &[&str]) {
    let mark = app.mark();
    let case: String = body.chars().take(200).collect();
    let reply = phone.post(PATH, body).await;
    assert_eq!(reply.status, 422, "{case}: {}", reply.body);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let problem = reply.json();
    assert_eq!(problem["code"], "invalid_field", "{case}");
    assert_eq!(problem["type"], "https://token.a.test/problems/invalid_field");
    let named: Vec<_> = problem["fields"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
    for field in fields {
        assert!(named.iter().any(|name| *name == field), "{case}: {named:?}");
    }
    let recorded = app.recorded(mark).await;
    assert_eq!(recorded.len(), 1, "{case}: {recorded:?}");
    assert!(recorded[0].starts_with("input.refused|refused|"), "{case}");
    for secret in [AOKI.start_password, "39517"] {
        assert!(!recorded[0].contains(secret) && !reply.body.contains(secret), "{case}");
    }
    assert_eq!(app.database.count("counters", "failures > 0").await, 0, "{case}: a try was lost");
}

async fn each_field_of_a_set_up_is_told_by_its_name(app: &TestApp) {
    let (phone, numbers) = ready(app).await;
    let with = |field: &str, value: &str| {
        let (mut numbers, mut start) = (numbers.clone(), AOKI.start_password.to_owned());
        match field {
            "service_id" => value.clone_into(&mut numbers.service_id),
            "user_id" => value.clone_into(&mut numbers.user_id),
            _ => value.clone_into(&mut start),
        }
        phone.request(&numbers, &start, None).to_string()
    };
    for field in ["service_id", "user_id", "start_password"] {
        for value in garbage().iter().map(String::as_str).chain(["", " ", "123", "1234567890123"]) {
            told(app, &phone, &with(field, value), &[field]).await;
        }
    }
    // A typing mistake in the user ID is seen by its check digit.
    let mut wrong = numbers.user_id.clone().into_bytes();
    wrong[4] = if wrong[4] == b'9' { b'0' } else { wrong[4] + 1 };
    told(app, &phone, &with("user_id", std::str::from_utf8(&wrong).unwrap()), &["user_id"]).await;
    wrong.clone_from(&numbers.user_id.clone().into_bytes());
    if let Some(place) = (0..11).find(|at| wrong[*at] != wrong[at + 1]) {
        wrong.swap(place, place + 1);
        told(app, &phone, &with("user_id", std::str::from_utf8(&wrong).unwrap()), &["user_id"])
            .await;
    }
    told(app, &phone, &with("service_id", Bank::B.service_id()), &["service_id"]).await;
}

async fn numbers_are_taken_as_people_type_them(app: &TestApp) {
    let (mut phone, numbers) = ready(app).await;
    let wide = |text: &str| -> String {
        text.bytes().map(|b| char::from_u32(0xff10 + u32::from(b - b'0')).unwrap()).collect()
    };
    let user = &numbers.user_id;
    for (service, user_id, start) in [
        (
            "1020 3040".to_owned(),
            format!("{} {} {}", &user[..4], &user[4..8], &user[8..]),
            "4071 8293",
        ),
        (wide("10203040"), wide(user), "４０７１８２９３"),
        ("1020-3040".to_owned(), format!("　{user} "), " 40718293 "),
    ] {
        let typed = Numbers { service_id: service, user_id, ..numbers.clone() };
        let reply = phone.post(PATH, &phone.request(&typed, start, None).to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    // The box is bound to the number itself, not to how it was typed.
    phone.activate(&numbers, AOKI.start_password).await.expect(200);
    phone.acknowledge().await.expect(204);
}

async fn what_is_no_json_is_told(app: &TestApp) {
    let (phone, _) = ready(app).await;
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for body in ["", " ", "{", "null", "[]", "\"x\"", "{}", "{\"version\":1}", "\u{feff}{}", &deep]
    {
        told(app, &phone, body, &["body"]).await;
    }
    let mark = app.mark();
    phone.post_as(PATH, "application/json", vec![0xff, 0xfe, b'{', b'}']).await.expect(422);
    assert_eq!(app.recorded(mark).await.len(), 1);
}

async fn unknown_and_missing_fields_are_told(app: &TestApp) {
    let (phone, numbers) = ready(app).await;
    let good = phone.request(&numbers, AOKI.start_password, None);
    for field in good.as_object().unwrap().keys() {
        let mut less = good.clone();
        less.as_object_mut().unwrap().remove(field);
        told(app, &phone, &less.to_string(), &["body"]).await;
        let mut wrong = good.clone();
        wrong[field] = json!([1]);
        told(app, &phone, &wrong.to_string(), &["body"]).await;
        wrong[field] = Value::Null;
        told(app, &phone, &wrong.to_string(), &["body"]).await;
    }
    let mut more = good.clone();
    more["institution"] = "x".into();
    told(app, &phone, &more.to_string(), &["body"]).await;
    for version in [json!(0), json!(2), json!(4_000_000_000_u32)] {
        let mut other = good.clone();
        other["version"] = version;
        told(app, &phone, &other.to_string(), &["version"]).await;
    }
    let twice = good.to_string().replacen('{', "{\"version\":1,", 1);
    told(app, &phone, &twice, &["body"]).await;
    let reply = phone.post(PATH, &good.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

async fn keys_that_are_none_are_told(app: &TestApp) {
    let (phone, numbers) = ready(app).await;
    let good = phone.request(&numbers, AOKI.start_password, None);
    let off_curve = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE";
    for (field, part, value) in [
        ("ecdh_jwk", "x", off_curve),
        ("ecdh_jwk", "y", off_curve),
        ("ecdh_jwk", "x", ""),
        ("ecdh_jwk", "x", "!!"),
        ("ecdh_jwk", "crv", "P-384"),
        ("ecdh_jwk", "kty", "RSA"),
        ("ecdsa_jwk", "x", off_curve),
        ("ecdsa_jwk", "crv", "secp256k1"),
    ] {
        let mut wrong = good.clone();
        wrong[field][part] = value.into();
        told(app, &phone, &wrong.to_string(), &["signature"]).await;
        if field == "ecdh_jwk" {
            told(app, &phone, &wrong.to_string(), &["ecdh_jwk"]).await;
        }
    }
    // One key for both uses is refused.
    let mut same = good.clone();
    same["ecdh_jwk"] = good["ecdsa_jwk"].clone();
    told(app, &phone, &same.to_string(), &["ecdh_jwk"]).await;
    // A private key has no business here.
    let mut private = good;
    private["ecdh_jwk"]["d"] = off_curve.into();
    told(app, &phone, &private.to_string(), &["body"]).await;
}

async fn a_signature_of_something_else_is_told(app: &TestApp) {
    let (phone, numbers) = ready(app).await;
    let good = phone.request(&numbers, AOKI.start_password, None);
    let other = app.phone(Bank::A).request(&numbers, AOKI.start_password, None);
    for (field, value) in [
        ("signature", other["signature"].clone()),
        ("signature", json!("")),
        ("signature", json!("AAAA")),
        ("signature", json!("A".repeat(86))),
        ("start_password", json!("39517")),
        ("qr_secret", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("ecdh_jwk", other["ecdh_jwk"].clone()),
        ("ecdsa_jwk", other["ecdsa_jwk"].clone()),
    ] {
        let mut wrong = good.clone();
        wrong[field] = value;
        told(app, &phone, &wrong.to_string(), &["signature"]).await;
    }
}

async fn a_body_that_is_not_json_by_its_name_is_refused(app: &TestApp) {
    let (phone, numbers) = ready(app).await;
    let good = phone.request(&numbers, AOKI.start_password, None).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let mark = app.mark();
        let reply = phone.post_as(PATH, kind, good.clone()).await;
        assert!((400..500).contains(&reply.status), "{kind}: {}", reply.status);
        assert_eq!(app.recorded(mark).await.len(), 1, "{kind}");
    }
    let reply = phone.post_as(PATH, "application/json; charset=utf-8", good).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

async fn an_acknowledgement_that_is_none_is_told(app: &TestApp) {
    let (mut phone, numbers) = ready(app).await;
    phone.activate(&numbers, AOKI.start_password).await.expect(200);
    let path = format!("{PATH}/{}/ack", phone.activation);
    for body in ["", "{}", "{\"signature\":1}", "{\"signature\":\"x\",\"more\":1}", "[]"] {
        let mark = app.mark();
        phone.post(&path, body).await.expect(422);
        assert_eq!(app.recorded(mark).await, ["input.refused|refused|body:form"], "{body}");
    }
    for signature in ["", "x", &"A".repeat(86)] {
        let mark = app.mark();
        phone.post(&path, &json!({ "signature": signature }).to_string()).await.expect(403);
        assert_eq!(app.recorded(mark).await.len(), 1, "{signature}");
    }
    assert_eq!(app.database.count("issues", "acknowledged_at IS NOT NULL").await, 0);
    phone.acknowledge().await.expect(204);
}

async fn other_methods_and_addresses_are_not_there(app: &TestApp) {
    let phone = app.phone(Bank::A);
    for path in
        ["/phone/v1/", "/phone/v2/activations", "/phone/v1/clock", "/app/x.js", "/problems/x"]
    {
        phone.post(path, "{}").await.expect(404);
    }
    let get = |path: &str| {
        axum::extract::Request::get(path.to_owned())
            .header("host", Bank::A.token())
            .body(axum::body::Body::empty())
            .unwrap()
    };
    for path in [PATH, "/app/../Cargo.toml", "/app/..%2f..%2fCargo.toml", "/app/%00", "/nothing"] {
        app.send(get(path), "203.0.113.7").await.expect(404);
    }
    let clock = app.send(get("/phone/v1/clock"), "203.0.113.7").await.expect(200);
    assert_eq!(clock.json()["now"], app.now().0);
}
