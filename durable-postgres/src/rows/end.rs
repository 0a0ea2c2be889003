//! How something ended: three columns, everywhere the same.

use durable_core::transition::EndColumns;
use sqlx::Row;
use sqlx::postgres::PgRow;

/// Reads the columns; `None` when there is no end.
pub(crate) fn end_columns(row: &PgRow) -> Result<Option<EndColumns>, sqlx::Error> {
    let kind: Option<i16> = row.try_get("end_kind")?;
    let Some(kind) = kind else { return Ok(None) };
    Ok(Some(EndColumns { kind, text: row.try_get("end_text")?, at: row.try_get("end_at")? }))
}
