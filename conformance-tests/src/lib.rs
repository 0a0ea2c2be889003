//! The conformance suite of `durable`: it holds a store to its contract.
//!
//! A store's author implements [`Harness`] and calls [`main`] from a test binary without libtest:
//!
//! ```toml
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//!
//! Every case comes from one [registry](cases), so that no store runs a part of the suite by accident: what a store
//! cannot answer is listed as skipped, with the reason. All time is manual, and every case works over two handles
//! on the same data.

mod cases;
mod checked;
mod corpus;
mod ctx;
mod expect;
pub mod faults;
mod harness;
mod journal;
pub mod layer;
mod prelude;
mod registry;
mod runner;
mod snapshot;

pub use cases::cases;
pub use ctx::Ctx;
pub use expect::Violation;
pub use harness::{Harness, Namespace};
pub use registry::{Case, Verdict};
pub use runner::main;
