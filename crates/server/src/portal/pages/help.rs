//! BHP001 ご利用ガイド: what a customer does, step by step, with pictures of the real screens. The
//! pictures are made by `cargo xtask guide`.

use askama::Template;

use super::{Frame, filters};

/// One part of the guide, short enough for one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Apply,
    Enter,
    Phone,
    Start,
    Login,
    Release,
    Stop,
}

/// A picture with what is to be done there.
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

impl Topic {
    /// All of them, in the order in which they are done.
    pub(crate) const ALL: [Self; 7] = [
        Self::Apply,
        Self::Enter,
        Self::Phone,
        Self::Start,
        Self::Login,
        Self::Release,
        Self::Stop,
    ];

    /// The last part of its address.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Enter => "enter",
            Self::Phone => "phone",
            Self::Start => "start",
            Self::Login => "login",
            Self::Release => "release",
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
            Self::Phone => "bhp-phone",
            Self::Start => "bhp-start",
            Self::Login => "bhp-login",
            Self::Release => "bhp-release",
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
            Self::Stop => shots! {
                "bes001": "bhp-bes001",
            },
        }
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
    fn topics(&self) -> [(&'static str, &'static str); 7] {
        Topic::ALL.map(|topic| (topic.word(), topic.title()))
    }
}

/// BHP001, one topic.
#[derive(Template, Debug)]
#[template(path = "portal/bhp001_topic.html")]
pub(crate) struct Bhp001Topic {
    pub frame: Frame,
    pub topic: Topic,
    /// Whether what it tells holds some transactions.
    pub holds: bool,
}

impl Bhp001Topic {
    /// The frame of this topic's page.
    pub(crate) const fn title(topic: Topic) -> &'static str {
        topic.title()
    }

    // The phone's pictures stand upright.
    fn size(&self) -> (u32, u32) {
        if self.topic == Topic::Phone { (324, 576) } else { (600, 540) }
    }

    fn beside(&self, step: isize) -> Option<(&'static str, &'static str)> {
        self.topic.beside(step).map(|topic| (topic.word(), topic.title()))
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
        files.sort();
        assert_eq!(files, wanted);
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
