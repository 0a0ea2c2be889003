//! Single columns.

use std::str::FromStr;

use durable_core::model::{Payload, TaskId, Timestamp};
use durable_core::transition::Flaw;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

/// A column of a row.
pub(crate) fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    column: &'static str,
) -> Result<T, Flaw> {
    row.try_get(column).map_err(|_| column)
}

/// A text that its type checks, as it did when it came in.
pub(crate) fn text<T: FromStr>(row: &SqliteRow, column: &'static str) -> Result<Option<T>, Flaw> {
    let text: Option<&str> = get(row, column)?;
    text.map(str::parse).transpose().map_err(|_| column)
}

/// A moment.
pub(crate) fn time(row: &SqliteRow, column: &'static str) -> Result<Option<Timestamp>, Flaw> {
    Ok(get::<Option<i64>>(row, column)?.map(Timestamp::from_millis))
}

/// A payload.
pub(crate) fn payload(row: &SqliteRow, column: &'static str) -> Result<Payload, Flaw> {
    get::<&str>(row, column).map(Payload::from_text)
}

/// The tasks of a column `id`.
pub(crate) fn ids(rows: &[SqliteRow]) -> Result<Vec<TaskId>, Flaw> {
    let id = |row: &SqliteRow| text(row, "id")?.ok_or("id");
    rows.iter().map(id).collect()
}

/// Rows or values for a statement's `json_each`. Payloads go as strings, which SQLite unescapes and never parses.
pub(crate) fn json<T: Serialize>(values: &[T]) -> String {
    // Strings, figures and nulls always have a JSON form.
    serde_json::to_string(values).unwrap_or_default()
}
