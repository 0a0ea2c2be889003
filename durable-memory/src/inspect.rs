//! Inspect: task, tasks, events, counts. Reading changes nothing.

use std::ops::Bound;

use durable_core::model::{EventName, Now, TaskId, Timestamp};
use durable_core::store::{
    Counts, CountsRequest, EventView, EventsRequest, HistoryEntry, MAX_RECORDS, Page, RestView, StoreError,
    TaskDetail, TaskRequest, TaskView, TasksRequest, Verb, WaitView,
};

use crate::index::Due;
use crate::page::{Listed, after, page};
use crate::size;
use crate::state::{Event, State};
use crate::task::{Phase, Task, TaskEnd};

/// One task with its waits and a page of its history.
pub(crate) fn task(state: &State, request: &TaskRequest) -> Result<Option<TaskDetail>, StoreError> {
    let queue = state.queue(&request.queue, Verb::Task)?;
    let read = |text: &str| text.parse::<usize>().ok();
    let from = after::<&HistoryEntry, _>(request.cursor.as_ref(), Verb::Task, read)?;
    let Some(task) = queue.tasks.get(&request.task) else { return Ok(None) };
    let past = if let Bound::Excluded(order) = from { order } else { 0 };
    let history = page(task.history.entries().iter().skip(past), request.limit, |_| true);
    let waits = task.waits.iter().take(MAX_RECORDS).map(|(key, wait)| WaitView {
        key: key.clone(),
        source: wait.source.clone(),
        registered_at: wait.registered_at,
        deadline: wait.deadline,
    });
    Ok(Some(TaskDetail { task: view(task), waits: waits.collect(), history: shown(history, Clone::clone) }))
}

/// Tasks of a queue by id.
pub(crate) fn tasks(state: &State, request: &TasksRequest) -> Result<Page<TaskView>, StoreError> {
    let queue = state.queue(&request.queue, Verb::Tasks)?;
    let read = |text: &str| text.parse::<TaskId>().ok();
    let from = after::<&Task, _>(request.cursor.as_ref(), Verb::Tasks, read)?;
    let wanted = |task: &&Task| {
        request.state.is_none_or(|state| task.state() == state)
            && request.name.as_ref().is_none_or(|name| task.name == *name)
            && request.parent.is_none_or(|id| task.parent.as_ref().is_some_and(|parent| parent.id == id))
    };
    let tasks = queue.tasks.range((from, Bound::Unbounded)).map(|(_, task)| task);
    Ok(shown(page(tasks, request.limit, wanted), view))
}

/// Events of a queue by name.
pub(crate) fn events(state: &State, request: &EventsRequest) -> Result<Page<EventView>, StoreError> {
    let queue = state.queue(&request.queue, Verb::Events)?;
    let read = |text: &str| EventName::new(text).ok();
    let from = after::<(&EventName, &Event), _>(request.cursor.as_ref(), Verb::Events, read)?;
    let events = queue.events.range((from, Bound::Unbounded));
    let view = |(name, event): (&EventName, &Event)| EventView {
        name: name.clone(),
        payload: event.payload.clone(),
        metadata: event.metadata.clone(),
        id: event.id,
        written_at: event.written_at,
        waking: event.first_unreached.is_some(),
    };
    Ok(shown(page(events, request.limit, |_| true), view))
}

fn shown<T, U>(page: Page<T>, view: impl Fn(T) -> U) -> Page<U> {
    Page { items: page.items.into_iter().map(view).collect(), next: page.next }
}

impl Listed for &HistoryEntry {
    const CURSOR: &'static str = "order:";

    fn key(&self) -> String {
        self.order().to_string()
    }

    fn size(&self) -> usize {
        HistoryEntry::bytes(self)
    }
}

impl Listed for &Task {
    const CURSOR: &'static str = "task:";

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn size(&self) -> usize {
        size::of_task(self)
    }
}

impl Listed for (&EventName, &Event) {
    const CURSOR: &'static str = "event:";

    fn key(&self) -> String {
        self.0.to_string()
    }

    fn size(&self) -> usize {
        self.1.payload.bytes() + self.1.metadata.bytes()
    }
}

/// How many tasks are in which state.
pub(crate) fn counts(state: &State, now: Now, request: &CountsRequest) -> Result<Counts, StoreError> {
    let queue = state.queue(&request.queue, Verb::Counts)?;
    let pending = queue.index.counts.pending;
    let mut ready = pending;
    for due in queue.index.due.iter().take_while(|due| due.at <= now.at) {
        let Some(task) = queue.tasks.get(&due.id) else { continue };
        let is_pending = matches!(task.phase, Phase::Pending { .. });
        match task.limit_passed(now.at) {
            Some(_) => ready = ready.saturating_sub(u64::from(is_pending)),
            None => ready += u64::from(time_has_come(task, now.at)),
        }
    }
    Ok(Counts { ready, ..queue.index.counts })
}

/// A sleeping or running task that is ready as soon as somebody looks.
fn time_has_come(task: &Task, now: Timestamp) -> bool {
    match &task.phase {
        Phase::Delayed { until } => *until <= now,
        Phase::Resting(rest) => {
            rest.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).count() >= rest.need
        }
        Phase::Running(hold) => hold.expires_at <= now && task.has_attempts_left(),
        Phase::Pending { .. } | Phase::Ended { .. } => false,
    }
}

fn view(task: &Task) -> TaskView {
    let mut view = bare(task);
    match &task.phase {
        Phase::Delayed { .. } => {}
        Phase::Resting(rest) => {
            let need = u32::try_from(rest.need).unwrap_or(u32::MAX);
            view.rest = Some(RestView { keys: rest.keys.iter().cloned().collect(), need });
        }
        Phase::Pending { available_at } => view.available_at = Some(*available_at),
        Phase::Running(hold) => view.lease = Some((hold.worker.clone(), hold.expires_at)),
        Phase::Ended { end, at } => {
            view.ended_at = Some(*at);
            match end {
                TaskEnd::Completed(result) => view.result = Some(result.clone()),
                TaskEnd::Failed(failure) => view.failure = Some(failure.clone()),
                TaskEnd::Cancelled(cause) => view.cancelled = Some(cause.clone()),
            }
        }
    }
    view
}

/// What a task shows whatever its phase.
fn bare(task: &Task) -> TaskView {
    TaskView {
        id: task.id,
        name: task.name.clone(),
        state: task.state(),
        params: task.params.clone(),
        headers: task.headers.clone(),
        policy: task.policy.clone(),
        priority: task.priority,
        attempt: task.attempt,
        max_attempts: task.max_attempts,
        claims: task.claims,
        idempotency_key: task.idempotency.as_ref().map(|owned| owned.key.clone()),
        parent: task.parent.as_ref().map(|parent| parent.id),
        spawned_at: task.spawned_at,
        first_started_at: task.first_started_at,
        ended_at: None,
        available_at: None,
        due: Due::of(task).map(|due| due.at),
        lease: None,
        rest: None,
        closing: task.closing,
        result: None,
        failure: None,
        cancelled: None,
    }
}
