//! Customers, their notice addresses and known browsers.

use sqlx::FromRow;
use warifu_core::{
    ids::{AddressId, CustomerId, InstitutionId},
    time::Millis,
};

use crate::{
    StoreError, Tx,
    engine::{execute, fetch_all, fetch_optional},
    many::insert_all,
};

/// A customer as stored. The MACs bind the hashes to this row.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Customer {
    /// Shard: first byte of SHA-256 of the id.
    pub bucket: i64,
    /// Primary key.
    #[sqlx(try_from = "String")]
    pub customer_id: CustomerId,
    /// The bank.
    #[sqlx(try_from = "String")]
    pub institution_id: InstitutionId,
    /// The bank's own number for the customer.
    pub customer_number: String,
    /// Login ID, in lower case.
    pub login_id: String,
    /// Name as the bank writes it.
    pub name: String,
    /// Name in kana.
    pub name_kana: String,
    /// `YYYY-MM-DD`, or empty.
    pub birthday: String,
    /// `ja` or `en`.
    pub locale: String,
    /// Argon2id, as a PHC string.
    pub login_hash: String,
    /// MAC of `login_hash`.
    pub login_mac: Vec<u8>,
    /// Argon2id, as a PHC string.
    pub confirmation_hash: String,
    /// MAC of `confirmation_hash`.
    pub confirmation_mac: Vec<u8>,
    /// The login password was given by the bank and has not been changed yet.
    pub login_given: bool,
    /// The same of the confirmation password.
    pub confirmation_given: bool,
    /// Set by the first start of use; cleared only by a proved release.
    pub otp_required: bool,
    /// Until when transactions are held (ms).
    pub hold_until: Option<i64>,
    /// Earliest moment of a new issue after a release (ms).
    pub issue_from: Option<i64>,
    /// When the customer or the bank stopped everything (ms).
    pub suspended_at: Option<i64>,
    /// Who did, where it is stopped: kind of actor.
    pub stopped_by: Option<String>,
    /// Reception number of the stop.
    pub stop_reception: Option<String>,
    /// The login that is going on or was last (ms).
    pub last_login_at: Option<i64>,
    /// The login before it (ms): what the top page shows.
    pub previous_login_at: Option<i64>,
    /// When the row was made (ms).
    pub created_at: i64,
    /// Raised by each act on the customer.
    pub version: i64,
}

/// A registered notice address.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Address {
    /// Id of the address.
    #[sqlx(try_from = "String")]
    pub id: AddressId,
    /// As the customer wrote it.
    pub address: String,
    /// MAC of `address`.
    pub mac: Vec<u8>,
    /// When it was registered (ms).
    pub registered_at: i64,
    /// When it was proved to be the customer's (ms); counts for issues from here on.
    pub confirmed_at: Option<i64>,
    /// When it was removed (ms); notices go on for 30 more days.
    pub removed_at: Option<i64>,
}

impl Tx {
    /// Reads a customer.
    pub async fn customer(&mut self, id: CustomerId) -> Result<Option<Customer>, StoreError> {
        const SQL: &str = "SELECT bucket, customer_id, institution_id, customer_number, login_id, name, \
             name_kana, birthday, locale, login_hash, login_mac, confirmation_hash, \
             confirmation_mac, login_given, confirmation_given, otp_required, hold_until, \
             issue_from, suspended_at, stopped_by, stop_reception, last_login_at, \
             previous_login_at, created_at, version \
             FROM customers WHERE bucket = $1 AND customer_id = $2";
        fetch_optional!(self, Customer, SQL, i64::from(id.bucket()), id.to_string())
    }

    /// Takes the customer for this transaction: every act on a customer begins here, so that acts on
    /// one customer happen one after the other and each decides from what the last one left.
    ///
    /// Raising the version is what locks the row on PostgreSQL, and what makes a verification that
    /// was decided on the older version write nothing.
    pub async fn take_customer(&mut self, id: CustomerId) -> Result<Option<Customer>, StoreError> {
        const SQL: &str = "UPDATE customers SET version = version + 1 \
             WHERE bucket = $1 AND customer_id = $2";
        match execute!(self, SQL, i64::from(id.bucket()), id.to_string())? {
            0 => Ok(None),
            _ => self.customer(id).await,
        }
    }

