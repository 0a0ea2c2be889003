//! Inspect: what people and tests look at.

use async_trait::async_trait;
use durable_core::model::{
    CancelCause, End, EventName, Failure, IdempotencyKey, Payload, StepKey, TaskId, TaskName, Timestamp,
    WorkerName,
};
use durable_core::store::{
    Counts, CountsRequest, Cursor, EventView, EventsRequest, HistoryEntry, Inspect, Page, RestView, RunView,
    StoreError, TaskDetail, TaskRequest, TaskView, TasksRequest, Verb, WaitSource, WaitView,
};

use crate::RedisStore;
use crate::cursor::Listing;
use crate::decode::{checkpoint, end, state, state_word};
use crate::reply::{Reply, corrupt};
use crate::script::{Script, script};

static TASK: Script = script!("inspect/task");
static TASKS: Script = script!("inspect/tasks");
static COUNTS: Script = script!("inspect/counts");
static EVENTS: Script = script!("inspect/events");

fn rest(keys: Option<Vec<StepKey>>, need: Option<i64>) -> Option<RestView> {
    let need = u32::try_from(need?).ok()?;
    let mut keys = keys?;
    keys.sort();
    Some(RestView { keys, need })
}

type Finish = (Option<Payload>, Option<Failure>, Option<CancelCause>);

fn finish(reply: &mut Reply) -> Result<Finish, StoreError> {
    let Some(mut inner) = reply.option_nested()? else { return Ok((None, None, None)) };
    Ok(match end(&mut inner)? {
        End::Value(result) => (Some(result), None, None),
        End::Failed(failure) => (None, Some(failure), None),
        End::Cancelled(cause) => (None, None, Some(cause)),
        End::Timeout => return Err(reply.unreadable("a task's end")),
    })
}

impl Reply {
    pub(crate) fn max_attempts(&mut self) -> Result<Option<i32>, StoreError> {
        let Some(figure) = self.option_int()? else { return Ok(None) };
        i32::try_from(figure).map(Some).map_err(|_| self.unreadable("a figure within its bounds"))
    }

    fn lease(&mut self) -> Result<Option<(WorkerName, Timestamp)>, StoreError> {
        let worker = self.parse_option("a worker name", WorkerName::new)?;
        Ok(worker.zip(self.option_time()?))
    }

    fn rest_keys(&mut self) -> Result<Option<Vec<StepKey>>, StoreError> {
        let Some(mut keys) = self.option_nested()? else { return Ok(None) };
        let mut steps = Vec::new();
        while let Some(step) = keys.parse_option("a checkpoint key", StepKey::new)? {
            steps.push(step);
        }
        Ok(Some(steps))
    }
}

/// A task, in the order of `view.of`.
fn task_view(reply: &mut Reply) -> Result<TaskView, StoreError> {
    let mut view = TaskView {
        id: reply.task_id()?,
        name: reply.parse("a task name", TaskName::new)?,
        state: reply.parse("a state", |word| state(&word))?,
        params: reply.payload()?,
        headers: reply.payload()?,
        policy: reply.payload()?,
        priority: reply.int()?,
        attempt: reply.int()?,
        max_attempts: reply.max_attempts()?,
        claims: reply.int()?,
        idempotency_key: reply.parse_option("an idempotency key", IdempotencyKey::new)?,
        parent: reply.option_task_id()?,
        spawned_at: reply.time()?,
        first_started_at: reply.option_time()?,
        ended_at: reply.option_time()?,
        available_at: reply.option_time()?,
        due: reply.option_time()?,
        lease: reply.lease()?,
        rest: rest(reply.rest_keys()?, reply.option_int()?),
        closing: reply.flag()?,
        result: None,
        failure: None,
        cancelled: None,
    };
    (view.result, view.failure, view.cancelled) = finish(reply)?;
    Ok(view)
}

fn wait_view(mut reply: Reply) -> Result<WaitView, StoreError> {
    let key = reply.step_key()?;
    let (source, target) = (reply.text()?, reply.text()?);
    let source = match source.as_str() {
        "event" => {
            EventName::new(target).map(WaitSource::Event).map_err(|_| reply.unreadable("an event name"))?
        }
        "child" => target.parse().map(WaitSource::Child).map_err(|_| reply.unreadable("a task id"))?,
        _ => WaitSource::Time,
    };
    Ok(WaitView { key, source, registered_at: reply.time()?, deadline: reply.option_time()? })
}

fn entry(mut reply: Reply) -> Result<HistoryEntry, StoreError> {
    let (order, aside) = (reply.int()?, reply.flag()?);
    let mut record = reply.nested()?;
    if record.text()? == "checkpoint" {
        return Ok(HistoryEntry::Checkpoint { checkpoint: checkpoint(order, &mut record)?, aside });
    }
    let (attempt, worker, ended_at) = (record.int()?, record.worker()?, record.time()?);
    match end(&mut record.nested()?)? {
        End::Failed(failure) => Ok(HistoryEntry::Run(RunView { order, attempt, worker, ended_at, failure })),
        _ => Err(record.unreadable("a failure")),
    }
}

