//! The SQLite store of `durable`: one file, no server.
//!
//! SQLite has one writer at a time, so everything that a store writes goes through one connection, the writer's lane
//! ([`engine`]): a thread of its own that takes the steps which are waiting, runs them one after another in one
//! immediate transaction, commits, and only then answers them all. One sync of the disk thus pays for many writes.
//! Reads go through a lane and a connection of their own, so that a long one holds up no writer.
//!
//! A verb is a [`Step`](engine::Step): it reads by static SQL from `src/sql/`, has core's
//! [`transition`](durable_core::transition) decide on what it has read ([`records`]), and writes what has changed. The
//! tables are in `migrations/`; all start with `durable_`, so that they can live in a file of the application's.
//!
//! # Contract
//!
//! It keeps all rules of the contract. What is acknowledged survives the end of the machine with
//! [`Synchronous::Full`], the end of the process with [`Synchronous::Normal`], and nothing in `sqlite::memory:`.

#![allow(rustdoc::private_intra_doc_links, reason = "readers of this crate read its source")]

mod cascade;
mod checkpoints;
mod engine;
mod error;
mod events;
mod hints;
mod inspect;
mod migrate;
mod options;
mod queues;
mod records;
mod rows;
mod runs;
mod signals;
mod store;
mod tasks;
#[cfg(test)]
mod tests;
mod upkeep;
mod url;

pub use error::OpenError;
pub use options::{SqliteOptions, Synchronous};
pub use store::SqliteStore;
