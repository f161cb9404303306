//! Who one can be in the demo.

/// A customer of the demo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) number: &'static str,
    pub(crate) login_id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kana: &'static str,
    pub(crate) birthday: &'static str,
    pub(crate) address: &'static str,
    pub(crate) phone_address: &'static str,
    pub(crate) login_password: &'static str,
    pub(crate) confirmation_password: &'static str,
    pub(crate) start_password: &'static str,
    /// How far the seed takes this customer.
    pub(crate) until: Until,
}

/// How far a customer of the demo has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Nothing yet.
    Fresh,
    /// The phone is set up; 利用開始 is waited for.
    Activated,
    /// The passcode is demanded.
    InUse,
}

pub(crate) const PEOPLE: [Person; 3] = [
    Person {
        number: "0000001",
        login_id: "sakura01",
        name: "青木 さくら",
        kana: "アオキ サクラ",
        birthday: "1951-04-02",
        address: "sakura@mail.example",
        phone_address: "sakura@phone.example",
        login_password: "Hajimete-2026",
        confirmation_password: "Kakunin-1951",
        start_password: "",
        until: Until::Fresh,
    },
    Person {
        number: "0000002",
        login_id: "minato02",
        name: "石川 湊",
        kana: "イシカワ ミナト",
        birthday: "1988-10-17",
        address: "minato@mail.example",
        phone_address: "minato@phone.example",
        login_password: "Tochuu-2026",
        confirmation_password: "Kakunin-1988",
        start_password: "62849",
        until: Until::Activated,
    },
    Person {
        number: "0000003",
        login_id: "kaede003",
        name: "上田 楓",
        kana: "ウエダ カエデ",
        birthday: "1974-06-30",
        address: "kaede@mail.example",
        phone_address: "kaede@phone.example",
        login_password: "Riyouchuu-2026",
        confirmation_password: "Kakunin-1974",
        start_password: "71936",
        until: Until::InUse,
    },
];
