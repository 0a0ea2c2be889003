//! Inspect: what people and tests look at.

mod view;

use async_trait::async_trait;
use durable_core::model::{EmitId, EventName, Payload, Timestamp};
use durable_core::store::{
    Counts, CountsRequest, Cursor, EventView, EventsRequest, HistoryEntry, Inspect, MAX_RECORDS, Page,
    StoreError, TaskDetail, TaskRequest, TaskView, TasksRequest, Verb,
};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::{Fault, corrupt, invalid};
use crate::rows::{RUN, checkpoint, run_view};
use crate::store::PostgresStore;
use crate::upkeep::check_limit;

#[async_trait]
impl Inspect for PostgresStore {
    async fn task(&self, request: TaskRequest) -> Result<Option<TaskDetail>, StoreError> {
        check_limit(Verb::Task, request.limit)?;
        let after = cursor_order(request.cursor.as_ref())?;
        let queue = request.queue.as_str();
        self.require(queue, Verb::Task).await?;
        let row = sqlx::query(include_str!("../sql/inspect/task.sql"))
            .bind(queue)
            .bind(request.task.as_uuid())
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| fault(error, Verb::Task))?;
        let Some(row) = row else { return Ok(None) };
        let waits = self.waits(queue, &[request.task.as_uuid()], Verb::Task).await?;
        let task = view::task(&row, &waits).map_err(|error| fault(error, Verb::Task))?;
        let task = task.map_err(|what| corrupt(Verb::Task, what))?;
        let waits = view::waits(&waits).map_err(|error| fault(error, Verb::Task))?;
        let waits = waits.map_err(|what| corrupt(Verb::Task, what))?;
        let history = self.history(&request, after).await?;
        Ok(Some(TaskDetail { task, waits, history }))
    }

    async fn tasks(&self, request: TasksRequest) -> Result<Page<TaskView>, StoreError> {
        check_limit(Verb::Tasks, request.limit)?;
        let after = match &request.cursor {
            None => Uuid::nil(),
            Some(cursor) => cursor.0.parse().map_err(|_| unknown_cursor(Verb::Tasks))?,
        };
        let queue = request.queue.as_str();
        self.require(queue, Verb::Tasks).await?;
        let rows = sqlx::query(include_str!("../sql/inspect/tasks.sql"))
            .bind(queue)
            .bind(after)
            .bind(i64::try_from(MAX_RECORDS).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(|error| fault(error, Verb::Tasks))?;
        self.tasks_page(&request, &rows).await
    }

    async fn events(&self, request: EventsRequest) -> Result<Page<EventView>, StoreError> {
        check_limit(Verb::Events, request.limit)?;
        let after = request.cursor.as_ref().map_or("", |cursor| cursor.0.as_str());
        let queue = request.queue.as_str();
        self.require(queue, Verb::Events).await?;
        let rows = sqlx::query(include_str!("../sql/inspect/events.sql"))
            .bind(queue)
            .bind(after)
            .bind(i64::from(request.limit))
            .fetch_all(&self.pool)
            .await
            .map_err(|error| fault(error, Verb::Events))?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.extend(event(row).map_err(|error| fault(error, Verb::Events))?);
        }
        let full = rows.len() >= usize::try_from(request.limit).unwrap_or(usize::MAX);
        let last: Option<String> = rows
            .last()
            .map(|row| row.try_get("name"))
            .transpose()
            .map_err(|error| fault(error, Verb::Events))?;
        Ok(Page { items, next: last.filter(|_| full).map(Cursor) })
    }

    async fn counts(&self, request: CountsRequest) -> Result<Counts, StoreError> {
        let queue = request.queue.as_str();
        self.require(queue, Verb::Counts).await?;
        let rows = sqlx::query(include_str!("../sql/inspect/counts.sql"))
            .bind(queue)
            .bind(self.injected())
            .fetch_all(&self.pool)
            .await
            .map_err(|error| fault(error, Verb::Counts))?;
        let mut counts = Counts::default();
        for row in &rows {
            view::count_state(row, &mut counts).map_err(|error| fault(error, Verb::Counts))?;
        }
        Ok(counts)
    }
}

