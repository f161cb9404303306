//! Words of core in columns that may be empty.

use warifu_core::{UnknownWord, issue::IssueEnd, procedure::ProcedureEnd, session::SessionEnd};

/// A column that holds a word or nothing.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct MaybeWord(Option<String>);

macro_rules! maybe {
    ($($word:ty),+) => {
        $(impl TryFrom<MaybeWord> for Option<$word> {
            type Error = UnknownWord;

            fn try_from(MaybeWord(word): MaybeWord) -> Result<Self, UnknownWord> {
                word.map(|word| word.parse()).transpose()
            }
        })+
    };
}

maybe!(IssueEnd, ProcedureEnd, SessionEnd);
