//! What is under a key of a task, and what a wait is for.

use durable_core::model::TaskId;
use durable_core::store::WaitSource;
use durable_core::transition::{
    ChildRecord, EventRecord, Flaw, Slot, SlotKey, StoredEnd, Wait, Written, source_of,
};
use sqlx::sqlite::SqliteRow;

use super::task::parent;
use super::{end, get, payload, text, time};

/// A row of `slots_read`.
pub(crate) fn slot(row: &SqliteRow) -> Result<(SlotKey, Slot), Flaw> {
    let slot = if let Some(end) = end(row)? {
        Slot::Ended(StoredEnd { end: end.end(), at: time(row, "ended_at")?.ok_or("ended_at")? })
    } else if get::<Option<i16>>(row, "source")?.is_some() {
        Slot::Standing(wait(row)?.1)
    } else {
        Slot::Free
    };
    Ok((slot_key(row)?, slot))
}

/// A row that is a wait for certain.
pub(crate) fn wait(row: &SqliteRow) -> Result<(SlotKey, Wait), Flaw> {
    let wait = Wait {
        source: source(row)?,
        registered_at: time(row, "registered_at")?.ok_or("registered_at")?,
        deadline: time(row, "deadline")?,
        rests: get::<Option<i64>>(row, "rests")?.and_then(|claims| u64::try_from(claims).ok()),
    };
    Ok((slot_key(row)?, wait))
}

fn slot_key(row: &SqliteRow) -> Result<SlotKey, Flaw> {
    let task: TaskId = text(row, "task")?.ok_or("task")?;
    Ok((task, text(row, "key")?.ok_or("key")?))
}

fn source(row: &SqliteRow) -> Result<WaitSource, Flaw> {
    source_of(get(row, "source")?, get(row, "event")?, text(row, "child")?)
}

/// A row of `events_read` and its like.
pub(crate) fn event(row: &SqliteRow) -> Result<EventRecord, Flaw> {
    Ok(EventRecord {
        name: text(row, "name")?.ok_or("name")?,
        written: Some(Written {
            at: time(row, "written_at")?.ok_or("written_at")?,
            id: text(row, "id")?.ok_or("id")?,
            payload: payload(row, "payload")?,
            metadata: payload(row, "metadata")?,
        }),
        first_unreached: time(row, "first_unreached")?,
    })
}

/// A row of `wait_children`.
pub(crate) fn child(row: &SqliteRow) -> Result<(TaskId, ChildRecord), Flaw> {
    let end = end(row)?.map(|end| end.end()).transpose()?;
    let child = ChildRecord {
        parent: parent(row)?,
        spawned_at: time(row, "spawned_at")?.ok_or("spawned_at")?,
        end: end.zip(time(row, "ended_at")?),
    };
    Ok((text(row, "id")?.ok_or("id")?, child))
}
