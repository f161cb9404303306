-- One row a bank. The document is the TOML that was applied, whole.
CREATE TABLE institutions (
    id TEXT NOT NULL PRIMARY KEY,
    service_id TEXT NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    mac BLOB NOT NULL,
    applied_at BIGINT NOT NULL
);

CREATE TABLE institution_versions (
    institution_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    PRIMARY KEY (institution_id, version)
);

-- A host belongs to one institution of the whole installation.
CREATE TABLE institution_hosts (
    host TEXT NOT NULL PRIMARY KEY,
    institution_id TEXT NOT NULL,
    kind TEXT NOT NULL
);

-- Data keys, sealed under a key-encryption key that is not in the database.
CREATE TABLE institution_keys (
    institution_id TEXT NOT NULL,
    key_id BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (institution_id, key_id)
);

-- What is found from outside: login ID, customer number, user ID, activation. Points to nothing until
-- the customer's own row is committed.
CREATE TABLE directory (
    institution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    reference TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (institution_id, kind, value)
) WITHOUT ROWID;

CREATE TABLE customers (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    institution_id TEXT NOT NULL,
    customer_number TEXT NOT NULL,
    login_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_kana TEXT NOT NULL,
    birthday TEXT NOT NULL,
    locale TEXT NOT NULL,
    login_hash TEXT NOT NULL,
    login_mac BLOB NOT NULL,
    confirmation_hash TEXT NOT NULL,
    confirmation_mac BLOB NOT NULL,
    login_given BOOLEAN NOT NULL,
    confirmation_given BOOLEAN NOT NULL,
    otp_required BOOLEAN NOT NULL,
    hold_until BIGINT,
    issue_from BIGINT,
    suspended_at BIGINT,
    stopped_by TEXT,
    stop_reception TEXT,
    last_login_at BIGINT,
    previous_login_at BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id)
);

CREATE TABLE addresses (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL,
    address TEXT NOT NULL,
    mac BLOB NOT NULL,
    registered_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    removed_at BIGINT,
    PRIMARY KEY (bucket, customer_id, id)
);

-- Failures of login, confirm, mail and start; the passcode's own counter lives in verifiers.
-- What has no customer (an unknown login ID, a network) is its own customer_id.
CREATE TABLE counters (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
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
    customer_id TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, secret_hash)
);
CREATE INDEX devices_idle ON devices (last_seen_at);

