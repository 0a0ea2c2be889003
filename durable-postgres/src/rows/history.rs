//! The history of tasks: checkpoints and failed runs.

use durable_core::model::{Checkpoint, TaskId, WorkerName};
use durable_core::store::{HistoryEntry, RunView};
use durable_core::transition::{EndColumns, kind_number, kind_of_number};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{Decoded, count, end_columns, key, moment, number, worker};

/// The kind of a failed run.
const RUN: i16 = 100;

/// A row to add.
#[derive(Debug)]
pub(crate) struct HistoryRow<'a> {
    pub(crate) task: TaskId,
    pub(crate) order: i64,
    pub(crate) kind: i16,
    pub(crate) key: Option<&'a str>,
    pub(crate) end: EndColumns,
    pub(crate) attempt: i32,
    pub(crate) worker: Option<&'a str>,
    pub(crate) started_at: i64,
    pub(crate) ended_at: i64,
}

impl<'a> From<&'a (TaskId, HistoryEntry)> for HistoryRow<'a> {
    fn from((task, entry): &'a (TaskId, HistoryEntry)) -> Self {
        let order = number(entry.order());
        match entry {
            HistoryEntry::Checkpoint { checkpoint, .. } => Self {
                task: *task,
                order,
                kind: kind_number(checkpoint.kind),
                key: Some(checkpoint.key.as_str()),
                end: (&checkpoint.end).into(),
                attempt: checkpoint.attempt,
                worker: checkpoint.worker.as_ref().map(WorkerName::as_str),
                started_at: checkpoint.started_at.as_millis(),
                ended_at: checkpoint.ended_at.as_millis(),
            },
            HistoryEntry::Run(run) => Self {
                task: *task,
                order,
                kind: RUN,
                key: None,
                end: (&run.failure).into(),
                attempt: run.attempt,
                worker: Some(run.worker.as_str()),
                started_at: run.ended_at.as_millis(),
                ended_at: run.ended_at.as_millis(),
            },
        }
    }
}

/// Reads a row of the history that is not set aside.
pub(crate) fn entry(row: &PgRow, aside: bool) -> Decoded<HistoryEntry> {
    let kind: i16 = row.try_get("kind")?;
    let key_text: Option<String> = row.try_get("key")?;
    let end = end_columns(row)?;
    let by: Option<String> = row.try_get("worker")?;
    let order = count(row.try_get("ord")?);
    let attempt: i32 = row.try_get("attempt")?;
    let started_at = moment(row, "started_at")?;
    let ended_at = moment(row, "ended_at")?;
    Ok((|| {
        let (end, worker) = (end.ok_or("end_kind")?, by.as_deref().map(worker).transpose()?);
        if kind == RUN {
            let (worker, failure) = (worker.ok_or("worker")?, end.failure()?);
            return Ok(HistoryEntry::Run(RunView { order, attempt, worker, ended_at, failure }));
        }
        let (key, kind) = (key(&key_text.ok_or("key")?)?, kind_of_number(kind)?);
        let end = end.end()?;
        let checkpoint = Checkpoint { key, kind, end, order, attempt, worker, started_at, ended_at };
        Ok(HistoryEntry::Checkpoint { checkpoint, aside })
    })())
}
