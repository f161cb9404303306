//! Tests of the store that touch more than one of its files; nearly all run on both engines.

mod audit;
mod copies;
mod durability;
mod eras;
mod lists;
mod many;
mod outages;
mod outbox;
mod plans;
mod races;
mod rows;
mod samples;
mod schema;
mod seal;
mod sessions;
mod settings;
mod verify_queue;
