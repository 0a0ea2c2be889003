//! Inspect: what people and tests look at.

mod view;

use async_trait::async_trait;
use durable_core::store::{
    Counts, CountsRequest, Cursor, EventView, EventsRequest, HistoryEntry, Inspect, MAX_RECORDS, Page, Room,
    StoreError, TaskDetail, TaskRequest, TaskView, TasksRequest, Verb, bounded,
};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, Row, Transaction};
use uuid::Uuid;

use crate::error::{Fault, corrupt, invalid};
use crate::rows::{entry, number};
use crate::store::PostgresStore;
use crate::transaction::to_its_end;

#[async_trait]
impl Inspect for PostgresStore {
    async fn task(&self, request: TaskRequest) -> Result<Option<TaskDetail>, StoreError> {
        let store = self.clone();
        to_its_end(Verb::Task, async move { store.look_at_task(request).await }).await
    }

    async fn tasks(&self, request: TasksRequest) -> Result<Page<TaskView>, StoreError> {
        let store = self.clone();
        to_its_end(Verb::Tasks, async move { store.look_at_tasks(request).await }).await
    }

    async fn events(&self, request: EventsRequest) -> Result<Page<EventView>, StoreError> {
        let store = self.clone();
        to_its_end(Verb::Events, async move { store.look_at_events(request).await }).await
    }

    async fn counts(&self, request: CountsRequest) -> Result<Counts, StoreError> {
        let store = self.clone();
        to_its_end(Verb::Counts, async move { store.count_tasks(request).await }).await
    }
}

impl PostgresStore {
    async fn look_at_task(&self, request: TaskRequest) -> Result<Option<TaskDetail>, StoreError> {
        let after = cursor_order(request.cursor.as_ref())?;
        let queue = request.queue.as_str();
        let mut tx = self.snapshot(queue, Verb::Task).await?;
        let row = sqlx::query(include_str!("../sql/inspect/task.sql"))
            .bind(queue)
            .bind(request.task.as_uuid())
            .fetch_optional(&mut *tx)
            .await
            .map_err(|error| fault(error, Verb::Task))?;
        let Some(row) = row else { return Ok(None) };
        let waits = waits(&mut tx, queue, &[request.task.as_uuid()], Verb::Task).await?;
        let task = view::task(&row, &waits).map_err(|error| fault(error, Verb::Task))?;
        let task = task.map_err(|what| corrupt(Verb::Task, what))?;
        let waits = view::waits(&waits).map_err(|error| fault(error, Verb::Task))?;
        let waits = waits.map_err(|what| corrupt(Verb::Task, what))?;
        let history = history(&mut tx, &request, after).await?;
        Ok(Some(TaskDetail { task, waits, history }))
    }

    async fn look_at_tasks(&self, request: TasksRequest) -> Result<Page<TaskView>, StoreError> {
        let after = match after(request.cursor.as_ref(), "task:", Verb::Tasks)? {
            "" => Uuid::nil(),
            id => id.parse().map_err(|_| unknown_cursor(Verb::Tasks))?,
        };
        let queue = request.queue.as_str();
        let mut tx = self.snapshot(queue, Verb::Tasks).await?;
        let rows = sqlx::query(include_str!("../sql/inspect/tasks.sql"))
            .bind(queue)
            .bind(after)
            .bind(number(MAX_RECORDS))
            .fetch_all(&mut *tx)
            .await
            .map_err(|error| fault(error, Verb::Tasks))?;
        tasks_page(&mut tx, &request, &rows).await
    }

    async fn look_at_events(&self, request: EventsRequest) -> Result<Page<EventView>, StoreError> {
        let after = after(request.cursor.as_ref(), "event:", Verb::Events)?;
        let queue = request.queue.as_str();
        let mut tx = self.snapshot(queue, Verb::Events).await?;
        let limit = bounded(request.limit);
        let rows = sqlx::query(include_str!("../sql/inspect/events.sql"))
            .bind(queue)
            .bind(after)
            .bind(number(MAX_RECORDS))
            .fetch_all(&mut *tx)
            .await
            .map_err(|error| fault(error, Verb::Events))?;
        let mut page = Paging::new(limit);
        for row in &rows {
            let name: String = row.try_get("name").map_err(|error| fault(error, Verb::Events))?;
            let event = view::event(row).map_err(|error| fault(error, Verb::Events))?;
            let size = |event: &EventView| event.payload.bytes() + event.metadata.bytes();
            if !page.take(format!("event:{name}"), event, size) {
                break;
            }
        }
        Ok(page.end(rows.len()))
    }

    async fn count_tasks(&self, request: CountsRequest) -> Result<Counts, StoreError> {
        let queue = request.queue.as_str();
        let mut tx = self.snapshot(queue, Verb::Counts).await?;
        let rows = sqlx::query(include_str!("../sql/inspect/counts.sql"))
            .bind(queue)
            .bind(self.injected())
            .fetch_all(&mut *tx)
            .await
            .map_err(|error| fault(error, Verb::Counts))?;
        let mut counts = Counts::default();
        for row in &rows {
            view::count_state(row, &mut counts).map_err(|error| fault(error, Verb::Counts))?;
        }
        Ok(counts)
    }

