//! Accounts: what went in comes out, once, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use durable_core::model::TaskId;

use super::super::data::{Action, Cancelled, End, Ended, Ending, History, Operation, Reply, Saved, Spawned};
use super::super::data::{State, Token};
use super::about;
use crate::expect::Violation;

/// `F1`: no acknowledged task is lost, none is there that nobody spawned, and each end is told once and for ever.
///
/// # Errors
///
/// The first task that is lost, unexpected or doubled, or that ended otherwise than somebody was told.
pub fn nothing_is_lost(history: &History) -> Result<(), Violation> {
    let spawns = Spawns::of(history)?;
    let last: BTreeMap<_, _> = history.last.iter().map(|task| (task.id, &task.state)).collect();
    for (task, place) in &spawns.acknowledged {
        if !last.contains_key(task) {
            let got = format!("acknowledged at {place}, and gone");
            return Err(about(history, *task, "a task that was spawned", &got, "it is there"));
        }
    }
    let handed = history.operations.iter().flat_map(claimed);
    if let Some(task) = last.keys().copied().chain(handed).find(|task| !spawns.asked.contains(task)) {
        return Err(about(history, task, "a task", "one that nobody spawned", "only what was spawned"));
    }
    let told = told(history)?;
    for (task, (place, end)) in &told {
        let is = last.get(task).copied();
        if is != Some(&State::Ended(end.clone())) {
            let (got, wanted) = (format!("{is:?}"), format!("{end:?}, as told at {place}"));
            return Err(about(history, *task, "the state of a task that has ended", &got, &wanted));
        }
    }
    history.operations.iter().try_for_each(|operation| reads(history, operation, &spawns, &told, &last))
}

/// What was spawned.
struct Spawns {
    /// Perhaps.
    asked: BTreeSet<TaskId>,
    /// Surely, with the place of the answer.
    acknowledged: BTreeMap<TaskId, u64>,
}

impl Spawns {
    fn of(history: &History) -> Result<Self, Violation> {
        let mut spawns = Self { asked: BTreeSet::new(), acknowledged: BTreeMap::new() };
        let mut of_key = BTreeMap::new();
        let mut created = BTreeSet::new();
        for operation in &history.operations {
            let place = operation.returned.unwrap_or(u64::MAX);
            match &operation.action {
                Action::Spawn { tasks, answer } => {
                    spawns.asked.extend(tasks.iter().map(|task| task.id));
                    let Reply::Is(Spawned::Tasks(told)) = answer else { continue };
                    for (new, (task, is_new)) in tasks.iter().zip(told) {
                        spawns.acknowledged.entry(*task).or_insert(place);
                        if *is_new && !created.insert(*task) {
                            return Err(about(history, *task, "a task", "created twice", "created once"));
                        }
                        let key = new.idempotency.as_ref().map(|(key, _)| (&operation.queue, key));
                        let first = key.map(|key| *of_key.entry(key).or_insert(*task));
                        if first.is_some_and(|first| first != *task) {
                            let got = format!("{first:?} as well");
                            return Err(about(history, *task, "the task of a key", &got, "one task"));
                        }
                    }
                }
                Action::Save { item, answer } => {
                    spawns.asked.extend(item.children.iter().map(|child| child.id));
                    if matches!(answer, Reply::Is(Ok(Saved::Stored(_)))) {
                        spawns.acknowledged.extend(item.children.iter().map(|child| (child.id, place)));
                    }
                }
                _ => {}
            }
        }
        Ok(spawns)
    }
}

fn claimed(operation: &Operation) -> Vec<TaskId> {
    match &operation.action {
        Action::Claim { answer: Reply::Is(answer), .. } => {
            answer.claims.iter().map(|handed| handed.token.task).collect()
        }
        _ => Vec::new(),
    }
}

type Told = BTreeMap<TaskId, (u64, End)>;

/// The ends that somebody was told of: one for each task.
fn told(history: &History) -> Result<Told, Violation> {
    let mut told: BTreeMap<TaskId, (u64, End, Option<Token>)> = BTreeMap::new();
    for operation in &history.operations {
        let place = operation.returned.unwrap_or(u64::MAX);
        for (task, end, token) in ends(operation) {
            match told.get(&task) {
                // The same end under the same claim is a repeat.
                Some((_, before, by)) if (before, *by) != (&end, token) || token.is_none() => {
                    let got = format!("{before:?} and {end:?}");
                    return Err(about(history, task, "the ends that were accepted", &got, "one"));
                }
                Some(_) => {}
                None => {
                    told.insert(task, (place, end, token));
                }
            }
        }
    }
    Ok(told.into_iter().map(|(task, (place, end, _))| (task, (place, end))).collect())
}

fn ends(operation: &Operation) -> Vec<(TaskId, End, Option<Token>)> {
    match &operation.action {
        Action::Claim { request, answer: Reply::Is(answer) } => {
            let ended = request.ends.iter().zip(&answer.ends).filter_map(|((token, how), ended)| {
                let end = match (how, ended) {
                    (Ending::Complete(result), Ok(Ended::Completed)) => End::Value(result.clone()),
                    (Ending::Fail(failure, _), Ok(Ended::Failed)) => End::Failed(Some(failure.clone())),
                    _ => return None,
                };
                Some((token.task, end, Some(*token)))
            });
            ended.collect()
        }
        Action::Cancel { task, answer: Reply::Is(Cancelled::Cancelled) } => {
            vec![(*task, End::Cancelled, None)]
        }
        _ => Vec::new(),
    }
}

/// What a reader was told of a task agrees with its end.
fn reads(
    history: &History,
    operation: &Operation,
    spawns: &Spawns,
    told: &Told,
    last: &BTreeMap<TaskId, &State>,
) -> Result<(), Violation> {
    let Action::Outcome { task, answer: Reply::Is(read) } = &operation.action else { return Ok(()) };
    let before = |place: &u64| *place < operation.invoked;
    let wanted = match read {
        State::Ended(_) if last.get(task).is_none_or(|last| *last != read) => "the end that it has for good",
        State::Live(_) if told.get(task).is_some_and(|(place, _)| before(place)) => "its end, which was told",
        State::NotFound if spawns.acknowledged.get(task).is_some_and(before) => "the task",
        _ => return Ok(()),
    };
    Err(about(history, *task, "what a reader was told", &format!("{read:?}"), wanted))
}

/// `CO-3`: every task has ended when all clients are done.
///
/// # Errors
///
/// The first task that is live.
pub fn quiescent(history: &History) -> Result<(), Violation> {
    let mut live = history.last.iter().filter(|task| matches!(task.state, State::Live(_)));
    let Some(first) = live.next() else { return Ok(()) };
    let got = format!(
        "{} live ones, the first {:?} with the waits {:?}",
        live.count() + 1,
        first.state,
        first.waits
    );
    Err(about(history, first.id, "the tasks when all is done", &got, "all have ended"))
}

/// `CL-6`: every task was claimed once and completed.
///
/// # Errors
///
/// The first task that was not.
pub fn executed_once(history: &History) -> Result<(), Violation> {
    let Some(task) = history.last.iter().find(|task| {
        !matches!(task.state, State::Ended(End::Value(_))) || (task.claims, task.attempt) != (1, 1)
    }) else {
        return Ok(());
    };
    let got = format!("{:?} after {} claims", task.state, task.claims);
    Err(about(history, task.id, "a task without a lease that ran out", &got, "completed after one claim"))
}
