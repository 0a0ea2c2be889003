//! Writing back: one statement for each table that has changed.

use durable_core::model::{EventName, Payload, StepKey, TaskId, Timestamp};
use durable_core::transition::{EndColumns, EventRecord, TaskRecord, Wait, Written, closed_columns};
use durable_core::transition::{source_columns, state_columns};

use super::Work;
use crate::error::Fault;
use crate::rows::{HistoryRow, number, uuids};
use crate::transaction::Tx;

/// One column of some records.
fn column<R, T>(records: &[R], of: impl Fn(&R) -> T) -> Vec<T> {
    records.iter().map(of).collect()
}

fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

impl Work {
    /// Writes what has changed; gives the tasks that have ended and have children to cancel.
    pub(crate) async fn flush(&mut self, tx: &mut Tx<'_>) -> Result<Vec<TaskId>, Fault> {
        if self.records.is_stale() {
            return Err(Fault::Again);
        }
        self.write_history(tx).await?;
        self.write_waits(tx).await?;
        self.delete_waits(tx).await?;
        self.write_tasks(tx).await?;
        self.write_rests(tx).await?;
        self.write_events(tx).await?;
        for hint in self.records.hints() {
            tx.tell(&self.queue, hint);
        }
        Ok(self.records.take_closing())
    }

    async fn write_history(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let rows: Vec<HistoryRow> = self.records.history().iter().map(HistoryRow::from).collect();
        if rows.is_empty() {
            return Ok(());
        }
        tx.query(include_str!("../sql/shared/history_write.sql"))
            .bind(&self.queue)
            .bind(column(&rows, |row| row.task.as_uuid()))
            .bind(column(&rows, |row| row.order))
            .bind(column(&rows, |row| row.kind))
            .bind(column(&rows, |row| row.key))
            .bind(column(&rows, |row| row.end.kind))
            .bind(rows.iter().map(|row| row.end.text.as_deref()).collect::<Vec<_>>())
            .bind(column(&rows, |row| row.end.at))
            .bind(column(&rows, |row| row.attempt))
            .bind(column(&rows, |row| row.worker))
            .bind(column(&rows, |row| row.started_at))
            .bind(column(&rows, |row| row.ended_at))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    async fn write_waits(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let waits: Vec<(TaskId, &StepKey, &Wait)> = self.records.changed_waits().collect();
        if waits.is_empty() {
            return Ok(());
        }
        let sources: Vec<_> = waits.iter().map(|(.., wait)| source_columns(&wait.source)).collect();
        tx.query(include_str!("../sql/shared/waits_write.sql"))
            .bind(&self.queue)
            .bind(column(&waits, |(task, ..)| task.as_uuid()))
            .bind(column(&waits, |(_, key, _)| key.as_str()))
            .bind(column(&sources, |(source, ..)| *source))
            .bind(column(&sources, |(_, event, _)| event.map(EventName::as_str)))
            .bind(column(&sources, |(.., child)| child.map(|id| id.as_uuid())))
            .bind(column(&waits, |(.., wait)| wait.registered_at.as_millis()))
            .bind(column(&waits, |(.., wait)| millis(wait.deadline)))
            .bind(column(&waits, |(.., wait)| wait.rests.map(number)))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    async fn delete_waits(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let (tasks, keys): (Vec<_>, Vec<&str>) =
            self.records.removed_waits().map(|(task, key)| (task.as_uuid(), key.as_str())).unzip();
        if tasks.is_empty() {
            return Ok(());
        }
        tx.query(include_str!("../sql/shared/waits_delete.sql"))
            .bind(&self.queue)
            .bind(tasks)
            .bind(keys)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    async fn write_tasks(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let tasks: Vec<&TaskRecord> = self.records.changed_tasks().collect();
        if tasks.is_empty() {
            return Ok(());
        }
        let ends: Vec<Option<EndColumns>> = column(&tasks, |task| task.end.as_ref().map(EndColumns::from));
        let closed: Vec<_> = column(&tasks, |task| task.closed.map(closed_columns));
        tx.query(include_str!("../sql/shared/tasks_write.sql"))
            .bind(&self.queue)
            .bind(column(&tasks, |task| task.id.as_uuid()))
            .bind(column(&tasks, |task| state_columns(task.state).0))
            .bind(column(&tasks, |task| state_columns(task.state).1))
            .bind(column(&tasks, |task| millis(task.available_at)))
            .bind(column(&tasks, |task| millis(task.due())))
            .bind(column(&tasks, |task| task.attempt))
            .bind(column(&tasks, |task| millis(task.ended_at)))
            .bind(column(&ends, |end| end.as_ref().map(|end| end.kind)))
            .bind(ends.iter().map(|end| end.as_ref()?.text.as_deref()).collect::<Vec<_>>())
            .bind(column(&ends, |end| end.as_ref()?.at))
            .bind(column(&tasks, |task| millis(task.closing_since)))
            .bind(column(&tasks, |task| millis(task.expires_at)))
            .bind(column(&closed, |closed| closed.map(|(by, _)| by)))
            .bind(column(&closed, |closed| closed.and_then(|(_, due)| due)))
            .bind(column(&tasks, |task| task.need.map(|need| i32::try_from(need).unwrap_or(i32::MAX))))
            .bind(column(&tasks, |task| millis(task.rest_due)))
            .bind(column(&tasks, |task| number(task.last_order)))
            .bind(column(&tasks, |task| number(task.checkpoints)))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    async fn write_rests(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let tasks: Vec<&TaskRecord> = self.records.stale_rests().collect();
        if tasks.is_empty() {
            return Ok(());
        }
        tx.query(include_str!("../sql/shared/rest_due.sql"))
            .bind(&self.queue)
            .bind(uuids(tasks.iter().map(|task| &task.id)))
            .bind(column(&tasks, |task| number(task.claims)))
            .bind(column(&tasks, |task| millis(task.limit().map(|(at, _)| at))))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    async fn write_events(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let events: Vec<&EventRecord> = self.records.changed_events().collect();
        if events.is_empty() {
            return Ok(());
        }
        let written: Vec<Option<&Written>> = events.iter().map(|event| event.written.as_ref()).collect();
        let text = |of: fn(&Written) -> &Payload| -> Vec<Option<&str>> {
            written.iter().map(|written| written.map(|written| of(written).as_str())).collect()
        };
        tx.query(include_str!("../sql/shared/events_write.sql"))
            .bind(&self.queue)
            .bind(events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>())
            .bind(column(&written, |written| written.map(|written| written.at.as_millis())))
            .bind(text(|written| &written.payload))
            .bind(text(|written| &written.metadata))
            .bind(column(&written, |written| written.map(|written| written.id.as_uuid())))
            .bind(column(&events, |event| millis(event.first_unreached)))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}
