//! Tests of the whole server: stories over the real router, store, worker and phone, on both engines.

mod harness;
mod main_job;
