//! Writing back: one statement for each table that has changed.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Work;
use crate::error::Fault;
use crate::rows::{Slot, Wait};

impl Work {
    /// Writes what has changed.
    pub(crate) async fn flush(&mut self, tx: &mut PgConnection) -> Result<(), Fault> {
        if self.stale {
            return Err(Fault::Again);
        }
        self.write_history(tx).await?;
        self.write_waits(tx).await?;
        self.delete_waits(tx).await?;
        self.write_tasks(tx).await?;
        self.write_rests(tx).await?;
        self.write_events(tx).await
    }

    async fn write_history(&mut self, tx: &mut PgConnection) -> Result<(), Fault> {
        let rows = std::mem::take(&mut self.history);
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(include_str!("../sql/shared/history_write.sql"))
            .bind(&self.queue)
            .bind(rows.iter().map(|row| row.task).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.order).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.kind).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.key.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.end.kind).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.end.text.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.end.at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.attempt).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.worker.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.started_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.ended_at).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    async fn write_waits(&self, tx: &mut PgConnection) -> Result<(), Fault> {
        let waits: Vec<(&Uuid, &String, &Wait)> = self
            .slots
            .iter()
            .filter(|(_, tracked)| tracked.changed)
            .filter_map(|((task, key), tracked)| match &tracked.slot {
                Slot::Standing(wait) => Some((task, key, wait)),
                Slot::Free | Slot::Ended(_) => None,
            })
            .collect();
        if waits.is_empty() {
            return Ok(());
        }
        sqlx::query(include_str!("../sql/shared/waits_write.sql"))
            .bind(&self.queue)
            .bind(waits.iter().map(|(task, ..)| **task).collect::<Vec<_>>())
            .bind(waits.iter().map(|(_, key, _)| key.as_str()).collect::<Vec<_>>())
            .bind(waits.iter().map(|(.., wait)| wait.source).collect::<Vec<_>>())
            .bind(waits.iter().map(|(.., wait)| wait.event.as_deref()).collect::<Vec<_>>())
            .bind(waits.iter().map(|(.., wait)| wait.child).collect::<Vec<_>>())
            .bind(waits.iter().map(|(.., wait)| wait.registered_at).collect::<Vec<_>>())
            .bind(waits.iter().map(|(.., wait)| wait.deadline).collect::<Vec<_>>())
            .bind(waits.iter().map(|(.., wait)| wait.rests).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    async fn delete_waits(&self, tx: &mut PgConnection) -> Result<(), Fault> {
        let (tasks, keys): (Vec<Uuid>, Vec<&str>) = self
            .slots
            .iter()
            .filter(|(_, tracked)| {
                tracked.changed && tracked.row && !matches!(tracked.slot, Slot::Standing(_))
            })
            .map(|((task, key), _)| (*task, key.as_str()))
            .unzip();
        if tasks.is_empty() {
            return Ok(());
        }
        sqlx::query(include_str!("../sql/shared/waits_delete.sql"))
            .bind(&self.queue)
            .bind(tasks)
            .bind(keys)
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    async fn write_tasks(&self, tx: &mut PgConnection) -> Result<(), Fault> {
        let tasks: Vec<_> = self.changed.iter().filter_map(|id| self.tasks.get(id)).collect();
        if tasks.is_empty() {
            return Ok(());
        }
        sqlx::query(include_str!("../sql/shared/tasks_write.sql"))
            .bind(&self.queue)
            .bind(tasks.iter().map(|task| task.id).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.state.numbers().0).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.state.numbers().1).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.available_at).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.due()).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.attempt).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.ended_at).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.end.as_ref().map(|end| end.kind)).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.end.as_ref()?.text.as_deref()).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.end.as_ref()?.at).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.closing_since).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.expires_at).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.closed.map(|closed| closed.by.number())).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.closed?.due).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.need).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.rest_due).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.last_order).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.checkpoints).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    async fn write_rests(&self, tx: &mut PgConnection) -> Result<(), Fault> {
        let tasks: Vec<_> = self
            .stale_rests
            .iter()
            .filter_map(|id| self.tasks.get(id))
            .filter(|task| task.is_resting())
            .collect();
        if tasks.is_empty() {
            return Ok(());
        }
        sqlx::query(include_str!("../sql/shared/rest_due.sql"))
            .bind(&self.queue)
            .bind(tasks.iter().map(|task| task.id).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.claims).collect::<Vec<_>>())
            .bind(tasks.iter().map(|task| task.limit().map(|(at, _)| at)).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    async fn write_events(&self, tx: &mut PgConnection) -> Result<(), Fault> {
        let events: Vec<_> = self.changed_events.iter().filter_map(|name| self.events.get(name)).collect();
        if events.is_empty() {
            return Ok(());
        }
        sqlx::query(include_str!("../sql/shared/events_write.sql"))
            .bind(&self.queue)
            .bind(events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.written_at).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.payload.as_deref()).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.metadata.as_deref()).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.id).collect::<Vec<_>>())
            .bind(events.iter().map(|event| event.first_unreached).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        Ok(())
    }
}
