//! The bounds of the policy, key by key, and its documents.

use super::*;

/// The policy in which one key is set to this TOML value.
fn with(key: &str, value: &str) -> Result<Policy, toml::de::Error> {
    let (section, key) = key.split_once('.').unwrap();
    toml::from_str(&format!("[{section}]\n{key} = {value}\n"))
}

fn written(value: Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Span(span) => format!("\"{span}\""),
    }
}

fn moved(value: Value, by: i32) -> Value {
    match value {
        Value::Number(number) => Value::Number(number.checked_add_signed(by).unwrap()),
        Value::Span(span) => {
            Value::Span(Span::of_seconds(span.seconds().checked_add_signed(by).unwrap()))
        }
    }
}

/// Each bounded key with its default, floor and ceiling.
const TABLE: &str = "\
passcode.digits 6: 6 to 8
passcode.period 60s: 30s to 60s
passcode.window 1: 0 to 2
passcode.look_ahead 10: 1 to 30
passcode.lock_after 5: 3 to 10
passcode.lock_for 30m: 5m to 24h
passcode.stop_after 10: 5 to 20
confirmation.lock_after 5: 3 to 10
confirmation.lock_for 30m: 5m to 24h
confirmation.stop_after 10: 5 to 20
login.free_tries 3: 1 to 10
login.first_wait 5s: 1s to 60s
login.longest_wait 15m: 1m to 1h
login.stop_after 100: 100 to 1000
login.network_free_tries 20: 5 to 1000
mail_password.digits 8: 6 to 10
mail_password.valid 30m: 5m to 60m
mail_password.tries 5: 3 to 10
mail_password.tries_a_day 15: 5 to 30
mail_password.sends 3: 1 to 5
mail_password.sends_window 10m: 5m to 60m
mail_password.sends_a_day 10: 3 to 20
issue.activate_within 72h: 1h to 168h
issue.start_within 7d: 1d to 30d
issue.a_day 3: 1 to 10
issue.start_password_tries 5: 3 to 10
issue.qr_valid 10m: 1m to 30m
issue.wait_after_release 30m: 5m to 7d
issue.address_age 7d: 7d to 90d
hold.span 120h: 24h to 720h
token.software_years 3: 1 to 5
token.hardware_years 5: 1 to 10
token.expiry_notice 30d: 7d to 90d
session.idle 10m: 5m to 30m
session.idle_waiting_for_mail 30m: 10m to 60m
session.longest 8h: 1h to 12h
session.warning 2m: 1m to 5m
password.min_length 8: 8 to 16
password.max_length 64: 64 to 64
audit.keep_years 10: 10 to 30
";

#[test]
fn every_bounded_key_has_the_default_floor_and_ceiling_of_the_plan() {
    let rows = Policy::default().rows();
    let line = |row: &Row| format!("{} {}: {} to {}", row.key, row.value, row.floor, row.ceiling);
    assert_eq!(rows.iter().map(line).collect::<Vec<_>>(), TABLE.lines().collect::<Vec<_>>());
}

#[test]
fn the_keys_without_bounds_have_the_defaults_of_the_plan() {
    let policy = Policy::default();
    assert!(policy.issue.phone_address_domains.is_empty() && policy.hold.exempt.is_empty());
    assert!(!policy.mail.name_in_mail && !policy.mail.guide_link);
    assert_eq!(policy.mail.broken_addresses, BrokenAddresses::Quoted);
    assert_eq!(policy.mail.broken_address_domains, ["docomo.ne.jp", "ezweb.ne.jp", "au.com"]);
}

#[test]
fn the_defaults_are_within_their_bounds() {
    assert_eq!(Policy::default().check(), Ok(()));
    assert_eq!(toml::from_str::<Policy>("").unwrap(), Policy::default());
}

#[test]
fn every_key_is_refused_just_outside_its_bounds() {
    let mut tried = 0;
    for Row { key, floor, ceiling, .. } in Policy::default().rows() {
        // 0 has nothing below it that a document could say.
        let below = (floor != Value::Number(0)).then(|| moved(floor, -1));
        for value in below.into_iter().chain([moved(ceiling, 1)]) {
            let refused = with(key, &written(value)).unwrap().check().unwrap_err();
            let found = refused.iter().find(|out| out.key == key).expect(key);
            assert_eq!(found.value, value.to_string());
            assert_eq!(found.floor, floor.to_string());
            tried += 1;
        }
    }
    assert_eq!(tried, 2 * 40 - 1);
    assert!(with("passcode.window", "-1").is_err());
}

#[test]
fn every_key_is_taken_at_its_bounds() {
    for Row { key, floor, ceiling, .. } in Policy::default().rows() {
        for value in [floor, ceiling] {
            let policy = with(key, &written(value)).unwrap();
            let refused = policy.check().err().unwrap_or_default();
            // Some bounds need a neighbour moved along: `stop_after = 5` a lower `lock_after`.
            let own = refused.iter().filter(|out| out.key == key && out.floor == floor.to_string());
            assert_eq!(own.count(), 0, "{key} = {value}");
        }
    }
}

#[test]
fn a_stop_comes_after_a_lock() {
    for section in ["passcode", "confirmation"] {
        for (lock, stop, fine) in [(5, 5, false), (6, 5, false), (5, 6, true), (10, 10, false)] {
            let text = format!("[{section}]\nlock_after = {lock}\nstop_after = {stop}\n");
            let checked = toml::from_str::<Policy>(&text).unwrap().check();
            assert_eq!(checked.is_ok(), fine, "{text}");
            let keys: Vec<_> =
                checked.err().into_iter().flatten().map(|out| out.key.to_owned()).collect();
            assert!(keys.iter().all(|key| *key == format!("{section}.stop_after")));
        }
    }
}

#[test]
fn a_warning_is_shorter_than_the_idle_time() {
    let text = "[session]\nidle = \"5m\"\nwarning = \"5m\"\n";
    let refused = toml::from_str::<Policy>(text).unwrap().check().unwrap_err();
    assert_eq!(refused[0].to_string(), "session.warning = 5m is outside 1m to 299s");
}

#[test]
fn an_unknown_key_is_refused() {
    assert!(toml::from_str::<Policy>("[passcode]\ndigit = 6\n").is_err());
    assert!(toml::from_str::<Policy>("[passcodes]\ndigits = 6\n").is_err());
    assert!(toml::from_str::<Policy>("[hold]\nexempt = [\"starts\"]\n").is_err());
    assert!(toml::from_str::<Policy>("[mail]\nbroken_addresses = \"as written\"\n").is_err());
}

#[test]
fn a_policy_reads_back_what_it_wrote() {
    let mut policy = Policy::default();
    policy.hold.exempt = vec![HoldKind::Password, HoldKind::Address];
    policy.mail.broken_addresses = BrokenAddresses::AsWritten;
    policy.login.first_wait = seconds(7);
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
    assert_eq!(toml::from_str::<Policy>(&toml::to_string(&policy).unwrap()).unwrap(), policy);
}
