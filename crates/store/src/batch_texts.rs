//! The texts of a batch on PostgreSQL: one that reads it and one that writes it, each without and with what is
//! kept under idempotency keys.

/// What reads a batch.
pub(crate) const READS: [&str; 2] = [READ, READ_WITH_ANSWERS];

/// What writes a batch.
pub(crate) const WRITES: [&str; 2] = [WRITE, WRITE_WITH_ANSWERS];

macro_rules! read_text {
    ($answer:literal, $once:literal, $join:literal) => {
        concat!(
            "SELECT w.n, v.ctid::text AS place, ",
            $answer,
            ", v.bucket, v.customer_id, v.token_id, v.institution_id, v.state, v.suspended, \
             v.hold_until, v.mode, v.algorithm, v.digits, v.period, v.sealed_key, v.valid_until, \
             v.floor_step, v.last_step, v.era, v.drift, v.drift_seen, v.failures, v.locked_until, \
             v.locked, v.version FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], \
             $5::text[], $6::text[]",
            $once,
            ") LEFT JOIN directory d ON d.institution_id = w.institution \
             AND d.kind = 'login_id' AND d.value = w.login_id \
             JOIN verifiers v ON v.bucket = COALESCE(d.bucket, w.bucket) \
             AND v.customer_id = COALESCE(d.customer_id, w.customer) \
             AND v.institution_id = w.institution AND v.state = w.state",
            $join
        )
    };
}

const READ: &str = read_text!(
    "NULL::text AS answer, NULL::bytea AS mac",
    ") AS w (n, institution, login_id, bucket, customer, state",
    ""
);

const READ_WITH_ANSWERS: &str = read_text!(
    "a.answer, a.mac",
    ", $7::text[], $8::text[], $9::text[]) AS w (n, institution, login_id, bucket, customer, \
     state, api_key, purpose, key_hash",
    " LEFT JOIN answers a ON a.bucket = v.bucket AND a.customer_id = v.customer_id \
     AND a.api_key_id = w.api_key AND a.purpose = w.purpose AND a.key_hash = w.key_hash"
);

/// The tokens' rows, with their lines for those that were written. A token's row is looked
/// for where it lay when it was read: one that has been written since lies elsewhere, and is not found.
macro_rules! write_text {
    ($answers:literal) => {
        concat!(
            "WITH w AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], \
             $5::text[]::tid[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], \
             $10::boolean[]) AS w (n, bucket, customer, token, place, decided_on, step, failures, \
             locked_until, locked)), \
             changed AS (UPDATE verifiers v SET last_step = COALESCE(w.step, v.last_step), \
             era = CASE WHEN w.step IS NULL THEN v.era ELSE $33 END, failures = w.failures, \
             locked_until = w.locked_until, locked = w.locked, version = v.version + 1 FROM w \
             WHERE v.ctid = w.place AND v.bucket = w.bucket \
             AND v.customer_id = w.customer AND v.token_id = w.token \
             AND v.version = w.decided_on AND (w.step IS NULL OR (v.last_step < w.step \
             AND v.floor_step < w.step AND NOT v.locked AND NOT v.suspended)) RETURNING w.n), \
             lines AS (INSERT INTO audit (bucket, customer_id, at, id, institution_id, \
             actor_kind, actor_id, token_id, kind, result, reason, channel, screen, address, \
             device, request_id, correlation, before_json, after_json, v) SELECT bucket, customer_id, at, id, institution_id, actor_kind, actor_id, token_id, kind, result, \
             reason, channel, screen, address, device, request_id, correlation, before_json, \
             after_json, v FROM unnest($11::bigint[], $12::boolean[], $13::bigint[], $14::text[], \
             $15::bigint[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], \
             $21::text[], $22::text[], $23::text[], $24::text[], $25::text[], $26::text[], \
             $27::text[], $28::text[], $29::text[], $30::text[], $31::text[], $32::bigint[]) \
             AS a (n, alone, bucket, customer_id, at, id, institution_id, actor_kind, actor_id, \
             token_id, kind, result, reason, channel, screen, address, device, request_id, \
             correlation, before_json, after_json, v) \
             WHERE alone OR n IN (SELECT n FROM changed))",
            $answers,
            " SELECT n FROM changed"
        )
    };
}

const WRITE: &str = write_text!("");

const WRITE_WITH_ANSWERS: &str = write_text!(
    ", answers AS (INSERT INTO answers (bucket, customer_id, api_key_id, purpose, key_hash, \
     mac, answer, created_at) SELECT bucket, customer_id, api_key_id, purpose, key_hash, \
     mac, answer, created_at FROM unnest($34::bigint[], $35::boolean[], $36::bigint[], \
     $37::text[], $38::text[], $39::text[], $40::text[], $41::bytea[], $42::text[], \
     $43::bigint[]) AS o (n, alone, bucket, customer_id, api_key_id, purpose, key_hash, \
     mac, answer, created_at) WHERE alone OR n IN (SELECT n FROM changed))"
);
