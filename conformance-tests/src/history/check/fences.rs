//! Fences: what was let through, and what was refused, under each claim.

use std::collections::{BTreeMap, BTreeSet};

use durable_core::model::TaskId;

use super::super::data::{Action, Cancelled, Ended, History, Refused, Reply, State};
use super::super::facts::{Close, Deed, Facts, Fate, Held};
use super::super::lines::claim;
use super::about;
use crate::expect::Violation;

/// `C3`: a write needs the newest token, a lease that holds and a task that has not ended; and then it is not refused.
///
/// # Errors
///
/// The first write that was let through or refused against the rule.
pub fn refusals_are_right(history: &History) -> Result<(), Violation> {
    let facts = Facts::of(history);
    let ends = Ends::of(history, &facts);
    for claims in facts.claims.values() {
        for (number, held) in claims.iter().enumerate() {
            let newer = claims.get(number + 1);
            for deed in facts.under(held.handed.token) {
                let wrong = match deed.fate {
                    Fate::Unknown { .. } | Fate::Refused(Refused::Fault) => None,
                    Fate::Done { .. } | Fate::Closed(_) => let_through(&facts, &ends, held, newer, deed),
                    Fate::Refused(Refused::ClaimLost) => lost(&facts, held, newer, deed),
                    Fate::Refused(Refused::Cancelled) => cancelled(&ends, newer, deed),
                };
                if let Some((got, wanted)) = wrong {
                    let what = format!("call {} under {}", deed.operation.invoked, claim(deed.token));
                    return Err(about(history, deed.token.task, &what, got, wanted));
                }
            }
        }
    }
    Ok(())
}

type Wrong = Option<(&'static str, &'static str)>;

fn let_through(
    facts: &Facts<'_>,
    ends: &Ends,
    held: &Held<'_>,
    newer: Option<&Held<'_>>,
    deed: &Deed<'_>,
) -> Wrong {
    let invoked = deed.operation.invoked;
    if newer.is_some_and(|newer| newer.returned < invoked) {
        return Some(("let through, and a newer claim was out", "claim lost"));
    }
    // What closed a claim is answered the same when it is repeated, whatever has come since.
    let closed = facts.close(deed.token).filter(|close| close.operation.invoked < invoked);
    if let Some(close) = closed {
        let repeats = matches!(deed.fate, Fate::Closed(_));
        let surely = matches!(close.fate, Fate::Closed(_)) && close.operation.returned < Some(invoked);
        return (surely && !repeats).then_some(("let through, and the claim was closed", "claim lost"));
    }
    if ends.cancelled.get(&deed.token.task).is_some_and(|returned| *returned < invoked) {
        return Some(("let through, and the task was cancelled", "cancelled"));
    }
    let until = facts.lease_end(held, invoked);
    deed.operation
        .at
        .is_some_and(|at| at >= until)
        .then_some(("let through, and the lease was over", "claim lost"))
}

fn lost(facts: &Facts<'_>, held: &Held<'_>, newer: Option<&Held<'_>>, deed: &Deed<'_>) -> Wrong {
    let returned = deed.operation.returned.unwrap_or(u64::MAX);
    let is_over = deed.operation.at.is_none_or(|at| at >= facts.lease_end(held, deed.operation.invoked));
    let is_closed = facts.close(deed.token).is_some_and(|close| close.operation.invoked < returned);
    let is_older = newer.is_some_and(|newer| newer.invoked < returned);
    let excused = is_over || is_closed || is_older;
    (!excused).then_some(("claim lost, and the lease held", "no refusal, or cancelled"))
}

fn cancelled(ends: &Ends, newer: Option<&Held<'_>>, deed: &Deed<'_>) -> Wrong {
    if newer.is_some() {
        return Some(("cancelled, and a newer claim was handed out", "claim lost"));
    }
    let returned = deed.operation.returned.unwrap_or(u64::MAX);
    let has_cause = ends.may_be_cancelled(deed.token.task, returned);
    (!has_cause).then_some(("cancelled, and nobody cancelled it or ended its parent", "no refusal"))
}

/// Who was cancelled, and what may have been.
struct Ends {
    /// The place of the answer that says so.
    cancelled: BTreeMap<TaskId, u64>,
    /// The place from which on a task may be over, by a call on itself.
    over: BTreeMap<TaskId, u64>,
    /// What has ended at last, by whatever way.
    ended: BTreeSet<TaskId>,
    limited: BTreeSet<TaskId>,
    parents: BTreeMap<TaskId, TaskId>,
}

impl Ends {
    fn of(history: &History, facts: &Facts<'_>) -> Self {
        let ended = history.last.iter().filter(|task| matches!(task.state, State::Ended(_)));
        let mut ends = Self {
            cancelled: BTreeMap::new(),
            over: BTreeMap::new(),
            ended: ended.map(|task| task.id).collect(),
            limited: BTreeSet::new(),
            parents: BTreeMap::new(),
        };
        for operation in &history.operations {
            match &operation.action {
                Action::Cancel { task, answer } => {
                    ends.cancel(*task, answer, operation.invoked, operation.returned);
                }
                Action::Spawn { tasks, .. } => ends.spawn(tasks, None),
                Action::Save { item, .. } => ends.spawn(&item.children, Some(item.token.task)),
                _ => {}
            }
        }
        for deed in facts.deeds.values().flatten() {
            let may_end = matches!(
                deed.fate,
                Fate::Closed(Close::Ended(Ended::Completed | Ended::Failed))
                    | Fate::Unknown { may_close: true }
            );
            if may_end {
                ends.over.entry(deed.token.task).or_insert(deed.operation.invoked);
            }
        }
        ends
    }

    fn cancel(&mut self, task: TaskId, answer: &Reply<Cancelled>, invoked: u64, returned: Option<u64>) {
        if matches!(answer, Reply::Unknown | Reply::Is(Cancelled::Cancelled)) {
            let over = self.over.entry(task).or_insert(invoked);
            *over = (*over).min(invoked);
        }
        if let (Reply::Is(Cancelled::Cancelled), Some(returned)) = (answer, returned) {
            self.cancelled.entry(task).or_insert(returned);
        }
    }

    fn spawn(&mut self, tasks: &[super::super::data::Task], parent: Option<TaskId>) {
        for task in tasks {
            self.parents.extend(parent.map(|parent| (task.id, parent)));
            if task.limits != (None, None) {
                self.limited.insert(task.id);
            }
        }
    }

    /// Something may have cancelled the task before a place: a call on it, a limit, or the end of one above it.
    fn may_be_cancelled(&self, task: TaskId, before: u64) -> bool {
        let over = |task: &TaskId| self.over.get(task).is_some_and(|place| *place < before);
        if over(&task) || self.limited.contains(&task) {
            return true;
        }
        let mut above = self.parents.get(&task);
        while let Some(parent) = above {
            if over(parent) || self.limited.contains(parent) || self.ended.contains(parent) {
                return true;
            }
            above = self.parents.get(parent);
        }
        false
    }
}
