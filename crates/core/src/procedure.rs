//! Procedures: their steps in order, and how they end.

worded! {
    /// Which procedure a customer goes through.
    Flow {
        /// A token is issued.
        Issue = "issue",
        /// Its use is started.
        Start = "start",
        /// Its use is released.
        Release = "release",
        /// A static password is changed.
        Password = "password",
        /// A notice address is added, changed or removed.
        Address = "address",
    }
}

worded! {
    /// A step of a procedure: the page that is waited for.
    Step {
        /// The kind of token is chosen.
        Select = "select",
        /// The mail password is asked for.
        Mail = "mail",
        /// Details are typed.
        Input = "input",
        /// What is going to happen is shown and confirmed.
        Confirm = "confirm",
        /// A passcode is proved.
        Passcode = "passcode",
        /// The number that was mailed to a new address is typed.
        Number = "number",
        /// It is done.
        Done = "done",
    }
}

worded! {
    /// How a procedure ended.
    ProcedureEnd {
        /// It reached its last page.
        Done = "done",
        /// The customer left it.
        Cancelled = "cancelled",
        /// A newer one, or a newer session, took its place.
        Superseded = "superseded",
        /// Too many wrong proofs.
        Stopped = "stopped",
    }
}

impl Flow {
    /// The steps, in the order in which they are taken.
    #[must_use]
    pub const fn steps(self) -> &'static [Step] {
        match self {
            Self::Issue => &[Step::Select, Step::Mail, Step::Input, Step::Confirm, Step::Done],
            Self::Start => &[Step::Confirm, Step::Passcode, Step::Done],
            Self::Release => &[Step::Passcode, Step::Done],
            Self::Password => &[Step::Confirm, Step::Done],
            Self::Address => &[Step::Confirm, Step::Number, Step::Done],
        }
    }

    /// The step a procedure begins with.
    #[must_use]
    pub const fn first(self) -> Step {
        match self {
            Self::Issue => Step::Select,
            // A change of password or address begins with what was typed: its first page needs no row.
            Self::Start | Self::Password | Self::Address => Step::Confirm,
            Self::Release => Step::Passcode,
        }
    }

    /// Whether the procedure comes to `step` only after `other`.
    #[must_use]
    pub fn comes_after(self, step: Step, other: Step) -> bool {
        let place = |wanted| self.steps().iter().position(|s| *s == wanted);
        matches!((place(step), place(other)), (Some(step), Some(other)) if step > other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_procedure_has_each_step_once_begins_with_its_first_and_ends_done() {
        for flow in Flow::ALL {
            let steps = flow.steps();
            assert_eq!(steps.first(), Some(&flow.first()));
            assert_eq!(steps.last(), Some(&Step::Done));
            let distinct: std::collections::BTreeSet<_> = steps.iter().collect();
            assert_eq!(distinct.len(), steps.len(), "{flow}");
        }
    }

    #[test]
    fn a_step_comes_after_those_before_it_and_never_after_a_foreign_one() {
        assert!(Flow::Issue.comes_after(Step::Confirm, Step::Input));
        assert!(!Flow::Issue.comes_after(Step::Input, Step::Input));
        assert!(!Flow::Issue.comes_after(Step::Input, Step::Confirm));
        assert!(!Flow::Release.comes_after(Step::Done, Step::Input));
        assert!(!Flow::Release.comes_after(Step::Input, Step::Passcode));
    }
}
