-- One row a bank. The document is the TOML that was applied, whole.
CREATE TABLE institutions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    service_id TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    mac BYTEA NOT NULL,
    applied_at BIGINT NOT NULL
);

CREATE TABLE institution_versions (
    institution_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    applied_at BIGINT NOT NULL,
    PRIMARY KEY (institution_id, version)
);

-- A host belongs to one institution of the whole installation.
CREATE TABLE institution_hosts (
    host TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    institution_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL
);

-- Data keys, sealed under a key-encryption key that is not in the database.
CREATE TABLE institution_keys (
    institution_id TEXT COLLATE "C" NOT NULL,
    key_id BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (institution_id, key_id)
);

-- What is found from outside: login ID, customer number, user ID, activation. Points to nothing until
-- the customer's own row is committed.
CREATE TABLE directory (
    institution_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    -- A batch that names login IDs reads these pages alone.
    PRIMARY KEY (institution_id, kind, value) INCLUDE (bucket, customer_id)
);

CREATE TABLE customers (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    institution_id TEXT COLLATE "C" NOT NULL,
    customer_number TEXT COLLATE "C" NOT NULL,
    login_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_kana TEXT COLLATE "C" NOT NULL,
    birthday TEXT COLLATE "C" NOT NULL,
    locale TEXT COLLATE "C" NOT NULL,
    login_hash TEXT COLLATE "C" NOT NULL,
    login_mac BYTEA NOT NULL,
    confirmation_hash TEXT COLLATE "C" NOT NULL,
    confirmation_mac BYTEA NOT NULL,
    login_given BOOLEAN NOT NULL,
    confirmation_given BOOLEAN NOT NULL,
    otp_required BOOLEAN NOT NULL,
    hold_until BIGINT,
    issue_from BIGINT,
    suspended_at BIGINT,
    stopped_by TEXT COLLATE "C",
    stop_reception TEXT COLLATE "C",
    last_login_at BIGINT,
    previous_login_at BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id)
);

CREATE TABLE addresses (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    mac BYTEA NOT NULL,
    registered_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    removed_at BIGINT,
    PRIMARY KEY (bucket, customer_id, id)
);

-- Failures of login, confirm, mail and start; the passcode's own counter lives in verifiers.
-- What has no customer (an unknown login ID, a network) is its own customer_id.
CREATE TABLE counters (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    failures BIGINT NOT NULL,
    locked_until BIGINT,
    locked BOOLEAN NOT NULL,
    day BIGINT NOT NULL,
    day_total BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, subject, kind)
);
-- What may be forgotten in time: guesses at login IDs that nobody may have, networks.
CREATE INDEX counters_idle ON counters (changed_at)
    WHERE kind IN ('login', 'stop', 'network', 'mail', 'start');

-- Browsers that a customer has logged in with: they keep their own budget of login failures.
CREATE TABLE devices (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    secret_hash BYTEA NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, secret_hash)
);
CREATE INDEX devices_idle ON devices (last_seen_at);

