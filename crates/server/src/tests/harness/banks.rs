//! The two banks of every test, as different as policies let them be, and their customers. One login
//! ID exists at both, with other passwords: whoever mixes them up is found out.

use std::fmt::Write;

/// One of the two banks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bank {
    /// The defaults: six digits a minute, five wrong ones lock.
    A,
    /// Eight digits every 30 seconds, three wrong ones lock, its own domains only.
    B,
}

impl Bank {
    pub(crate) const ALL: [Self; 2] = [Self::A, Self::B];

    pub(crate) const fn ib(self) -> &'static str {
        match self {
            Self::A => "ib.a.test",
            Self::B => "ib.b.test",
        }
    }

    pub(crate) const fn token(self) -> &'static str {
        match self {
            Self::A => "token.a.test",
            Self::B => "token.b.test",
        }
    }

    pub(crate) const fn service_id(self) -> &'static str {
        match self {
            Self::A => "10203040",
            Self::B => "50607080",
        }
    }

    pub(crate) const fn digits(self) -> usize {
        match self {
            Self::A => 6,
            Self::B => 8,
        }
    }

    pub(crate) const fn period(self) -> i64 {
        match self {
            Self::A => 60,
            Self::B => 30,
        }
    }

    pub(crate) const fn mail_digits(self) -> usize {
        match self {
            Self::A => 8,
            Self::B => 6,
        }
    }

    pub(crate) const fn lock_after(self) -> usize {
        match self {
            Self::A => 5,
            Self::B => 3,
        }
    }

    pub(crate) const fn lock_minutes(self) -> i64 {
        match self {
            Self::A => 30,
            Self::B => 10,
        }
    }

    pub(crate) const fn stop_after(self) -> usize {
        match self {
            Self::A => 10,
            Self::B => 6,
        }
    }

    pub(crate) const fn start_tries(self) -> usize {
        match self {
            Self::A => 5,
            Self::B => 3,
        }
    }

    /// Minutes between a release and the next issue.
    pub(crate) const fn wait_minutes(self) -> i64 {
        match self {
            Self::A => 30,
            Self::B => 120,
        }
    }

    /// The TOML that sets the bank up.
    pub(crate) fn document(self) -> String {
        let (letter, digit, name, color, policy) = match self {
            Self::A => ("a", "1", "みなと銀行", "#0b5c50", GIVEN_STAY),
            Self::B => ("b", "2", "やまて信用金庫", "#7a1f3d", POLICY_OF_B),
        };
        let service = self.service_id();
        format!(
            r#"service_id = "{service}"
zone = "Asia/Tokyo"
[hosts]
ib = "ib.{letter}.test"
token = "token.{letter}.test"
console = "console.{letter}.test"
api = "api.{letter}.test"
[name]
ja = "{name}"
en = "Bank {letter}"
[contact]
phone = "0120-111-11{digit}"
name = {{ ja = "窓口{letter}", en = "Desk {letter}" }}
hours = {{ ja = "平日 9時～17時", en = "weekdays 9:00-17:00" }}
[emergency]
phone = "0120-999-99{digit}"
name = {{ ja = "緊急連絡先{letter}", en = "Emergency desk {letter}" }}
[mail]
sender = "otp@bank-{letter}.example"
sender_name = {{ ja = "{name}", en = "Bank {letter}" }}
[look]
color = "{color}"
{policy}"#
        )
    }
}

/// Walks use the passwords that the file gives.
const GIVEN_STAY: &str = "[policy.password]\nchange_first = false\n";

const POLICY_OF_B: &str = r#"
[policy.password]
change_first = false
[policy.passcode]
digits = 8
period = "30s"
lock_after = 3
lock_for = "10m"
stop_after = 6
[policy.confirmation]
lock_after = 3
lock_for = "10m"
stop_after = 6
[policy.login]
free_tries = 5
first_wait = "30s"
network_free_tries = 10
[policy.mail_password]
digits = 6
valid = "20m"
tries = 3
tries_a_day = 7
sends = 2
sends_a_day = 5
[policy.issue]
activate_within = "24h"
start_within = "3d"
a_day = 2
start_password_tries = 3
qr_valid = "5m"
wait_after_release = "2h"
phone_address_domains = ["docomo.ne.jp", "phone.example"]
[policy.hold]
span = "48h"
[policy.session]
idle = "30m"
idle_waiting_for_mail = "10m"
longest = "2h"
[policy.mail]
name_in_mail = true
"#;

