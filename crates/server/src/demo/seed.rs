//! Fills the demo through the product's own actions, so that nothing in it could not have happened.

use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use warifu_core::{
    audit::Channel,
    ids::{CustomerId, UserId},
    issue::StartPassword,
    oath::{Algorithm, Digits, Passcode, hotp, time_step},
    random,
    secret::{SecretBytes, SecretText},
    time::Millis,
};
use warifu_store::{Session, Token};

use super::people::{PEOPLE, Person, Until};
use crate::{
    actions::{
        activate, import, institutions, issue,
        login_password::{Answer, Credentials},
        places, sessions, sign_in, start,
    },
    app::App,
    error::AppError,
    institutions::Institution,
    mail::{
        transport::{Transport, folder::read_folder},
        worker,
    },
    origin::Origin,
    phone::keys::Jwk,
    web::cookies::{BrowserSecret, DeviceSecret},
};

/// Sets up the demo's bank and its customers, with their mails in the folder `mails`; does nothing
/// where they are there already.
pub(crate) async fn seed(app: &App, document: &str, mails: &Path) -> anyhow::Result<()> {
    if !app.institutions.all().is_empty() {
        return Ok(());
    }
    institutions::create(app, document)
        .await
        .map_err(|e| anyhow::anyhow!("the demo's bank: {e}"))?;
    let institution =
        app.institutions.all().first().cloned().ok_or_else(|| anyhow::anyhow!("no bank"))?;
    fill(app, &institution, mails).await.map_err(|e| anyhow::anyhow!("the demo's customers: {e}"))
}

async fn fill(app: &App, institution: &Arc<Institution>, mails: &Path) -> Result<(), AppError> {
    let origin = origin(app, institution);
    let imported = import::import(app, &origin, file(app).as_bytes(), false, |_, _| {}).await?;
    if let Some(bad) = imported.bad.first() {
        return Err(AppError::internal(format!("line {}: {}", bad.line, bad.reason)));
    }
    for person in PEOPLE.iter().filter(|p| p.until != Until::Fresh) {
        walk(app, institution, mails, person).await?;
    }
    Ok(())
}

fn origin(app: &App, institution: &Arc<Institution>) -> Origin {
    Origin::inside(Arc::clone(institution), Channel::CommandLine, app.clock.now())
}

fn file(app: &App) -> String {
    // Long enough ago for a mail password.
    let confirmed = app.clock.now().minus(Duration::from_hours(30 * 24));
    let confirmed = jiff::Timestamp::from_millisecond(confirmed.0).unwrap_or_default();
    let mut csv = "customer_number,login_id,name,name_kana,birthday,locale,notice_addresses,\
         addresses_confirmed_at,login_password,confirmation_password\n"
        .to_owned();
    let confirmed = confirmed.to_string();
    for p in PEOPLE {
        let line = [
            p.number,
            p.login_id,
            p.name,
            p.kana,
            p.birthday,
            "ja",
            p.address,
            &confirmed,
            p.login_password,
            p.confirmation_password,
        ];
        csv.push_str(&line.join(","));
        csv.push('\n');
    }
    csv
}

// Issue on the PC, set-up on a phone, and for one of them the start of use.
async fn walk(
    app: &App,
    institution: &Arc<Institution>,
    mails: &Path,
    person: &Person,
) -> Result<(), AppError> {
    let origin = origin(app, institution);
    let session = log_in(app, &origin, person).await?;
    let id = Some(issue::begin(app, &origin, &session).await?);
    issue::select(app, &origin, &session, id).await?;
    let blocked = |b| AppError::internal(format!("mail password: {b:?}"));
    issue::send_mail_password(app, &origin, &session, id).await?.map_err(blocked)?;
    let entry = issue::Entry {
        address: person.phone_address.to_owned(),
        address2: person.phone_address.to_owned(),
        start_password: SecretText::new(person.start_password.to_owned()),
        start_password2: SecretText::new(person.start_password.to_owned()),
    };
    issue::enter(app, &origin, &session, id, &entry).await?;
    let proofs = issue::Proofs {
        confirmation: SecretText::new(person.confirmation_password.to_owned()),
        mail: mail_password(app, &origin, mails, person).await?,
    };
    issue::confirm(app, &origin, &session, id, proofs).await?;
    let token = set_up(app, &origin, person, &session).await?;
    if person.until == Until::InUse {
        let id = Some(start::begin(app, &origin, &session).await?);
        start::confirm(app, &origin, &session, id).await?;
        let passcode = passcode(app, &origin, &token, session.customer_id)?;
        start::start(app, &origin, &session, id, &passcode).await?;
    }
    sessions::sign_out(app, &origin, &session).await?;
    Ok(())
}

