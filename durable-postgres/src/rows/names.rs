//! Numbers and texts of the tables as what they mean.

use durable_core::model::{Checkpoint, CheckpointKind, StepKey, Timestamp, WorkerName};
use durable_core::store::{QueueState, RunView};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{EndRow, Undecodable};

/// The kind of a failed run in the history.
pub(crate) const RUN: i16 = 100;

/// The number of a queue's state.
pub(crate) fn queue_state_number(state: QueueState) -> i16 {
    match state {
        QueueState::Open => 0,
        QueueState::Paused => 1,
        QueueState::Sealed => 2,
    }
}

/// A queue's state by its number.
pub(crate) fn queue_state(number: i16) -> QueueState {
    match number {
        0 => QueueState::Open,
        1 => QueueState::Paused,
        // An unknown state of a later release lets nothing through.
        _ => QueueState::Sealed,
    }
}

/// The number of a checkpoint's kind.
pub(crate) fn kind_number(kind: CheckpointKind) -> i16 {
    match kind {
        CheckpointKind::Step => 0,
        CheckpointKind::Value => 1,
        CheckpointKind::Spawn => 2,
        CheckpointKind::Emit => 3,
        CheckpointKind::Select => 4,
        CheckpointKind::Timer => 5,
        CheckpointKind::Event => 6,
        CheckpointKind::Child => 7,
    }
}

fn checkpoint_kind(number: i16) -> Result<CheckpointKind, Undecodable> {
    Ok(match number {
        0 => CheckpointKind::Step,
        1 => CheckpointKind::Value,
        2 => CheckpointKind::Spawn,
        3 => CheckpointKind::Emit,
        4 => CheckpointKind::Select,
        5 => CheckpointKind::Timer,
        6 => CheckpointKind::Event,
        7 => CheckpointKind::Child,
        _ => return Err("kind"),
    })
}

/// A key that was checked when it was stored.
pub(crate) fn key(text: &str) -> Result<StepKey, Undecodable> {
    StepKey::new(text).map_err(|_| "key")
}

/// A worker's name that was checked when it was stored.
pub(crate) fn worker(text: &str) -> Result<WorkerName, Undecodable> {
    WorkerName::new(text).map_err(|_| "worker")
}

/// An order number as core counts.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A row of the history that is a checkpoint.
pub(crate) fn checkpoint(row: &PgRow) -> Result<Result<Checkpoint, Undecodable>, sqlx::Error> {
    let kind: i16 = row.try_get("kind")?;
    let text: Option<String> = row.try_get("key")?;
    let end = EndRow::read(row)?;
    let by: Option<String> = row.try_get("worker")?;
    let order: i64 = row.try_get("ord")?;
    let attempt: i32 = row.try_get("attempt")?;
    let started_at: i64 = row.try_get("started_at")?;
    let ended_at: i64 = row.try_get("ended_at")?;
    Ok((|| {
        Ok(Checkpoint {
            key: key(&text.ok_or("key")?)?,
            kind: checkpoint_kind(kind)?,
            end: end.ok_or("end_kind")?.end()?,
            order: count(order),
            attempt,
            worker: by.as_deref().map(worker).transpose()?,
            started_at: Timestamp::from_millis(started_at),
            ended_at: Timestamp::from_millis(ended_at),
        })
    })())
}

/// A row of the history that is a failed run.
pub(crate) fn run_view(row: &PgRow) -> Result<Result<RunView, Undecodable>, sqlx::Error> {
    let end = EndRow::read(row)?;
    let by: Option<String> = row.try_get("worker")?;
    let order: i64 = row.try_get("ord")?;
    let attempt: i32 = row.try_get("attempt")?;
    let ended_at: i64 = row.try_get("ended_at")?;
    Ok((|| {
        Ok(RunView {
            order: count(order),
            attempt,
            worker: worker(&by.ok_or("worker")?)?,
            ended_at: Timestamp::from_millis(ended_at),
            failure: end.ok_or("end_kind")?.as_failure()?,
        })
    })())
}
