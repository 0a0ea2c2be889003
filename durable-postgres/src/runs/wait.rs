//! Registers waits, and lets runs rest on some of their waits.

use std::collections::BTreeSet;

use durable_core::model::TaskId;
use durable_core::store::{FencedError, NewWait, Verb, WaitAnswer, WaitRequest, WaitSource};
use durable_core::transition::{EventRecord, SlotKey};

use crate::error::Fault;
use crate::rows::{child, uuids};
use crate::transaction::{Step, Tx};
use crate::work::{Parents, Time, Work, lock_tasks, place_events, read_events};

/// The verb, with the time if it is injected.
pub(super) struct Waits {
    pub(super) request: WaitRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Waits {
    const VERB: Verb = Verb::Wait;
    type Answer = Vec<Result<WaitAnswer, FencedError>>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Answer, Fault> {
        let queue = self.request.queue.as_str();
        let items = &self.request.items;
        let time = Time { injected: self.injected, read: None };
        let slots = self.named();
        let events = self.share_events(tx, &slots).await?;
        let ids: Vec<TaskId> = items.iter().map(|item| item.token.task).collect();
        let locked = lock_tasks(tx, queue, &ids, Parents::Not).await?;
        let mut work = Work::read(tx, Verb::Wait, queue, time, &locked).await?;
        work.add_events(events);
        work.read_slots(tx, slots).await?;
        self.read_children(tx, &mut work).await?;
        let answers = items.iter().map(|item| work.records.wait(item)).collect();
        work.flush(tx).await?;
        Ok(answers)
    }
}

impl Waits {
    /// The keys that the items name.
    fn named(&self) -> BTreeSet<SlotKey> {
        let items = self.request.items.iter();
        items.flat_map(|item| item.named().map(|key| (item.token.task, key.clone()))).collect()
    }

    fn new_waits(&self) -> impl Iterator<Item = &NewWait> {
        self.request.items.iter().flat_map(|item| &item.waits)
    }

    /// Locks the events first, so that none is written between looking at it and registering the wait.
    async fn share_events(
        &self,
        tx: &mut Tx<'_>,
        slots: &BTreeSet<SlotKey>,
    ) -> Result<Vec<EventRecord>, Fault> {
        let queue = self.request.queue.as_str();
        let names: BTreeSet<&str> = self.new_waits().filter_map(event_of).collect();
        let names: Vec<&str> = names.into_iter().collect();
        if !names.is_empty() {
            place_events(tx, queue, &names).await?;
        }
        let rows = tx
            .query(include_str!("../sql/shared/events_share.sql"))
            .bind(queue)
            .bind(&names)
            .bind(uuids(slots.iter().map(|(task, _)| task)))
            .bind(slots.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>())
            .fetch_all(&mut **tx)
            .await?;
        read_events(&rows)
    }

    async fn read_children(&self, tx: &mut Tx<'_>, work: &mut Work) -> Result<(), Fault> {
        let ids: Vec<TaskId> = self.new_waits().filter_map(child_of).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let rows = tx
            .query(include_str!("../sql/runs/wait_children.sql"))
            .bind(self.request.queue.as_str())
            .bind(uuids(&ids))
            .fetch_all(&mut **tx)
            .await?;
        for row in &rows {
            let (id, child) = child(row)?;
            work.records.add_child(id, child);
        }
        Ok(())
    }
}

fn event_of(wait: &NewWait) -> Option<&str> {
    match &wait.source {
        WaitSource::Event(name) => Some(name.as_str()),
        WaitSource::Child(_) | WaitSource::Time => None,
    }
}

fn child_of(wait: &NewWait) -> Option<TaskId> {
    match &wait.source {
        WaitSource::Child(id) => Some(*id),
        WaitSource::Event(_) | WaitSource::Time => None,
    }
}
