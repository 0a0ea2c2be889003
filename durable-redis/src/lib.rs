//! The Redis store of `durable`.
//!
//! Every verb is one static Lua script over the keys of one queue, which share a hash tag: a verb is one atomic step
//! on one slot, on a single server as in a Redis Cluster. The scripts are in `src/lua`, one file for each verb under
//! its role, with shared meanings in `src/lua/lib`.
//!
//! # Promises
//!
//! What an acknowledged write survives is the server's affair (`appendonly`, `appendfsync`, replicas). This store
//! reports [`Durability::Buffered`](durable_core::store::Durability::Buffered): a failover or a crash may lose the
//! last writes. Tokens do not repeat even then. The server must not evict keys (`maxmemory-policy noeviction`).

mod args;
mod checkpoints;
mod cursor;
mod decode;
mod error;
mod events;
mod inspect;
mod keys;
mod queues;
mod reply;
mod runs;
mod script;
mod signals;
mod store;
mod tasks;
mod upkeep;

pub use error::OpenError;
pub use store::{RedisOptions, RedisStore};
