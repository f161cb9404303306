//! A phone, written from the protocol's description and not from the server's code: own thumbprints,
//! own associated data, own HKDF and HMAC.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::header,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use p256::{
    PublicKey, SecretKey,
    ecdh::diffie_hellman,
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use warifu_core::random;

use super::{TestApp, banks::Bank, http::Reply, walk::Numbers};

/// A phone with its two keys, and what it was given.
#[derive(Clone)]
pub(crate) struct Phone {
    test: TestApp,
    pub(crate) bank: Bank,
    ecdh: SecretKey,
    ecdsa: SigningKey,
    pub(crate) peer: String,
    pub(crate) root: Option<Vec<u8>>,
    pub(crate) activation: String,
    pub(crate) token: String,
}

impl Phone {
    pub(super) fn new(test: &TestApp, bank: Bank) -> Self {
        Self {
            test: test.clone(),
            bank,
            ecdh: SecretKey::from_slice(&random::bytes::<32>(&*test.app.random)).unwrap(),
            ecdsa: SigningKey::from_slice(&random::bytes::<32>(&*test.app.random)).unwrap(),
            peer: "198.51.100.20".to_owned(),
            root: None,
            activation: String::new(),
            token: String::new(),
        }
    }

    /// The same key for the delivery, another one for signatures.
    pub(crate) fn with_other_signing_key(&self) -> Self {
        Self { ecdsa: Self::new(&self.test, self.bank).ecdsa, ..self.clone() }
    }

    /// The same key for signatures, another one for the delivery.
    pub(crate) fn with_other_delivery_key(&self) -> Self {
        Self { ecdh: Self::new(&self.test, self.bank).ecdh, ..self.clone() }
    }

    /// What the phone sends to be set up, signed.
    pub(crate) fn request(&self, numbers: &Numbers, start: &str, qr: Option<&str>) -> Value {
        let (ecdh, ecdsa) = (jwk(&self.ecdh.public_key()), jwk(&self.ecdsa_public()));
        let signed = format!(
            "warifu-activation-1\n{}\n{}\n{start}\n{}\n{}\n{}",
            numbers.service_id,
            numbers.user_id,
            qr.unwrap_or_default(),
            thumbprint(&ecdh),
            thumbprint(&ecdsa),
        );
        let mut body = json!({
            "version": 1,
            "service_id": numbers.service_id,
            "user_id": numbers.user_id,
            "start_password": start,
            "ecdh_jwk": ecdh,
            "ecdsa_jwk": ecdsa,
            "signature": self.sign(&signed),
        });
        if let Some(qr) = qr {
            body["qr_secret"] = qr.into();
        }
        body
    }

    /// Asks to be set up; what comes is unwrapped and kept.
    pub(crate) async fn activate(&mut self, numbers: &Numbers, start: &str) -> Reply {
        let request = self.request(numbers, start, None);
        let reply = self.post("/phone/v1/activations", &request.to_string()).await;
        if reply.status == 200 {
            self.unwrap(&reply.json(), numbers);
        }
        reply
    }

    /// Is set up and says so.
    pub(crate) async fn set_up(&mut self, numbers: &Numbers, start: &str) {
        self.activate(numbers, start).await.expect(200);
        self.acknowledge().await.expect(204);
    }

    pub(crate) async fn acknowledge(&mut self) -> Reply {
        let signature = self.sign(&format!("warifu-ack-1\n{}", self.activation));
        let path = format!("/phone/v1/activations/{}/ack", self.activation);
        self.post(&path, &json!({ "signature": signature }).to_string()).await
    }

    /// Asks how its token stands, as of a moment of its own clock.
    pub(crate) async fn ask_status(&self, token: &str, at: i64) -> Reply {
        let signature = self.sign(&format!("warifu-token-1\n{token}\n{at}"));
        let body = json!({ "at": at, "signature": signature });
        self.post(&format!("/phone/v1/tokens/{token}"), &body.to_string()).await
    }

