//! Events as they are stored.

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// A locked event, or a placeholder.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: String,
    /// `None` for a placeholder, of which the rest is `None`, too.
    pub(crate) written_at: Option<i64>,
    pub(crate) payload: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) id: Option<Uuid>,
    /// While it is waking: when it was first written without reaching every wait.
    pub(crate) first_unreached: Option<i64>,
}

impl Event {
    /// Reads a row of `events_lock` and its like.
    pub(crate) fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            name: row.try_get("name")?,
            written_at: row.try_get("written_at")?,
            payload: row.try_get("payload")?,
            metadata: row.try_get("metadata")?,
            id: row.try_get("id")?,
            first_unreached: row.try_get("first_unreached")?,
        })
    }
}
