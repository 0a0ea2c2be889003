//! What an earlier process left in the store.

use std::fmt;

use durable::model::{CheckpointKind, TaskState};
use durable::store::{HistoryEntry, Spawned, TaskDetail};
use durable::{Durable, TaskId};

use crate::effects::Effects;

/// The orders that were there before this process.
#[derive(Debug, Default)]
pub(crate) struct Resumed {
    /// All orders, new ones included.
    orders: usize,
    pub(crate) done: Vec<TaskId>,
    live: usize,
    /// Live ones that somebody holds.
    held: usize,
    /// Steps of live ones that are stored.
    steps: usize,
}

impl Resumed {
    /// Looks at the orders. It counts right as long as no worker runs yet.
    pub(crate) async fn look(desk: &Durable<Effects>, orders: &[Spawned]) -> anyhow::Result<Self> {
        let mut resumed = Self { orders: orders.len(), ..Self::default() };
        for order in orders.iter().filter(|order| !order.created) {
            resumed.count(&desk.task(order.task).await?);
        }
        Ok(resumed)
    }

    fn count(&mut self, order: &TaskDetail) {
        if matches!(order.task.state, TaskState::Ended(_)) {
            self.done.push(order.task.id);
            return;
        }
        self.live += 1;
        self.held += usize::from(order.task.state == TaskState::Running);
        self.steps += order.history.items.iter().filter(|entry| is_step(entry)).count();
    }

    /// Nothing was there.
    pub(crate) fn is_nothing(&self) -> bool {
        self.done.is_empty() && self.live == 0
    }
}

fn is_step(entry: &HistoryEntry) -> bool {
    matches!(entry, HistoryEntry::Checkpoint { checkpoint, .. } if checkpoint.kind == CheckpointKind::Step)
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, done, live, held, steps } = self;
        write!(f, "resumed: {} of {orders} orders were done", done.len())?;
        match live {
            0 => return write!(f, "; --reset begins anew"),
            _ => write!(f, ", {live} go on")?,
        }
        if *held > 0 {
            write!(f, " ({held} of them when the lease of the earlier process ends)")?;
        }
        write!(f, "; {steps} stored steps are not repeated")
    }
}