impl PostgresStore {
    /// Refuses to look into a queue that does not exist.
    async fn require(&self, queue: &str, verb: Verb) -> Result<(), StoreError> {
        let row = sqlx::query(include_str!("../sql/queues/find_queue.sql"))
            .bind(queue)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| fault(error, verb))?;
        row.map(drop).ok_or_else(|| StoreError::queue_not_found(verb))
    }

    async fn waits(&self, queue: &str, tasks: &[Uuid], verb: Verb) -> Result<Vec<PgRow>, StoreError> {
        sqlx::query(include_str!("../sql/inspect/task_waits.sql"))
            .bind(queue)
            .bind(tasks)
            .bind(i64::try_from(MAX_RECORDS).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(|error| fault(error, verb))
    }

    async fn history(&self, request: &TaskRequest, after: i64) -> Result<Page<HistoryEntry>, StoreError> {
        let limit = i64::from(request.limit);
        let rows = sqlx::query(include_str!("../sql/inspect/task_history.sql"))
            .bind(request.queue.as_str())
            .bind(request.task.as_uuid())
            .bind(after)
            .bind(limit + 1)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| fault(error, Verb::Task))?;
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut items = Vec::with_capacity(rows.len());
        let mut last = None;
        for row in rows.iter().take(shown) {
            let entry = entry(row).map_err(|error| fault(error, Verb::Task))?;
            items.push(entry.map_err(|what| corrupt(Verb::Task, what))?);
            last = Some(row.try_get::<i64, _>("ord").map_err(|error| fault(error, Verb::Task))?);
        }
        let next = last.filter(|_| rows.len() > shown).map(|order| Cursor(order.to_string()));
        Ok(Page { items, next })
    }

    /// What of the examined tasks matches; the cursor stands after the last one looked at.
    async fn tasks_page(&self, request: &TasksRequest, rows: &[PgRow]) -> Result<Page<TaskView>, StoreError> {
        let on_fault = |error| fault(error, Verb::Tasks);
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let ids: Vec<Uuid> =
            rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>().map_err(on_fault)?;
        let waits = self.waits(request.queue.as_str(), &ids, Verb::Tasks).await?;
        let mut items = Vec::new();
        let mut last = None;
        for (row, id) in rows.iter().zip(&ids) {
            last = Some(*id);
            // A record that cannot be decoded is left out; the others are shown.
            let Ok(task) = view::task(row, &waits).map_err(on_fault)? else { continue };
            let matches = request.state.is_none_or(|state| task.state == state)
                && request.name.as_ref().is_none_or(|name| task.name == *name)
                && request.parent.is_none_or(|parent| task.parent == Some(parent));
            if matches {
                items.push(task);
            }
            if items.len() == limit {
                break;
            }
        }
        let at_end = rows.len() < MAX_RECORDS && last == ids.last().copied();
        Ok(Page { items, next: last.filter(|_| !at_end).map(|id| Cursor(id.to_string())) })
    }
}

fn entry(row: &PgRow) -> Result<Result<HistoryEntry, crate::rows::Undecodable>, sqlx::Error> {
    let kind: i16 = row.try_get("kind")?;
    if kind == RUN {
        return Ok(run_view(row)?.map(HistoryEntry::Run));
    }
    let aside = row.try_get("aside")?;
    Ok(checkpoint(row)?.map(|checkpoint| HistoryEntry::Checkpoint { checkpoint, aside }))
}

/// An event; `None` for a placeholder.
fn event(row: &PgRow) -> Result<Option<EventView>, sqlx::Error> {
    let name: String = row.try_get("name")?;
    let written_at: Option<i64> = row.try_get("written_at")?;
    let payload: Option<String> = row.try_get("payload")?;
    let metadata: Option<String> = row.try_get("metadata")?;
    let id: Option<Uuid> = row.try_get("id")?;
    let waking = row.try_get("waking")?;
    let view = |name| {
        Some(EventView {
            name,
            payload: Payload::from_text(payload?),
            metadata: Payload::from_text(metadata?),
            id: EmitId::from_uuid(id?),
            written_at: Timestamp::from_millis(written_at?),
            waking,
        })
    };
    Ok(EventName::new(name).ok().and_then(view))
}

fn cursor_order(cursor: Option<&Cursor>) -> Result<i64, StoreError> {
    cursor.map_or(Ok(0), |cursor| cursor.0.parse().map_err(|_| unknown_cursor(Verb::Task)))
}

fn unknown_cursor(verb: Verb) -> StoreError {
    invalid(verb, "cursor", "it is not of this store")
}

fn fault(error: sqlx::Error, verb: Verb) -> StoreError {
    Fault::Sql(error).into_store(verb, false)
}
