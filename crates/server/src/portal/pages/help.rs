//! BHP001 ご利用ガイド: what a customer does, step by step, with pictures of the real screens. The
//! pictures are made by `cargo xtask guide`.

use askama::Template;
use warifu_core::hold::HoldKind;

use super::{Frame, filters};
use crate::{portal::assets::Assets, text::Lang};

/// One part of the guide, short enough for one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Apply,
    Enter,
    Finish,
    Phone,
    Start,
    Login,
    Release,
    Renew,
    Password,
    Address,
    Stop,
}

/// A picture with what is to be done there.
#[derive(Debug)]
pub(super) struct Shot {
    /// The picture's file, and the key of its sentence.
    pub(super) name: &'static str,
    pub(super) key: &'static str,
}

/// Makes the pictures of a topic: `file: key of its sentence`.
macro_rules! shots {
    ($($name:literal: $key:literal),+ $(,)?) => {
        &[$(Shot { name: $name, key: $key }),+]
    };
}

impl Shot {
    /// Width and height of its picture in a language.
    pub(super) fn size(&self, lang: Lang) -> (u32, u32) {
        let file = Assets::get(&format!("guide/{}-{}.webp", self.name, lang.tag()));
        file.and_then(|file| webp_size(&file.data)).unwrap_or_default()
    }

    pub(super) fn is_of_phone(&self) -> bool {
        self.name.starts_with("app-")
    }
}

/// Width and height of a WebP file of one picture with loss (RFC 9649, section 2.5; RFC 6386, section 9.1).
fn webp_size(file: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| {
        let bytes = file.get(at..)?.first_chunk::<2>()?;
        Some(u32::from(u16::from_le_bytes(*bytes) & 0x3fff))
    };
    (file.get(12..16)? == b"VP8 ").then_some((number(26)?, number(28)?))
}

impl Topic {
    /// All of them, in the order in which they are done.
    pub(crate) const ALL: [Self; 11] = [
        Self::Apply,
        Self::Enter,
        Self::Finish,
        Self::Phone,
        Self::Start,
        Self::Login,
        Self::Release,
        Self::Renew,
        Self::Password,
        Self::Address,
        Self::Stop,
    ];

    /// The last part of its address.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Enter => "enter",
            Self::Finish => "finish",
            Self::Phone => "phone",
            Self::Start => "start",
            Self::Login => "login",
            Self::Release => "release",
            Self::Renew => "renew",
            Self::Password => "password",
            Self::Address => "address",
            Self::Stop => "stop",
        }
    }

    /// The topic of this address.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.word() == word)
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Apply => "bhp-apply",
            Self::Enter => "bhp-enter",
            Self::Finish => "bhp-finish",
            Self::Phone => "bhp-phone",
            Self::Start => "bhp-start",
            Self::Login => "bhp-login",
            Self::Release => "bhp-release",
            Self::Renew => "bhp-renew",
            Self::Password => "bhp-password",
            Self::Address => "bhp-address",
            Self::Stop => "bhp-stop",
        }
    }

    const fn shots(self) -> &'static [Shot] {
        match self {
            Self::Apply => shots! {
                "bop001": "bhp-bop001",
                "bot000": "bhp-bot000",
                "bmp001": "bhp-bmp001",
            },
            Self::Enter => shots! {
                "bot001": "bhp-bot001",
                "bot001-start": "bhp-bot001-start",
            },
            Self::Finish => shots! {
                "bot002": "bhp-bot002",
                "bot003": "bhp-bot003",
            },
            Self::Phone => shots! {
                "app-empty": "bhp-app-empty",
                "app-set-up": "bhp-app-set-up",
                "app-done": "bhp-app-done",
                "app-passcode": "bhp-app-passcode",
            },
            Self::Start => shots! {
                "bok001": "bhp-bok001",
                "bok002": "bhp-bok002",
            },
            Self::Login => shots! {
                "bli001": "bhp-bli001",
                "bli002": "bhp-bli002",
            },
            Self::Release => shots! {
                "bos001": "bhp-bos001",
            },
            Self::Renew => shots! {
                "bos001": "bhp-renew-release",
                "bop001": "bhp-renew-issue",
                "app-empty": "bhp-renew-phone",
            },
            Self::Password => shots! {
                "bpw001": "bhp-bpw001",
                "bpw002": "bhp-bpw002",
            },
            Self::Address => shots! {
                "bma001": "bhp-bma001",
                "bma002": "bhp-bma002",
                "bma003": "bhp-bma003",
            },
            Self::Stop => shots! {
                "bes001": "bhp-bes001",
            },
        }
    }

    /// What is to be known beside the steps; of holds, those that the institution has.
    pub(crate) fn notes(self, exempt: &[HoldKind]) -> Vec<&'static str> {
        let held = |kind, key| (!exempt.contains(&kind)).then_some(key);
        let notes = match self {
            Self::Apply | Self::Enter | Self::Finish => [None; 3],
            Self::Phone => [Some("bhp001-app"), None, None],
            Self::Start => [held(HoldKind::Start, "hold-start"), None, None],
            Self::Login => [Some("bli002-lost"), None, None],
            Self::Release => [Some("bos001-wait"), held(HoldKind::Release, "hold-ahead"), None],
            Self::Renew => {
                [Some("bhp001-app"), Some("bli002-lost"), held(HoldKind::Start, "hold-start")]
            }
            Self::Password => [held(HoldKind::Password, "hold-ahead"), None, None],
            Self::Address => [Some("bma001-wait"), held(HoldKind::Address, "hold-ahead"), None],
            Self::Stop => [Some("bes001-what"), Some("bes001-resume"), None],
        };
        notes.into_iter().flatten().collect()
    }

    fn beside(self, step: isize) -> Option<Self> {
        let place = Self::ALL.iter().position(|topic| *topic == self)?;
        Self::ALL.get(place.checked_add_signed(step)?).copied()
    }
}

