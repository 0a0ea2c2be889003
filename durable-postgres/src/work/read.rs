//! Locking and reading: first the one, then, in a later statement, the other.

use std::collections::BTreeSet;

use durable_core::model::{StepKey, TaskId};
use durable_core::store::Verb;
use durable_core::transition::{Records, Slot, SlotKey};
use sqlx::Row;

use super::{Time, Work};
use crate::error::Fault;
use crate::rows::{OfTask, ids, slot, task, task_id, uuids};
use crate::transaction::Tx;

/// Whether the parents of tasks are locked as well: where one of them may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parents {
    Too,
    Not,
}

/// Locks tasks, ancestors before descendants; gives the ids that are there.
pub(crate) async fn lock_tasks(
    tx: &mut Tx<'_>,
    queue: &str,
    tasks: &[TaskId],
    parents: Parents,
) -> Result<Vec<TaskId>, Fault> {
    lock(tx, include_str!("../sql/shared/tasks_lock.sql"), queue, tasks, parents).await
}

/// Locks tasks that nobody else holds; gives their ids.
pub(crate) async fn lock_free_tasks(
    tx: &mut Tx<'_>,
    queue: &str,
    tasks: &[TaskId],
    parents: Parents,
) -> Result<Vec<TaskId>, Fault> {
    lock(tx, include_str!("../sql/shared/tasks_lock_free.sql"), queue, tasks, parents).await
}

async fn lock(
    tx: &mut Tx<'_>,
    statement: &'static str,
    queue: &str,
    tasks: &[TaskId],
    parents: Parents,
) -> Result<Vec<TaskId>, Fault> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query(statement)
        .bind(queue)
        .bind(uuids(tasks))
        .bind(parents == Parents::Too)
        .fetch_all(&mut **tx)
        .await?;
    Ok(ids(&rows)?)
}

impl Work {
    /// Reads tasks that are locked, and the time if the verb has not read it yet.
    pub(crate) async fn read(
        tx: &mut Tx<'_>,
        verb: Verb,
        queue: &str,
        time: Time,
        locked: &[TaskId],
    ) -> Result<Self, Fault> {
        Self::read_also(tx, verb, queue, time, locked, &BTreeSet::new()).await
    }

    /// Reads tasks that are locked, and some that another holds.
    pub(crate) async fn read_also(
        tx: &mut Tx<'_>,
        verb: Verb,
        queue: &str,
        time: Time,
        locked: &[TaskId],
        held: &BTreeSet<TaskId>,
    ) -> Result<Self, Fault> {
        let rows = tx
            .query(include_str!("../sql/shared/tasks_read.sql"))
            .bind(queue)
            .bind(uuids(locked.iter().chain(held)))
            .bind(time.parameter())
            .fetch_all(&mut **tx)
            .await?;
        let now = rows.first().ok_or(Fault::Again)?.try_get("now")?;
        let mut records = Records::new(verb, time.now(now));
        for row in &rows {
            match task_id(row, "id")? {
                Some(id) if held.contains(&id) => records.add_held_task(task(row)?),
                Some(_) => records.add_task(task(row)?),
                None => {}
            }
        }
        Ok(Self { queue: queue.to_owned(), time: time.at(now), records })
    }

    /// Reads what is under some keys of locked tasks, each named once.
    pub(crate) async fn read_slots(
        &mut self,
        tx: &mut Tx<'_>,
        keys: impl IntoIterator<Item = SlotKey>,
    ) -> Result<(), Fault> {
        let (tasks, keys): (Vec<TaskId>, Vec<StepKey>) = keys.into_iter().unzip();
        if tasks.is_empty() {
            return Ok(());
        }
        let rows = tx
            .query(include_str!("../sql/shared/slots_read.sql"))
            .bind(&self.queue)
            .bind(uuids(&tasks))
            .bind(keys.iter().map(StepKey::as_str).collect::<Vec<_>>())
            .fetch_all(&mut **tx)
            .await?;
        for row in &rows {
            self.add_slot(slot(row)?);
        }
        Ok(())
    }

    /// Takes in what is under a key; what cannot be decoded is its task's flaw.
    pub(crate) fn add_slot(&mut self, (task, slot): OfTask<Slot>) {
        match slot {
            Ok((key, slot)) => self.records.add_slot((task, key), slot),
            Err(flaw) => self.records.add_flaw(task, flaw),
        }
    }
}