CREATE TABLE sessions (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    old_hash BLOB,
    level TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    idle_until BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX sessions_ending ON sessions (ends_at);

CREATE TABLE procedures (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    step TEXT NOT NULL,
    input BLOB,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX procedures_ending ON procedures (expires_at);

CREATE TABLE mail_passwords (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    mac BLOB NOT NULL,
    sent_to TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX mail_passwords_ending ON mail_passwords (expires_at);

CREATE TABLE tokens (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    root BLOB,
    signing_key TEXT,
    signing_mac BLOB,
    device TEXT,
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
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL,
    token_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    phone_address TEXT NOT NULL,
    address_mac BLOB NOT NULL,
    start_mac BLOB,
    activate_until BIGINT NOT NULL,
    start_until BIGINT NOT NULL,
    qr_until BIGINT NOT NULL,
    ecdh_thumbprint TEXT,
    ecdsa_thumbprint TEXT,
    activation_id TEXT,
    reply BLOB,
    acknowledged_at BIGINT,
    created_at BIGINT NOT NULL,
    deadline BIGINT,
    ended_at BIGINT,
    end_reason TEXT,
    PRIMARY KEY (bucket, customer_id, id)
);
CREATE INDEX issues_deadline ON issues (deadline) WHERE deadline IS NOT NULL;

-- (With row ids, unlike others: a row is long, and without them each level of the tree would hold whole
-- rows, and there would be many levels. A batch finds it by its key when it is read and by its row id when it is
-- written.)
-- The hot table: all that a verification reads and the little that it writes. Its key never changes, so
-- that an update of a row writes no index.
CREATE TABLE verifiers (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    token_id TEXT NOT NULL,
    institution_id TEXT NOT NULL,
    state TEXT NOT NULL,
    suspended BOOLEAN NOT NULL,
    hold_until BIGINT,
    mode TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    digits BIGINT NOT NULL,
    period BIGINT NOT NULL,
    sealed_key BLOB NOT NULL,
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
    -- The newest of its lines of the trail that a batch has written.
    last_line BIGINT,
    PRIMARY KEY (bucket, customer_id, token_id)
);

CREATE TABLE mails (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL,
    institution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    locale TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body BLOB,
    has_secret BOOLEAN NOT NULL,
    reception TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    leased_by TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    sent_at BIGINT,
    last_error TEXT,
    PRIMARY KEY (bucket, customer_id, id)
) WITHOUT ROWID;
CREATE INDEX mails_old ON mails (created_at);
-- What a bounce names, and what the command line lists.
CREATE INDEX mails_by_id ON mails (id);
CREATE INDEX mails_by_institution ON mails (institution_id, created_at);
-- Of all the mails only those that wait.
CREATE INDEX mails_waiting ON mails (next_at) WHERE state IN ('queued', 'sending');

-- The lines that batches write are found from their token's row on, each from the one after it: an index
-- would have to be written at another place for each of them, which is what such a batch would mostly do.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    id TEXT NOT NULL,
    institution_id TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    token_id TEXT,
    kind TEXT NOT NULL,
    result TEXT NOT NULL,
    reason TEXT,
    channel TEXT NOT NULL,
    screen TEXT,
    address TEXT,
    device TEXT,
    request_id TEXT,
    correlation TEXT,
    before_json TEXT,
    after_json TEXT,
    v BIGINT NOT NULL,
    -- The token's line before this one, 0 for its first; none for lines that are found by the index.
    earlier BIGINT
);
CREATE UNIQUE INDEX audit_of ON audit (bucket, customer_id, at, id) WHERE earlier IS NULL;

-- Acts that one person applies for and another approves.
CREATE TABLE applications (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    id TEXT NOT NULL,
    institution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    reception TEXT NOT NULL,
    applied_by TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    decision TEXT,
    PRIMARY KEY (bucket, customer_id, id)
);
-- One at a time of a kind for a customer.
CREATE UNIQUE INDEX applications_one ON applications (bucket, customer_id, kind)
    WHERE decided_at IS NULL;
CREATE INDEX applications_open ON applications (institution_id, applied_at)
    WHERE decided_at IS NULL;

-- Texts of the bank for the top page of its customers.
CREATE TABLE notices (
    institution_id TEXT NOT NULL,
    id TEXT NOT NULL,
    text_ja TEXT NOT NULL,
    text_en TEXT NOT NULL,
    mac BLOB NOT NULL,
    shown_from BIGINT NOT NULL,
    shown_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (institution_id, id)
);

-- How passwords were hashed that customers brought along: each is computed at every login.
CREATE TABLE password_schemes (
    institution_id TEXT NOT NULL,
    scheme TEXT NOT NULL,
    PRIMARY KEY (institution_id, scheme)
);

-- Keys of the bank's programs: a MAC of the secret and of what it may do, never the secret itself.
CREATE TABLE api_keys (
    institution_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    mac BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    last_used_at BIGINT,
    PRIMARY KEY (institution_id, id)
);

-- Answers of the API under an idempotency key: given again for a day to who asks the same.
CREATE TABLE answers (
    bucket BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    api_key_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    mac BLOB NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (bucket, customer_id, api_key_id, purpose, key_hash)
);
CREATE INDEX answers_old ON answers (created_at);

-- What this copy of the database has lived through: one that was restored, or a standby that was promoted,
-- may lack the last acceptances of what it replaces.
CREATE TABLE eras (
    name TEXT NOT NULL PRIMARY KEY,
    began_at BIGINT NOT NULL
);
