//! Inspect: what people and tests look at.

mod view;

use async_trait::async_trait;
use durable_core::store::{
    Counts, CountsRequest, Cursor, EventView, EventsRequest, HistoryEntry, Inspect, MAX_RECORDS, Page,
    Paging, StoreError, TaskDetail, TaskRequest, TaskView, TasksRequest, Verb,
};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::{Fault, corrupt};
use crate::rows::{entry, number};
use crate::store::PostgresStore;
use crate::transaction::{Mode, Step, Tx};

#[async_trait]
impl Inspect for PostgresStore {
    async fn task(&self, request: TaskRequest) -> Result<Option<TaskDetail>, StoreError> {
        self.transact(LookAtTask(request)).await
    }

    async fn tasks(&self, request: TasksRequest) -> Result<Page<TaskView>, StoreError> {
        self.transact(LookAtTasks(request)).await
    }

    async fn events(&self, request: EventsRequest) -> Result<Page<EventView>, StoreError> {
        self.transact(LookAtEvents(request)).await
    }

    async fn counts(&self, request: CountsRequest) -> Result<Counts, StoreError> {
        let injected = self.injected();
        self.transact(CountTasks { request, injected }).await
    }
}

struct LookAtTask(TaskRequest);

impl Step for LookAtTask {
    const VERB: Verb = Verb::Task;
    const MODE: Mode = Mode::Snapshot;
    type Answer = Option<TaskDetail>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Answer, Fault> {
        let (queue, id) = (self.0.queue.as_str(), self.0.task.as_uuid());
        let after = match Cursor::after(self.0.cursor.as_ref(), "order:", Verb::Task)? {
            "" => 0,
            order => order.parse().map_err(|_| Cursor::unknown(Verb::Task))?,
        };
        find_queue(tx, queue, Verb::Task).await?;
        let row = tx
            .query(include_str!("../sql/inspect/task.sql"))
            .bind(queue)
            .bind(id)
            .fetch_optional(&mut **tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let waits = waits(tx, queue, &[id]).await?;
        let task = view::task(&row, &waits)?.map_err(|what| corrupt(Verb::Task, what))?;
        let waits = view::waits(&waits)?.map_err(|what| corrupt(Verb::Task, what))?;
        Ok(Some(TaskDetail { task, waits, history: self.history(tx, after).await? }))
    }
}

impl LookAtTask {
    async fn history(&self, tx: &mut Tx<'_>, after: i64) -> Result<Page<HistoryEntry>, Fault> {
        let mut page = Paging::new(self.0.limit);
        let rows = tx
            .query(include_str!("../sql/inspect/task_history.sql"))
            .bind(self.0.queue.as_str())
            .bind(self.0.task.as_uuid())
            .bind(after)
            .bind(number(page.limit() + 1))
            .fetch_all(&mut **tx)
            .await?;
        for row in &rows {
            let order: i64 = row.try_get("ord")?;
            let entry = entry(row, row.try_get("aside")?)?.map_err(|what| corrupt(Verb::Task, what))?;
            let bytes = entry.bytes();
            if !page.take(format!("order:{order}"), Some(entry), bytes) {
                break;
            }
        }
        Ok(page.end())
    }
}

struct LookAtTasks(TasksRequest);

impl Step for LookAtTasks {
    const VERB: Verb = Verb::Tasks;
    const MODE: Mode = Mode::Snapshot;
    type Answer = Page<TaskView>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Answer, Fault> {
        let after = match Cursor::after(self.0.cursor.as_ref(), "task:", Verb::Tasks)? {
            "" => Uuid::nil(),
            id => id.parse().map_err(|_| Cursor::unknown(Verb::Tasks))?,
        };
        let queue = self.0.queue.as_str();
        find_queue(tx, queue, Verb::Tasks).await?;
        let rows = tx
            .query(include_str!("../sql/inspect/tasks.sql"))
            .bind(queue)
            .bind(after)
            .bind(number(MAX_RECORDS + 1))
            .fetch_all(&mut **tx)
            .await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
        let waits = waits(tx, queue, &ids).await?;
        let mut page = Paging::new(self.0.limit);
        for (row, id) in rows.iter().zip(&ids) {
            // A record that cannot be decoded is left out; the others are shown.
            let wanted = view::task(row, &waits)?.ok().filter(|task| self.wants(task));
            let bytes = wanted.as_ref().map_or(0, view::task_size);
            if !page.take(format!("task:{id}"), wanted, bytes) {
                break;
            }
        }
        Ok(page.end())
    }
}

impl LookAtTasks {
    fn wants(&self, task: &TaskView) -> bool {
        self.0.state.is_none_or(|state| task.state == state)
            && self.0.name.as_ref().is_none_or(|name| task.name == *name)
            && self.0.parent.is_none_or(|parent| task.parent == Some(parent))
    }
}

struct LookAtEvents(EventsRequest);

impl Step for LookAtEvents {
    const VERB: Verb = Verb::Events;
    const MODE: Mode = Mode::Snapshot;
    type Answer = Page<EventView>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Answer, Fault> {
        let after = Cursor::after(self.0.cursor.as_ref(), "event:", Verb::Events)?;
        let queue = self.0.queue.as_str();
        find_queue(tx, queue, Verb::Events).await?;
        let rows = tx
            .query(include_str!("../sql/inspect/events.sql"))
            .bind(queue)
            .bind(after)
            .bind(number(MAX_RECORDS + 1))
            .fetch_all(&mut **tx)
            .await?;
        let mut page = Paging::new(self.0.limit);
        for row in &rows {
            let name: String = row.try_get("name")?;
            let event = view::event(row)?;
            let size = |event: &EventView| event.payload.bytes() + event.metadata.bytes();
            let bytes = event.as_ref().map_or(0, size);
            if !page.take(format!("event:{name}"), event, bytes) {
                break;
            }
        }
        Ok(page.end())
    }
}

struct CountTasks {
    request: CountsRequest,
    injected: Option<i64>,
}

impl Step for CountTasks {
    const VERB: Verb = Verb::Counts;
    const MODE: Mode = Mode::Snapshot;
    type Answer = Counts;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Counts, Fault> {
        let queue = self.request.queue.as_str();
        find_queue(tx, queue, Verb::Counts).await?;
        let rows = tx
            .query(include_str!("../sql/inspect/counts.sql"))
            .bind(queue)
            .bind(self.injected)
            .fetch_all(&mut **tx)
            .await?;
        let mut counts = Counts::default();
        for row in &rows {
            view::count_state(row, &mut counts)?;
        }
        Ok(counts)
    }
}

/// Refuses to look at a queue that does not exist.
async fn find_queue(tx: &mut Tx<'_>, queue: &str, verb: Verb) -> Result<(), Fault> {
    let found =
        tx.query(include_str!("../sql/queues/find_queue.sql")).bind(queue).fetch_optional(&mut **tx).await?;
    Ok(found.map(drop).ok_or_else(|| StoreError::queue_not_found(verb))?)
}

async fn waits(tx: &mut Tx<'_>, queue: &str, tasks: &[Uuid]) -> Result<Vec<PgRow>, Fault> {
    Ok(tx
        .query(include_str!("../sql/inspect/task_waits.sql"))
        .bind(queue)
        .bind(tasks)
        .bind(number(MAX_RECORDS))
        .fetch_all(&mut **tx)
        .await?)
}
