//! Tests of the whole server: stories over the real router, store, worker and phone, on both engines.

mod activation;
mod address;
mod banks;
mod deadlines;
mod english;
mod harness;
mod import;
mod input;
mod limits;
mod locks;
mod login;
mod mails;
mod main_job;
mod passcodes;
mod password;
mod procedures;
mod proofs;
mod secrets;
mod sessions;
mod stop;
mod storm;
mod tampering;
mod together;
mod token_status;
mod top;
mod verifications;
