//! Order: how often a ready task is passed over.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use durable_core::model::{Millis, TaskId, Timestamp};

use super::super::data::{Action, Ended, Fenced, History, Operation, Reply, Saved, Spawned, Task};
use super::super::lines::short;
use super::about;
use crate::expect::Violation;

/// What the promised order compares: priority down, then the time since when a task is ready, then its id.
type Place = (Reverse<i16>, Timestamp, TaskId);

/// From when on a task was ready for sure, and its place in the order.
#[derive(Debug, Clone, Copy)]
struct Ready {
    since: u64,
    place: Place,
}

/// One claim of a task that was ready for sure.
#[derive(Debug, Clone, Copy)]
struct Taken<'a> {
    ready: Ready,
    by: &'a Operation,
}

/// `CL-9`, `CO-8`: a ready task is passed over at most `bound` times: by claims that take what comes later in the order,
/// or that come back with room left.
///
/// A claim that began before the task was ready, or came back after the task's own claim had begun, passes nobody over.
/// Only tasks that are ready at once are looked at: spawned without a delay, failed or handed back for no time.
///
/// # Errors
///
/// The first task that is passed over more often.
pub fn bypass_is_bounded(history: &History, bound: usize) -> Result<(), Violation> {
    let taken = taken(history);
    for one in &taken {
        let window = |by: &Operation| one.ready.since < by.invoked && by.returned < Some(one.by.invoked);
        let task = one.ready.place.2;
        let same_queue = |by: &Operation| by.queue == one.by.queue;
        let later = taken.iter().filter(|other| other.ready.place > one.ready.place && same_queue(other.by));
        let overtakes = later.filter(|other| window(other.by)).count();
        let empty =
            history.operations.iter().filter(|by| same_queue(by) && window(by) && has_room(by)).count();
        if overtakes + empty > bound {
            let what = format!("how often {} was passed over while it was ready", short(task));
            let got = format!("{overtakes} later ones were taken, {empty} claims had room left");
            return Err(about(history, task, &what, &got, &format!("at most {bound} in all")));
        }
    }
    Ok(())
}

/// A claim that took less than it might have.
fn has_room(operation: &Operation) -> bool {
    match &operation.action {
        Action::Claim { request, answer: Reply::Is(answer) } => {
            request.max > 0 && answer.claims.len() < usize::try_from(request.max).unwrap_or(usize::MAX)
        }
        _ => false,
    }
}

/// Every claim of a task of which is known since when it was ready.
fn taken(history: &History) -> Vec<Taken<'_>> {
    let (mut ready, mut priorities, mut taken) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    // By their answers: what makes a task ready is answered before what claims it, or else it is not looked at.
    let mut answered: Vec<_> = history.operations.iter().filter(|by| by.returned.is_some()).collect();
    answered.sort_by_key(|by| by.returned);
    for operation in answered {
        for (task, next_claim, at) in made_ready(operation, &mut priorities) {
            let priority = priorities.get(&task).copied().unwrap_or_default();
            let since = operation.returned.unwrap_or(u64::MAX);
            ready.insert((task, next_claim), Ready { since, place: (Reverse(priority), at, task) });
        }
        if let Action::Claim { answer: Reply::Is(answer), .. } = &operation.action {
            let tokens = answer.claims.iter().map(|handed| (handed.token.task, handed.token.claim));
            let ready = tokens.filter_map(|claim| ready.get(&claim));
            taken.extend(ready.map(|ready| Taken { ready: *ready, by: operation }));
        }
    }
    taken
}

/// The tasks that a call made ready at once, the count of their next claim, and since when they are ready.
fn made_ready(
    operation: &Operation,
    priorities: &mut BTreeMap<TaskId, i16>,
) -> Vec<(TaskId, u64, Timestamp)> {
    let Some(now) = operation.at else { return Vec::new() };
    let mut of_tasks = |tasks: &[Task]| {
        priorities.extend(tasks.iter().map(|task| (task.id, task.priority)));
        let at_once = tasks.iter().filter(|task| task.delay == Millis::ZERO);
        at_once.map(|task| (task.id, 1, now)).collect()
    };
    match &operation.action {
        Action::Spawn { tasks, answer: Reply::Is(Spawned::Tasks(_)) } => of_tasks(tasks),
        Action::Save { item, answer: Reply::Is(Ok(Saved::Stored(_))) } => of_tasks(&item.children),
        Action::Claim { request, answer: Reply::Is(answer) } => {
            let due = |ended: &Fenced<Ended>| match ended {
                Ok(Ended::Retrying(due) | Ended::Released(due)) if *due <= now => Some(*due),
                _ => None,
            };
            let ends = request.ends.iter().zip(&answer.ends);
            ends.filter_map(|((token, _), ended)| Some((token.task, token.claim + 1, due(ended)?))).collect()
        }
        _ => Vec::new(),
    }
}
