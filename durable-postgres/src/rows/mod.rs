//! Rows as the records of [`durable_core::transition`], and back.

mod end;
mod event;
mod history;
mod slot;
mod task;

use durable_core::model::{Payload, StepKey, TaskId, Timestamp, WorkerName};
use durable_core::transition::Flaw;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

pub(crate) use end::end_columns;
pub(crate) use event::{event, written};
pub(crate) use history::{HistoryRow, entry};
pub(crate) use slot::{OfTask, slot, wait};
pub(crate) use task::{child, flaw, task};

/// A record, or what of it cannot be decoded.
pub(crate) type Decoded<T> = Result<Result<T, Flaw>, sqlx::Error>;

/// A key that was checked when it was stored.
pub(crate) fn key(text: &str) -> Result<StepKey, Flaw> {
    StepKey::new(text).map_err(|_| "key")
}

/// A worker's name that was checked when it was stored.
pub(crate) fn worker(text: &str) -> Result<WorkerName, Flaw> {
    WorkerName::new(text).map_err(|_| "worker")
}

/// A payload; nobody looks into it.
pub(crate) fn payload(row: &PgRow, column: &'static str) -> Result<Payload, sqlx::Error> {
    row.try_get::<String, _>(column).map(Payload::from_text)
}

/// A count as core counts.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A count as the tables have it.
pub(crate) fn number<T: TryInto<i64>>(count: T) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// A moment that may not be there.
pub(crate) fn time(row: &PgRow, column: &'static str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_millis))
}

/// A moment that is always there.
pub(crate) fn moment(row: &PgRow, column: &'static str) -> Result<Timestamp, sqlx::Error> {
    row.try_get(column).map(Timestamp::from_millis)
}

/// A task that may not be there.
pub(crate) fn task_id(row: &PgRow, column: &'static str) -> Result<Option<TaskId>, sqlx::Error> {
    Ok(row.try_get::<Option<Uuid>, _>(column)?.map(TaskId::from_uuid))
}

/// Ids to bind.
pub(crate) fn uuids<'a>(ids: impl IntoIterator<Item = &'a TaskId>) -> Vec<Uuid> {
    ids.into_iter().map(TaskId::as_uuid).collect()
}

/// The ids in the first column.
pub(crate) fn ids(rows: &[PgRow]) -> Result<Vec<TaskId>, sqlx::Error> {
    rows.iter().map(|row| row.try_get(0).map(TaskId::from_uuid)).collect()
}