/// BHP001, the list of topics.
#[derive(Template, Debug)]
#[template(path = "portal/bhp001.html")]
pub(crate) struct Bhp001 {
    pub frame: Frame,
}

impl Bhp001 {
    #[expect(clippy::unused_self, reason = "templates reach it through the page they have")]
    fn topics(&self) -> [(&'static str, &'static str); 11] {
        Topic::ALL.map(|topic| (topic.word(), topic.title()))
    }
}

/// BHP001, one topic.
#[derive(Template, Debug)]
#[template(path = "portal/bhp001_topic.html")]
pub(crate) struct Bhp001Topic {
    pub frame: Frame,
    pub topic: Topic,
    /// The keys of what stands below the pictures.
    pub notes: Vec<&'static str>,
}

impl Bhp001Topic {
    /// The frame of this topic's page.
    pub(crate) const fn title(topic: Topic) -> &'static str {
        topic.title()
    }

    fn is_of_phone(&self) -> bool {
        self.topic.shots().iter().all(Shot::is_of_phone)
    }

    fn beside(&self, step: isize) -> Option<(&'static str, &'static str)> {
        self.topic.beside(step).map(|topic| (topic.word(), topic.title()))
    }
}

/// BHP001, one picture of a topic, as large as its letters are easy to read.
#[derive(Template, Debug)]
#[template(path = "portal/bhp001_picture.html")]
pub(crate) struct Bhp001Picture {
    pub frame: Frame,
    pub topic: Topic,
    /// Which of the topic's, from 1.
    number: usize,
    shot: &'static Shot,
}

impl Bhp001Picture {
    /// The page of this picture, where there is one.
    pub(crate) fn of(frame: Frame, topic: Topic, number: usize) -> Option<Self> {
        let shot = topic.shots().get(number.checked_sub(1)?)?;
        Some(Self { frame, topic, number, shot })
    }

    fn name(&self) -> String {
        self.frame.text.with("bhp001-picture", "number", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_is_there_in_both_languages_and_no_other() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/guide");
        let mut wanted: Vec<_> = Topic::ALL
            .iter()
            .flat_map(|topic| topic.shots())
            .flat_map(|shot| ["ja", "en"].map(|lang| format!("{}-{lang}.webp", shot.name)))
            .collect();
        let files = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<_> =
            files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        wanted.sort();
        wanted.dedup();
        files.sort();
        assert_eq!(files, wanted);
        for shot in Topic::ALL.iter().flat_map(|topic| topic.shots()) {
            let wanted = if shot.is_of_phone() { 324 } else { 600 };
            for (width, height) in [Lang::Ja, Lang::En].map(|lang| shot.size(lang)) {
                assert!(width == wanted && (100..=1000).contains(&height), "{}", shot.name);
            }
        }
    }

    #[test]
    fn each_topic_leads_to_the_next_and_back() {
        assert_eq!(Topic::Apply.beside(-1), None);
        assert_eq!(Topic::Apply.beside(1), Some(Topic::Enter));
        assert_eq!(Topic::Stop.beside(1), None);
        for topic in Topic::ALL {
            assert_eq!(Topic::from_word(topic.word()), Some(topic));
        }
    }
}
