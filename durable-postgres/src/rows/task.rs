//! Tasks, without their payloads.

use durable_core::model::{CallId, End, Failure, Lease, Millis, StepKey, TaskId, TaskName, WorkerName};
use durable_core::transition::{ChildRecord, Flaw, Parent, State, TaskRecord, closed_of, state_of};
use sqlx::postgres::{PgRow, Postgres};
use sqlx::{Decode, Row, Type};
use uuid::Uuid;

use super::{count, end_columns, moment, task_id, time};

/// What of the columns that nobody else checks has no meaning.
pub(crate) fn flaw(name: &str, attempt: i32) -> Option<Flaw> {
    if attempt < 1 {
        return Some("attempt");
    }
    TaskName::new(name).err().map(|_| "name")
}

/// Reads a row of `tasks_read`. What cannot be decoded is told by its flaw, so that it fails this task alone.
pub(crate) fn task(row: &PgRow) -> Result<TaskRecord, sqlx::Error> {
    let attempt: i32 = row.try_get("attempt")?;
    let mut columns = Columns { row, flaw: flaw(row.try_get("name")?, attempt) };
    let state = columns.keep(state_of(row.try_get("state")?, row.try_get("why")?));
    let closed = columns.keep(closed_of(row.try_get("closed")?, row.try_get("closed_due")?));
    let end = columns.keep(end_columns(row)?.map(|end| end.end()).transpose());
    let join_key = columns.read("join_key", |text: String| StepKey::new(text).ok())?;
    let task = TaskRecord {
        id: TaskId::from_uuid(row.try_get("id")?),
        depth: row.try_get("depth")?,
        parent: task_id(row, "parent")?.zip(join_key).map(|(id, join_key)| Parent { id, join_key }),
        max_pending: columns.read("max_pending", Millis::stored)?,
        max_running: columns.read("max_running", Millis::stored)?,
        spawned_at: moment(row, "spawned_at")?,
        state: state.unwrap_or(State::Pending),
        available_at: time(row, "available_at")?,
        max_attempts: row.try_get("max_attempts")?,
        attempt,
        limit_from: moment(row, "limit_from")?,
        first_started_at: time(row, "first_started_at")?,
        ended_at: time(row, "ended_at")?,
        end: end.flatten(),
        closing_since: time(row, "closing_since")?,
        claims: count(row.try_get("claims")?),
        call: row.try_get::<Option<Uuid>, _>("call")?.map(CallId::from_uuid),
        worker: columns.read("worker", |text: String| WorkerName::new(text).ok())?,
        lease: columns.read("lease", Lease::stored)?,
        expires_at: time(row, "expires_at")?,
        closed: closed.flatten(),
        need: columns.read("need", |need: i32| u32::try_from(need).ok())?,
        rest_due: time(row, "rest_due")?,
        last_order: count(row.try_get("last_order")?),
        checkpoints: count(row.try_get("checkpoints")?),
        has_children: row.try_get("has_children")?,
        flaw: None,
    };
    Ok(TaskRecord { flaw: columns.flaw, ..task })
}

/// Reads a row of `wait_children`. An end that cannot be decoded is a failure.
pub(crate) fn child(row: &PgRow) -> Result<(TaskId, ChildRecord), sqlx::Error> {
    let corrupt = |what: Flaw| End::Failed(Failure::Corrupt { what: what.to_owned() });
    let end = end_columns(row)?.map(|end| end.end().unwrap_or_else(corrupt));
    let join_key: Option<String> = row.try_get("join_key")?;
    let parent = task_id(row, "parent")?.zip(join_key.and_then(|text| StepKey::new(text).ok()));
    let child = ChildRecord {
        parent: parent.map(|(id, join_key)| Parent { id, join_key }),
        spawned_at: moment(row, "spawned_at")?,
        end: end.zip(time(row, "ended_at")?),
    };
    Ok((TaskId::from_uuid(row.try_get("id")?), child))
}

/// The columns of a task, and the first that cannot be decoded.
struct Columns<'r> {
    row: &'r PgRow,
    flaw: Option<Flaw>,
}

impl<'r> Columns<'r> {
    /// What could be decoded.
    fn keep<T>(&mut self, decoded: Result<T, Flaw>) -> Option<T> {
        decoded.map_err(|flaw| self.flaw.get_or_insert(flaw)).ok()
    }

    /// A column that may be null.
    fn read<T, U>(
        &mut self,
        column: &'static str,
        decode: impl FnOnce(T) -> Option<U>,
    ) -> Result<Option<U>, sqlx::Error>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        let stored: Option<T> = self.row.try_get(column)?;
        Ok(self.keep(stored.map(|stored| decode(stored).ok_or(column)).transpose()).flatten())
    }
}
