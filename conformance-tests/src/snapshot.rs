//! Everything that the inspect verbs show of a queue, to compare before and after.

use std::fmt::Debug;

use durable_core::model::QueueName;
use durable_core::store::{
    Counts, CountsRequest, EventView, EventsRequest, HistoryEntry, ListQueuesRequest, QueueView, Store,
    StoreError, StoreErrorKind, TaskDetail, TaskRequest, TaskView, TasksRequest, Verb,
};

use crate::checked::World;
use crate::expect::Violation;

/// What the store shows of one queue; what it has no verb for is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Snapshot {
    pub(crate) queue: Option<QueueView>,
    pub(crate) tasks: Vec<(TaskView, Option<TaskDetail>, Vec<HistoryEntry>)>,
    pub(crate) events: Vec<EventView>,
    pub(crate) counts: Option<Counts>,
}

impl Snapshot {
    /// Wants nothing to have changed since `self`.
    pub(crate) fn unchanged(&self, after: &Self, what: &str) -> Result<(), Violation> {
        differs(what, "queue", &self.queue, &after.queue)?;
        differs(what, "counts", &self.counts, &after.counts)?;
        for pair in paired(&self.tasks, &after.tasks) {
            differs(what, "task", &pair.0, &pair.1)?;
        }
        for pair in paired(&self.events, &after.events) {
            differs(what, "event", &pair.0, &pair.1)?;
        }
        Ok(())
    }

    /// The first part in which `other` shows something else: its name, what `other` shows, and what `self` does.
    pub(crate) fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let shown =
            |part, one: &dyn Debug, other: &dyn Debug| Some((part, format!("{other:?}"), format!("{one:?}")));
        if self.queue != other.queue {
            return shown("the queue", &self.queue, &other.queue);
        }
        if let Some((one, other)) = paired(&self.tasks, &other.tasks).iter().find(|(one, other)| one != other)
        {
            return shown("a task", one, other);
        }
        if let Some((one, other)) =
            paired(&self.events, &other.events).iter().find(|(one, other)| one != other)
        {
            return shown("an event", one, other);
        }
        if self.counts == other.counts { None } else { shown("the counts", &self.counts, &other.counts) }
    }

    /// Reads a queue; a missing one is empty.
    pub(crate) async fn read(store: &dyn Store, world: &World, queue: &QueueName) -> Result<Self, Violation> {
        let mut snapshot = Self::default();
        if world.has(&[Verb::ListQueues]) {
            snapshot.queue = read_queue(store, queue).await?;
        }
        if world.has(&[Verb::Tasks]) {
            snapshot.tasks = read_tasks(store, world, queue).await?;
        }
        if world.has(&[Verb::Events]) {
            snapshot.events = read_events(store, queue).await?;
        }
        if world.has(&[Verb::Counts]) {
            snapshot.counts = present(store.counts(CountsRequest::new(queue.clone())).await)?;
        }
        Ok(snapshot)
    }
}

fn differs<T: PartialEq + Debug>(what: &str, part: &str, before: &T, after: &T) -> Result<(), Violation> {
    if before == after {
        return Ok(());
    }
    Err(Violation::new(
        format!("{what}: the {part}"),
        format!("{after:#?}"),
        format!("unchanged: {before:#?}"),
    ))
}

/// Both lists side by side, the shorter one filled up with nothing.
fn paired<T: Clone>(before: &[T], after: &[T]) -> Vec<(Option<T>, Option<T>)> {
    let length = before.len().max(after.len());
    (0..length).map(|i| (before.get(i).cloned(), after.get(i).cloned())).collect()
}

fn present<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == StoreErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn read_queue(store: &dyn Store, queue: &QueueName) -> Result<Option<QueueView>, StoreError> {
    let mut cursor = None;
    loop {
        let page = store.list_queues(ListQueuesRequest::new(cursor, 1_000)).await?;
        if let Some(found) = page.items.into_iter().find(|view| view.name == *queue) {
            return Ok(Some(found));
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(None);
        }
    }
}

async fn read_tasks(
    store: &dyn Store,
    world: &World,
    queue: &QueueName,
) -> Result<Vec<(TaskView, Option<TaskDetail>, Vec<HistoryEntry>)>, StoreError> {
    let mut read = Vec::new();
    let mut cursor = None;
    loop {
        let request = TasksRequest::new(queue.clone(), cursor);
        let Some(page) = present(store.tasks(request).await)? else { return Ok(read) };
        for view in page.items {
            let id = view.id;
            let (detail, history) = if world.has(&[Verb::Task]) {
                read_task(store, TaskRequest::new(queue.clone(), id)).await?
            } else {
                (None, Vec::new())
            };
            read.push((view, detail, history));
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(read);
        }
    }
}

/// One task with all of its history.
pub(crate) async fn read_task(
    store: &dyn Store,
    request: TaskRequest,
) -> Result<(Option<TaskDetail>, Vec<HistoryEntry>), StoreError> {
    let Some(mut detail) = store.task(request.clone()).await? else { return Ok((None, Vec::new())) };
    let mut history = std::mem::take(&mut detail.history.items);
    let mut cursor = detail.history.next.take();
    while let Some(next) = cursor {
        let Some(page) = store.task(request.clone().after(next)).await?.map(|detail| detail.history) else {
            break;
        };
        history.extend(page.items);
        cursor = page.next;
    }
    Ok((Some(detail), history))
}

async fn read_events(store: &dyn Store, queue: &QueueName) -> Result<Vec<EventView>, StoreError> {
    let mut read = Vec::new();
    let mut cursor = None;
    loop {
        let request = EventsRequest::new(queue.clone(), cursor);
        let Some(page) = present(store.events(request).await)? else { return Ok(read) };
        read.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(read);
        }
    }
}
