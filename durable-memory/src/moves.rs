//! What several verbs do to a task: each move exists once.

use durable_core::model::{CancelCause, CheckpointKind, End, StepKey, TaskId, Timestamp};
use durable_core::store::WaitSource;

use crate::state::{Event, Queue};
use crate::task::{Draft, Phase, Task, TaskEnd, Wait};

/// Makes a task ready.
pub(crate) fn make_pending(queue: &mut Queue, id: TaskId, available_at: Timestamp) {
    queue.change(id, |task| task.phase = Phase::Pending { available_at });
    queue.news.ready = true;
}

/// Makes a task ready at a later moment.
pub(crate) fn delay(queue: &mut Queue, id: TaskId, until: Timestamp) {
    queue.change(id, |task| task.phase = Phase::Delayed { until });
}

/// Stores a checkpoint. A wait under its key is over by that, and if it was the last one that a rest needed, the
/// task is ready from now on (rule W3).
pub(crate) fn store(queue: &mut Queue, now: Timestamp, id: TaskId, draft: Draft) {
    let key = draft.key.clone();
    let wait = remove_wait(queue, id, &key);
    let met = queue.change(id, |task| {
        task.store(draft);
        match &mut task.phase {
            Phase::Resting(rest) => rest.ended(&key, wait.and_then(|wait| wait.deadline)),
            _ => false,
        }
    });
    if met == Some(true) {
        make_pending(queue, id, now);
    }
}

/// Lets a wait stand.
pub(crate) fn add_wait(queue: &mut Queue, id: TaskId, key: StepKey, wait: Wait) {
    if let Some(task) = queue.tasks.get_mut(&id) {
        if let WaitSource::Event(name) = &wait.source {
            queue.index.add_wait(name.clone(), id, key.clone());
        }
        task.waits.insert(key, wait);
    }
}

/// Ends a standing wait if its event or its time has come; `true` if so. It is the one place that does.
pub(crate) fn settle(queue: &mut Queue, now: Timestamp, id: TaskId, key: &StepKey) -> bool {
    let Some(wait) = queue.tasks.get(&id).and_then(|task| task.waits.get(key)) else { return false };
    let event = wait.event().and_then(|name| queue.events.get(name));
    let Some((end, ended_at)) = verdict(wait, event, now) else { return false };
    let draft = Draft { key: key.clone(), kind: wait.kind(), end, started_at: wait.registered_at, ended_at };
    store(queue, now, id, draft);
    true
}

/// How and when a standing wait ends; `None` while it goes on. If its event exists, that is a write which has not
/// reached it yet (rules W2 and E2).
pub(crate) fn verdict(wait: &Wait, event: Option<&Event>, now: Timestamp) -> Option<(End, Timestamp)> {
    let Some(event) = event else { return timeout(wait, now) };
    let unreached = event.first_unreached.unwrap_or(event.written_at);
    timeout(wait, unreached).or_else(|| Some((End::Value(event.payload.clone()), unreached)))
}

fn timeout(wait: &Wait, now: Timestamp) -> Option<(End, Timestamp)> {
    wait.deadline.filter(|deadline| *deadline <= now).map(|deadline| (End::Timeout, deadline))
}

fn remove_wait(queue: &mut Queue, id: TaskId, key: &StepKey) -> Option<Wait> {
    let wait = queue.tasks.get_mut(&id)?.waits.remove(key)?;
    unlist_wait(queue, id, key, &wait);
    Some(wait)
}

/// Removes a wait from the index; its event is no longer waking when it was the last.
fn unlist_wait(queue: &mut Queue, id: TaskId, key: &StepKey, wait: &Wait) {
    let Some(name) = wait.event() else { return };
    if !queue.index.remove_wait(name, id, key) {
        return;
    }
    if let Some(event) = queue.events.get(name).filter(|event| event.first_unreached.is_some()) {
        let settled = Event { first_unreached: None, ..event.clone() };
        queue.put_event(name, Some(settled));
    }
}

/// Ends a task for good: its waits go, it is closing if its end cancels children, and its parent gets its end in
/// the same step (rule T1).
pub(crate) fn end_task(queue: &mut Queue, now: Timestamp, id: TaskId, end: TaskEnd) {
    let waits = queue.tasks.get_mut(&id).map(|task| std::mem::take(&mut task.waits));
    for (key, wait) in waits.unwrap_or_default() {
        unlist_wait(queue, id, &key, &wait);
    }
    let closing = queue.index.children.contains_key(&id);
    queue.change(id, |task| {
        task.phase = Phase::Ended { end, at: now };
        task.closing = closing;
    });
    queue.news.ended.push(id);
    tell_parent(queue, now, id);
}

/// Writes the end of a child to its parent; a parent that has ended is told nothing, but may have closed by it.
fn tell_parent(queue: &mut Queue, now: Timestamp, child: TaskId) {
    let Some(child) = queue.tasks.get(&child) else { return };
    let Some((parent, draft)) = child_end(child) else { return };
    let Some(task) = queue.tasks.get(&parent) else { return };
    if !task.is_live() {
        settle_closing(queue, parent);
    } else if !settle(queue, now, parent, &draft.key)
        && queue.tasks.get(&parent).is_some_and(|task| task.history.checkpoint(&draft.key).is_none())
    {
        store(queue, now, parent, draft);
    }
}

/// The checkpoint that an ended child leaves in its parent.
pub(crate) fn child_end(child: &Task) -> Option<(TaskId, Draft)> {
    let parent = child.parent.as_ref()?;
    let (end, ended_at) = child.end_for_parent()?;
    let draft = Draft {
        key: parent.join_key.clone(),
        kind: CheckpointKind::Child,
        end,
        started_at: child.spawned_at,
        ended_at,
    };
    Some((parent.id, draft))
}

/// A closing task is so no longer when its last live child has ended.
fn settle_closing(queue: &mut Queue, id: TaskId) {
    if !queue.index.children.contains_key(&id) {
        queue.change(id, |task| task.closing = false);
    }
}

/// Cancels one child of a closing task; `None` if it has none that lives.
pub(crate) fn close_one(queue: &mut Queue, now: Timestamp, parent: TaskId) -> Option<TaskId> {
    let child = queue.index.first_child(parent)?;
    end_task(queue, now, child, TaskEnd::Cancelled(CancelCause::ParentClosed));
    Some(child)
}

/// Sets the end of a running task's lease.
pub(crate) fn lease_until(queue: &mut Queue, id: TaskId, until: Timestamp) {
    queue.change(id, |task| {
        if let Phase::Running(hold) = &mut task.phase {
            hold.expires_at = until;
        }
    });
}
