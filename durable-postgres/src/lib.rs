//! The PostgreSQL store of `durable`.
//!
//! Every verb is static SQL from `src/sql/<role>/`. A verb locks in one statement and reads in a later one of the
//! same transaction, into the records of `durable_core::transition`. That decides what follows, in memory and one item
//! after another; `work/` writes it back by as few statements as there are tables.
//!
//! The tables are in a schema `durable` of their own, made by `migrations/`. Nothing that is right or wrong depends on what a
//! session keeps, so a pooler in transaction mode may stand before the server ([`PostgresOptions::pooler`]).

// As the server of the tests names it.
#[cfg(test)]
extern crate self as durable_postgres;

mod checkpoints;
mod error;
mod events;
mod hints;
mod inspect;
mod migrate;
mod options;
mod promises;
mod queues;
mod rows;
mod runs;
#[cfg(test)]
#[path = "../tests/support/server.rs"]
#[allow(dead_code, reason = "the tests beside the code use a part")]
mod server;
mod signals;
mod sqlstate;
mod store;
mod tasks;
mod transaction;
mod upkeep;
mod url;
mod work;

pub use error::OpenError;
pub use migrate::migrations;
pub use options::PostgresOptions;
pub use store::PostgresStore;
