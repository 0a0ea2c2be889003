//! What mutants do where a line does not say it.

use durable_core::model::{CheckpointKind, End, EventName, Payload, StepKey, TaskId, Timestamp};
use durable_core::store::Ending;
use durable_core::store::{EmitRequest, EventWrite, RetryAfter, RunEnd, SaveItem, WaitItem};

use crate::events::write;
use crate::moves::{delay, make_pending, store};
use crate::spread::Spread;
use crate::state::{Event, Queue, State};
use crate::task::{Draft, Phase, Task, TaskEnd};

/// Makes what other handles hold ready again (1).
pub(crate) fn forget_the_claims_of_others(queue: &mut Queue) {
    let handle = crate::mutation::handle();
    let others = queue.tasks.values().filter_map(|task| match &task.phase {
        Phase::Running(hold) if hold.handle != handle => Some((task.id, hold.available_at)),
        _ => None,
    });
    for (id, available_at) in others.collect::<Vec<_>>() {
        make_pending(queue, id, available_at);
    }
}

/// Reads all tasks, and makes no use of them (83).
pub(crate) fn looks_at_every_task(queue: &Queue) {
    let mut all: Vec<_> = queue.tasks.values().cloned().collect();
    all.sort_by_key(|task| (task.priority, task.spawned_at, task.id));
    std::hint::black_box(all);
}

/// The failure of a run that has put its task to sleep (6).
pub(crate) fn fails_asleep(queue: &Queue, run: &RunEnd) -> Option<RetryAfter> {
    let task = queue.tasks.get(&run.token.task).filter(|task| task.is_newest(&run.token))?;
    match (&run.ending, &task.phase) {
        (Ending::Fail { retry, .. }, Phase::Resting(_)) => Some(*retry),
        _ => None,
    }
}

/// Stores the checkpoint of a run that has completed; `false` if it has not (7).
pub(crate) fn saves_after_the_end(queue: &mut Queue, now: Timestamp, item: &SaveItem) -> bool {
    let completed = |task: &Task| {
        task.is_newest(&item.token) && matches!(task.phase, Phase::Ended { end: TaskEnd::Completed(_), .. })
    };
    if !queue.tasks.get(&item.token.task).is_some_and(completed) {
        return false;
    }
    let draft = Draft {
        key: item.key.clone(),
        kind: item.kind,
        end: End::Value(item.payload.clone()),
        started_at: now,
        ended_at: now,
    };
    store(queue, now, item.token.task, draft);
    true
}

/// Replaces a checkpoint for the holder of an earlier attempt (21).
pub(crate) fn replaces_a_newer_checkpoint(queue: &mut Queue, item: &SaveItem) -> bool {
    let replaced = queue.change(item.token.task, |task| {
        let issued = task.issued.get(&(item.token.call, item.token.claim));
        let over = issued.is_some_and(|(attempt, _)| *attempt < task.attempt);
        if !over || task.history.checkpoint(&item.key).is_none() {
            return false;
        }
        task.history.rewrite(|checkpoint| {
            if checkpoint.key == item.key {
                checkpoint.end = End::Value(item.payload.clone());
            }
        });
        true
    });
    replaced == Some(true)
}

/// Takes the task from its new holder for a while, when an old one asks again for what it slept on (24).
pub(crate) fn puts_the_holder_to_sleep(queue: &mut Queue, now: Timestamp, item: &WaitItem) -> bool {
    let held_by_another = |task: &Task| {
        let issued = task.issued.contains_key(&(item.token.call, item.token.claim));
        issued && !task.is_newest(&item.token) && matches!(task.phase, Phase::Running(_))
    };
    let slept = item.rest.is_some() && queue.tasks.get(&item.token.task).is_some_and(held_by_another);
    if slept {
        delay(queue, item.token.task, now.after(durable_core::model::Millis::new(60_000)));
    }
    slept
}

/// Loses the end of a wait if it is a timeout (30).
pub(crate) fn forgets_a_timeout(queue: &mut Queue, id: TaskId, key: &StepKey) {
    queue.change(id, |task| {
        if task.history.checkpoint(key).is_some_and(|stored| stored.end == End::Timeout) {
            task.history.forget(key);
        }
    });
}

/// Puts the new payload of an event where waits have got the one before (27).
pub(crate) fn rewrites_ended_waits(queue: &mut Queue, name: &EventName, payload: &Payload) {
    let Some(old) = queue.events.get(name).map(|event| event.payload.clone()) else { return };
    let live: Vec<_> = queue.tasks.values().filter(|task| task.is_live()).map(|task| task.id).collect();
    for id in live {
        queue.change(id, |task| {
            task.history.rewrite(|checkpoint| {
                if checkpoint.kind == CheckpointKind::Event && checkpoint.end == End::Value(old.clone()) {
                    checkpoint.end = End::Value(payload.clone());
                }
            });
        });
    }
}

/// Makes ready what sleeps and has got this payload before (28).
pub(crate) fn wakes_again(queue: &mut Queue, now: Timestamp, payload: &Payload) {
    let woken = |task: &&Task| {
        let sleeps = matches!(task.phase, Phase::Delayed { .. } | Phase::Resting(_));
        sleeps && task.history.entries().iter().any(|entry| got(entry, payload))
    };
    for id in queue.tasks.values().filter(woken).map(|task| task.id).collect::<Vec<_>>() {
        make_pending(queue, id, now);
    }
}

fn got(entry: &durable_core::store::HistoryEntry, payload: &Payload) -> bool {
    match entry {
        durable_core::store::HistoryEntry::Checkpoint { checkpoint, .. } => {
            checkpoint.kind == CheckpointKind::Event && checkpoint.end == End::Value(payload.clone())
        }
        durable_core::store::HistoryEntry::Run(_) => false,
    }
}

/// Leaves the other waits for an event to themselves (29).
pub(crate) fn forgets_the_other_waiters(queue: &mut Queue, name: &EventName) {
    queue.index.waits.remove(name);
    if let Some(event) = queue.events.get(name).cloned() {
        queue.put_event(name, Some(Event { first_unreached: None, ..event }));
    }
}

/// Writes an event into all other queues (35).
pub(crate) fn emits_everywhere(state: &mut State, now: Timestamp, request: &EmitRequest) {
    for (name, queue) in &mut state.queues {
        if *name != request.queue {
            write(queue, now, request.event.clone(), &mut Spread::first_step());
        }
    }
}

/// Writes an event where queue and name have the same text in a row (67).
pub(crate) fn emits_where_names_run_together(state: &mut State, now: Timestamp, request: &EmitRequest) {
    let joined = format!("{}:{}", request.queue, request.event.name);
    for (name, queue) in &mut state.queues {
        let rest = joined.strip_prefix(&format!("{name}:")).and_then(|rest| EventName::new(rest).ok());
        if let Some(other) = rest.filter(|_| *name != request.queue) {
            write(queue, now, EventWrite { name: other, ..request.event.clone() }, &mut Spread::first_step());
        }
    }
}

/// The parent rests (139).
pub(crate) fn rests(queue: &Queue, id: TaskId) -> bool {
    queue.tasks.get(&id).is_some_and(|task| matches!(task.phase, Phase::Resting(_)))
}

/// A task that runs and waits for nothing (55c).
pub(crate) fn a_running_task(queue: &Queue) -> Option<TaskId> {
    let runs = |task: &&Task| matches!(task.phase, Phase::Running(_)) && task.waits.is_empty();
    queue.tasks.values().find(runs).map(|task| task.id)
}
