//! What is under one key of a task: nothing, a standing wait, or how it ended.

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::EndRow;

/// A task and a key.
pub(crate) type SlotKey = (Uuid, String);

/// What is under a key.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    /// Nothing.
    Free,
    /// A wait that stands.
    Standing(Wait),
    /// A checkpoint.
    Ended(Ended),
}

/// A stored end.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) end: EndRow,
    pub(crate) at: i64,
}

/// A wait that stands.
#[derive(Debug, Clone)]
pub(crate) struct Wait {
    /// 0 time, 1 event, 2 child.
    pub(crate) source: i16,
    pub(crate) event: Option<String>,
    pub(crate) child: Option<Uuid>,
    pub(crate) registered_at: i64,
    pub(crate) deadline: Option<i64>,
    /// The claim count of the run that rests on it.
    pub(crate) rests: Option<i64>,
}

impl Wait {
    /// The source of a wait for time alone.
    pub(crate) const TIME: i16 = 0;
    /// The source of a wait for an event.
    pub(crate) const EVENT: i16 = 1;
    /// The source of a wait for a child.
    pub(crate) const CHILD: i16 = 2;

    /// Reads the wait's columns; `None` when there is no wait.
    pub(crate) fn read(row: &PgRow) -> Result<Option<Self>, sqlx::Error> {
        let source: Option<i16> = row.try_get("source")?;
        let Some(source) = source else { return Ok(None) };
        Ok(Some(Self {
            source,
            event: row.try_get("event")?,
            child: row.try_get("child")?,
            registered_at: row.try_get("registered_at")?,
            deadline: row.try_get("deadline")?,
            rests: row.try_get("rests")?,
        }))
    }
}

impl Slot {
    /// Reads a row that is a wait for certain.
    pub(crate) fn read_wait(row: &PgRow) -> Result<(SlotKey, Wait), sqlx::Error> {
        let key = (row.try_get("task")?, row.try_get("key")?);
        let wait = Wait::read(row)?.ok_or_else(|| sqlx::Error::ColumnNotFound("source".into()))?;
        Ok((key, wait))
    }

    /// Reads a row of `slots_read`.
    pub(crate) fn read(row: &PgRow) -> Result<(SlotKey, Self), sqlx::Error> {
        let key = (row.try_get("task")?, row.try_get("key")?);
        if let Some(end) = EndRow::read(row)? {
            return Ok((key, Self::Ended(Ended { end, at: row.try_get("ended_at")? })));
        }
        Ok((key, Wait::read(row)?.map_or(Self::Free, Self::Standing)))
    }
}
