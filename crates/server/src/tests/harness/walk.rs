//! The customer's way over the pages, step by step, as the manual tells it.

use super::{
    banks::Person,
    browser::Browser,
    http::{Reply, between},
    phone::Phone,
};

/// What BOT003 shows, to be carried to the phone.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    pub(crate) service_id: String,
    pub(crate) user_id: String,
    pub(crate) qr_secret: String,
}

impl Numbers {
    /// Reads them off BOT003.
    pub(crate) fn of(page: &Reply) -> Self {
        let link = between(&page.body, "/app/#1.", "\"").unwrap_or_default();
        Self {
            service_id: page.number("service-id"),
            user_id: page.number("user-id"),
            qr_secret: link.rsplit('.').next().unwrap().to_owned(),
        }
    }
}

impl Browser {
    /// BLI001, sent.
    pub(crate) async fn password(&mut self, login_id: &str, password: &str) -> Reply {
        if self.page.screen() != "BLI001" {
            self.open("/login").await.expect(200).expect_screen("BLI001");
        }
        let fields = [("login_id", login_id), ("login_password", password)];
        self.post("/login", &fields).await
    }

    /// A login that needs no passcode.
    pub(crate) async fn sign_in(&mut self, person: &Person) {
        self.secrets.push(person.login_password.to_owned());
        self.secrets.push(person.confirmation_password.to_owned());
        self.password(person.login_id, person.login_password).await.expect_to("/top");
        self.open("/top").await.expect(200).expect_screen("BPT001");
    }

    /// A login up to BLI002.
    pub(crate) async fn sign_in_half(&mut self, person: &Person) {
        self.secrets.push(person.login_password.to_owned());
        let reply = self.password(person.login_id, person.login_password).await;
        reply.expect_to("/login/passcode");
        self.open("/login/passcode").await.expect(200);
    }

    /// BLI002, sent.
    pub(crate) async fn passcode(&mut self, passcode: &str) -> Reply {
        // A page that says why none is looked at has no form; a browser may still hold an older one.
        if !self.page.has_form() {
            self.open("/login").await;
        }
        self.post("/login/passcode", &[("passcode", passcode)]).await
    }

    /// A login with a passcode.
    pub(crate) async fn sign_in_with(&mut self, person: &Person, passcode: &str) {
        self.sign_in_half(person).await;
        self.passcode(passcode).await.expect_to("/top");
        self.open("/top").await.expect(200).expect_screen("BPT001");
    }

    pub(crate) async fn sign_out(&mut self) -> Reply {
        self.open("/top").await.expect(200);
        self.submit("/logout", &[]).await
    }

    /// The procedure that runs, where the page shows no form of it.
    pub(crate) async fn database_procedure(&self) -> String {
        self.test.database.text("procedures", "id", "ended_at IS NULL").await
    }

    /// From BOP001 to BOT000.
    pub(crate) async fn begin_issue(&mut self) {
        // Mails of one moment have no order; people are slower than that.
        self.test.advance_secs(1);
        self.open("/otp").await.expect(200).expect_screen("BOP001");
        self.submit("/otp/issue", &[]).await.expect(200).expect_screen("BOT000");
    }

    /// From BOP001 to BMP001.
    pub(crate) async fn reach_mail(&mut self) {
        self.begin_issue().await;
        self.submit("/otp/issue/select", &[]).await.expect(200).expect_screen("BMP001");
    }

    /// From BOP001 to BOT001: the mail password is on its way.
    pub(crate) async fn reach_input(&mut self) {
        self.reach_mail().await;
        self.submit("/otp/issue/mail", &[]).await.expect(200).expect_screen("BOT001");
    }

    /// BOT001, sent.
    pub(crate) async fn enter(&mut self, address: &str, start_password: &str) -> Reply {
        let fields = [
            ("address", address),
            ("address2", address),
            ("start_password", start_password),
            ("start_password2", start_password),
        ];
        self.post("/otp/issue/input", &fields).await
    }

    /// From BOP001 to BOT002.
    pub(crate) async fn reach_confirm(&mut self, person: &Person) {
        self.reach_input().await;
        self.secrets.push(person.start_password.to_owned());
        let reply = self.enter(person.phone_address, person.start_password).await;
        let reply = reply.expect_to("/otp/issue/confirm");
        self.open(reply.location()).await.expect(200).expect_screen("BOT002");
    }

    /// BOT002, sent.
    pub(crate) async fn confirm(&mut self, confirmation: &str, mail_password: &str) -> Reply {
        let fields = [
            ("confirmation_password", confirmation),
            ("mail_password", mail_password),
            ("action", "commit"),
        ];
        self.post("/otp/issue/confirm", &fields).await
    }

    /// The whole issue, from BOP001 to BOT003.
    pub(crate) async fn issue(&mut self, person: &Person) -> Numbers {
        self.reach_confirm(person).await;
        let mail_password = self.test.mail_password(person).await;
        let reply = self.confirm(person.confirmation_password, &mail_password).await;
        let reply = reply.expect_to("/otp/issue/done");
        let page = self.open(reply.location()).await.expect(200).expect_screen("BOT003");
        Numbers::of(&page)
    }

    /// The whole issue and the set-up of a phone.
    pub(crate) async fn issue_to_phone(&mut self, person: &Person) -> Phone {
        let numbers = self.issue(person).await;
        let mut phone = self.test.phone(person.bank);
        phone.set_up(&numbers, person.start_password).await;
        phone
    }

    /// From BOP001 to BOK002.
    pub(crate) async fn reach_start(&mut self) {
        self.open("/otp").await.expect(200).expect_screen("BOP001");
        self.submit("/otp/start", &[]).await.expect(200).expect_screen("BOK001");
        self.submit("/otp/start/confirm", &[]).await.expect(200).expect_screen("BOK002");
    }

    /// BOK002, sent.
    pub(crate) async fn start(&mut self, passcode: &str) -> Reply {
        self.post("/otp/start/passcode", &[("passcode", passcode)]).await
    }

    /// From BOP001 to BOS001.
    pub(crate) async fn reach_release(&mut self) {
        self.open("/otp").await.expect(200).expect_screen("BOP001");
        self.submit("/otp/release", &[]).await.expect(200).expect_screen("BOS001");
    }

    /// BOS001, sent.
    pub(crate) async fn release(&mut self, passcode: &str) -> Reply {
        self.post("/otp/release/passcode", &[("passcode", passcode)]).await
    }

    /// All three steps: afterwards the passcode is demanded, and the one of now is spent.
    pub(crate) async fn until_in_use(&mut self, person: &Person) -> Phone {
        let phone = self.issue_to_phone(person).await;
        self.reach_start().await;
        self.start(&phone.passcode()).await.expect_to("/otp/start/done");
        self.test.advance_secs(person.bank.period());
        phone
    }
}
