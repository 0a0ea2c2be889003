//! What was stored for one task, in order: its checkpoints and its failed runs.

use std::collections::{BTreeMap, BTreeSet};

use durable_core::model::{Checkpoint, CheckpointKind, StepKey};
use durable_core::store::{CheckpointPage, HistoryEntry, Room, RunView};

/// The history of a task. Entry `n` (from 1) has the order `n`; nothing leaves it before the task is purged.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct History {
    entries: Vec<HistoryEntry>,
    /// The checkpoints that are loaded, by key.
    keys: BTreeMap<StepKey, u64>,
    /// The same, by order.
    loaded: BTreeSet<u64>,
}

impl History {
    /// The order of the next entry.
    pub(crate) fn next_order(&self) -> u64 {
        self.entries.len() as u64 + 1
    }

    /// The checkpoint under a key, unless it was set aside.
    pub(crate) fn checkpoint(&self, key: &StepKey) -> Option<&Checkpoint> {
        self.keys.get(key).and_then(|order| self.loaded(*order))
    }

    /// How many checkpoints there are to load.
    pub(crate) fn loadable(&self) -> u64 {
        self.keys.len() as u64
    }

    /// All entries.
    pub(crate) fn entries(&self) -> &[HistoryEntry] {
        &self.entries
    }

    /// Gives the entries away.
    pub(crate) fn into_entries(self) -> Vec<HistoryEntry> {
        self.entries
    }

    /// Adds a checkpoint, whose order is the next one.
    pub(crate) fn store(&mut self, checkpoint: Checkpoint) {
        self.keys.insert(checkpoint.key.clone(), checkpoint.order);
        self.loaded.insert(checkpoint.order);
        self.entries.push(HistoryEntry::Checkpoint { checkpoint, aside: false });
    }

    /// Adds a failed run, whose order is the next one.
    pub(crate) fn run_failed(&mut self, run: RunView) {
        self.entries.push(HistoryEntry::Run(run));
    }

    /// Sets aside what the task's own runs stored from `key` on; ends of children stay (rule T5). `false` if there
    /// is no such checkpoint.
    pub(crate) fn set_aside_from(&mut self, key: &StepKey) -> bool {
        let Some(first) = self.keys.get(key).copied() else { return false };
        for order in self.loaded.split_off(&first) {
            match self.entry_mut(order) {
                Some(HistoryEntry::Checkpoint { checkpoint, aside })
                    if checkpoint.kind != CheckpointKind::Child =>
                {
                    *aside = true;
                    let key = checkpoint.key.clone();
                    self.keys.remove(&key);
                }
                _ => {
                    self.loaded.insert(order);
                }
            }
        }
        true
    }

    /// A page of the checkpoints to load after an order.
    pub(crate) fn page(&self, after: u64, limit: usize) -> CheckpointPage {
        let mut room = Room::default();
        let mut left =
            self.loaded.range(after.saturating_add(1)..).filter_map(|order| self.loaded(*order)).peekable();
        let mut checkpoints = Vec::new();
        while checkpoints.len() < limit
            && let Some(next) = left.next_if(|next| room.takes(next.end.bytes()))
        {
            checkpoints.push(next.clone());
        }
        CheckpointPage { checkpoints, more: left.peek().is_some() }
    }

    fn loaded(&self, order: u64) -> Option<&Checkpoint> {
        match self.entries.get(usize::try_from(order).ok()?.checked_sub(1)?)? {
            HistoryEntry::Checkpoint { checkpoint, aside: false } => Some(checkpoint),
            _ => None,
        }
    }

    fn entry_mut(&mut self, order: u64) -> Option<&mut HistoryEntry> {
        self.entries.get_mut(usize::try_from(order).ok()?.checked_sub(1)?)
    }

    /// Whether the orders count up from 1 and both indexes say what the entries say.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut keys = BTreeMap::new();
        for (entry, order) in self.entries.iter().zip(1_u64..) {
            let stored = match entry {
                HistoryEntry::Run(run) => run.order,
                HistoryEntry::Checkpoint { checkpoint, aside } => {
                    if !aside && keys.insert(checkpoint.key.clone(), order).is_some() {
                        return Err(format!("two checkpoints are loaded under {}", checkpoint.key));
                    }
                    checkpoint.order
                }
            };
            if stored != order {
                return Err(format!("entry {order} of the history has the order {stored}"));
            }
        }
        let loaded: BTreeSet<u64> = keys.values().copied().collect();
        if keys == self.keys && loaded == self.loaded {
            Ok(())
        } else {
            Err("the index of the checkpoints is wrong".into())
        }
    }
}
