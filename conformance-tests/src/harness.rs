//! What a store's author provides.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use durable_core::model::{Clock, QueueName, TaskId};
use durable_core::store::{Store, Verb};

use crate::level::Level;

/// Opens one kind of store for the suite.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// The store's name, for the report.
    fn name(&self) -> &'static str;

    /// The store's version, for the report.
    fn version(&self) -> &'static str {
        "unknown"
    }

    /// The level that the store means to reach; a run of all cases that reaches less has failed.
    fn level(&self) -> Level {
        Level::Core
    }

    /// The verbs this store has. A case that needs another is skipped, with the reason, and never passes.
    fn verbs(&self) -> Vec<Verb> {
        Verb::ALL.to_vec()
    }

    /// Opens one more handle on the namespace; may be called many times, also concurrently.
    ///
    /// # Errors
    ///
    /// When the store cannot be opened; the case fails.
    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>>;

    /// Removes everything that the namespace left behind.
    ///
    /// # Errors
    ///
    /// When it cannot be removed; the case fails.
    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()>;

    /// Checks the store's own invariants on its data; called after every step.
    ///
    /// # Errors
    ///
    /// The invariant that does not hold.
    async fn check(&self, _namespace: &Namespace) -> Result<(), String> {
        Ok(())
    }

    /// Makes the stored record of a task undecodable (rule `C6`); `None` when the harness cannot.
    async fn corrupt(
        &self,
        _namespace: &Namespace,
        _queue: &QueueName,
        _task: TaskId,
    ) -> Option<anyhow::Result<()>> {
        None
    }

    /// A command that runs this test binary in a way that its harness opens the same data under a namespace as this one:
    /// the suite has it write, and kills it. `None` when the harness cannot.
    fn process(&self) -> Option<Command> {
        None
    }

    /// How many records of each kind are left in a namespace; `None` when the harness cannot count them.
    async fn residue(&self, _namespace: &Namespace) -> Option<anyhow::Result<BTreeMap<String, u64>>> {
        None
    }

    /// How many tasks the cases of scale fill a queue with.
    fn filler(&self) -> usize {
        1_000
    }
}

/// The data of one case: a prefix, a schema or a file of its own.
///
/// It is a lower-case letter followed by lower-case letters and digits, 27 bytes in all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(String);

impl Namespace {
    /// A namespace that nobody has used before.
    #[allow(clippy::new_without_default, reason = "a new namespace is no default value")]
    pub fn new() -> Self {
        let unique = uuid::Uuid::now_v7().simple().to_string();
        Self(format!("c{}", unique.get(6..).unwrap_or(&unique)))
    }

    /// The namespace that another process made.
    pub(crate) fn known(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The namespace as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
