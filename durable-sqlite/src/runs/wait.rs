//! Registers waits, and lets runs rest on some of their waits.

use std::collections::BTreeSet;

use durable_core::model::{EventName, TaskId};
use durable_core::store::{FencedError, Verb, WaitAnswer, WaitItem, WaitRequest, WaitSource};
use durable_core::transition::SlotKey;

use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::records::{Work, decoded};
use crate::rows;

const CHILDREN: Statement = statement!("runs/wait_children.sql");

/// The verb.
pub(super) struct WaitFor(pub(super) WaitRequest);

impl Step for WaitFor {
    const VERB: Verb = Verb::Wait;
    type Answer = Vec<Result<WaitAnswer, FencedError>>;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Self::Answer, Fault> {
        let items = &self.0.items;
        let ids = items.iter().map(|item| item.token.task);
        let keys = items.iter().flat_map(named);
        let mut work = Work::read_with_slots(tx, Verb::Wait, &self.0.queue, ids, keys).await?;
        let events: BTreeSet<EventName> =
            self.new_events().chain(work.records.awaited_events()).cloned().collect();
        work.read_events(tx, events).await?;
        self.read_children(tx, &mut work).await?;
        let answers = items.iter().map(|item| work.records.wait(item)).collect();
        work.finish(tx).await?;
        Ok(answers)
    }
}

impl WaitFor {
    fn new_events(&self) -> impl Iterator<Item = &EventName> {
        self.0.items.iter().flat_map(|item| &item.waits).filter_map(|wait| match &wait.source {
            WaitSource::Event(name) => Some(name),
            WaitSource::Child(_) | WaitSource::Time => None,
        })
    }

    async fn read_children(&self, tx: &mut Tx<'_, '_>, work: &mut Work<'_>) -> Result<(), Fault> {
        let child = |source: &WaitSource| match source {
            WaitSource::Child(id) => Some(*id),
            WaitSource::Event(_) | WaitSource::Time => None,
        };
        let waits = self.0.items.iter().flat_map(|item| &item.waits);
        let ids: Vec<TaskId> = waits.filter_map(|wait| child(&wait.source)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let rows = tx.rows(CHILDREN.bind(self.0.queue.as_str()).bind(rows::json(&ids))).await?;
        for row in &rows {
            let (id, child) = decoded(rows::child(row))?;
            work.records.add_child(id, child);
        }
        Ok(())
    }
}

fn named(item: &WaitItem) -> impl Iterator<Item = SlotKey> {
    item.named().map(|key| (item.token.task, key.clone()))
}
