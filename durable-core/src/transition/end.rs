//! Ends of runs and tasks.

use super::record::{Closed, Slot, State, TaskRecord, Why};
use super::{Flaw, Records};
use crate::model::{CancelCause, CheckpointKind, End, EndState, Failure, Millis, Payload, TaskId, Timestamp};
use crate::store::{HistoryEntry, RetryAfter, RunView};

impl Records {
    /// The task is done.
    pub(super) fn complete(&mut self, id: TaskId, result: Payload) {
        self.close(id, Closed::Complete);
        self.finish(id, EndState::Completed, End::Value(result));
    }

    /// The attempt failed; the due time of the next one, if there is one.
    pub(super) fn fail(&mut self, id: TaskId, failure: Payload, retry: RetryAfter) -> Option<Timestamp> {
        let failure = Failure::Reported(failure);
        self.store_run(id, failure.clone(), self.now.at);
        let RetryAfter::After(after) = retry else {
            self.close(id, Closed::Fail(None));
            self.finish(id, EndState::Failed, End::Failed(failure));
            return None;
        };
        if let Some(task) = self.edit(id) {
            task.attempt = task.attempt.saturating_add(1);
        }
        let due = self.hand_back(id, after);
        self.close(id, Closed::Fail(Some(due)));
        Some(due)
    }

    /// The claim is handed back; when the task is ready.
    pub(super) fn release(&mut self, id: TaskId, after: Millis) -> Timestamp {
        let due = self.hand_back(id, after);
        self.close(id, Closed::Release(due));
        due
    }

    fn hand_back(&mut self, id: TaskId, after: Millis) -> Timestamp {
        if after == Millis::ZERO {
            self.make_pending(id, self.now.at);
            return self.now.at;
        }
        let due = self.now.up.after(after);
        if let Some(task) = self.edit(id) {
            task.state = State::Sleeping(Why::Retry);
            task.available_at = Some(due);
            task.expires_at = None;
        }
        due
    }

    /// The task is ready.
    pub(super) fn make_pending(&mut self, id: TaskId, since: Timestamp) {
        self.changes.ready = true;
        let Some(task) = self.edit(id) else { return };
        task.state = State::Pending;
        task.available_at = Some(since);
        task.expires_at = None;
        task.need = None;
        task.rest_due = None;
    }

    /// Remembers how the holder closed its claim (rule C7).
    pub(super) fn close(&mut self, id: TaskId, how: Closed) {
        if let Some(task) = self.edit(id) {
            task.closed = Some(how);
        }
    }

    /// The lease ran out (rule C5).
    pub(super) fn expire(&mut self, id: TaskId) {
        let Some(task) = self.task(id) else { return };
        let at = task.expires_at.unwrap_or(self.now.at);
        let attempts_left = task.has_attempts_left();
        let failure = match task.worker.clone() {
            Some(worker) => Failure::ClaimTimeout { worker, at },
            None => Failure::Corrupt { what: "worker".into() },
        };
        self.store_run(id, failure.clone(), at);
        if !attempts_left {
            return self.finish(id, EndState::Failed, End::Failed(failure));
        }
        if let Some(task) = self.edit(id) {
            task.attempt = task.attempt.saturating_add(1);
        }
        self.make_pending(id, at);
    }

    /// Cancels a task that is live; its children are to follow.
    pub fn cancel(&mut self, id: TaskId, cause: CancelCause) {
        self.finish(id, EndState::Cancelled, End::Cancelled(cause));
    }

    /// Fails a task alone that cannot be decoded (rule C6), if it is live: a claim that finds it may have lost its lock since.
    pub fn fail_corrupt(&mut self, id: TaskId, what: Flaw) {
        if !self.task(id).is_some_and(TaskRecord::is_live) {
            return;
        }
        self.finish(id, EndState::Failed, End::Failed(Failure::Corrupt { what: what.to_owned() }));
    }

    fn store_run(&mut self, id: TaskId, failure: Failure, ended_at: Timestamp) {
        let Some(task) = self.edit(id) else { return };
        let Some(worker) = task.worker.clone() else { return };
        task.last_order += 1;
        let run = RunView { order: task.last_order, attempt: task.attempt, worker, ended_at, failure };
        self.changes.history.push((id, HistoryEntry::Run(run)));
    }

    /// The task ends for good: its waits go, its children are to be cancelled, its parent is told.
    fn finish(&mut self, id: TaskId, state: EndState, end: End) {
        let now = self.now.at;
        let Some(task) = self.edit(id) else { return };
        task.state = State::Ended(state);
        task.end = Some(end.clone());
        task.ended_at = Some(now);
        task.available_at = None;
        task.expires_at = None;
        task.need = None;
        task.rest_due = None;
        let link = task.parent.clone();
        let spawned_at = task.spawned_at;
        if task.has_children {
            task.closing_since = Some(now);
            self.changes.closing.push(id);
        }
        self.changes.ended.push(id);
        self.drop_waits(id);
        if let Some(parent) = link {
            let key = (parent.id, parent.join_key);
            if self.task(key.0).is_some_and(|parent| parent.closing_since.is_some()) {
                self.changes.closing_above.push(key.0);
            }
            let lives = self.task(key.0).is_some_and(TaskRecord::is_live);
            // A wait whose deadline has come is a timeout (W2), and the first end is the one that counts (P1).
            if lives && !self.end_if_due(&key) && !matches!(self.slot(&key), Slot::Ended(_)) {
                self.end_slot(key, CheckpointKind::Child, end, spawned_at, now);
            }
        }
    }

    fn drop_waits(&mut self, id: TaskId) {
        for tracked in self.slots.get_mut(&id).into_iter().flat_map(|slots| slots.values_mut()) {
            if matches!(tracked.slot, Slot::Standing(_)) {
                tracked.slot = Slot::Free;
                tracked.changed = true;
            }
        }
    }
}
