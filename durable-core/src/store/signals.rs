//! Signals: what a store tells without being asked, and what it promises.

use futures::stream::BoxStream;

use crate::model::{QueueName, TaskId, Timestamp};

/// A stream of hints; it ends when the store is closed.
pub type Hints = BoxStream<'static, Hint>;

/// Hints and promises.
pub trait Signals: Send + Sync {
    /// What this store promises beyond the contract, and what it does not.
    fn capabilities(&self) -> Capabilities;

    /// Hints about one queue, from now on. They may be late, doubled or lost, and are never the truth.
    fn hints(&self, queue: &QueueName) -> Hints;
}

/// Something may be worth looking at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The queue has ready tasks, or its next due time is earlier than it was.
    Work {
        /// The earliest due time of what changed; `None` when something is ready now.
        next_due: Option<Timestamp>,
    },
    /// A task has ended for good.
    Ended(TaskId),
    /// Hints may have been missed: whatever one waits for may have come.
    Missed,
}

/// What a store promises beyond the contract (rule F3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Whom hints reach.
    pub hints: HintScope,
}

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Nothing: it goes with the process.
    Process,
    /// The end of the process, but not always that of the server or the machine.
    Buffered,
    /// The end of the machine: it was on the disk before it was acknowledged.
    Synced,
}

/// Whom hints reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HintScope {
    /// Nobody: workers poll.
    None,
    /// Every handle in the same process.
    Process,
    /// Every handle.
    Everywhere,
}
