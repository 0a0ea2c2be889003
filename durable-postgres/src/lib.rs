//! The PostgreSQL store of `durable`.
//!
//! Every verb is static SQL from `src/sql/<role>/`. A verb locks in one statement and reads in a later one of the
//! same transaction; what follows from what it read is decided by the unit of work in `work/`, in memory and one
//! item after another, and written back by as few statements as there are tables.

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
