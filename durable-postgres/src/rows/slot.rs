//! What is under one key of a task: nothing, a standing wait, or how it ended.

use durable_core::model::{StepKey, TaskId};
use durable_core::transition::{Flaw, Slot, StoredEnd, Wait, source_of};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{count, end_columns, key, moment, task_id, time};

/// What is under a key of a task, or what of it cannot be decoded.
pub(crate) type OfTask<T> = (TaskId, Result<(StepKey, T), Flaw>);

/// Reads a wait.
pub(crate) fn wait(row: &PgRow) -> Result<OfTask<Wait>, sqlx::Error> {
    let (task, key_text): (_, String) = (row.try_get("task")?, row.try_get("key")?);
    let wait = columns(row)?;
    Ok((TaskId::from_uuid(task), key(&key_text).and_then(|key| Ok((key, wait?)))))
}

/// Reads a row of `slots_read`.
pub(crate) fn slot(row: &PgRow) -> Result<OfTask<Slot>, sqlx::Error> {
    let (task, key_text): (_, String) = (row.try_get("task")?, row.try_get("key")?);
    let slot = if let Some(end) = end_columns(row)? {
        Ok(Slot::Ended(StoredEnd { end: end.end(), at: moment(row, "ended_at")? }))
    } else if row.try_get::<Option<i16>, _>("source")?.is_some() {
        columns(row)?.map(Slot::Standing)
    } else {
        Ok(Slot::Free)
    };
    Ok((TaskId::from_uuid(task), key(&key_text).and_then(|key| Ok((key, slot?)))))
}

fn columns(row: &PgRow) -> super::Decoded<Wait> {
    let event: Option<String> = row.try_get("event")?;
    let source = source_of(row.try_get("source")?, event.as_deref(), task_id(row, "child")?);
    let registered_at = moment(row, "registered_at")?;
    let deadline = time(row, "deadline")?;
    let rests = row.try_get::<Option<i64>, _>("rests")?.map(count);
    Ok(source.map(|source| Wait { source, registered_at, deadline, rests }))
}
