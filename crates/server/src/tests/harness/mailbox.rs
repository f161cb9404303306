//! The mailboxes of all customers: the real worker sends into a folder, people read there.

use super::{TestApp, banks::Person};
use crate::mail::{
    transport::{
        Transport,
        folder::{self, StoredMail},
    },
    worker,
};

impl TestApp {
    /// The folder as the worker sees it.
    pub(crate) fn transport(&self) -> Transport {
        Transport::Folder(self.mails.path().to_owned())
    }

    /// Lets the worker send all that is due.
    pub(crate) async fn deliver(&self) {
        let holder = worker::holder(&self.app);
        while worker::round(&self.app, &self.transport(), &holder).await.unwrap() > 0 {}
    }

    /// Every mail that was ever sent, newest first.
    pub(crate) fn mails(&self) -> Vec<StoredMail> {
        folder::read_folder(self.mails.path())
    }

    /// The subjects of the mails to one address, newest first.
    pub(crate) fn subjects(&self, address: &str) -> Vec<String> {
        let mails = self.mails().into_iter().filter(|mail| mail.to == address);
        mails.map(|mail| mail.subject).collect()
    }

    /// What one mail says, as the newest with this in its subject says it.
    pub(crate) fn body(&self, address: &str, subject: &str) -> String {
        let mut mails = self.mails().into_iter();
        let found = mails.find(|mail| mail.to == address && mail.subject.contains(subject));
        found.unwrap_or_else(|| panic!("no mail to {address} about {subject}")).body
    }

    /// The mail password that a customer reads in the newest mail.
    pub(crate) async fn mail_password(&self, person: &Person) -> String {
        self.deliver().await;
        let body = self.body(person.address(), "メール通知パスワードのお知らせ");
        let line = body.lines().find(|line| line.starts_with("メール通知パスワード　")).unwrap();
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits.len(), person.bank.mail_digits(), "{line}");
        digits
    }
}
