/** The server's side of activation, written anew with node:crypto alone: nothing here comes from the app. */

import * as crypto from "node:crypto";

/** A bank that has issued one token and hands it over by version 1 of the protocol. */
export class Bank {
  serviceId = "10010001";
  institutionId = "ins_01jd0000000000000000000000";
  issueId = "iss_01jd0000000000000000000001";
  now = Date.UTC(2026, 10, 22, 5, 52, 30);
  root = crypto.randomBytes(32);
  qrSecret = crypto.randomBytes(16).toString("base64url");
  device = null;
  isDead = false;
  requests = [];
  acknowledged = 0;
  /** How the token stands, for whoever asks with its key; null where the server does not know it. */
  state = "activated";
  stopped = false;

  constructor(userId, startPassword) {
    this.userId = userId;
    this.startPassword = startPassword;
  }

  /** Answers like fetch. */
  fetch = async (path, options = {}) => {
    const body = options.body === undefined ? null : JSON.parse(options.body);
    this.requests.push({ path, body });
    const [status, content] = this.answer(path, body);
    return new Response(content === null ? null : JSON.stringify(content), { status });
  };

  answer(path, body) {
    const ack = /^\/phone\/v1\/activations\/(act_[0-9a-z]+)\/ack$/.exec(path);
    if (path === "/phone/v1/clock") {
      return [200, { now: this.now }];
    }
    if (ack !== null) {
      return this.acknowledge(ack[1], body);
    }
    const token = /^\/phone\/v1\/tokens\/(tok_[0-9a-z]+)$/.exec(path);
    if (token !== null) {
      const text = `warifu-token-1\n${token[1]}\n${body.at}`;
      const isRight = this.signingJwk !== undefined && isSigned(this.signingJwk, text, body.signature);
      return isRight && this.state !== null ? [200, { state: this.state, stopped: this.stopped, now: this.now }] : [403, problem(403, "forbidden")];
    }
    return path === "/phone/v1/activations" ? this.activate(body) : [404, problem(404, "not_found")];
  }

  activate(body) {
    const prints = { ecdh: thumbprint(body.ecdh_jwk), ecdsa: thumbprint(body.ecdsa_jwk) };
    const text = [
      "warifu-activation-1", body.service_id, body.user_id, body.start_password, body.qr_secret ?? "", prints.ecdh, prints.ecdsa,
    ].join("\n");
    const isRight =
      body.version === 1 &&
      isSigned(body.ecdsa_jwk, text, body.signature) &&
      body.service_id === this.serviceId &&
      body.user_id === this.userId &&
      body.start_password === this.startPassword &&
      (body.qr_secret === undefined || body.qr_secret === this.qrSecret);
    if (!isRight || this.isDead) {
      return [403, problem(403, "forbidden")];
    }
    const device = `${prints.ecdh}.${prints.ecdsa}`;
    this.device ??= device;
    this.signingJwk ??= body.ecdsa_jwk;
    if (this.device !== device) {
      this.isDead = true;
      return [410, problem(410, "gone")];
    }
    if (this.acknowledged > 0) {
      return [403, problem(403, "forbidden")];
    }
    this.deviceJwk = body.ecdsa_jwk;
    return [200, { ...this.sealed(body.ecdh_jwk, prints), ...this.terms() }];
  }

  sealed(ecdhJwk, prints) {
    const ephemeral = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { kty, crv, x, y } = ephemeral.publicKey.export({ format: "jwk" });
    const deviceKey = crypto.createPublicKey({ key: ecdhJwk, format: "jwk" });
    const shared = crypto.diffieHellman({ privateKey: ephemeral.privateKey, publicKey: deviceKey });
    const nonce = crypto.randomBytes(12);
    const cipher = crypto.createCipheriv("aes-256-gcm", shared, nonce);
    const server = { kty, crv, x, y };
    cipher.setAAD(binding([this.institutionId, this.issueId, this.userId, prints.ecdh, prints.ecdsa, thumbprint(server)]));
    const box = Buffer.concat([cipher.update(this.root), cipher.final(), cipher.getAuthTag()]);
    return { server_jwk: server, nonce: nonce.toString("base64url"), box: box.toString("base64url") };
  }

  terms() {
    return {
      activation_id: "act_01jd0000000000000000000002",
      institution_id: this.institutionId,
      issue_id: this.issueId,
      token_id: "tok_01jd0000000000000000000003",
      institution_name: "みらい銀行",
      passcode: { algorithm: "SHA-256", digits: 6, period: 60 },
      valid_until: this.now + 3 * 365 * 86_400_000,
      start_deadline: this.now + 7 * 86_400_000,
      now: this.now,
    };
  }

  acknowledge(activationId, { signature }) {
    if (!isSigned(this.deviceJwk, `warifu-ack-1\n${activationId}`, signature)) {
      return [403, problem(403, "forbidden")];
    }
    this.acknowledged += 1;
    return [204, null];
  }
}

/** A user ID with the check digit that makes its Damm walk end at 0, found by trying. */
export function userIdOf(eleven) {
  return [..."0123456789"].map((digit) => eleven + digit).find((id) => damm(id) === 0);
}

/** RFC 7638, written out. */
export function thumbprint({ crv, kty, x, y }) {
  return crypto.createHash("sha256").update(`{"crv":"${crv}","kty":"${kty}","x":"${x}","y":"${y}"}`).digest("base64url");
}

/** The digest the box is bound to. */
export function binding(parts) {
  const hash = crypto.createHash("sha256");
  for (const part of ["warifu-activation-1", ...parts]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(part));
    hash.update(length).update(part, "utf8");
  }
  return hash.digest();
}

/** The passcode key as the server derives it. */
export function passcodeKey(root) {
  return Buffer.from(crypto.hkdfSync("sha256", root, Buffer.alloc(0), "warifu/1/passcode", 32));
}

function isSigned(jwk, text, signature) {
  const key = crypto.createPublicKey({ key: jwk, format: "jwk" });
  const raw = Buffer.from(signature, "base64url");
  return raw.length === 64 && crypto.verify("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }, raw);
}

function problem(status, code, more = {}) {
  return { type: `https://bank.example/problems/${code}`, title: code, status, code, ...more };
}

function damm(digits) {
  const table = "0317598642709215486342068713591750983426612304597836742095815869720134894536201794386172052581436790";
  return [...digits].reduce((interim, digit) => Number(table[interim * 10 + Number(digit)]), 0);
}
