//! The words of sessions: how far their proofs go, and why they end.

worded! {
    /// How far a session's proofs go.
    Level {
        /// The login password was right; the passcode is due.
        Password = "password",
        /// All that the customer's login demands.
        Full = "full",
    }
}

worded! {
    /// Why a session ended before its time.
    SessionEnd {
        /// The customer logged out.
        LoggedOut = "logout",
        /// The customer logged in elsewhere.
        Replaced = "replaced",
        /// The passcode was proved: a session of the next level took its place.
        Renewed = "renewed",
        /// Everything of the customer was stopped.
        Stopped = "stopped",
    }
}
