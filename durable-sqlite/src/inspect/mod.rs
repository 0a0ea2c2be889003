//! Inspect: what people and tests look at. One answer is one transaction, hence one moment.

mod view;

use std::collections::HashMap;

use async_trait::async_trait;
use durable_core::model::{StepKey, TaskId, Timestamp};
use durable_core::store::{
    Counts, CountsRequest, Cursor, EventView, EventsRequest, HistoryEntry, Inspect, MAX_RECORDS, Page,
    Paging, StoreError, TaskDetail, TaskRequest, TaskView, TasksRequest, Verb,
};
use durable_core::transition::Flaw;
use futures::TryStreamExt;
use sqlx::sqlite::SqliteRow;

use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::queues::require_queue;
use crate::records::{decoded, limit};
use crate::rows::{self, get, text};
use crate::store::SqliteStore;

const TASK: Statement = statement!("inspect/task.sql");
const HISTORY: Statement = statement!("inspect/task_history.sql");
const TASKS: Statement = statement!("inspect/tasks.sql");
const SHOWN: Statement = statement!("inspect/tasks_shown.sql", "inspect/tasks_rests.sql");
const EVENTS: Statement = statement!("inspect/events.sql");
const COUNTS: Statement = statement!("inspect/counts.sql");

#[async_trait]
impl Inspect for SqliteStore {
    async fn task(&self, request: TaskRequest) -> Result<Option<TaskDetail>, StoreError> {
        self.read(LookAtTask(request)).await
    }

    async fn tasks(&self, request: TasksRequest) -> Result<Page<TaskView>, StoreError> {
        self.read(LookAtTasks(request)).await
    }

    async fn events(&self, request: EventsRequest) -> Result<Page<EventView>, StoreError> {
        self.read(LookAtEvents(request)).await
    }

    async fn counts(&self, request: CountsRequest) -> Result<Counts, StoreError> {
        self.read(CountTasks(request)).await
    }
}

struct LookAtTask(TaskRequest);

impl Step for LookAtTask {
    const VERB: Verb = Verb::Task;
    type Answer = Option<TaskDetail>;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Self::Answer, Fault> {
        let (queue, id) = (self.0.queue.as_str(), self.0.task.to_string());
        require_queue(tx, &self.0.queue, Verb::Task).await?;
        let from = match Cursor::after(self.0.cursor.as_ref(), "order:", Verb::Task)? {
            "" => 0,
            order => order.parse().map_err(|_| Cursor::unknown(Verb::Task))?,
        };
        let row = tx.row(TASK.bind(queue).bind(&id)).await?;
        let Some(row) = row else { return Ok(None) };
        let waits = view::waits(tx, queue, &id).await?;
        let rested = decoded(view::rested(&row, &waits))?;
        let task = decoded(view::task(&row, rested))?;
        let waits = waits.into_iter().map(view::wait).collect();
        Ok(Some(TaskDetail { task, waits, history: self.history(tx, from).await? }))
    }
}

impl LookAtTask {
    async fn history(&self, tx: &mut Tx<'_, '_>, from: i64) -> Result<Page<HistoryEntry>, Fault> {
        let mut page = Paging::new(self.0.limit);
        let mut rows = sqlx::query(HISTORY.alone)
            .bind(self.0.queue.as_str())
            .bind(self.0.task.to_string())
            .bind(from)
            .bind(limit(page.limit() + 1))
            .fetch(tx.connection().await?);
        while let Some(row) = rows.try_next().await? {
            let entry = decoded(view::entry(&row))?;
            let bytes = entry.bytes();
            if !page.take(format!("order:{}", entry.order()), Some(entry), bytes) {
                break;
            }
        }
        Ok(page.end())
    }
}

struct LookAtTasks(TasksRequest);

impl Step for LookAtTasks {
    const VERB: Verb = Verb::Tasks;
    type Answer = Page<TaskView>;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Self::Answer, Fault> {
        let queue = self.0.queue.as_str();
        require_queue(tx, &self.0.queue, Verb::Tasks).await?;
        let from = match Cursor::after(self.0.cursor.as_ref(), "task:", Verb::Tasks)? {
            "" => "",
            id => id.parse::<TaskId>().map(|_| id).map_err(|_| Cursor::unknown(Verb::Tasks))?,
        };
        let rows = tx.rows(TASKS.bind(queue).bind(from).bind(limit(MAX_RECORDS + 1))).await?;
        let page = decoded(self.page(&rows))?;
        Ok(Page { items: self.read(tx, &page.items).await?, next: page.next })
    }
}

impl LookAtTasks {
    /// Which tasks the page shows. A record that cannot be decoded is left out; the others are shown.
    fn page(&self, rows: &[SqliteRow]) -> Result<Page<TaskId>, Flaw> {
        let mut page = Paging::new(self.0.limit);
        for row in rows {
            let id: TaskId = text(row, "id")?.ok_or("id")?;
            let is_wanted = view::is_wanted(row, &self.0).unwrap_or(false);
            let bytes = usize::try_from(get::<i64>(row, "bytes")?).unwrap_or(usize::MAX);
            if !page.take(format!("task:{id}"), is_wanted.then_some(id), bytes) {
                break;
            }
        }
        Ok(page.end())
    }

    async fn read(&self, tx: &mut Tx<'_, '_>, ids: &[TaskId]) -> Result<Vec<TaskView>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sets = tx.sets(SHOWN.bind(self.0.queue.as_str()).bind(rows::json(ids))).await?;
        let [tasks, rests] = <[_; 2]>::try_from(sets).map_err(|_| Fault::Flaw("sets"))?;
        let mut rested: HashMap<TaskId, Vec<StepKey>> = HashMap::new();
        for (task, key) in rests.iter().filter_map(|row| rows::slot_key(row).ok()) {
            rested.entry(task).or_default().push(key);
        }
        let mut view = |row: &SqliteRow| {
            let id: TaskId = text(row, "id").ok()??;
            view::task(row, rested.remove(&id).unwrap_or_default()).ok()
        };
        Ok(tasks.iter().filter_map(&mut view).collect())
    }
}

struct LookAtEvents(EventsRequest);

impl Step for LookAtEvents {
    const VERB: Verb = Verb::Events;
    type Answer = Page<EventView>;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Self::Answer, Fault> {
        require_queue(tx, &self.0.queue, Verb::Events).await?;
        let mut page = Paging::new(self.0.limit);
        let mut rows = sqlx::query(EVENTS.alone)
            .bind(self.0.queue.as_str())
            .bind(Cursor::after(self.0.cursor.as_ref(), "event:", Verb::Events)?)
            .bind(limit(page.limit() + 1))
            .fetch(tx.connection().await?);
        while let Some(row) = rows.try_next().await? {
            let event = decoded(rows::event(&row).and_then(view::event))?;
            let bytes = event.payload.bytes() + event.metadata.bytes();
            if !page.take(format!("event:{}", event.name), Some(event), bytes) {
                break;
            }
        }
        Ok(page.end())
    }
}

struct CountTasks(CountsRequest);

impl Step for CountTasks {
    const VERB: Verb = Verb::Counts;
    type Answer = Counts;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Self::Answer, Fault> {
        require_queue(tx, &self.0.queue, Verb::Counts).await?;
        let now: Timestamp = tx.now().at;
        let call = COUNTS.bind(self.0.queue.as_str()).bind(now.as_millis()).bind(limit(MAX_RECORDS));
        let row = tx.row(call).await?.ok_or(Fault::Flaw("counts"))?;
        decoded(view::counts(&row))
    }
}
