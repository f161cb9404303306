//! The words of the audit trail: what happened, who did it, through which door, how it ended.

worded! {
    /// What happened: dotted, in the past tense; part of the API, never renamed.
    Kind {
        /// A customer is signed in, all proofs given.
        SessionSignedIn = "session.signed_in",
        /// The login password was right; the passcode is due.
        PasswordProved = "password.proved",
        /// A sign-in was refused.
        SessionRefused = "session.refused",
        /// A session ended, by the customer, by time or by a newer one.
        SessionEnded = "session.ended",
        /// A passcode was accepted, once and for all.
        PasscodeAccepted = "passcode.accepted",
        /// A passcode was refused.
        PasscodeRefused = "passcode.refused",
        /// A counter reached a lock or a stop.
        CounterLocked = "counter.locked",
        /// A lock or a stop was lifted.
        CounterUnlocked = "counter.unlocked",
        /// A mail password was put into the outbox.
        MailPasswordSent = "mail_password.sent",
        /// A mail password was refused.
        MailPasswordRefused = "mail_password.refused",
        /// A confirmation password was refused.
        ConfirmationRefused = "confirmation.refused",
        /// A token was issued.
        TokenIssued = "token.issued",
        /// A token was set up on a phone.
        TokenActivated = "token.activated",
        /// The same phone fetched its token again.
        ActivationRepeated = "activation.repeated",
        /// The phone said that it holds its token's root.
        ActivationAcknowledged = "activation.acknowledged",
        /// A new QR code was asked for.
        QrRenewed = "qr.renewed",
        /// The mail with the numbers of an issue was sent again.
        TokenMailRepeated = "token_mail.repeated",
        /// A set-up was refused.
        ActivationRefused = "activation.refused",
        /// An issue ended before its token was in use.
        IssueDied = "issue.died",
        /// The use of a token began.
        TokenStarted = "token.started",
        /// The customer ended the use of a token.
        TokenReleased = "token.released",
        /// A token reached its last day or its deadline.
        TokenExpired = "token.expired",
        /// A token was revoked.
        TokenRevoked = "token.revoked",
        /// A field of a page was refused.
        InputRefused = "input.refused",
        /// A procedure was left before its end.
        ProcedureCancelled = "procedure.cancelled",
        /// The customer, or the bank, stopped everything of the customer.
        CustomerStopped = "customer.stopped",
        /// The customer chose the language of mails.
        LanguageChanged = "language.changed",
        /// A static password was changed.
        PasswordChanged = "password.changed",
        /// The present password was refused when it was to be changed.
        PasswordRefused = "password.refused",
        /// A number was mailed to an address that is to be registered.
        AddressNumberSent = "address_number.sent",
        /// A notice address was registered.
        AddressRegistered = "address.registered",
        /// A notice address was removed; it is told of everything for a while longer.
        AddressRemoved = "address.removed",
        /// An act that a second person approves was applied for.
        ApplicationFiled = "application.filed",
        /// A customer came in by an import.
        CustomerImported = "customer.imported",
        /// An institution was set up.
        InstitutionCreated = "institution.created",
        /// An institution's document was replaced by a newer version.
        InstitutionApplied = "institution.applied",
        /// A mail was handed over to the next server.
        MailSent = "mail.sent",
        /// A mail was given up.
        MailFailed = "mail.failed",
        /// A mail came back after it had been handed over.
        MailBounced = "mail.bounced",
        /// A mail that was given up is to be sent again.
        MailRetried = "mail.retried",
        /// A text for the customers' top page was added.
        NoticeAdded = "notice.added",
        /// A text for the customers' top page was taken down.
        NoticeEnded = "notice.ended",
        /// A key of the bank's programs was made.
        ApiKeyCreated = "api_key.created",
        /// A key of the bank's programs was revoked.
        ApiKeyRevoked = "api_key.revoked",
        /// A copy of the database took the place of another; what was begun is ended.
        DatabaseRestored = "database.restored",
        /// Someone asked for what is not theirs.
        AccessRefused = "access.refused",
    }
}

worded! {
    /// Who did it.
    ActorKind {
        /// The customer in a session.
        Customer = "customer",
        /// The program itself, by time or as a consequence.
        System = "system",
        /// An engineer at the command line.
        CommandLine = "command_line",
        /// The phone app, known by its keys or not yet known.
        Phone = "phone",
        /// A program of the bank.
        ApiKey = "api_key",
        /// A member of staff.
        Operator = "operator",
        /// Someone who has proved nothing.
        Anonymous = "anonymous",
    }
}

worded! {
    /// How it ended.
    Outcome {
        /// Done.
        Ok = "ok",
        /// Refused by a rule.
        Refused = "refused",
        /// Tried, and something broke.
        Failed = "failed",
    }
}

worded! {
    /// Through which door it came.
    Channel {
        /// The customer's pages.
        Portal = "portal",
        /// The phone app.
        Phone = "phone",
        /// The bank's programs.
        Api = "api",
        /// The staff's pages.
        Console = "console",
        /// The command line.
        CommandLine = "command_line",
        /// Work in the background.
        Worker = "worker",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_dotted_past_tense_and_reads_back() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in Kind::ALL {
            let word = kind.as_str();
            let (thing, event) = word.split_once('.').unwrap();
            assert!(!thing.is_empty() && !event.is_empty() && !event.contains('.'), "{word}");
            let past = event.ends_with("ed") || ["sent", "signed_in"].contains(&event);
            assert!(past, "{word} is not in the past tense");
            assert_eq!(word.parse(), Ok(*kind));
            assert!(seen.insert(word), "{word} twice");
        }
    }

    #[test]
    fn actors_outcomes_and_channels_read_back() {
        for actor in ActorKind::ALL {
            assert_eq!(actor.as_str().parse(), Ok(*actor));
        }
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        }
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse(), Ok(*channel));
        }
        assert!("customers".parse::<ActorKind>().is_err());
    }
}