    /// Begins to look at a queue: all statements see the same moment, or a wait that ends between two of them would
    /// be missing in the one and counted in the other.
    async fn snapshot(&self, queue: &str, verb: Verb) -> Result<Transaction<'static, Postgres>, StoreError> {
        let begin = "begin isolation level repeatable read read only";
        let mut tx = self.pool.begin_with(begin).await.map_err(|error| fault(error, verb))?;
        let row = sqlx::query(include_str!("../sql/queues/find_queue.sql"))
            .bind(queue)
            .fetch_optional(&mut *tx)
            .await
            .map_err(|error| fault(error, verb))?;
        row.ok_or_else(|| StoreError::queue_not_found(verb))?;
        Ok(tx)
    }
}

async fn waits(
    tx: &mut PgConnection,
    queue: &str,
    tasks: &[Uuid],
    verb: Verb,
) -> Result<Vec<PgRow>, StoreError> {
    sqlx::query(include_str!("../sql/inspect/task_waits.sql"))
        .bind(queue)
        .bind(tasks)
        .bind(number(MAX_RECORDS))
        .fetch_all(&mut *tx)
        .await
        .map_err(|error| fault(error, verb))
}

async fn history(
    tx: &mut PgConnection,
    request: &TaskRequest,
    after: i64,
) -> Result<Page<HistoryEntry>, StoreError> {
    let limit = bounded(request.limit);
    let rows = sqlx::query(include_str!("../sql/inspect/task_history.sql"))
        .bind(request.queue.as_str())
        .bind(request.task.as_uuid())
        .bind(after)
        .bind(number(limit + 1))
        .fetch_all(&mut *tx)
        .await
        .map_err(|error| fault(error, Verb::Task))?;
    let mut page = Paging::new(limit);
    for row in &rows {
        let order: i64 = row.try_get("ord").map_err(|error| fault(error, Verb::Task))?;
        let aside = row.try_get("aside").map_err(|error| fault(error, Verb::Task))?;
        let entry = entry(row, aside).map_err(|error| fault(error, Verb::Task))?;
        let entry = entry.map_err(|what| corrupt(Verb::Task, what))?;
        if !page.take(format!("order:{order}"), Some(entry), HistoryEntry::bytes) {
            break;
        }
    }
    Ok(page.end(rows.len()))
}

/// What of the examined tasks matches; the cursor stands after the last one looked at.
async fn tasks_page(
    tx: &mut PgConnection,
    request: &TasksRequest,
    rows: &[PgRow],
) -> Result<Page<TaskView>, StoreError> {
    let on_fault = |error| fault(error, Verb::Tasks);
    let ids: Vec<Uuid> =
        rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>().map_err(on_fault)?;
    let waits = waits(tx, request.queue.as_str(), &ids, Verb::Tasks).await?;
    let mut page = Paging::new(bounded(request.limit));
    for (row, id) in rows.iter().zip(&ids) {
        // A record that cannot be decoded is left out; the others are shown.
        let task = view::task(row, &waits).map_err(on_fault)?.ok();
        let wanted = task.filter(|task| {
            request.state.is_none_or(|state| task.state == state)
                && request.name.as_ref().is_none_or(|name| task.name == *name)
                && request.parent.is_none_or(|parent| task.parent == Some(parent))
        });
        if !page.take(format!("task:{id}"), wanted, view::task_size) {
            break;
        }
    }
    Ok(page.end(rows.len()))
}

/// A page that is being filled: bounded by entries and by bytes of payload, with one entry at least.
struct Paging<T> {
    items: Vec<T>,
    limit: usize,
    room: Room,
    seen: usize,
    last: Option<String>,
}

impl<T> Paging<T> {
    fn new(limit: usize) -> Self {
        Self { items: Vec::new(), limit, room: Room::default(), seen: 0, last: None }
    }

    /// Takes what was examined, if it is wanted; `false` when the page is full.
    fn take(&mut self, cursor: String, wanted: Option<T>, size: impl Fn(&T) -> usize) -> bool {
        if self.items.len() == self.limit {
            return false;
        }
        if let Some(item) = wanted {
            if !self.room.takes(size(&item)) {
                return false;
            }
            self.items.push(item);
        }
        self.seen += 1;
        self.last = Some(cursor);
        true
    }

    /// The page, when so many records were read. As many as may be examined: there may be more.
    fn end(self, read: usize) -> Page<T> {
        let more = self.seen < read || read >= MAX_RECORDS;
        Page { items: self.items, next: self.last.filter(|_| more).map(Cursor) }
    }
}

fn cursor_order(cursor: Option<&Cursor>) -> Result<i64, StoreError> {
    match after(cursor, "order:", Verb::Task)? {
        "" => Ok(0),
        order => order.parse().map_err(|_| unknown_cursor(Verb::Task)),
    }
}

/// What a cursor of this listing stands after; nothing for the start. One of another listing means nothing.
pub(crate) fn after<'a>(
    cursor: Option<&'a Cursor>,
    listing: &'static str,
    verb: Verb,
) -> Result<&'a str, StoreError> {
    let Some(cursor) = cursor else { return Ok("") };
    cursor.0.strip_prefix(listing).filter(|after| !after.is_empty()).ok_or_else(|| unknown_cursor(verb))
}

fn unknown_cursor(verb: Verb) -> StoreError {
    invalid(verb, "cursor", "it is not of this store")
}

fn fault(error: sqlx::Error, verb: Verb) -> StoreError {
    Fault::Sql(error).into_store(verb, false)
}
