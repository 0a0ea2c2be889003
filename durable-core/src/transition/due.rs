//! What is due, done in the order of its time.

use std::collections::BTreeSet;

use super::Records;
use super::record::{State, TaskRecord, Why};
use crate::model::{CancelCause, TaskId, Timestamp};
use crate::store::ExpiredRun;

/// What was done.
#[derive(Debug, Default)]
pub struct DueDone {
    /// Tasks whose start or retry had come.
    pub started: u32,
    /// Waits that timed out.
    pub woken: u32,
    /// Runs whose lease had run out.
    pub expired: Vec<ExpiredRun>,
    /// Tasks past a limit.
    pub limited: u32,
    /// How many things in all.
    pub things: usize,
}

impl DueDone {
    /// Adds what was done next.
    pub fn add(&mut self, next: Self) {
        self.started += next.started;
        self.woken += next.woken;
        self.expired.extend(next.expired);
        self.limited += next.limited;
        self.things += next.things;
    }
}

/// At the same moment a limit comes before everything else (rule T4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Limit,
    Other,
}

type Place = (Timestamp, Rank, TaskId);
type Line = BTreeSet<Place>;

impl Records {
    /// Does at most `most` things that are due for these tasks, earliest first. Their due waits are taken in as slots, with
    /// the events of these; an event that is not taken in is one that another is writing, and its waits are left for later.
    pub fn do_due(&mut self, tasks: &[TaskId], most: usize) -> DueDone {
        self.do_line(tasks, most, false)
    }

    /// The same, but no further than to an end that is to spread ([`Records::has_closing`]): what it cancels is not due any
    /// more, so the store spreads it before it goes on.
    pub fn do_due_until_closing(&mut self, tasks: &[TaskId], most: usize) -> DueDone {
        self.do_line(tasks, most, true)
    }

    fn do_line(&mut self, tasks: &[TaskId], most: usize, until_closing: bool) -> DueDone {
        let mut done = DueDone::default();
        let mut line = Line::new();
        line.extend(tasks.iter().filter_map(|id| self.place(*id)));
        while done.things < most
            && !(until_closing && self.has_closing())
            && let Some(first) = line.pop_first()
        {
            let (.., id) = first;
            // What was done before may have moved it: a rest that is met leaves the limit alone, which is due later.
            let place = self.place(id);
            if place != Some(first) {
                line.extend(place);
            } else if self.do_next(id, &mut done) {
                done.things += 1;
                line.extend(self.place(id));
            }
        }
        done
    }

    /// The place of a task in the line; `None` when nothing of it is due.
    fn place(&self, id: TaskId) -> Option<Place> {
        let task = self.task(id)?;
        let due = if task.flaw.is_some() { Some(self.now.at) } else { self.next_due(task) };
        let due = due.filter(|due| *due <= self.now.at)?;
        let is_limit = task.limit().is_some_and(|(limit, _)| limit == due);
        Some((due, if is_limit { Rank::Limit } else { Rank::Other }, id))
    }

    fn next_due(&self, task: &TaskRecord) -> Option<Timestamp> {
        if !task.is_resting() {
            return task.due();
        }
        let deadline = self.next_deadline(task).map(|(deadline, _)| deadline);
        super::earliest(deadline, task.limit().map(|(limit, _)| limit))
    }

    /// Does the earliest thing of one task; whether it could.
    fn do_next(&mut self, id: TaskId, done: &mut DueDone) -> bool {
        let Some(task) = self.task(id) else { return false };
        let may_end = task.parent.as_ref().is_none_or(|parent| !self.held.contains(&parent.id));
        if let Some(flaw) = task.flaw {
            if may_end && task.is_live() {
                self.fail_corrupt(id, flaw);
                return true;
            }
            return false;
        }
        let limit = task.limit().filter(|(at, _)| task.is_live() && Some(*at) == self.next_due(task));
        match (limit, task.state) {
            (Some((_, cause)), _) => may_end && self.exceed(id, cause, done),
            (None, State::Running) => (may_end || task.has_attempts_left()) && self.run_out(id, done),
            (None, State::Sleeping(Why::Start | Why::Retry)) => self.start(id, done),
            (None, State::Sleeping(Why::Rest)) => self.time_out(id, done),
            (None, State::Pending | State::Ended(_)) => false,
        }
    }

    fn exceed(&mut self, id: TaskId, cause: CancelCause, done: &mut DueDone) -> bool {
        self.cancel(id, cause);
        done.limited += 1;
        true
    }

    fn run_out(&mut self, id: TaskId, done: &mut DueDone) -> bool {
        if let Some(task) = self.task(id)
            && let (Some(worker), Some(at)) = (task.worker.clone(), task.expires_at)
        {
            done.expired.push(ExpiredRun { task: id, attempt: task.attempt, worker, at });
        }
        self.expire(id);
        true
    }

    fn start(&mut self, id: TaskId, done: &mut DueDone) -> bool {
        let since = self.task(id).and_then(|task| task.available_at).unwrap_or(self.now.at);
        self.make_pending(id, since);
        done.started += 1;
        true
    }

    /// Ends the earliest wait whose deadline has come, unless its event is being written.
    fn time_out(&mut self, id: TaskId, done: &mut DueDone) -> bool {
        let Some((_, key)) = self.task(id).and_then(|task| self.next_deadline(task)) else { return false };
        let key = (id, key);
        if let super::Slot::Standing(wait) = self.slot(&key)
            && wait.event().is_some_and(|name| !self.events.contains_key(name))
        {
            return false;
        }
        done.woken += u32::from(self.end_if_due(&key));
        true
    }
}
