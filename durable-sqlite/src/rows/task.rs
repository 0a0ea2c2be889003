//! Tasks, without their payloads.

use durable_core::model::{Lease, Millis, TaskId, TaskName, Timestamp};
use durable_core::transition::{EndColumns, Flaw, Parent, State, TaskRecord, closed_of, state_of};
use sqlx::sqlite::SqliteRow;

use super::{get, text, time};

/// A row of `tasks_read`, with its place. What cannot be decoded is told by `flaw`, so that it fails this task alone.
pub(crate) fn task(row: &SqliteRow) -> Result<(i64, TaskRecord), Flaw> {
    let (seq, id) = (get(row, "seq")?, text(row, "id")?.ok_or("id")?);
    let record = whole(row, id).unwrap_or_else(|flaw| flawed(row, id, flaw));
    Ok((seq, record))
}

fn whole(row: &SqliteRow, id: TaskId) -> Result<TaskRecord, Flaw> {
    text::<TaskName>(row, "name")?.ok_or("name")?;
    let attempt: i32 = get(row, "attempt")?;
    if attempt < 1 {
        return Err("attempt");
    }
    Ok(TaskRecord {
        id,
        depth: get(row, "depth")?,
        parent: parent(row)?,
        max_pending: millis(row, "max_pending")?,
        max_running: millis(row, "max_running")?,
        spawned_at: time(row, "spawned_at")?.ok_or("spawned_at")?,
        state: state(row)?,
        available_at: time(row, "available_at")?,
        max_attempts: get(row, "max_attempts")?,
        attempt,
        limit_from: time(row, "limit_from")?.ok_or("limit_from")?,
        first_started_at: time(row, "first_started_at")?,
        ended_at: time(row, "ended_at")?,
        end: end(row)?.map(|end| end.end()).transpose()?,
        closing_since: time(row, "closing_since")?,
        claims: count(row, "claims")?,
        call: text(row, "call")?,
        worker: text(row, "worker")?,
        lease: get::<Option<i64>>(row, "lease")?
            .map(|lease| Lease::stored(lease).ok_or("lease"))
            .transpose()?,
        expires_at: time(row, "expires_at")?,
        closed: closed_of(get(row, "closed")?, get(row, "closed_due")?)?,
        need: get(row, "need")?,
        rest_due: time(row, "rest_due")?,
        last_order: count(row, "last_order")?,
        checkpoints: count(row, "checkpoints")?,
        has_children: get(row, "has_children")?,
        flaw: None,
    })
}

/// What is left of a task that cannot be decoded: enough to fail it.
fn flawed(row: &SqliteRow, id: TaskId, flaw: Flaw) -> TaskRecord {
    TaskRecord {
        id,
        depth: 0,
        parent: parent(row).unwrap_or_default(),
        max_pending: None,
        max_running: None,
        spawned_at: time(row, "spawned_at").ok().flatten().unwrap_or(Timestamp::from_millis(0)),
        state: state(row).unwrap_or(State::Pending),
        available_at: None,
        max_attempts: None,
        attempt: get(row, "attempt").unwrap_or(0),
        limit_from: Timestamp::from_millis(0),
        first_started_at: None,
        ended_at: time(row, "ended_at").unwrap_or_default(),
        end: None,
        closing_since: time(row, "closing_since").unwrap_or_default(),
        claims: count(row, "claims").unwrap_or(0),
        call: text(row, "call").unwrap_or_default(),
        worker: None,
        lease: None,
        expires_at: None,
        closed: None,
        need: None,
        rest_due: None,
        last_order: count(row, "last_order").unwrap_or(0),
        checkpoints: count(row, "checkpoints").unwrap_or(0),
        has_children: get(row, "has_children").unwrap_or(false),
        flaw: Some(flaw),
    }
}

fn state(row: &SqliteRow) -> Result<State, Flaw> {
    state_of(get(row, "state")?, get(row, "why")?)
}

/// What ties a task to its parent.
pub(super) fn parent(row: &SqliteRow) -> Result<Option<Parent>, Flaw> {
    let Some(id) = text(row, "parent")? else { return Ok(None) };
    let join_key = text(row, "join_key")?.ok_or("join_key")?;
    Ok(Some(Parent { id, join_key }))
}

/// The three columns of an end; `None` when there is no end.
pub(crate) fn end(row: &SqliteRow) -> Result<Option<EndColumns>, Flaw> {
    let Some(kind) = get(row, "end_kind")? else { return Ok(None) };
    Ok(Some(EndColumns { kind, text: get(row, "end_text")?, at: get(row, "end_at")? }))
}

fn millis(row: &SqliteRow, column: &'static str) -> Result<Option<Millis>, Flaw> {
    let millis: Option<i64> = get(row, column)?;
    millis.map(|millis| Millis::stored(millis).ok_or(column)).transpose()
}

/// A figure that is never negative.
pub(crate) fn count(row: &SqliteRow, column: &'static str) -> Result<u64, Flaw> {
    u64::try_from(get::<i64>(row, column)?).map_err(|_| column)
}
