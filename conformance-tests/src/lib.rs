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
//! ```no_run
//! use std::process::ExitCode;
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use durable_conformance::{Harness, Namespace};
//! use durable_core::model::Clock;
//! use durable_core::store::Store;
//! # #[derive(Clone)]
//! # struct MyStore;
//! # impl MyStore {
//! #     async fn open(_name: &str, _clock: Clock) -> anyhow::Result<Arc<dyn Store>> { anyhow::bail!("none") }
//! #     async fn remove(_name: &str) -> anyhow::Result<()> { Ok(()) }
//! # }
//!
//! struct MyHarness;
//!
//! #[async_trait]
//! impl Harness for MyHarness {
//!     fn name(&self) -> &'static str {
//!         "my-store"
//!     }
//!
//!     async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
//!         MyStore::open(namespace.as_str(), clock).await
//!     }
//!
//!     async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
//!         MyStore::remove(namespace.as_str()).await
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     durable_conformance::main(MyHarness)
//! }
//! ```
//!
//! Every case comes from one list, [`cases`], so that no store runs a part of the suite by accident: what a store
//! cannot answer is skipped with the reason, and counted. All time is manual, but for one case; every case has a
//! namespace of its own and works over two handles on it. After each step of a case, the store's own invariants
//! ([`Harness::check`]) and those that every store shows are checked.
//!
//! The cases of the group `model` hold a store to the memory store by random calls; [`model`] makes again what failed.
//!
//! [`history`] records what parallel clients do to a store, and checks it.
//!
//! [`mutants`] shows that the suite finds what is broken: stores that are wrong in one way each.
//!
//! [`faults`] and [`layer`] are for tests of what is built on a store: calls that fail, hang, die or yield as planned.

mod cases;
mod catalogue;
mod checked;
mod corpus;
mod ctx;
mod expect;
pub mod faults;
mod harness;
pub mod history;
mod invariants;
mod journal;
pub mod layer;
mod level;
pub mod model;
pub mod mutants;
mod prelude;
mod process;
mod registry;
mod report;
mod run;
mod snapshot;

pub use cases::cases;
pub use catalogue::{Demand, Held, Item, catalogue};
pub use ctx::Ctx;
pub use expect::Violation;
pub use harness::{Harness, Namespace};
pub use level::{Capability, Hook, Level, Missing};
pub use registry::Case;
pub use report::{
    CaseReport, Counts, Expected, ExpectedError, Failure, FailureKind, Report, Status, Verdict,
};
pub use run::{Config, SEED, main, run};
