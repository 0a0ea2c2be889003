//! What holds of every store at every moment, by what its inspect verbs show.

use std::collections::BTreeMap;
use std::sync::Arc;

use durable_core::model::{EndState, EventName, QueueName, TaskState};
use durable_core::store::{
    EventView, EventsRequest, RestView, Store, StoreError, StoreErrorKind, TaskDetail, TaskRequest, TaskView,
    TasksRequest, WaitSource,
};

use crate::expect::Violation;

/// More sleeping tasks than this are not looked at after each step.
const LOOKED_AT: u32 = 64;

/// `W3`: there is never a sleeping task whose rest is met.
///
/// Events are read before the tasks: a wait that stands after its event was seen, and seen as done waking, is
/// one that nobody will end.
pub(crate) async fn no_sleeper_is_met(store: &Arc<dyn Store>, queue: &QueueName) -> Result<(), Violation> {
    let Some(written) = events_of(store, queue).await? else { return Ok(()) };
    let mut request = TasksRequest::new(queue.clone(), None);
    request.state = Some(TaskState::Sleeping);
    request.limit = LOOKED_AT;
    for sleeper in absent_is_none(store.tasks(request).await)?.map_or_else(Vec::new, |page| page.items) {
        let Some(id) = sleeper.rest.as_ref().map(|_| sleeper.id) else { continue };
        if let Some(Some(detail)) = absent_is_none(store.task(TaskRequest::new(queue.clone(), id)).await)? {
            is_whole(&detail)?;
            if rest_stands(&detail, &written).is_err() {
                // A purge may have taken the event after it was seen and before the wait came: then it is gone.
                let still = events_of(store, queue).await?.unwrap_or_default();
                let throughout = |name: &EventName, event: &EventView| still.get(name) == Some(event);
                let written = written.iter().filter(|(name, event)| throughout(name, event));
                rest_stands(&detail, &written.map(|(name, event)| (name.clone(), event.clone())).collect())?;
            }
        }
    }
    Ok(())
}

/// The events as they are; `None` without the queue.
async fn events_of(
    store: &Arc<dyn Store>,
    queue: &QueueName,
) -> Result<Option<BTreeMap<EventName, EventView>>, Violation> {
    let Some(page) = absent_is_none(store.events(EventsRequest::new(queue.clone(), None)).await)? else {
        return Ok(None);
    };
    Ok(Some(page.items.into_iter().map(|event| (event.name.clone(), event)).collect()))
}

/// A queue that is not there, or a record that cannot be decoded, shows nothing.
fn absent_is_none<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind, StoreErrorKind::NotFound | StoreErrorKind::Corrupt) => Ok(None),
        Err(error) => Err(error),
    }
}

fn rest_stands(detail: &TaskDetail, written: &BTreeMap<EventName, EventView>) -> Result<(), Violation> {
    let Some(rest) = &detail.task.rest else { return Ok(()) };
    let standing = detail.waits.iter().filter(|wait| rest.keys.contains(&wait.key));
    let ended: Vec<_> = standing
        .clone()
        .filter(|wait| match &wait.source {
            // One that still wakes has not reached every wait.
            WaitSource::Event(name) => written.get(name).is_some_and(|event| !event.waking),
            _ => false,
        })
        .map(|wait| &wait.key)
        .collect();
    let enough = rest.need >= 1 && standing.count() >= rest.need.try_into().unwrap_or(usize::MAX);
    if enough && ended.is_empty() {
        return Ok(());
    }
    let RestView { keys, need } = rest;
    let got = format!(
        "task {} rests with need {need} on {keys:?}, has the waits {:?}, and the events of {ended:?} exist",
        detail.task.id, detail.waits
    );
    Err(Violation::new("a sleeping task", got, "a rest that is not met (W3)"))
}

/// No reader sees half a step: a task shows what belongs to its state, and nothing else.
pub(crate) fn is_whole(detail: &TaskDetail) -> Result<(), Violation> {
    let task = &detail.task;
    let ends = (task.result.is_some(), task.failure.is_some(), task.cancelled.is_some());
    let right = match task.state {
        TaskState::Running => task.lease.is_some() && task.rest.is_none() && ends == (false, false, false),
        TaskState::Pending => task.available_at.is_some() && is_idle(task),
        TaskState::Sleeping => {
            task.lease.is_none() && task.available_at.is_none() && is_idle_or_rests(detail)
        }
        TaskState::Ended(state) => {
            let of = |end| state == end;
            ends == (of(EndState::Completed), of(EndState::Failed), of(EndState::Cancelled))
                && task.ended_at.is_some()
                && task.due.is_none()
                && detail.waits.is_empty()
                && (&task.lease, &task.rest) == (&None, &None)
        }
    };
    let live = matches!(task.state, TaskState::Ended(_)) || (task.ended_at.is_none() && !task.closing);
    if right && live {
        return Ok(());
    }
    Err(Violation::new(
        "a task as a reader sees it",
        format!("{detail:#?}"),
        "what belongs to its state alone",
    ))
}

fn is_idle(task: &TaskView) -> bool {
    task.lease.is_none() && task.rest.is_none() && task.result.is_none() && task.cancelled.is_none()
}

fn is_idle_or_rests(detail: &TaskDetail) -> bool {
    match &detail.task.rest {
        None => is_idle(&detail.task) && detail.task.due.is_some(),
        Some(rest) => rest.keys.iter().all(|key| detail.waits.iter().any(|wait| wait.key == *key)),
    }
}
