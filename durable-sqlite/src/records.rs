//! Between the tables and core's transitions: what a verb reads, and how its changes are written.
//!
//! The transaction has the only lock there is, so nothing that was read can change before it is written.

mod flush;

use std::collections::{BTreeSet, HashMap};

use durable_core::model::{EventName, Now, QueueName, TaskId};
use durable_core::store::Verb;
use durable_core::transition::{EventRecord, Flaw, Records, SlotKey};
use sqlx::sqlite::SqliteRow;

use crate::engine::{Statement, Tx, statement};
use crate::error::Fault;
use crate::rows;

const TASKS: Statement = statement!("shared/tasks_read.sql");
const TASKS_WITH_SLOTS: Statement = statement!("shared/tasks_read.sql", "shared/slots_read.sql");
const TASKS_WITH_JOINS: Statement = statement!("shared/tasks_read.sql", "shared/joins_read.sql");
const EVENTS: Statement = statement!("shared/events_read.sql");
const EVENT_WITH_WAITS: Statement = statement!("shared/events_read.sql", "shared/event_waits.sql");

/// The records that a verb has read from a queue, with where they are stored.
pub(crate) struct Work<'q> {
    queue: &'q QueueName,
    /// The rules.
    pub(crate) records: Records,
    /// The places of the tasks.
    seqs: HashMap<TaskId, i64>,
}

impl<'q> Work<'q> {
    /// Nothing read yet.
    pub(crate) fn new(verb: Verb, queue: &'q QueueName, now: Now) -> Self {
        Self { queue, records: Records::new(verb, now), seqs: HashMap::new() }
    }

    /// Reads tasks.
    pub(crate) async fn read(
        tx: &mut Tx<'_, '_>,
        verb: Verb,
        queue: &'q QueueName,
        ids: impl IntoIterator<Item = TaskId>,
    ) -> Result<Self, Fault> {
        let rows = tx.rows(TASKS.bind(queue.as_str()).bind(listed(ids)).bind(false)).await?;
        let mut work = Self::new(verb, queue, tx.now());
        work.add_tasks(&rows)?;
        Ok(work)
    }

    /// Reads tasks, and what is under some keys of theirs.
    pub(crate) async fn read_with_slots(
        tx: &mut Tx<'_, '_>,
        verb: Verb,
        queue: &'q QueueName,
        ids: impl IntoIterator<Item = TaskId>,
        keys: impl IntoIterator<Item = SlotKey>,
    ) -> Result<Self, Fault> {
        let keys: BTreeSet<SlotKey> = keys.into_iter().collect();
        let keys: Vec<_> = keys.iter().map(|(task, key)| (task, key.as_str())).collect();
        let call =
            TASKS_WITH_SLOTS.bind(queue.as_str()).bind(listed(ids)).bind(false).bind(rows::json(&keys));
        let sets = tx.sets(call).await?;
        let mut work = Self::new(verb, queue, tx.now());
        work.add_tasks_with_slots(&sets)?;
        Ok(work)
    }

    /// Reads tasks that may end, with their parents and what is under the keys that their ends are written to.
    pub(crate) async fn read_with_joins(
        tx: &mut Tx<'_, '_>,
        verb: Verb,
        queue: &'q QueueName,
        ids: impl IntoIterator<Item = TaskId>,
    ) -> Result<Self, Fault> {
        let sets = tx.sets(TASKS_WITH_JOINS.bind(queue.as_str()).bind(listed(ids)).bind(true)).await?;
        let mut work = Self::new(verb, queue, tx.now());
        work.add_tasks_with_slots(&sets)?;
        Ok(work)
    }

    /// Takes in a set of tasks, and one of what is under keys of theirs.
    pub(crate) fn add_tasks_with_slots(&mut self, sets: &[Vec<SqliteRow>]) -> Result<(), Fault> {
        let [tasks, slots] = sets else { return Err(Fault::Flaw("sets")) };
        self.add_tasks(tasks)?;
        for row in slots {
            match rows::slot(row) {
                Ok((key, slot)) => self.records.add_slot(key, slot),
                Err(flaw) => self.add_flaw(row, flaw)?,
            }
        }
        Ok(())
    }

