//! The life cycle of a token: one exhaustive table. Locks and suspensions stand beside it, not in it.

worded! {
    /// Where a token is in its life.
    State {
        /// Software: issued on the PC, not yet set up on a phone.
        Issued = "issued",
        /// Software: set up on a phone, its first passcode not yet proved.
        Activated = "activated",
        /// Its passcodes are demanded.
        InUse = "in_use",
        /// Ended by the customer, who proved a passcode.
        Released = "released",
        /// Ended by staff, by a successor, or because someone tried to take it over.
        Revoked = "revoked",
        /// Ended by time.
        Expired = "expired",
        /// Hardware: in the institution's stock.
        InStock = "in_stock",
        /// Hardware: set aside for one customer.
        Assigned = "assigned",
        /// Hardware: handed over, its first passcode not yet proved.
        Shipped = "shipped",
        /// Hardware: lost or stolen.
        Lost = "lost",
        /// Hardware: broken.
        Faulty = "faulty",
        /// Hardware: physically destroyed.
        Destroyed = "destroyed",
    }
}

worded! {
    /// What can happen to a token.
    Event {
        /// A phone took the seed.
        Activated = "activated",
        /// The first passcode was proved.
        Started = "started",
        /// The customer ended the use with a passcode.
        Released = "released",
        /// It was taken back, by staff or because its issue died of wrong guesses or a second phone.
        Revoked = "revoked",
        /// The deadline of its issue, or its own last day, went by.
        DeadlinePassed = "deadline_passed",
        /// A newer issue, or a proved successor, took its place.
        Superseded = "superseded",
        /// Hardware: set aside for one customer.
        Assigned = "assigned",
        /// Hardware: handed over.
        Shipped = "shipped",
        /// Hardware: reported lost.
        Lost = "lost",
        /// Hardware: found broken.
        Broke = "broke",
        /// Hardware: destroyed under witness.
        Destroyed = "destroyed",
    }
}

/// An event that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token that is {from} cannot become {event}")]
pub struct Refused {
    /// The state it was in.
    pub from: State,
    /// The event that was refused.
    pub event: Event,
}

