//! Spawns tasks, all or none.

use std::collections::HashSet;

use durable_core::model::{Millis, TaskId};
use durable_core::store::{
    Hint, Idempotency, NewTask, QueueState, SpawnAnswer, SpawnRequest, Spawned, StoreError, Verb,
};
use durable_core::transition::{Existing, NewChild, decide_spawn, on_close_number, queue_state_of_number};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::Fault;
use crate::rows::{task_id, time, uuids};
use crate::transaction::{Step, Tx};

/// The verb, with the time if it is injected.
pub(super) struct Spawn {
    pub(super) request: SpawnRequest,
    pub(super) injected: Option<i64>,
}

/// A task to insert.
#[derive(Debug, Clone)]
pub(crate) struct NewRow<'a> {
    task: &'a NewTask,
    depth: i32,
    parent: Option<TaskId>,
}

impl<'a> From<&'a NewTask> for NewRow<'a> {
    fn from(task: &'a NewTask) -> Self {
        Self { task, depth: 0, parent: None }
    }
}

impl<'a> From<&'a NewChild> for NewRow<'a> {
    fn from(child: &'a NewChild) -> Self {
        Self { task: &child.task, depth: child.depth, parent: Some(child.parent) }
    }
}

/// What an insert did.
#[derive(Debug)]
pub(crate) struct Inserted {
    /// The queue's state; `None` without the queue.
    pub(crate) state: Option<QueueState>,
    /// The tasks that were not there before.
    pub(crate) created: HashSet<TaskId>,
}

impl Step for Spawn {
    const VERB: Verb = Verb::Spawn;
    type Answer = SpawnAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<SpawnAnswer, Fault> {
        let queue = self.request.queue.as_str();
        let tasks = &self.request.tasks;
        let rows: Vec<NewRow> = tasks.iter().map(NewRow::from).collect();
        let inserted = insert_tasks(tx, queue, self.injected, &rows).await?;
        let state = inserted.state.ok_or_else(|| StoreError::queue_not_found(Verb::Spawn))?;
        if inserted.created.len() == tasks.len() {
            let new = |task: &NewTask| Spawned { task: task.id, created: true };
            return Ok(SpawnAnswer::Spawned(tasks.iter().map(new).collect()));
        }
        self.find_existing(tx, state, &inserted.created).await
    }

    fn is_kept(answer: &SpawnAnswer) -> bool {
        matches!(answer, SpawnAnswer::Spawned(_))
    }
}

impl Spawn {
    /// Tells for each task whether it is new, or which one was there before.
    async fn find_existing(
        &self,
        tx: &mut Tx<'_>,
        state: QueueState,
        created: &HashSet<TaskId>,
    ) -> Result<SpawnAnswer, Fault> {
        let tasks = &self.request.tasks;
        let rows = tx
            .query(include_str!("../sql/tasks/spawn_existing.sql"))
            .bind(self.request.queue.as_str())
            .bind(uuids(tasks.iter().map(|task| &task.id)))
            .bind(tasks.iter().map(|task| Some(task.idempotency.as_ref()?.key.as_str())).collect::<Vec<_>>())
            .fetch_all(&mut **tx)
            .await?;
        let mut existing = Vec::with_capacity(rows.len());
        for (task, row) in tasks.iter().zip(&rows) {
            existing.extend(found(task, row)?.filter(|found| !created.contains(&found.id)));
        }
        let answer = decide_spawn(tasks, &existing, state);
        let is_gone = |task: &Spawned| task.created && !created.contains(&task.task);
        match &answer {
            // It was there at the insert, and was purged since.
            SpawnAnswer::Spawned(spawned) if spawned.iter().any(is_gone) => Err(Fault::Again),
            _ => Ok(answer),
        }
    }
}

/// What a row of `spawn_existing` has found for a task: by its id, else by its key.
fn found(task: &NewTask, row: &PgRow) -> Result<Option<Existing>, sqlx::Error> {
    let Some(id) = task_id(row, "id")? else { return Ok(None) };
    if row.try_get("same_id")? {
        return Ok(Some(Existing { id, idempotency: None }));
    }
    let fingerprint: Option<String> = row.try_get("fingerprint")?;
    let own = |own: &Idempotency| Idempotency {
        key: own.key.clone(),
        fingerprint: fingerprint.unwrap_or_default(),
    };
    Ok(Some(Existing { id, idempotency: task.idempotency.as_ref().map(own) }))
}

/// Inserts tasks that are not there yet.
pub(crate) async fn insert_tasks(
    tx: &mut Tx<'_>,
    queue: &str,
    now: Option<i64>,
    rows: &[NewRow<'_>],
) -> Result<Inserted, Fault> {
    let row = tx
        .query(include_str!("../sql/tasks/spawn.sql"))
        .bind(queue)
        .bind(now)
        .bind(uuids(rows.iter().map(|row| &row.task.id)))
        .bind(rows.iter().map(|row| row.depth).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.parent.map(|id| id.as_uuid())).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| Some(row.task.parent.as_ref()?.join_key.as_str())).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|row| Some(on_close_number(row.task.parent.as_ref()?.on_close)))
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|row| row.task.name.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.task.priority).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.task.max_pending.map(Millis::as_i64)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.task.max_running.map(Millis::as_i64)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| Some(row.task.idempotency.as_ref()?.key.as_str())).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|row| Some(row.task.idempotency.as_ref()?.fingerprint.as_str()))
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|row| row.task.delay.as_i64()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.task.max_attempts).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.task.params.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.task.headers.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.task.policy.as_str()).collect::<Vec<_>>())
        .fetch_one(&mut **tx)
        .await?;
    let state: Option<i16> = row.try_get("state")?;
    let created: Vec<Uuid> = row.try_get("created")?;
    let created: HashSet<TaskId> = created.into_iter().map(TaskId::from_uuid).collect();
    if let Some(next_due) = time(&row, "next_due")? {
        tx.tell(queue, Hint::Work { next_due: Some(next_due) });
    }
    if rows.iter().any(|row| row.task.delay == Millis::ZERO && created.contains(&row.task.id)) {
        tx.tell(queue, Hint::Work { next_due: None });
    }
    Ok(Inserted { state: state.map(queue_state_of_number), created })
}
