//! Why an issue ends before its token is in use.

use crate::token::Event;

worded! {
    /// Why an issue ended before its token was in use.
    IssueEnd {
        /// Its deadline went by.
        Deadline = "deadline",
        /// A newer issue took its place.
        Reissued = "reissued",
        /// The start password was wrong too often.
        StartPassword = "start_password",
        /// A second phone knew the start password.
        SecondPhone = "second_phone",
        /// The customer, or the bank, stopped everything.
        Stopped = "stopped",
        /// The bank took it back.
        TakenBack = "taken_back",
    }
}

impl IssueEnd {
    /// What this end is to the token.
    #[must_use]
    pub const fn event(self) -> Event {
        match self {
            Self::Deadline => Event::DeadlinePassed,
            Self::Reissued => Event::Superseded,
            Self::StartPassword | Self::SecondPhone | Self::Stopped | Self::TakenBack => {
                Event::Revoked
            }
        }
    }
}