CREATE TABLE sessions (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    secret_hash BYTEA NOT NULL,
    old_hash BYTEA,
    level TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT COLLATE "C",
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX sessions_ending ON sessions (ends_at);

CREATE TABLE procedures (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    input BYTEA,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome TEXT COLLATE "C",
    version BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX procedures_ending ON procedures (expires_at);

CREATE TABLE mail_passwords (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    mac BYTEA NOT NULL,
    sent_to TEXT COLLATE "C" NOT NULL,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX mail_passwords_ending ON mail_passwords (expires_at);

CREATE TABLE tokens (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    root BYTEA,
    signing_key TEXT COLLATE "C",
    signing_mac BYTEA,
    device TEXT COLLATE "C",
    issued_at BIGINT NOT NULL,
    activated_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    valid_until BIGINT NOT NULL,
    due_at BIGINT,
    suspended_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, id)
);
-- What time will do to a token by itself next: tell its end ahead, end it.
CREATE INDEX tokens_due ON tokens (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE issues (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    token_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    phone_address TEXT COLLATE "C" NOT NULL,
    address_mac BYTEA NOT NULL,
    start_mac BYTEA,
    activate_until BIGINT NOT NULL,
    start_until BIGINT NOT NULL,
    qr_until BIGINT NOT NULL,
    ecdh_thumbprint TEXT COLLATE "C",
    ecdsa_thumbprint TEXT COLLATE "C",
    activation_id TEXT COLLATE "C",
    reply BYTEA,
    acknowledged_at BIGINT,
    created_at BIGINT NOT NULL,
    deadline BIGINT,
    ended_at BIGINT,
    end_reason TEXT COLLATE "C",
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX issues_deadline ON issues (deadline) WHERE deadline IS NOT NULL;

-- The hot table: all that a verification reads and the little that it writes. Its key never changes, so
-- that an update of a row writes no index.
CREATE TABLE verifiers (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    token_id TEXT COLLATE "C" NOT NULL,
    institution_id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    suspended BOOLEAN NOT NULL,
    hold_until BIGINT,
    mode TEXT COLLATE "C" NOT NULL,
    algorithm TEXT COLLATE "C" NOT NULL,
    digits BIGINT NOT NULL,
    period BIGINT NOT NULL,
    sealed_key BYTEA NOT NULL,
    valid_until BIGINT NOT NULL,
    floor_step BIGINT NOT NULL,
    last_step BIGINT NOT NULL,
    era BIGINT NOT NULL,
    drift BIGINT NOT NULL,
    drift_seen BIGINT,
    failures BIGINT NOT NULL,
    locked_until BIGINT,
    locked BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, token_id)
) WITH (fillfactor = 80);

CREATE TABLE mails (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    institution_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    locale TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    body BYTEA,
    has_secret BOOLEAN NOT NULL,
    reception TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    leased_by TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    sent_at BIGINT,
    last_error TEXT COLLATE "C",
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX mails_old ON mails (created_at);
-- What a bounce names, and what the command line lists.
CREATE INDEX mails_by_id ON mails (id);
CREATE INDEX mails_by_institution ON mails (institution_id, created_at);
-- Of all the mails only those that wait.
CREATE INDEX mails_waiting ON mails (next_at) WHERE state IN ('queued', 'sending');

CREATE TABLE audit (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    institution_id TEXT COLLATE "C" NOT NULL,
    actor_kind TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    token_id TEXT COLLATE "C",
    kind TEXT COLLATE "C" NOT NULL,
    result TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    channel TEXT COLLATE "C" NOT NULL,
    screen TEXT COLLATE "C",
    address TEXT COLLATE "C",
    device TEXT COLLATE "C",
    request_id TEXT COLLATE "C",
    correlation TEXT COLLATE "C",
    before_json TEXT COLLATE "C",
    after_json TEXT COLLATE "C",
    v BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, at, id)
) PARTITION BY RANGE (at);
-- Months are added ahead by the server; what falls outside lands here and is never lost.
CREATE TABLE audit_other PARTITION OF audit DEFAULT;

-- Acts that one person applies for and another approves.
CREATE TABLE applications (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    institution_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    reception TEXT COLLATE "C" NOT NULL,
    applied_by TEXT COLLATE "C" NOT NULL,
    applied_at BIGINT NOT NULL,
    decided_by TEXT COLLATE "C",
    decided_at BIGINT,
    decision TEXT COLLATE "C",
    PRIMARY KEY (bucket, customer_id, id)
);
-- One at a time of a kind for a customer.
CREATE UNIQUE INDEX applications_one ON applications (bucket, customer_id, kind)
    WHERE decided_at IS NULL;
CREATE INDEX applications_open ON applications (institution_id, applied_at)
    WHERE decided_at IS NULL;

-- Texts of the bank for the top page of its customers.
CREATE TABLE notices (
    institution_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    text_ja TEXT COLLATE "C" NOT NULL,
    text_en TEXT COLLATE "C" NOT NULL,
    mac BYTEA NOT NULL,
    shown_from BIGINT NOT NULL,
    shown_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (institution_id, id)
);

-- How passwords were hashed that customers brought along: each is computed at every login.
CREATE TABLE password_schemes (
    institution_id TEXT COLLATE "C" NOT NULL,
    scheme TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (institution_id, scheme)
);

-- Keys of the bank's programs: a MAC of the secret and of what it may do, never the secret itself.
CREATE TABLE api_keys (
    institution_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    mac BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    last_used_at BIGINT,
    PRIMARY KEY (institution_id, id)
);

-- Answers of the API under an idempotency key: given again for a day to who asks the same.
CREATE TABLE answers (
    bucket BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    api_key_id TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    key_hash TEXT COLLATE "C" NOT NULL,
    mac BYTEA NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, api_key_id, purpose, key_hash)
);
CREATE INDEX answers_old ON answers (created_at);

-- What this copy of the database has lived through: one that was restored, or a standby that was promoted,
-- may lack the last acceptances of what it replaces.
CREATE TABLE eras (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    began_at BIGINT NOT NULL
);
