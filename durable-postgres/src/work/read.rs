//! Locking and reading: first the one, then, in a later statement, the other.

use durable_core::store::Verb;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{Time, Tracked, Work};
use crate::error::Fault;
use crate::rows::{Slot, SlotKey, Task};

/// Whether the parents of tasks are locked as well: where one of them may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parents {
    Too,
    Not,
}

/// Locks tasks, ancestors before descendants; gives the ids that are there.
pub(crate) async fn lock_tasks(
    tx: &mut PgConnection,
    queue: &str,
    ids: &[Uuid],
    parents: Parents,
) -> Result<Vec<Uuid>, Fault> {
    lock(tx, include_str!("../sql/shared/tasks_lock.sql"), queue, ids, parents).await
}

/// Locks tasks that nobody else holds; gives their ids.
pub(crate) async fn lock_free_tasks(
    tx: &mut PgConnection,
    queue: &str,
    ids: &[Uuid],
    parents: Parents,
) -> Result<Vec<Uuid>, Fault> {
    lock(tx, include_str!("../sql/shared/tasks_lock_free.sql"), queue, ids, parents).await
}

async fn lock(
    tx: &mut PgConnection,
    statement: &'static str,
    queue: &str,
    ids: &[Uuid],
    parents: Parents,
) -> Result<Vec<Uuid>, Fault> {
    let rows = sqlx::query(statement)
        .bind(queue)
        .bind(ids)
        .bind(parents == Parents::Too)
        .fetch_all(&mut *tx)
        .await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

impl Work {
    /// Reads tasks that are locked, and the time if the verb has not read it yet.
    pub(crate) async fn read(
        tx: &mut PgConnection,
        verb: Verb,
        queue: &str,
        time: Time,
        ids: &[Uuid],
    ) -> Result<Self, Fault> {
        let rows = sqlx::query(include_str!("../sql/shared/tasks_read.sql"))
            .bind(queue)
            .bind(ids)
            .bind(time.parameter())
            .fetch_all(&mut *tx)
            .await?;
        let now = rows.first().ok_or(Fault::Again)?.try_get("now")?;
        let mut work = Self::new(verb, queue, time, now);
        for row in &rows {
            let id: Option<Uuid> = row.try_get("id")?;
            if let Some(id) = id {
                work.tasks.insert(id, Task::read(row)?);
            }
        }
        Ok(work)
    }

    /// Reads what is under some keys of locked tasks.
    pub(crate) async fn read_slots(
        &mut self,
        tx: &mut PgConnection,
        keys: impl IntoIterator<Item = SlotKey>,
    ) -> Result<(), Fault> {
        let (tasks, keys): (Vec<Uuid>, Vec<String>) = keys.into_iter().unzip();
        if tasks.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query(include_str!("../sql/shared/slots_read.sql"))
            .bind(&self.queue)
            .bind(tasks)
            .bind(keys)
            .fetch_all(&mut *tx)
            .await?;
        for row in &rows {
            let (key, slot) = Slot::read(row)?;
            self.add_slot(key, slot);
        }
        Ok(())
    }

    /// Takes in a slot as it is stored.
    pub(crate) fn add_slot(&mut self, key: SlotKey, slot: Slot) {
        let row = matches!(slot, Slot::Standing(_));
        self.slots.entry(key).or_insert(Tracked { slot, row, changed: false });
    }

    /// The join keys of tasks with their parents: where their ends are written to.
    pub(crate) fn join_keys(&self, ids: impl IntoIterator<Item = Uuid>) -> Vec<SlotKey> {
        ids.into_iter()
            .filter_map(|id| self.task(id))
            .filter_map(|task| Some((task.parent?, task.join_key.clone()?)))
            .collect()
    }
}
