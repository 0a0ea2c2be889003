//! Upkeep: tick and purge.

use durable_core::model::{EndState, EventName, Now, TaskId, Timestamp};
use durable_core::store::{PurgeAnswer, PurgeRequest, StoreError, TickAnswer, TickRequest, Verb, bounded};

use crate::due::{Work, do_due};
use crate::events::wake;
use crate::moves::close_one;
use crate::spread::Spread;
use crate::state::{Queue, State};

/// Does at most `limit` things that are due, earliest first, and then what marks are left.
pub(crate) fn tick(state: &mut State, now: Now, request: &TickRequest) -> Result<TickAnswer, StoreError> {
    let queue = state.queue_mut(&request.queue, Verb::Tick)?;
    let limit = bounded(request.limit);
    // What its own ends spread to is marked like everything else, and within the same limit.
    let mut work = Work { done: TickAnswer::default(), spread: Spread::of(0) };
    let due = do_due(queue, now.at, limit, &mut work);
    let mut left = Spread::of(limit - due);
    let closed = close(queue, now.at, &mut left);
    let reached = reach(queue, now.at, &mut left);
    let is_due = queue.index.due.first().is_some_and(|due| due.at <= now.at);
    Ok(TickAnswer {
        woken: work.done.woken + reached,
        closed,
        closing_left: queue.index.closing.len() as u64,
        next_due: queue.next_due(now.at),
        more: is_due || !queue.index.closing.is_empty() || !queue.index.waking.is_empty(),
        ..work.done
    })
}

/// Cancels children of closing tasks, the oldest end first; tells how many.
fn close(queue: &mut Queue, now: Timestamp, left: &mut Spread) -> u32 {
    let mut closed = 0;
    while let Some((_, parent)) = queue.index.closing.first().copied() {
        if !left.take() || close_one(queue, now, parent).is_none() {
            break;
        }
        closed += 1;
    }
    closed
}

/// Ends waits of waking events, the longest unreached first; tells how many.
fn reach(queue: &mut Queue, now: Timestamp, left: &mut Spread) -> u32 {
    let mut woken = 0;
    while let Some((_, name)) = queue.index.waking.first().cloned() {
        let reached = wake(queue, now, &name, left);
        woken += reached;
        if reached == 0 {
            break;
        }
    }
    woken
}

/// Removes ended tasks, and events, that are old, oldest first, and before them what is left of earlier ones.
pub(crate) fn purge(state: &mut State, now: Now, request: &PurgeRequest) -> Result<PurgeAnswer, StoreError> {
    let queue = state.queue_mut(&request.queue, Verb::Purge)?;
    let mut left = bounded(request.limit);
    let mut purged = 0;
    collect_garbage(queue, &mut left);
    while left > 0 {
        if let Some(task) = old_task(queue, now.at, request) {
            left -= 1;
            purge_task(queue, task);
            collect_garbage(queue, &mut left);
        } else if let Some(event) = old_event(queue, now.at, request) {
            left -= 1;
            queue.put_event(&event, None);
        } else {
            break;
        }
        purged += 1;
    }
    let more = !queue.garbage.is_empty()
        || old_task(queue, now.at, request).is_some()
        || old_event(queue, now.at, request).is_some();
    Ok(PurgeAnswer { purged, more })
}

/// The oldest task that may go.
fn old_task(queue: &Queue, now: Timestamp, request: &PurgeRequest) -> Option<TaskId> {
    let oldest = |state: &EndState| queue.index.ended.get(state)?.first().copied();
    let (ended_at, id) = request.states.iter().filter_map(oldest).min()?;
    (now >= ended_at.after(request.age)).then_some(id)
}

/// The oldest event that may go: no wait stands for it, or it would be waking.
fn old_event(queue: &Queue, now: Timestamp, request: &PurgeRequest) -> Option<EventName> {
    let (written_at, name) = queue.index.settled.first().filter(|_| request.events)?;
    (now >= written_at.after(request.age)).then(|| name.clone())
}

/// Removes a task; its history is garbage from now on.
fn purge_task(queue: &mut Queue, id: TaskId) {
    let Some(task) = queue.remove(id) else { return };
    if let Some(owned) = task.idempotency {
        queue.keys.remove(&owned.key);
    }
    let history = task.history.into_entries();
    if !history.is_empty() {
        queue.garbage.push_back(history);
    }
}

/// Removes garbage, the oldest first.
fn collect_garbage(queue: &mut Queue, left: &mut usize) {
    while let Some(history) = queue.garbage.front_mut() {
        let kept = history.len().saturating_sub(*left);
        *left -= history.len() - kept;
        history.truncate(kept);
        if kept > 0 {
            return;
        }
        queue.garbage.pop_front();
    }
}
