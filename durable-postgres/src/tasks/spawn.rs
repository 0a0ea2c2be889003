//! Spawns tasks, all or none.

use std::collections::HashSet;

use durable_core::model::{Millis, ParentClosePolicy, TaskId};
use durable_core::store::{NewTask, QueueState, SpawnAnswer, SpawnRequest, Spawned, StoreError, Verb};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::error::Fault;
use crate::rows::queue_state;
use crate::transaction::Step;

/// The verb, with the time if it is injected.
pub(super) struct Spawn {
    pub(super) request: SpawnRequest,
    pub(super) injected: Option<i64>,
}

/// A task to insert.
#[derive(Debug, Clone)]
pub(crate) struct NewRow<'a> {
    pub(crate) task: &'a NewTask,
    /// Its parent, and how deep that is.
    pub(crate) parent: Option<(Uuid, i32)>,
}

/// What an insert did.
#[derive(Debug)]
pub(crate) struct Inserted {
    /// The queue's state; `None` without the queue.
    pub(crate) state: Option<QueueState>,
    /// The tasks that were not there before.
    pub(crate) created: HashSet<Uuid>,
}

impl Step for Spawn {
    const VERB: Verb = Verb::Spawn;
    type Answer = SpawnAnswer;

    async fn run(&self, tx: &mut PgConnection) -> Result<SpawnAnswer, Fault> {
        let queue = self.request.queue.as_str();
        let tasks = &self.request.tasks;
        let rows: Vec<NewRow> = tasks.iter().map(|task| NewRow { task, parent: None }).collect();
        let mut inserted = insert_tasks(tx, queue, self.injected, &rows).await?;
        let state = inserted.state.ok_or_else(|| StoreError::queue_not_found(Verb::Spawn))?;
        if inserted.created.len() == tasks.len() {
            let new = |task: &NewTask| Spawned { task: task.id, created: true };
            return Ok(SpawnAnswer::Spawned(tasks.iter().map(new).collect()));
        }
        self.find_existing(tx, state, &mut inserted.created).await
    }

    fn is_kept(answer: &SpawnAnswer) -> bool {
        matches!(answer, SpawnAnswer::Spawned(_))
    }
}

impl Spawn {
    /// Tells for each task whether it is new, or which one was there before.
    async fn find_existing(
        &self,
        tx: &mut PgConnection,
        state: QueueState,
        created: &mut HashSet<Uuid>,
    ) -> Result<SpawnAnswer, Fault> {
        let tasks = &self.request.tasks;
        let key = |task: &NewTask| task.idempotency.as_ref().map(|own| own.key.as_str().to_owned());
        let rows = sqlx::query(include_str!("../sql/tasks/spawn_existing.sql"))
            .bind(self.request.queue.as_str())
            .bind(tasks.iter().map(|task| task.id.as_uuid()).collect::<Vec<_>>())
            .bind(tasks.iter().map(key).collect::<Vec<_>>())
            .fetch_all(&mut *tx)
            .await?;
        let mut spawned = Vec::with_capacity(tasks.len());
        for (index, (task, row)) in tasks.iter().zip(&rows).enumerate() {
            if created.remove(&task.id.as_uuid()) {
                spawned.push(Spawned { task: task.id, created: true });
                continue;
            }
            let Some(existing) = row.try_get::<Option<Uuid>, _>("id")?.map(TaskId::from_uuid) else {
                // Nothing is inserted into a sealed queue; in another it was there at the insert, and was purged since.
                return if state == QueueState::Sealed {
                    Ok(SpawnAnswer::QueueClosed)
                } else {
                    Err(Fault::Again)
                };
            };
            let fingerprint: Option<String> = row.try_get("fingerprint")?;
            let same_id: bool = row.try_get("same_id")?;
            let own = task.idempotency.as_ref().map(|own| own.fingerprint.as_str());
            if !same_id && fingerprint.as_deref() != own {
                return Ok(SpawnAnswer::Conflict { index, existing });
            }
            spawned.push(Spawned { task: existing, created: false });
        }
        Ok(SpawnAnswer::Spawned(spawned))
    }
}

/// Inserts tasks that are not there yet.
pub(crate) async fn insert_tasks(
    tx: &mut PgConnection,
    queue: &str,
    now: Option<i64>,
    rows: &[NewRow<'_>],
) -> Result<Inserted, Fault> {
    let row = sqlx::query(include_str!("../sql/tasks/spawn.sql"))
        .bind(queue)
        .bind(now)
        .bind(rows.iter().map(|row| row.task.id.as_uuid()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.parent.map_or(0, |(_, depth)| depth + 1)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.parent.map(|(id, _)| id)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| Some(row.task.parent.as_ref()?.join_key.as_str())).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| Some(on_close(row.task.parent.as_ref()?.on_close))).collect::<Vec<_>>())
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
        .fetch_one(&mut *tx)
        .await?;
    let state: Option<i16> = row.try_get("state")?;
    let created: Vec<Uuid> = row.try_get("created")?;
    Ok(Inserted { state: state.map(queue_state), created: created.into_iter().collect() })
}

fn on_close(policy: ParentClosePolicy) -> i16 {
    match policy {
        ParentClosePolicy::Cancel => 0,
        ParentClosePolicy::Abandon => 1,
    }
}
