//! Checkpoints: what was stored is read, as it was stored, by everybody.

use std::collections::{BTreeMap, BTreeSet};

use durable_core::model::TaskId;

use super::super::data::{Action, End, History, Operation, Reply, Saved, Stored, Waited};
use super::about;
use crate::expect::Violation;

type Key<'a> = (TaskId, &'a str);

/// One reading of a checkpoint: where in the order it was answered, and at what time of the store's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) end: &'a End,
    pub(super) operation: Option<&'a Operation>,
}

/// Every reading of every checkpoint, the last one when all was done.
pub(super) fn readings(history: &History) -> BTreeMap<Key<'_>, Vec<Reading<'_>>> {
    let mut readings: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut read = |task, key, end, operation| {
        readings.entry((task, key)).or_default().push(Reading { end, operation });
    };
    for operation in &history.operations {
        match &operation.action {
            Action::Load { token, answer: Reply::Is(Ok(page)), .. } => {
                for stored in &page.checkpoints {
                    read(token.task, stored.key.as_str(), &stored.end, Some(operation));
                }
            }
            Action::Wait { item, answer: Reply::Is(Ok(Waited::Met(met))) } => {
                for (key, end, _) in met {
                    read(item.token.task, key.as_str(), end, Some(operation));
                }
            }
            Action::Save { item, answer: Reply::Is(Ok(Saved::Conflict(end))) } => {
                read(item.token.task, item.key.as_str(), end, Some(operation));
            }
            _ => {}
        }
    }
    for task in &history.last {
        for stored in &task.checkpoints {
            read(task.id, stored.key.as_str(), &stored.end, None);
        }
    }
    readings
}

/// `P1`: the first write of a checkpoint wins, is read by every later reader, and stays.
///
/// # Errors
///
/// The first checkpoint that is lost, was changed, or that nobody wrote.
pub fn checkpoints_are_kept(history: &History) -> Result<(), Violation> {
    let writes = Writes::of(history);
    for ((task, key), readings) in readings(history) {
        let mut ends = readings.iter().map(|reading| reading.end);
        let Some(first) = ends.next() else { continue };
        let what = format!("the checkpoint {key}");
        if let Some(other) = ends.find(|end| *end != first) {
            let got = format!("{first:?}, and {other:?} for another reader");
            return Err(about(history, task, &what, &got, "one end for all readers"));
        }
        let was_asked = writes.waits.contains(&(task, key))
            || matches!(first, End::Value(value) if writes.asked.contains(&(task, key, value.as_str())));
        if !was_asked {
            return Err(about(history, task, &what, &format!("{first:?}"), "what somebody wrote"));
        }
    }
    is_read(history, &writes)?;
    is_in_order(history, &writes)
}

/// What was written.
struct Writes<'a> {
    /// Perhaps: by whoever asked.
    asked: BTreeSet<(TaskId, &'a str, &'a str)>,
    /// By a wait or a child.
    waits: BTreeSet<Key<'a>>,
    /// Surely: the value, the invocation and the answer.
    acknowledged: BTreeMap<Key<'a>, (&'a str, u64, u64)>,
}

impl<'a> Writes<'a> {
    fn of(history: &'a History) -> Self {
        let mut writes =
            Self { asked: BTreeSet::new(), waits: BTreeSet::new(), acknowledged: BTreeMap::new() };
        for operation in &history.operations {
            match &operation.action {
                Action::Save { item, answer } => {
                    let (task, key, payload) = (item.token.task, item.key.as_str(), item.payload.as_str());
                    if matches!(answer, Reply::Unknown | Reply::Is(Ok(_))) {
                        writes.asked.insert((task, key, payload));
                    }
                    let joins = item.children.iter().filter_map(|child| child.parent.as_ref());
                    writes.waits.extend(joins.map(|(join, _)| (task, join.as_str())));
                    if matches!(answer, Reply::Is(Ok(Saved::Stored(_)))) {
                        let returned = operation.returned.unwrap_or(u64::MAX);
                        writes.acknowledged.entry((task, key)).or_insert((
                            payload,
                            operation.invoked,
                            returned,
                        ));
                    }
                }
                Action::Wait { item, .. } => {
                    writes.waits.extend(item.waits.iter().map(|(key, ..)| (item.token.task, key.as_str())));
                }
                _ => {}
            }
        }
        writes
    }
}

/// What was acknowledged is in every whole page that was asked for afterwards, and there at last.
fn is_read(history: &History, writes: &Writes<'_>) -> Result<(), Violation> {
    let mut pages: BTreeMap<TaskId, Vec<(u64, &[Stored])>> = BTreeMap::new();
    for operation in &history.operations {
        if let Action::Load { token, after: 0, answer: Reply::Is(Ok(page)) } = &operation.action
            && !page.more
        {
            pages.entry(token.task).or_default().push((operation.invoked, &page.checkpoints));
        }
    }
    for task in &history.last {
        pages.entry(task.id).or_default().push((u64::MAX, &task.checkpoints));
    }
    for ((task, key), (value, _, returned)) in &writes.acknowledged {
        let after = pages.get(task).into_iter().flatten().filter(|(invoked, _)| returned < invoked);
        for (_, page) in after {
            let read = page.iter().find(|stored| stored.key == *key).map(|stored| &stored.end);
            if !matches!(read, Some(End::Value(read)) if read == value) {
                let (got, wanted) = (format!("{read:?}"), format!("{value}, acknowledged at {returned}"));
                return Err(about(history, *task, &format!("the checkpoint {key}"), &got, &wanted));
            }
        }
    }
    Ok(())
}

/// Checkpoints are listed in the order in which they were stored.
fn is_in_order(history: &History, writes: &Writes<'_>) -> Result<(), Violation> {
    for task in &history.last {
        // The latest invocation of those before.
        let mut latest = 0;
        for stored in &task.checkpoints {
            let Some((_, invoked, returned)) = writes.acknowledged.get(&(task.id, stored.key.as_str()))
            else {
                continue;
            };
            if *returned < latest {
                let got = format!("{} after one that was stored later", stored.key);
                return Err(about(history, task.id, "the order of checkpoints", &got, "as they were stored"));
            }
            latest = latest.max(*invoked);
        }
    }
    Ok(())
}
