//! Tasks: spawn, cancel, retry, outcome.

use durable_core::model::{EndState, Invalid, Now, ParentClosePolicy, TaskId, Timestamp};
use durable_core::store::{
    CancelAnswer, CancelRequest, MAX_RECORDS, Outcome, OutcomeRequest, RetryAnswer, RetryRequest,
    SpawnAnswer, SpawnRequest, StoreError, Verb,
};

use crate::moves::make_pending;
use crate::spawn::spawn_all;
use crate::spread::{Spread, end_and_close};
use crate::state::{Queue, State};
use crate::task::{Phase, Task, TaskEnd};

/// Spawns tasks, all or none.
pub(crate) fn spawn(state: &mut State, now: Now, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
    request.check()?;
    let queue = state.queue_mut(&request.queue, Verb::Spawn)?;
    Ok(spawn_all(queue, now, request.tasks, None))
}

/// Cancels a task that has not ended.
pub(crate) fn cancel(
    state: &mut State,
    now: Now,
    request: CancelRequest,
) -> Result<CancelAnswer, StoreError> {
    let queue = state.queue_mut(&request.queue, Verb::Cancel)?;
    let Some(task) = queue.tasks.get(&request.task) else { return Ok(CancelAnswer::NotFound) };
    if let Phase::Ended { end, .. } = &task.phase {
        return Ok(CancelAnswer::Ended { state: end.state(), closing: is_closing_below(queue, task.id) });
    }
    let end = TaskEnd::Cancelled(request.cause);
    let closing = end_and_close(queue, now.at, request.task, end, &mut Spread::first_step());
    Ok(CancelAnswer::Cancelled { closing })
}

/// Whether the end of a task has live descendants left to cancel: some closing task is this one, or hangs from it by
/// links that close. It looks at so many records at most, and says so if there may be more.
fn is_closing_below(queue: &Queue, ancestor: TaskId) -> bool {
    let mut looks = Spread::of(MAX_RECORDS);
    for (_, closing) in &queue.index.closing {
        let mut next = Some(*closing);
        while let Some(id) = next {
            if id == ancestor || !looks.take() {
                return true;
            }
            let parent = queue.tasks.get(&id).and_then(|task| task.parent.as_ref());
            next =
                parent.filter(|parent| parent.on_close == ParentClosePolicy::Cancel).map(|parent| parent.id);
        }
    }
    false
}

/// Reopens a failed task with its checkpoints (rule T5).
pub(crate) fn retry(state: &mut State, now: Now, request: &RetryRequest) -> Result<RetryAnswer, StoreError> {
    request.check()?;
    let queue = state.queue_mut(&request.queue, Verb::Retry)?;
    let Some(task) = queue.tasks.get(&request.task) else { return Ok(RetryAnswer::NotFound) };
    match &task.phase {
        Phase::Ended { end, .. } if end.state() != EndState::Failed => {
            return Ok(RetryAnswer::Ended(end.state()));
        }
        Phase::Ended { .. } if task.closing => return Ok(RetryAnswer::Closing),
        Phase::Ended { .. } => {}
        _ => return Ok(RetryAnswer::Live),
    }
    if request.from.as_ref().is_some_and(|key| task.history.checkpoint(key).is_none()) {
        let unknown = Invalid::new("from", "the task has no such checkpoint");
        return Err(StoreError::invalid(Verb::Retry, &unknown));
    }
    reopen(queue, now.at, request);
    Ok(RetryAnswer::Reopened)
}

fn reopen(queue: &mut Queue, now: Timestamp, request: &RetryRequest) {
    let alone = !has_live_parent(queue, request.task);
    queue.change(request.task, |task| {
        task.attempt = task.attempt.saturating_add(1);
        task.max_attempts = task.max_attempts.map(|max| max.saturating_add(request.attempts));
        task.limits_from = now;
        task.first_started_at = None;
        if let Some(key) = &request.from {
            task.history.set_aside_from(key);
        }
        if let Some(parent) = task.parent.as_mut().filter(|_| alone) {
            parent.on_close = ParentClosePolicy::Abandon;
        }
    });
    make_pending(queue, request.task, now);
}

fn has_live_parent(queue: &Queue, id: TaskId) -> bool {
    let parent = queue.tasks.get(&id).and_then(|task| task.parent.as_ref());
    parent.and_then(|parent| queue.tasks.get(&parent.id)).is_some_and(Task::is_live)
}

/// Tells how a task ended.
pub(crate) fn outcome(state: &State, request: &OutcomeRequest) -> Result<Outcome, StoreError> {
    let queue = state.queue(&request.queue, Verb::Outcome)?;
    let Some(task) = queue.tasks.get(&request.task) else { return Ok(Outcome::NotFound) };
    Ok(match &task.phase {
        Phase::Ended { end: TaskEnd::Completed(result), .. } => Outcome::Completed(result.clone()),
        Phase::Ended { end: TaskEnd::Failed(failure), .. } => Outcome::Failed(failure.clone()),
        Phase::Ended { end: TaskEnd::Cancelled(cause), .. } => Outcome::Cancelled(cause.clone()),
        _ => Outcome::Live,
    })
}
