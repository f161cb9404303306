//! The server of Warifu: customers' pages, phone app, mail worker, command line.
//!
//! A request crosses router → handler → action → (rules decide, store saves), once.

mod actions;
mod api;
pub mod app;
mod book;
mod calendar;
pub mod cli;
pub mod config;
mod demo;
mod error;
pub mod hasher;
mod institutions;
pub mod limits;
mod mail;
mod origin;
mod phone;
mod portal;
pub mod serve;
pub mod text;
mod verify_queue;
mod web;
pub mod world;

#[cfg(test)]
mod tests;