/// A customer, with all that only the customer knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) bank: Bank,
    pub(crate) number: &'static str,
    pub(crate) login_id: &'static str,
    pub(crate) login_password: &'static str,
    pub(crate) confirmation_password: &'static str,
    pub(crate) name: &'static str,
    pub(crate) birthday: &'static str,
    /// Notice addresses, separated by semicolons.
    pub(crate) addresses: &'static str,
    pub(crate) phone_address: &'static str,
    pub(crate) start_password: &'static str,
}

impl Person {
    pub(crate) fn address(&self) -> &'static str {
        self.addresses.split(';').next().unwrap()
    }

    /// Selects this customer's row.
    pub(crate) fn row(&self) -> String {
        format!("customer_number = '{}'", self.number)
    }

    /// Selects the rows of this customer in any table that has a `customer_id`.
    pub(crate) fn rows(&self) -> String {
        format!("customer_id = (SELECT customer_id FROM customers WHERE {})", self.row())
    }
}

/// A customer of bank A with two notice addresses.
pub(crate) const AOKI: Person = Person {
    bank: Bank::A,
    number: "A-001",
    login_id: "aoki-hana",
    login_password: "Hajimete-A-2026",
    confirmation_password: "Kakunin-A-1951",
    name: "青木 花",
    birthday: "1951-04-02",
    addresses: "hana@mail.example;hana2@other.example",
    phone_address: "hana@phone.example",
    start_password: "40718293",
};

/// Another customer of bank A.
pub(crate) const ISHII: Person = Person {
    bank: Bank::A,
    number: "A-002",
    login_id: "ishii.ken",
    login_password: "Futari-A-2026",
    confirmation_password: "Kakunin-A-1988",
    name: "石井 健",
    birthday: "1988-10-17",
    addresses: "ken@mail.example",
    phone_address: "ken@phone.example",
    start_password: "62849175",
};

/// A customer of bank B whose login ID another one has at bank A.
pub(crate) const AOKI_B: Person = Person {
    bank: Bank::B,
    number: "B-001",
    login_id: "aoki-hana",
    login_password: "Betsujin-B-2026",
    confirmation_password: "Kakunin-B-1974",
    name: "青木 葉奈",
    birthday: "1974-06-30",
    addresses: "hana-b@mail.example",
    phone_address: "hana..b@docomo.ne.jp",
    start_password: "71936254",
};

/// A customer of bank A whose only notice address was confirmed three days ago.
pub(crate) const WAKAI: Person = Person {
    bank: Bank::A,
    number: "A-003",
    login_id: "wakai_03",
    login_password: "Atarashii-A-3",
    confirmation_password: "Kakunin-A-2001",
    name: "若井 新",
    birthday: "2001-01-23",
    addresses: "arata@mail.example",
    phone_address: "arata@phone.example",
    start_password: "83920147",
};

/// A customer of bank A without a confirmed notice address.
pub(crate) const MUTO: Person = Person {
    bank: Bank::A,
    number: "A-004",
    login_id: "muto_04",
    login_password: "Juusho-nashi-4",
    confirmation_password: "Kakunin-A-1966",
    name: "武藤 無",
    birthday: "1966-12-01",
    addresses: "nashi@mail.example",
    phone_address: "nashi@phone.example",
    start_password: "95130264",
};

/// The file from which a bank's customers come.
pub(crate) fn csv(bank: Bank) -> String {
    let mut csv = "customer_number,login_id,name,name_kana,birthday,locale,notice_addresses,\
        addresses_confirmed_at,login_password,confirmation_password\n"
        .to_owned();
    for person in [AOKI, ISHII, AOKI_B, WAKAI, MUTO].iter().filter(|p| p.bank == bank) {
        let Person { number, login_id, name, birthday, addresses, .. } = person;
        let confirmed = match person.number {
            "A-003" => "2026-11-21T01:00:00Z",
            "A-004" => "",
            _ => "2026-10-01",
        };
        let (login, confirm) = (person.login_password, person.confirmation_password);
        writeln!(
            csv,
            "{number},{login_id},{name},,{birthday},ja,{addresses},{confirmed},{login},{confirm}"
        )
        .unwrap();
    }
    csv
}
