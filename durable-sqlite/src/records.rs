//! Between the tables and core's transitions: what a verb reads, and how its changes are written.
//!
//! The transaction has the only lock there is, so nothing that was read can change before it is written.

mod flush;

use std::collections::{BTreeSet, HashMap};

use durable_core::model::{EventName, QueueName, TaskId};
use durable_core::store::{MAX_SPREAD, Verb};
use durable_core::transition::{EventRecord, Flaw, Records, SlotKey, Wait};

use crate::engine::Tx;
use crate::error::Fault;
use crate::rows;

/// Whether the parents of tasks are read as well: where one of them may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parents {
    Too,
    Not,
}

/// The records that a verb has read from a queue, with where they are stored.
pub(crate) struct Work<'q> {
    verb: Verb,
    queue: &'q QueueName,
    /// The rules.
    pub(crate) records: Records,
    /// The places of the tasks.
    seqs: HashMap<TaskId, i64>,
}

impl<'q> Work<'q> {
    /// Reads tasks.
    pub(crate) async fn read(
        tx: &mut Tx<'_>,
        verb: Verb,
        queue: &'q QueueName,
        ids: impl IntoIterator<Item = TaskId>,
        parents: Parents,
    ) -> Result<Self, Fault> {
        let records = Records::new(verb, tx.now());
        let mut work = Self { verb, queue, records, seqs: HashMap::new() };
        work.read_tasks(tx, ids, parents).await?;
        Ok(work)
    }

    /// Reads more tasks; those that are known stay as they are.
    async fn read_tasks(
        &mut self,
        tx: &mut Tx<'_>,
        ids: impl IntoIterator<Item = TaskId>,
        parents: Parents,
    ) -> Result<(), Fault> {
        let ids: Vec<TaskId> = ids.into_iter().filter(|id| !self.seqs.contains_key(id)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query(include_str!("sql/shared/tasks_read.sql"))
            .bind(self.queue.as_str())
            .bind(rows::json(&ids))
            .bind(parents == Parents::Too)
            .fetch_all(tx.connection())
            .await?;
        for row in &rows {
            let (seq, task) = decoded(rows::task(row))?;
            if self.seqs.insert(task.id, seq).is_none() {
                self.records.add_task(task);
            }
        }
        Ok(())
    }

    /// Reads what is under some keys of tasks.
    pub(crate) async fn read_slots(
        &mut self,
        tx: &mut Tx<'_>,
        keys: impl IntoIterator<Item = SlotKey>,
    ) -> Result<(), Fault> {
        let keys: Vec<(TaskId, String)> =
            keys.into_iter().map(|(task, key)| (task, key.as_str().to_owned())).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query(include_str!("sql/shared/slots_read.sql"))
            .bind(self.queue.as_str())
            .bind(rows::json(&keys))
            .fetch_all(tx.connection())
            .await?;
        for row in &rows {
            let (key, slot) = decoded(rows::slot(row))?;
            self.records.add_slot(key, slot);
        }
        Ok(())
    }

    /// Reads what is under the keys that the ends of these tasks are written to.
    pub(crate) async fn read_joins(
        &mut self,
        tx: &mut Tx<'_>,
        ids: impl IntoIterator<Item = TaskId>,
    ) -> Result<(), Fault> {
        let keys = self.records.join_keys(ids);
        self.read_slots(tx, keys).await
    }

    /// Reads events. One that is not there is known to be none.
    pub(crate) async fn read_events(
        &mut self,
        tx: &mut Tx<'_>,
        names: impl IntoIterator<Item = EventName>,
    ) -> Result<(), Fault> {
        let names: BTreeSet<EventName> = names.into_iter().collect();
        if names.is_empty() {
            return Ok(());
        }
        let texts: Vec<&str> = names.iter().map(EventName::as_str).collect();
        let rows = sqlx::query(include_str!("sql/shared/events_read.sql"))
            .bind(self.queue.as_str())
            .bind(rows::json(&texts))
            .fetch_all(tx.connection())
            .await?;
        for name in names {
            self.records.add_event(EventRecord::unwritten(name));
        }
        for row in &rows {
            let event = decoded(rows::event(row))?;
            self.records.add_event(event);
        }
        Ok(())
    }

    /// Reads the waits that stand for events, with their tasks: at most so many in all.
    pub(crate) async fn read_standing(
        &mut self,
        tx: &mut Tx<'_>,
        names: &[EventName],
        most: usize,
    ) -> Result<(), Fault> {
        let mut waits: Vec<(SlotKey, Wait)> = Vec::new();
        for name in names {
            // One more than there is room for shows that there are more.
            let left = (most + 1).saturating_sub(waits.len());
            let rows = sqlx::query(include_str!("sql/shared/event_waits.sql"))
                .bind(self.queue.as_str())
                .bind(name.as_str())
                .bind(limit(left))
                .fetch_all(tx.connection())
                .await?;
            let more: Vec<_> = decoded(rows.iter().map(rows::wait).collect())?;
            waits.extend(more);
        }
        let tasks: BTreeSet<TaskId> = waits.iter().map(|(key, _)| key.0).collect();
        self.read_tasks(tx, tasks, Parents::Not).await?;
        self.records.add_standing(names, waits, most, most);
        Ok(())
    }
}

/// What a row is, or the fault that it is nothing.
pub(crate) fn decoded<T>(row: Result<T, Flaw>) -> Result<T, Fault> {
    row.map_err(Fault::Flaw)
}

/// A count as a statement takes it.
pub(crate) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The most waits that one emit ends at once.
pub(crate) const SPREAD: usize = MAX_SPREAD;
