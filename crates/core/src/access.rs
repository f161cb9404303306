//! What a program of the bank may ask for: the scopes of its API key.

use crate::purpose::Purpose;

worded! {
    /// One right of an API key. The scopes of verification name its purpose: a key for the login does
    /// not approve transfers.
    Scope {
        /// Verify passcodes of logins.
        Login = "verifications:login",
        /// Verify passcodes of transfers and other orders.
        Transaction = "verifications:transaction",
        /// Verify passcodes within a session.
        StepUp = "verifications:step_up",
        /// Verify passcodes for old appliances.
        Radius = "verifications:radius",
        /// Be told why a passcode was refused.
        Reason = "verifications:reason",
    }
}

impl Scope {
    /// The scope that a verification of this purpose wants; none where no program may ask for it,
    /// whatever its key: what binds or unbinds a token is the customer's own.
    #[must_use]
    pub const fn of(purpose: Purpose) -> Option<Self> {
        match purpose {
            Purpose::Login => Some(Self::Login),
            Purpose::Transaction => Some(Self::Transaction),
            Purpose::StepUp => Some(Self::StepUp),
            Purpose::Radius => Some(Self::Radius),
            Purpose::Start
            | Purpose::Release
            | Purpose::Exchange
            | Purpose::Resync
            | Purpose::Method => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scope_reaches_what_binds_or_unbinds_a_token() {
        let reachable: Vec<_> =
            Purpose::ALL.iter().filter(|p| Scope::of(**p).is_some()).map(|p| p.as_str()).collect();
        assert_eq!(reachable, ["login", "transaction", "step_up", "radius"]);
    }

    #[test]
    fn a_scope_of_a_purpose_names_it() {
        for purpose in Purpose::ALL {
            if let Some(scope) = Scope::of(*purpose) {
                assert_eq!(scope.as_str(), format!("verifications:{purpose}"));
            }
        }
    }
}
