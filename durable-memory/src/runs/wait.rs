//! Wait: register waits, and rest on some of them.

use std::collections::BTreeSet;

use durable_core::model::{Now, StepKey, TaskId, Timestamp};
use durable_core::store::{
    FencedError, MetWait, NewWait, Rest, StoreError, StoreErrorKind, Verb, WaitAnswer, WaitItem, WaitRequest,
    WaitSource,
};

use super::end::remember;
use crate::batch::{invalid, lost};
use crate::fence::{closed, fence};
use crate::moves::{add_wait, child_end, settle, store};
use crate::state::{Queue, State};
use crate::task::{Closed, Draft, Phase, Resting, Task, Wait};

/// Registers waits, and lets runs rest on some of theirs.
pub(crate) fn wait(
    state: &mut State,
    now: Now,
    request: &WaitRequest,
) -> Result<Vec<Result<WaitAnswer, FencedError>>, StoreError> {
    request.check()?;
    let Some(queue) = state.queues.get_mut(&request.queue) else { return Ok(lost(request.items.len())) };
    Ok(request.items.iter().map(|item| one(queue, now, item)).collect())
}

fn one(queue: &mut Queue, now: Now, item: &WaitItem) -> Result<WaitAnswer, FencedError> {
    if closed(queue, &item.token) == Some(Closed::Rested) {
        return Ok(WaitAnswer::Suspended);
    }
    let (task, _) = fence(queue, now.at, &item.token)?;
    check(queue, task, item)?;
    let id = task.id;
    for wait in &item.waits {
        register(queue, now, id, wait);
    }
    for key in item.named() {
        settle(queue, now.at, id, key);
    }
    let Some(rest) = &item.rest else {
        let met = ended(queue, id, item.named());
        return Ok(if met.is_empty() { WaitAnswer::Registered } else { WaitAnswer::Met(met) });
    };
    let keys: BTreeSet<&StepKey> = rest.keys.iter().collect();
    let over = ended(queue, id, keys.into_iter()).len();
    match need(rest).checked_sub(over) {
        None | Some(0) => Ok(WaitAnswer::Met(ended(queue, id, item.named()))),
        Some(need) => {
            suspend(queue, id, rest, need);
            remember(queue, &item.token, Closed::Rested);
            Ok(WaitAnswer::Suspended)
        }
    }
}

fn need(rest: &Rest) -> usize {
    usize::try_from(rest.need).unwrap_or(usize::MAX)
}

/// Refuses an item that has no meaning, before anything of it is written.
fn check(queue: &Queue, task: &Task, item: &WaitItem) -> Result<(), FencedError> {
    for wait in item.waits.iter().filter(|wait| is_new(task, &wait.key)) {
        match &wait.source {
            WaitSource::Time if wait.deadline.is_none() => {
                return Err(invalid(Verb::Wait, "wait", "a timer has no deadline"));
            }
            WaitSource::Child(child) if !is_child(queue, task.id, *child, &wait.key) => {
                let context = "the child does not exist, or is not this task's under this key";
                return Err(StoreError::new(StoreErrorKind::NotFound, Verb::Wait, context).into());
            }
            WaitSource::Time | WaitSource::Child(_) | WaitSource::Event(_) => {}
        }
    }
    let Some(rest) = &item.rest else { return Ok(()) };
    let keys: BTreeSet<&StepKey> = rest.keys.iter().collect();
    if !(1..=keys.len()).contains(&need(rest)) {
        return Err(invalid(Verb::Wait, "rest", "it needs none of its keys, or more than there are"));
    }
    let new: BTreeSet<&StepKey> = item.waits.iter().map(|wait| &wait.key).collect();
    if keys.into_iter().any(|key| is_new(task, key) && !new.contains(key)) {
        return Err(invalid(Verb::Wait, "rest", "a key is neither a wait nor a checkpoint"));
    }
    Ok(())
}

/// There is no wait and no checkpoint under the key.
fn is_new(task: &Task, key: &StepKey) -> bool {
    !task.waits.contains_key(key) && task.history.checkpoint(key).is_none()
}

fn is_child(queue: &Queue, parent: TaskId, child: TaskId, key: &StepKey) -> bool {
    let link = queue.tasks.get(&child).and_then(|child| child.parent.as_ref());
    link.is_some_and(|link| link.id == parent && link.join_key == *key)
}

/// Registers a wait unless it stands or has ended. One whose event exists or whose child has ended is over at once,
/// whatever its deadline (rule W1).
fn register(queue: &mut Queue, now: Now, id: TaskId, new: &NewWait) {
    if !queue.tasks.get(&id).is_some_and(|task| is_new(task, &new.key)) {
        return;
    }
    if let Some(draft) = over_already(queue, now.at, new) {
        store(queue, now.at, id, draft);
        return;
    }
    let deadline = new.deadline.map(|deadline| deadline.fix(now.up));
    let wait = Wait { source: new.source.clone(), registered_at: now.at, deadline };
    add_wait(queue, id, new.key.clone(), wait);
}

/// The end of a new wait whose event exists or whose child has ended.
fn over_already(queue: &Queue, now: Timestamp, new: &NewWait) -> Option<Draft> {
    match &new.source {
        WaitSource::Time => None,
        WaitSource::Child(child) => child_end(queue.tasks.get(child)?).map(|(_, draft)| draft),
        WaitSource::Event(name) => queue.events.get(name).map(|event| event.value(new.key.clone(), now)),
    }
}

/// How those of the keys that have ended did.
fn ended<'a>(queue: &Queue, id: TaskId, keys: impl Iterator<Item = &'a StepKey>) -> Vec<MetWait> {
    let Some(task) = queue.tasks.get(&id) else { return Vec::new() };
    let met = |key: &StepKey| {
        let stored = task.history.checkpoint(key)?;
        Some(MetWait { key: key.clone(), end: stored.end.clone(), at: stored.ended_at })
    };
    keys.filter_map(met).collect()
}

/// Lets a task rest until `need` more of the waits have ended; its claim is over.
fn suspend(queue: &mut Queue, id: TaskId, rest: &Rest, need: usize) {
    queue.change(id, |task| {
        let stands = |key: &&StepKey| task.waits.contains_key(*key);
        let keys: BTreeSet<StepKey> = rest.keys.iter().filter(stands).cloned().collect();
        let deadline = |key: &StepKey| Some((task.waits.get(key)?.deadline?, key.clone()));
        let deadlines = keys.iter().filter_map(deadline).collect();
        task.phase = Phase::Resting(Resting { keys, deadlines, need });
    });
}
