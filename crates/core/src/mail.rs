//! The words of the outbox: where a mail stands.

worded! {
    /// Where a mail stands.
    MailState {
        /// It waits for its next try.
        Queued = "queued",
        /// A worker holds it.
        Sending = "sending",
        /// It was handed over to the next server.
        Sent = "sent",
        /// It was given up.
        Failed = "failed",
        /// It was handed over, and came back.
        Bounced = "bounced",
        /// Its secret ran out before it could be sent.
        Expired = "expired",
    }
}

impl MailState {
    /// Whether it is still to be sent.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }
}