    /// Sends any text as JSON.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.post_as(path, "application/json", body.to_owned()).await
    }

    pub(crate) async fn post_as(&self, path: &str, kind: &str, body: impl Into<Body>) -> Reply {
        let body: Body = body.into();
        let mut request = Request::post(path)
            .header(header::HOST, self.bank.token())
            .header(header::CONTENT_TYPE, kind)
            .header(header::USER_AGENT, "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0) Safari/605");
        if let Some(length) = body.size_hint().exact() {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        let request = request.body(body).unwrap();
        self.test.send(request, &self.peer).await
    }

    /// The passcode of now.
    pub(crate) fn passcode(&self) -> String {
        self.passcode_of(0)
    }

    /// The passcode so many steps from now.
    pub(crate) fn passcode_of(&self, steps: i64) -> String {
        self.passcode_at(self.test.now().0 / (self.bank.period() * 1_000) + steps)
    }

    /// The passcode of this step, counted from the first.
    pub(crate) fn passcode_at(&self, step: i64) -> String {
        let root = self.root.as_deref().expect("a phone that was set up");
        hotp(&hkdf(root, b"warifu/1/passcode"), step, self.bank.digits())
    }

    /// Digits that are the passcode of no step near now.
    pub(crate) fn wrong_passcode(&self) -> String {
        let near: Vec<_> = (-3..=3).map(|steps| self.passcode_of(steps)).collect();
        let mut digits = (0..=9).map(|d| d.to_string().repeat(self.bank.digits()));
        digits.find(|wrong| !near.contains(wrong)).unwrap()
    }

    fn unwrap(&mut self, reply: &Value, numbers: &Numbers) {
        let text = |key: &str| reply[key].as_str().unwrap();
        let server = &reply["server_jwk"];
        let bound = [
            "warifu-activation-1",
            text("institution_id"),
            text("issue_id"),
            &numbers.user_id,
            &thumbprint(&jwk(&self.ecdh.public_key())),
            &thumbprint(&jwk(&self.ecdsa_public())),
            &thumbprint(server),
        ];
        let mut aad = Sha256::new();
        for part in bound {
            aad.update(u32::try_from(part.len()).unwrap().to_be_bytes());
            aad.update(part);
        }
        let shared = diffie_hellman(self.ecdh.to_nonzero_scalar(), public(server).as_affine());
        let cipher = Aes256Gcm::new_from_slice(shared.raw_secret_bytes()).unwrap();
        let nonce: [u8; 12] = B64.decode(text("nonce")).unwrap().try_into().unwrap();
        let sealed = B64.decode(text("box")).unwrap();
        let payload = Payload { msg: &sealed, aad: &aad.finalize() };
        let root = cipher.decrypt(&Nonce::from(nonce), payload).expect("the box opens");
        assert_eq!(root.len(), 32);
        self.root = Some(root);
        text("activation_id").clone_into(&mut self.activation);
        text("token_id").clone_into(&mut self.token);
    }

    fn ecdsa_public(&self) -> PublicKey {
        PublicKey::from(*self.ecdsa.verifying_key())
    }

    fn sign(&self, text: &str) -> String {
        let signature: Signature = self.ecdsa.sign(text.as_bytes());
        B64.encode(signature.to_bytes())
    }
}

fn jwk(key: &PublicKey) -> Value {
    let point = key.to_sec1_point(false);
    let bytes = point.as_bytes();
    json!({
        "kty": "EC", "crv": "P-256", "x": B64.encode(&bytes[1..33]), "y": B64.encode(&bytes[33..]),
    })
}

fn public(jwk: &Value) -> PublicKey {
    let part = |key: &str| B64.decode(jwk[key].as_str().unwrap()).unwrap();
    let point = [vec![4], part("x"), part("y")].concat();
    PublicKey::from_sec1_bytes(&point).unwrap()
}

/// RFC 7638.
fn thumbprint(jwk: &Value) -> String {
    let part = |key: &str| jwk[key].as_str().unwrap().to_owned();
    let (x, y) = (part("x"), part("y"));
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    B64.encode(Sha256::digest(members))
}

/// RFC 2104 over SHA-256.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|b| b ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// RFC 5869 without salt, one block.
fn hkdf(secret: &[u8], label: &[u8]) -> [u8; 32] {
    let key = hmac(&[0; 32], secret);
    hmac(&key, &[label, &[1]].concat())
}

/// RFC 4226 with SHA-256.
fn hotp(key: &[u8], step: i64, digits: usize) -> String {
    let mac = hmac(key, &step.to_be_bytes());
    let at = usize::from(mac[31] & 15);
    let number = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    let text = format!("{number:010}");
    text[10 - digits..].to_owned()
}