async fn log_in(app: &App, origin: &Origin, person: &Person) -> Result<Session, AppError> {
    let given = Credentials {
        login_id: person.login_id.parse().ok(),
        typed: person.login_id.to_owned(),
        password: SecretText::new(person.login_password.to_owned()),
        device: DeviceSecret::fresh(random::bytes(&*app.random)).hash(),
    };
    let browser = Arc::new(BrowserSecret::fresh(random::bytes(&*app.random)));
    match sign_in::sign_in(app, origin, given, &browser).await? {
        Answer::Right(begun) => Ok(sessions::find(app, origin, &begun.browser).await?.0),
        other => Err(AppError::internal(format!("login: {other:?}"))),
    }
}

// Lets the mails go, and reads the newest of this person as they would.
async fn mail_password(
    app: &App,
    origin: &Origin,
    mails: &Path,
    person: &Person,
) -> Result<SecretText, AppError> {
    let transport = Transport::Folder(mails.to_owned());
    let holder = worker::holder(app);
    while worker::round(app, &transport, &holder).await? > 0 {}
    let digits = origin.institution.policy().mail_password.digits as usize;
    read_folder(mails)
        .iter()
        .filter(|mail| mail.to == person.address)
        .flat_map(|mail| mail.body.split(|c: char| !c.is_ascii_digit()))
        .find(|run| run.len() == digits)
        .map(|run| SecretText::new(run.to_owned()))
        .ok_or_else(|| AppError::internal("no mail password in the mailbox"))
}

async fn set_up(
    app: &App,
    origin: &Origin,
    person: &Person,
    session: &Session,
) -> Result<Token, AppError> {
    let mut tx = app.store.read().await?;
    let issue = tx.running_issue(session.customer_id).await?;
    drop(tx);
    let issue = issue.ok_or_else(|| AppError::internal("no issue"))?;
    let (ecdh, _) = device_key(app)?;
    let (ecdsa, signing) = device_key(app)?;
    let ask = activate::Ask {
        user_id: UserId::parse(&issue.user_id).map_err(AppError::internal)?,
        start_password: StartPassword::typed(person.start_password).map_err(AppError::internal)?,
        qr_secret: None,
        ecdh,
        ecdsa,
        device: "iPhone（Safari）".to_owned(),
    };
    let reply = activate::activate(app, origin, &ask).await?;
    let reply: serde_json::Value = serde_json::from_str(&reply).map_err(AppError::internal)?;
    let activation = reply["activation_id"].as_str().unwrap_or_default();
    let signature: Signature = signing.sign(format!("warifu-ack-1\n{activation}").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
    let activation = activation.parse().map_err(AppError::internal)?;
    activate::acknowledge(app, origin, activation, &signature).await?;
    let mut tx = app.store.read().await?;
    tx.token(session.customer_id, issue.token_id)
        .await?
        .ok_or_else(|| AppError::internal("no token"))
}

fn device_key(app: &App) -> Result<(Jwk, SigningKey), AppError> {
    let key =
        SigningKey::from_slice(&random::bytes::<32>(&*app.random)).map_err(AppError::internal)?;
    let jwk = Jwk::of(&p256::PublicKey::from(*key.verifying_key()));
    Ok((jwk, key))
}

fn passcode(
    app: &App,
    origin: &Origin,
    token: &Token,
    customer: CustomerId,
) -> Result<Passcode, AppError> {
    let root = root_of(origin, token, customer)?;
    let key = crate::phone::keys::from_root(&root, "warifu/1/passcode");
    let now: Millis = app.clock.now();
    let policy = &origin.institution.policy().passcode;
    let step = time_step(now, policy.period.seconds());
    let digits = Digits::try_from(policy.digits).map_err(AppError::internal)?;
    let code = hotp(key.expose(), u64::try_from(step).unwrap_or(0), digits, Algorithm::Sha256);
    Passcode::parse(code.expose(), digits).map_err(AppError::internal)
}

/// The root of a token of the demo.
pub(crate) fn root_of(
    origin: &Origin,
    token: &Token,
    customer: CustomerId,
) -> Result<SecretBytes, AppError> {
    let sealed = token.root.as_deref().ok_or_else(|| AppError::internal("no root"))?;
    let spot = places::token(origin.institution.id, customer, "root", token.id);
    Ok(origin.institution.keys.open(&spot.place(), sealed)?)
}