impl State {
    /// Whether it is over for good.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(
            self,
            Self::Released
                | Self::Revoked
                | Self::Expired
                | Self::Lost
                | Self::Faulty
                | Self::Destroyed
        )
    }

    /// The state after an event; no state and no event is left undecided.
    #[expect(clippy::too_many_lines, reason = "a table is read as a whole")]
    pub const fn after(self, event: Event) -> Result<Self, Refused> {
        use Event as E;
        match (self, event) {
            (Self::Issued, E::Activated) => Ok(Self::Activated),
            (Self::InStock, E::Assigned) => Ok(Self::Assigned),
            (Self::Assigned, E::Shipped) => Ok(Self::Shipped),
            (Self::Activated | Self::Shipped, E::Started) => Ok(Self::InUse),
            (Self::InUse, E::Released) => Ok(Self::Released),
            (
                Self::Issued | Self::Activated | Self::InUse | Self::Assigned | Self::Shipped,
                E::Revoked | E::Superseded,
            ) => Ok(Self::Revoked),
            (
                Self::Issued
                | Self::Activated
                | Self::InUse
                | Self::InStock
                | Self::Assigned
                | Self::Shipped,
                E::DeadlinePassed,
            ) => Ok(Self::Expired),
            // A serial number that ended never comes back into stock.
            (Self::InStock | Self::Assigned | Self::Shipped | Self::InUse, E::Lost) => {
                Ok(Self::Lost)
            }
            (Self::InStock | Self::Assigned | Self::Shipped | Self::InUse, E::Broke) => {
                Ok(Self::Faulty)
            }
            (Self::InStock | Self::Lost | Self::Faulty, E::Destroyed) => Ok(Self::Destroyed),

            (Self::Issued, E::Started | E::Released)
            | (Self::Activated, E::Activated | E::Released)
            | (Self::InUse, E::Activated | E::Started)
            | (Self::Issued | Self::Activated, E::Lost | E::Broke)
            | (
                Self::Issued | Self::Activated | Self::InUse,
                E::Assigned | E::Shipped | E::Destroyed,
            )
            | (
                Self::InStock,
                E::Activated | E::Started | E::Released | E::Revoked | E::Superseded | E::Shipped,
            )
            | (
                Self::Assigned,
                E::Activated | E::Started | E::Released | E::Assigned | E::Destroyed,
            )
            | (
                Self::Shipped,
                E::Activated | E::Released | E::Assigned | E::Shipped | E::Destroyed,
            )
            | (
                Self::Lost | Self::Faulty,
                E::Activated
                | E::Started
                | E::Released
                | E::Revoked
                | E::DeadlinePassed
                | E::Superseded
                | E::Assigned
                | E::Shipped
                | E::Lost
                | E::Broke,
            )
            | (
                Self::Released | Self::Revoked | Self::Expired | Self::Destroyed,
                E::Activated
                | E::Started
                | E::Released
                | E::Revoked
                | E::DeadlinePassed
                | E::Superseded
                | E::Assigned
                | E::Shipped
                | E::Lost
                | E::Broke
                | E::Destroyed,
            ) => Err(Refused { from: self, event }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: states; columns: events; both in the order of their declaration. `.` is refused.
    #[rustfmt::skip]
    const TABLE: [(&str, [&str; 11]); 12] = [
        //             activated    started   released    revoked    deadline   superseded  assigned    shipped    lost    broke     destroyed
        ("issued",    ["activated", ".",      ".",        "revoked", "expired", "revoked",  ".",        ".",       ".",    ".",      "."]),
        ("activated", [".",         "in_use", ".",        "revoked", "expired", "revoked",  ".",        ".",       ".",    ".",      "."]),
        ("in_use",    [".",         ".",      "released", "revoked", "expired", "revoked",  ".",        ".",       "lost", "faulty", "."]),
        ("released",  [".",         ".",      ".",        ".",       ".",       ".",        ".",        ".",       ".",    ".",      "."]),
        ("revoked",   [".",         ".",      ".",        ".",       ".",       ".",        ".",        ".",       ".",    ".",      "."]),
        ("expired",   [".",         ".",      ".",        ".",       ".",       ".",        ".",        ".",       ".",    ".",      "."]),
        ("in_stock",  [".",         ".",      ".",        ".",       "expired", ".",        "assigned", ".",       "lost", "faulty", "destroyed"]),
        ("assigned",  [".",         ".",      ".",        "revoked", "expired", "revoked",  ".",        "shipped", "lost", "faulty", "."]),
        ("shipped",   [".",         "in_use", ".",        "revoked", "expired", "revoked",  ".",        ".",       "lost", "faulty", "."]),
        ("lost",      [".",         ".",      ".",        ".",       ".",       ".",        ".",        ".",       ".",    ".",      "destroyed"]),
        ("faulty",    [".",         ".",      ".",        ".",       ".",       ".",        ".",        ".",       ".",    ".",      "destroyed"]),
        ("destroyed", [".",         ".",      ".",        ".",       ".",       ".",        ".",        ".",       ".",    ".",      "."]),
    ];

    #[test]
    fn every_state_answers_every_event_as_the_table_says() {
        assert_eq!((State::ALL.len(), Event::ALL.len()), (TABLE.len(), TABLE[0].1.len()));
        for (&from, (name, row)) in State::ALL.iter().zip(&TABLE) {
            assert_eq!(from.as_str(), *name);
            for (&event, to) in Event::ALL.iter().zip(row) {
                let expected = match *to {
                    "." => Err(Refused { from, event }),
                    word => Ok(word.parse().unwrap()),
                };
                assert_eq!(from.after(event), expected, "{from} + {event}");
            }
        }
    }

    #[test]
    fn nothing_that_ended_lives_again() {
        let ended = ["released", "revoked", "expired", "lost", "faulty", "destroyed"];
        for from in ended.map(|word| word.parse::<State>().unwrap()) {
            for &event in Event::ALL {
                if let Ok(to) = from.after(event) {
                    assert!(ended.contains(&to.as_str()), "{from} came back as {to}");
                }
            }
        }
    }

    #[test]
    fn every_state_has_one_word() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert!("IN_USE".parse::<State>().is_err());
        assert!("".parse::<State>().is_err());
    }

    #[test]
    fn a_refusal_says_from_what_and_by_what() {
        let refused = State::Released.after(Event::Started).unwrap_err();
        assert_eq!(refused.to_string(), "a token that is released cannot become started");
    }
}
