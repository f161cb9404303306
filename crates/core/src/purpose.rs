//! What a proof is for. A proof given for one purpose never serves another.

worded! {
    /// What a passcode or an approval is bound to.
    Purpose {
        /// The second step of a login.
        Login = "login",
        /// The first passcode of a new token.
        Start = "start",
        /// The end of a token's use, by the customer.
        Release = "release",
        /// A change to another phone; never by a plain passcode.
        Exchange = "exchange",
        /// The time correction of a hardware token.
        Resync = "resync",
        /// A transfer or another order.
        Transaction = "transaction",
        /// A second look within a session.
        StepUp = "step_up",
        /// A login that an old appliance asks for.
        Radius = "radius",
        /// A change of the method of authentication; never by a plain passcode.
        Method = "method",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_one_word() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.as_str().parse(), Ok(*purpose));
        }
        assert_eq!(Purpose::ALL.len(), 9);
        assert!("Login".parse::<Purpose>().is_err());
        assert_eq!(serde_json::to_string(&Purpose::StepUp).unwrap(), "\"step_up\"");
    }
}
