//! What is in the ledger and in the store between two processes, and what may never be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use durable::model::{CheckpointKind, TaskState};
use durable::store::HistoryEntry;
use durable::{Durable, TaskFilter};

use crate::desk::{Row, SLOTS};

/// The quickstart's steps that have an effect.
const EFFECTS: [&str; 3] = ["charge", "refund", "receipt"];

/// How often each idempotency key was used, and for which order.
pub(crate) struct Ledger(BTreeMap<String, (usize, String)>);

impl Ledger {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let mut keys: BTreeMap<String, (usize, String)> = BTreeMap::new();
        // A process that died early has not begun one.
        let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
        for line in text.lines() {
            let mut words = line.split(' ');
            let (key, order) = words.next().zip(words.next()).with_context(|| format!("no line: {line}"))?;
            keys.entry(key.to_owned()).or_insert_with(|| (0, order.to_owned())).0 += 1;
        }
        Ok(Self(keys))
    }

    pub(crate) fn lines(&self) -> usize {
        self.0.values().map(|(times, _)| times).sum()
    }

    /// Lines whose key was there before.
    pub(crate) fn repeats(&self) -> usize {
        self.lines() - self.0.len()
    }

    /// Asserts that effects came again at most once for each slot and kill.
    pub(crate) fn check_repeats(&self, kills: usize) -> anyhow::Result<()> {
        let (repeats, most) = (self.repeats(), kills * SLOTS);
        ensure!(repeats <= most, "{repeats} effects came again after {kills} kills, {most} at most may");
        Ok(())
    }

    fn times(&self, key: &str) -> usize {
        self.0.get(key).map_or(0, |(times, _)| *times)
    }

    /// Asserts that each order of a table had the effects of its status, all of them and no others.
    pub(crate) fn check_complete(&self, table: &[Row]) -> anyhow::Result<()> {
        let kind = |key: &str| key.rsplit(':').next().unwrap_or_default().to_owned();
        let mut done: Vec<_> = self.0.iter().map(|(key, (_, order))| (order.clone(), kind(key))).collect();
        let last = |row: &Row| if row.status == "refunded" { "refund" } else { "receipt" };
        let effects = table.iter().flat_map(|row| ["charge", last(row)].map(|kind| (&row.order, kind)));
        let mut due: Vec<_> = effects.map(|(order, kind)| (order.clone(), kind.to_owned())).collect();
        done.sort();
        due.sort();
        ensure!(done == due, "the ledger does not belong to the table: {done:?}, not {due:?}");
        Ok(())
    }
}

/// What the store has of the orders.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The idempotency keys of effects whose checkpoints are stored.
    pub(crate) effects: BTreeSet<String>,
    pub(crate) done: usize,
    pub(crate) live: usize,
    /// Steps that live orders need not repeat.
    pub(crate) steps: usize,
}

impl Stored {
    /// Reads the store as anybody can.
    pub(crate) fn read(store: &str) -> anyhow::Result<Self> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(Self::load(store))
    }

    async fn load(store: &str) -> anyhow::Result<Self> {
        let desk =
            Durable::builder::<()>().store(durable::connect(store).await?).queue_name("orders").build()?;
        let mut stored = Self::default();
        if desk.list_queues().await?.iter().all(|queue| queue.name.as_str() != "orders") {
            return Ok(stored);
        }
        let filter = TaskFilter { name: Some("process-order".to_owned()), ..Default::default() };
        let page = desk.tasks(&filter, None).await?;
        ensure!(page.next.is_none(), "a few orders are one page");
        for order in page.items {
            let ended = matches!(order.state, TaskState::Ended(_));
            stored.done += usize::from(ended);
            stored.live += usize::from(!ended);
            for entry in desk.task(order.id).await?.history.items {
                let HistoryEntry::Checkpoint { checkpoint, .. } = entry else { continue };
                if checkpoint.kind == CheckpointKind::Step {
                    stored.steps += usize::from(!ended);
                    let step = checkpoint.key.as_str().split('-').next().unwrap_or_default();
                    let is_effect = EFFECTS.contains(&step);
                    stored.effects.extend(is_effect.then(|| format!("{}:{step}", order.id)));
                }
            }
        }
        desk.close().await;
        Ok(stored)
    }
}

/// Looks at a desk after each of its processes, from its first on.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// How many lines each effect had when its checkpoint was first seen.
    final_lines: BTreeMap<String, usize>,
}

impl Watch {
    /// Asserts that nothing came again whose checkpoint was stored when its process died.
    pub(crate) fn look(&mut self, ledger: &Ledger, stored: &Stored) -> anyhow::Result<()> {
        for (key, lines) in &self.final_lines {
            let now = ledger.times(key);
            ensure!(
                now == *lines,
                "an effect came again although its checkpoint was stored: {key} had {lines} lines and has {now}"
            );
        }
        for key in &stored.effects {
            let lines = ledger.times(key);
            ensure!(lines > 0, "a checkpoint is stored and its effect is not in the ledger: {key}");
            self.final_lines.insert(key.clone(), lines);
        }
        Ok(())
    }
}
