//! Spawns tasks, all or none.

use durable_core::model::{Millis, Now, QueueName, TaskId, Timestamp};
use durable_core::store::{Hint, Idempotency, NewTask, SpawnAnswer, SpawnRequest, StoreError, Verb};
use durable_core::transition::{
    Existing, Flaw, NewChild, decide_spawn, on_close_number, queue_state_of_number,
};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;

use crate::engine::{Call, Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::records::decoded;
use crate::rows::{self, get, text};

const EXISTING: Statement = statement!("tasks/spawn_existing.sql");
const INSERT: Statement = statement!("tasks/spawn.sql");

/// The verb.
pub(super) struct Spawn(pub(super) SpawnRequest);

impl Step for Spawn {
    const VERB: Verb = Verb::Spawn;
    type Answer = SpawnAnswer;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<SpawnAnswer, Fault> {
        let tasks = &self.0.tasks;
        let rows = self.existing(tx).await?;
        let first = rows.first().ok_or_else(|| StoreError::queue_not_found(Verb::Spawn))?;
        let state = queue_state_of_number(decoded(get(first, "state"))?);
        let existing: Vec<Option<Existing>> = decoded(rows.iter().map(existing).collect())?;
        let existing: Vec<Existing> = existing.into_iter().flatten().collect();
        let answer = decide_spawn(tasks, &existing, state);
        if let SpawnAnswer::Spawned(spawned) = &answer {
            let new = tasks.iter().zip(spawned).filter(|(_, spawned)| spawned.created);
            let new: Vec<NewRow<'_>> = new.map(|(task, _)| NewRow { task, parent: None, depth: 0 }).collect();
            if !new.is_empty() {
                let call = insertion(&self.0.queue, tx.now(), &new);
                tx.last(call).await?;
                tell_inserted(tx, &self.0.queue, &new);
            }
        }
        Ok(answer)
    }
}

impl Spawn {
    async fn existing(&self, tx: &mut Tx<'_, '_>) -> Result<Vec<SqliteRow>, Fault> {
        let ids: Vec<TaskId> = self.0.tasks.iter().map(|task| task.id).collect();
        let key = |task: &NewTask| Some(task.idempotency.as_ref()?.key.as_str().to_owned());
        let keys: Vec<String> = self.0.tasks.iter().filter_map(key).collect();
        tx.rows(EXISTING.bind(self.0.queue.as_str()).bind(rows::json(&ids)).bind(rows::json(&keys))).await
    }
}

fn existing(row: &SqliteRow) -> Result<Option<Existing>, Flaw> {
    let Some(id) = text(row, "id")? else { return Ok(None) };
    let key = text(row, "idem_key")?;
    let fingerprint: Option<String> = get(row, "fingerprint")?;
    let idempotency = key.zip(fingerprint).map(|(key, fingerprint)| Idempotency { key, fingerprint });
    Ok(Some(Existing { id, idempotency }))
}

/// A task to insert.
#[derive(Debug, Clone)]
pub(crate) struct NewRow<'t> {
    task: &'t NewTask,
    parent: Option<TaskId>,
    depth: i32,
}

impl<'t> NewRow<'t> {
    /// A child.
    pub(crate) fn child(child: &'t NewChild) -> Self {
        Self { task: &child.task, parent: Some(child.parent), depth: child.depth }
    }

    fn columns(&self, now: Now) -> Value {
        let task = self.task;
        let link = task.parent.as_ref();
        let own = task.idempotency.as_ref();
        let until = self.until(now).map(Timestamp::as_millis);
        let limit = task.max_pending.map(|most| now.at.after(most).as_millis());
        json!([
            task.id,
            self.depth,
            self.parent,
            link.map(|link| link.join_key.as_str()),
            link.map(|link| on_close_number(link.on_close)),
            task.name.as_str(),
            task.priority,
            task.max_pending.map(Millis::as_i64),
            task.max_running.map(Millis::as_i64),
            own.map(|own| own.key.as_str()),
            own.map(|own| own.fingerprint.as_str()),
            task.max_attempts,
            until,
            until.into_iter().chain(limit).min(),
            task.params.as_str(),
            task.headers.as_str(),
            task.policy.as_str(),
        ])
    }

    /// Until when it is delayed; `None` when it is ready at once.
    fn until(&self, now: Now) -> Option<Timestamp> {
        (self.task.delay != Millis::ZERO).then(|| now.up.after(self.task.delay))
    }
}

/// The call that inserts tasks, of which some may be there.
pub(crate) fn insertion(queue: &QueueName, now: Now, new: &[NewRow<'_>]) -> Call {
    let columns: Vec<Value> = new.iter().map(|row| row.columns(now)).collect();
    INSERT.bind(queue.as_str()).bind(now.at.as_millis()).bind(rows::json(&columns))
}

/// Tells that tasks were inserted.
pub(crate) fn tell_inserted(tx: &mut Tx<'_, '_>, queue: &QueueName, new: &[NewRow<'_>]) {
    let now = tx.now();
    if new.iter().any(|row| row.until(now).is_none()) {
        tx.tell(queue, Hint::Work { next_due: None });
    }
    if let Some(due) = new.iter().filter_map(|row| row.until(now)).min() {
        tx.tell(queue, Hint::Work { next_due: Some(due) });
    }
}
