//! What a configuration may say, and what is refused.

use super::*;

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(None, pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let error = load(&[("WARIFU_DATABASE__ULR", "sqlite:x")]).unwrap_err();
    assert_eq!(error.0, "database.ulr: there is no such setting; the nearest is database.url");
}

#[test]
fn a_bad_value_is_refused_with_its_key() {
    for (name, value, key) in [
        ("WARIFU_LISTEN__IB", "here", "listen.ib"),
        ("WARIFU_DATABASE__URL", "mysql://root:secret@x/y", "database.url"),
        ("WARIFU_DATABASE__MAX_CONNECTIONS", "0", "database.max_connections"),
        ("WARIFU_DATABASE__DISTRIBUTED", "true", "database.distributed"),
        ("WARIFU_SMTP__PORT", "25", "smtp.port"),
        ("WARIFU_LOG__FORMAT", "xml", "log.format"),
        ("WARIFU_PROXIES__TRUSTED", "nobody", "proxies.trusted"),
        ("WARIFU_LINKS__SCHEME", "ftp", "links.scheme"),
        ("WARIFU_LINKS__PORT", "0", "links.port"),
    ] {
        let error = load(&[(name, value)]).unwrap_err();
        assert!(error.0.starts_with(&format!("{key}:")), "{error}");
        assert!(!error.0.contains("secret"), "{error}");
    }
}

#[test]
fn every_setting_shows_the_value_in_force() {
    let shown = |pairs: &[(&str, &str)]| {
        let config = load(pairs).unwrap();
        let lines = KEYS
            .iter()
            .filter_map(|key| key.effective(&config).map(|value| format!("{} {value}", key.name)));
        lines.collect::<Vec<_>>()
    };
    let defaults = [
        "database.url sqlite:warifu.db",
        "database.max_connections 16",
        "keys.file warifu.keys",
        "log.format text",
        "log.level info",
    ];
    assert_eq!(shown(&[]), defaults);
    let all = [
        ("WARIFU_LISTEN__IB", "127.0.0.1:1,[::1]:1", "listen.ib 127.0.0.1:1, [::1]:1"),
        ("WARIFU_LISTEN__TOKEN", "127.0.0.1:2", "listen.token 127.0.0.1:2"),
        ("WARIFU_LISTEN__OPS", "127.0.0.1:3", "listen.ops 127.0.0.1:3"),
        ("WARIFU_LINKS__SCHEME", "http", "links.scheme http"),
        ("WARIFU_LINKS__PORT", "8080", "links.port 8080"),
        ("WARIFU_DATABASE__URL", "sqlite:x.db", "database.url sqlite:x.db"),
        ("WARIFU_DATABASE__MAX_CONNECTIONS", "7", "database.max_connections 7"),
        ("WARIFU_KEYS__FILE", "x.keys", "keys.file x.keys"),
        ("WARIFU_SMTP__HOST", "mail.example", "smtp.host mail.example"),
        ("WARIFU_SMTP__PORT", "25", "smtp.port 25"),
        ("WARIFU_SMTP__TLS", "implicit", "smtp.tls implicit"),
        ("WARIFU_SMTP__USERNAME", "otp", "smtp.username otp"),
        ("WARIFU_SMTP__PASSWORD_FILE", "word", "smtp.password_file word"),
        ("WARIFU_SMTP__CA_FILE", "ca.pem", "smtp.ca_file ca.pem"),
        ("WARIFU_PROXIES__TRUSTED", "10.0.0.1", "proxies.trusted 10.0.0.1"),
        ("WARIFU_LOG__FORMAT", "json", "log.format json"),
        ("WARIFU_LOG__LEVEL", "warn", "log.level warn"),
    ];
    let pairs: Vec<_> = all.iter().map(|(name, value, _)| (*name, *value)).collect();
    assert_eq!(shown(&pairs), all.map(|(.., line)| line));
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    let at = |address| load(&[("WARIFU_LINKS__SCHEME", "http"), ("WARIFU_LISTEN__TOKEN", address)]);
    assert!(at("127.0.0.1:8080").unwrap().links.plain_http);
    assert!(at("0.0.0.0:8080").unwrap_err().0.starts_with("links.scheme: http is for"));
    assert!(!load(&[("WARIFU_LINKS__SCHEME", "https")]).unwrap().links.plain_http);
}

#[test]
fn the_password_of_a_database_is_never_shown() {
    for (url, shown) in [
        ("postgres://otp:himitsu@db.example:5432/otp", "postgres://otp:***@db.example:5432/otp"),
        ("postgres://otp:hi@mi/t?su@db.example/otp", "postgres://otp:***@db.example/otp"),
        ("postgres://db:1/otp?password=himi@tsu", "postgres://db:1/otp?password=***"),
        ("postgresql://db/otp?user=a&password=himitsu", "postgresql://db/otp?user=a&password=***"),
        (
            "postgres://otp@db.example/otp?sslmode=require",
            "postgres://otp@db.example/otp?sslmode=require",
        ),
        ("sqlite:a:b@c.db", "sqlite:a:b@c.db"),
        ("sqlite://a.db", "sqlite://a.db"),
    ] {
        assert_eq!(without_password(url), shown);
    }
}

#[test]
fn a_line_that_is_not_toml_is_named_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("warifu.toml");
    std::fs::write(&path, "[database]\nurl = \"postgres://otp:himitsu@db/otp\n").unwrap();
    let error = Config::load(Some(&path), std::iter::empty()).unwrap_err().to_string();
    assert!(error.contains("is not TOML: line 2: "), "{error}");
    assert!(!error.contains("himitsu"), "{error}");
}

#[test]
fn the_environment_stands_above_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("warifu.toml");
    std::fs::write(&path, "[database]\nurl = \"sqlite:a.db\"\n[listen]\nib = [\"[::1]:1\"]\n")
        .unwrap();
    let env = [("WARIFU_DATABASE__URL".to_owned(), "sqlite:b.db".to_owned())];
    let config = Config::load(Some(&path), env.into_iter()).unwrap();
    assert_eq!(config.database_url, "sqlite:b.db");
    assert_eq!(config.listen.ib, ["[::1]:1".parse().unwrap()]);
}