    /// Takes in tasks; those that are known stay as they are.
    fn add_tasks(&mut self, rows: &[SqliteRow]) -> Result<(), Fault> {
        for row in rows {
            let (seq, task) = decoded(rows::task(row))?;
            if self.seqs.insert(task.id, seq).is_none() {
                self.records.add_task(task);
            }
        }
        Ok(())
    }

    /// Something beside a task cannot be decoded, and fails it alone (rule C6).
    pub(crate) fn add_flaw(&mut self, row: &SqliteRow, flaw: Flaw) -> Result<(), Fault> {
        let task: TaskId = decoded(rows::text(row, "task").and_then(|task| task.ok_or("task")))?;
        self.records.add_flaw(task, flaw);
        Ok(())
    }

    /// Reads events. One that is not there is known to be none.
    pub(crate) async fn read_events(
        &mut self,
        tx: &mut Tx<'_, '_>,
        names: BTreeSet<EventName>,
    ) -> Result<(), Fault> {
        if names.is_empty() {
            return Ok(());
        }
        let texts: Vec<&str> = names.iter().map(EventName::as_str).collect();
        let rows = tx.rows(EVENTS.bind(self.queue.as_str()).bind(rows::json(&texts))).await?;
        self.add_events(names, &rows)
    }

    fn add_events(
        &mut self,
        names: impl IntoIterator<Item = EventName>,
        rows: &[SqliteRow],
    ) -> Result<(), Fault> {
        for name in names {
            self.records.add_event(EventRecord::unwritten(name));
        }
        for row in rows {
            self.records.add_event(decoded(rows::event(row))?);
        }
        Ok(())
    }

    /// Reads events with the waits that stand for them, and the tasks of those: at most so many waits in all.
    pub(crate) async fn read_waited(
        &mut self,
        tx: &mut Tx<'_, '_>,
        names: &[EventName],
        most: usize,
    ) -> Result<(), Fault> {
        let mut rows = Vec::new();
        for name in names {
            // One more than there is room for shows that there are more.
            let left = limit((most + 1).saturating_sub(rows.len()));
            let call = EVENT_WITH_WAITS.bind(self.queue.as_str()).bind(rows::json(&[name.as_str()]));
            let sets = tx.sets(call.bind(name.as_str()).bind(left)).await?;
            let [events, waits] = <[_; 2]>::try_from(sets).map_err(|_| Fault::Flaw("sets"))?;
            self.add_events([name.clone()], &events)?;
            rows.extend(waits);
        }
        self.add_waiting(tx, names, &rows, most).await
    }

    /// Takes in waits that stand for events, and reads their tasks.
    async fn add_waiting(
        &mut self,
        tx: &mut Tx<'_, '_>,
        names: &[EventName],
        rows: &[SqliteRow],
        most: usize,
    ) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        // A wait that cannot be decoded fails its task when something of that is due, and holds up no other.
        let waits: Vec<_> = rows.iter().filter_map(|row| rows::wait(row).ok()).collect();
        let tasks: BTreeSet<TaskId> = waits.iter().map(|((task, _), _)| *task).collect();
        let unknown = tasks.into_iter().filter(|task| !self.seqs.contains_key(task));
        let tasks = tx.rows(TASKS.bind(self.queue.as_str()).bind(listed(unknown)).bind(false)).await?;
        self.add_tasks(&tasks)?;
        self.records.add_standing(names, waits, most, most);
        Ok(())
    }
}

/// Ids as a statement takes them.
pub(crate) fn listed(ids: impl IntoIterator<Item = TaskId>) -> String {
    rows::json(&ids.into_iter().collect::<Vec<_>>())
}

/// What a row is, or the fault that it is nothing.
pub(crate) fn decoded<T>(row: Result<T, Flaw>) -> Result<T, Fault> {
    row.map_err(Fault::Flaw)
}

/// A count as a statement takes it.
pub(crate) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
