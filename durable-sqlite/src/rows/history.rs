//! What is stored for a task.

use durable_core::model::Checkpoint;
use durable_core::store::RunView;
use durable_core::transition::{Flaw, kind_of_number};
use sqlx::sqlite::SqliteRow;

use super::{count, end, get, text, time};

/// The kind of a failed run.
pub(crate) const RUN: i16 = 100;

/// A row that is a checkpoint.
pub(crate) fn checkpoint(row: &SqliteRow) -> Result<Checkpoint, Flaw> {
    Ok(Checkpoint {
        key: text(row, "key")?.ok_or("key")?,
        kind: kind_of_number(get(row, "kind")?)?,
        end: end(row)?.ok_or("end_kind")?.end()?,
        order: count(row, "ord")?,
        attempt: get(row, "attempt")?,
        worker: text(row, "worker")?,
        started_at: time(row, "started_at")?.ok_or("started_at")?,
        ended_at: time(row, "ended_at")?.ok_or("ended_at")?,
    })
}

/// A row that is a failed run.
pub(crate) fn run(row: &SqliteRow) -> Result<RunView, Flaw> {
    Ok(RunView {
        order: count(row, "ord")?,
        attempt: get(row, "attempt")?,
        worker: text(row, "worker")?.ok_or("worker")?,
        ended_at: time(row, "ended_at")?.ok_or("ended_at")?,
        failure: end(row)?.ok_or("end_kind")?.failure()?,
    })
}