fn event_view(mut reply: Reply) -> Result<EventView, StoreError> {
    Ok(EventView {
        name: reply.parse("an event name", EventName::new)?,
        payload: reply.payload()?,
        metadata: reply.payload()?,
        id: reply.parse("an emit id", |id| id.parse())?,
        written_at: reply.time()?,
        waking: reply.flag()?,
    })
}

fn next_entry(history: &[HistoryEntry]) -> Option<Cursor> {
    let order = match history.last()? {
        HistoryEntry::Checkpoint { checkpoint, .. } => checkpoint.order,
        HistoryEntry::Run(run) => run.order,
    };
    Some(Listing::History.after(&order.to_string()))
}

fn next(listing: Listing, reply: &mut Reply) -> Result<Option<Cursor>, StoreError> {
    Ok(reply.option_text()?.map(|last| listing.after(&last)))
}

fn detail(reply: &mut Reply) -> Result<TaskDetail, StoreError> {
    let task = task_view(&mut reply.nested()?)?;
    let mut waits = reply.list(wait_view)?;
    waits.sort_by(|a, b| a.key.cmp(&b.key));
    let items = reply.list(entry)?;
    let next = if reply.flag()? { next_entry(&items) } else { None };
    Ok(TaskDetail { task, waits, history: Page { items, next } })
}

#[async_trait]
impl Inspect for RedisStore {
    async fn task(&self, request: TaskRequest) -> Result<Option<TaskDetail>, StoreError> {
        // An order is below 2^53, and so is what a script compares it to.
        let after = Listing::History.read(request.cursor.as_ref(), str::parse::<u32>)?.unwrap_or(0);
        let args = self
            .args()
            .owned(request.task.to_string())
            .int(after.into())
            .int(request.limit.clamp(1, 1_000).into());
        let (status, mut reply) = self.run(Verb::Task, &TASK, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Err(StoreError::queue_not_found(Verb::Task)),
            "not_found" => Ok(None),
            "corrupt" => Err(corrupt(Verb::Task)),
            "ok" => detail(&mut reply).map(Some),
            _ => Err(reply.unreadable("a known status")),
        }
    }

    async fn tasks(&self, request: TasksRequest) -> Result<Page<TaskView>, StoreError> {
        let after = Listing::Tasks.read(request.cursor.as_ref(), str::parse::<TaskId>)?;
        let args = self
            .args()
            .owned(after.map(|id| id.to_string()).unwrap_or_default())
            .int(request.limit.clamp(1, 1_000).into())
            .int(1_000)
            .option(request.state.map(state_word))
            .option(request.name.as_ref().map(TaskName::as_str))
            .owned(request.parent.map(|id| id.to_string()).unwrap_or_default());
        let (status, mut reply) = self.run(Verb::Tasks, &TASKS, &request.queue, &args).await?;
        if status == "no_queue" {
            return Err(StoreError::queue_not_found(Verb::Tasks));
        }
        let items = reply.list(|mut one| task_view(&mut one))?;
        Ok(Page { items, next: next(Listing::Tasks, &mut reply)? })
    }

    async fn events(&self, request: EventsRequest) -> Result<Page<EventView>, StoreError> {
        let after = Listing::Events.read(request.cursor.as_ref(), |name| EventName::new(name))?;
        let args = self
            .args()
            .option(after.as_ref().map(EventName::as_str))
            .int(request.limit.clamp(1, 1_000).into());
        let (status, mut reply) = self.run(Verb::Events, &EVENTS, &request.queue, &args).await?;
        if status == "no_queue" {
            return Err(StoreError::queue_not_found(Verb::Events));
        }
        Ok(Page { items: reply.list(event_view)?, next: next(Listing::Events, &mut reply)? })
    }

    async fn counts(&self, request: CountsRequest) -> Result<Counts, StoreError> {
        let (status, mut reply) = self.run(Verb::Counts, &COUNTS, &request.queue, &self.args()).await?;
        if status == "no_queue" {
            return Err(StoreError::queue_not_found(Verb::Counts));
        }
        Ok(Counts {
            sleeping: reply.int()?,
            pending: reply.int()?,
            running: reply.int()?,
            completed: reply.int()?,
            failed: reply.int()?,
            cancelled: reply.int()?,
            ready: reply.int()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use durable_core::model::TaskState;

    use super::*;

    #[test]
    fn only_live_states_have_words_of_their_own() {
        assert_eq!(state("pending"), Ok(TaskState::Pending));
        assert!(state("gone").is_err());
    }
}