    /// Writes new customers, who have no logins, holds and stops yet.
    pub async fn insert_customers(&mut self, customers: &[Customer]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO customers (bucket, customer_id, institution_id, \
             customer_number, login_id, name, name_kana, birthday, locale, login_hash, login_mac, \
             confirmation_hash, confirmation_mac, login_given, confirmation_given, otp_required, \
             created_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1)";
        insert_all!(self, SQL, customers, |c| [
            c.bucket,
            c.customer_id.to_string(),
            c.institution_id.to_string(),
            &c.customer_number,
            &c.login_id,
            &c.name,
            &c.name_kana,
            &c.birthday,
            &c.locale,
            &c.login_hash,
            &c.login_mac,
            &c.confirmation_hash,
            &c.confirmation_mac,
            c.login_given,
            c.confirmation_given,
            c.otp_required,
            c.created_at,
        ])?;
        Ok(())
    }

    /// Writes what acts change on a customer that this transaction has taken.
    pub async fn save_customer(&mut self, c: &Customer) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE customers SET otp_required = $3, hold_until = $4, \
             issue_from = $5, suspended_at = $6, last_login_at = $7, previous_login_at = $8, \
             stopped_by = $10, stop_reception = $11, locale = $12, login_hash = $13, \
             login_mac = $14, login_given = $15, confirmation_hash = $16, confirmation_mac = $17, \
             confirmation_given = $18 \
             WHERE bucket = $1 AND customer_id = $2 AND version = $9";
        one(execute!(
            self,
            SQL,
            c.bucket,
            c.customer_id.to_string(),
            c.otp_required,
            c.hold_until,
            c.issue_from,
            c.suspended_at,
            c.last_login_at,
            c.previous_login_at,
            c.version,
            c.stopped_by.as_deref(),
            c.stop_reception.as_deref(),
            &c.locale,
            &c.login_hash,
            &c.login_mac,
            c.login_given,
            &c.confirmation_hash,
            &c.confirmation_mac,
            c.confirmation_given
        )?)
    }

    /// All notice addresses of a customer, oldest first; removed ones too.
    pub async fn addresses(&mut self, id: CustomerId) -> Result<Vec<Address>, StoreError> {
        const SQL: &str = "SELECT id, address, mac, registered_at, confirmed_at, removed_at \
             FROM addresses WHERE bucket = $1 AND customer_id = $2 ORDER BY id";
        fetch_all!(self, Address, SQL, i64::from(id.bucket()), id.to_string())
    }

    /// Registers notice addresses.
    pub async fn insert_addresses(
        &mut self,
        addresses: &[(CustomerId, Address)],
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO addresses \
             (bucket, customer_id, id, address, mac, registered_at, confirmed_at, removed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        insert_all!(self, SQL, addresses, |(id, a)| [
            i64::from(id.bucket()),
            id.to_string(),
            a.id.to_string(),
            &a.address,
            &a.mac,
            a.registered_at,
            a.confirmed_at,
            a.removed_at,
        ])?;
        Ok(())
    }

    /// Removes a notice address; zero rows when it was removed already.
    pub async fn remove_address(
        &mut self,
        id: CustomerId,
        address: AddressId,
        now: Millis,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE addresses SET removed_at = $4 \
             WHERE bucket = $1 AND customer_id = $2 AND id = $3 AND removed_at IS NULL";
        execute!(self, SQL, i64::from(id.bucket()), id.to_string(), address.to_string(), now.0)
    }

    /// Whether this browser has logged this customer in since `since`.
    pub async fn knows_device(
        &mut self,
        id: CustomerId,
        secret_hash: &[u8],
        since: Millis,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT last_seen_at FROM devices \
             WHERE bucket = $1 AND customer_id = $2 AND secret_hash = $3 AND last_seen_at >= $4";
        let row = fetch_optional!(
            self,
            (i64,),
            SQL,
            i64::from(id.bucket()),
            id.to_string(),
            secret_hash,
            since.0
        )?;
        Ok(row.is_some())
    }

    /// Forgets browsers that have logged nobody in since `before`.
    pub async fn sweep_devices(&mut self, before: Millis) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM devices WHERE last_seen_at < $1";
        execute!(self, SQL, before.0)
    }

    /// Forgets all browsers of a customer.
    pub async fn forget_devices(&mut self, id: CustomerId) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM devices WHERE bucket = $1 AND customer_id = $2";
        execute!(self, SQL, i64::from(id.bucket()), id.to_string())
    }

    /// Remembers a browser after a login.
    pub async fn remember_device(
        &mut self,
        id: CustomerId,
        secret_hash: &[u8],
        now: Millis,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO devices \
             (bucket, customer_id, secret_hash, first_seen_at, last_seen_at) \
             VALUES ($1, $2, $3, $4, $4) \
             ON CONFLICT (bucket, customer_id, secret_hash) DO UPDATE SET last_seen_at = $4";
        execute!(self, SQL, i64::from(id.bucket()), id.to_string(), secret_hash, now.0)?;
        Ok(())
    }
}

/// A conditional write changed its row, or someone else was first.
pub(crate) fn one(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}
