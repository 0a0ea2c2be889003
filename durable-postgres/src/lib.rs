//! The PostgreSQL store of `durable`.
//!
//! Every verb is static SQL from `src/sql/<role>/`. A verb locks in one statement and reads in a later one of the
//! same transaction, into the records of `durable_core::transition`. That decides what follows, in memory and one item
//! after another; `work/` writes it back by as few statements as there are tables.

mod checkpoints;
mod error;
mod events;
mod inspect;
mod queues;
mod rows;
mod runs;
mod signals;
mod store;
mod tasks;
mod transaction;
mod upkeep;
mod work;

pub use store::{PostgresStore, StoreOptions};
