//! Ends of runs and tasks.

use durable_core::model::{CancelCause, EndState, Failure, Timestamp};
use durable_core::store::RetryAfter;
use uuid::Uuid;

use super::{HistoryRow, Work};
use crate::rows::{Closed, ClosedBy, EndRow, RUN, Slot, State, Why, kind_number, later, worker};
use durable_core::model::CheckpointKind;

impl Work {
    /// The task is done.
    pub(crate) fn complete(&mut self, id: Uuid, result: EndRow) {
        self.close(id, ClosedBy::Complete, None);
        self.finish(id, EndState::Completed, result);
    }

    /// The attempt failed; the due time of the next one, if there is one.
    pub(crate) fn fail(&mut self, id: Uuid, failure: EndRow, retry: RetryAfter) -> Option<i64> {
        self.store_run(id, failure.clone(), self.now);
        let RetryAfter::After(after) = retry else {
            self.close(id, ClosedBy::Fail, None);
            self.finish(id, EndState::Failed, failure);
            return None;
        };
        if let Some(task) = self.edit(id) {
            task.attempt = task.attempt.saturating_add(1);
        }
        let due = self.hand_back(id, after.as_i64());
        self.close(id, ClosedBy::Fail, Some(due));
        Some(due)
    }

    /// The claim is handed back; when the task is ready.
    pub(crate) fn release(&mut self, id: Uuid, after: i64) -> i64 {
        let due = self.hand_back(id, after);
        self.close(id, ClosedBy::Release, Some(due));
        due
    }

    fn hand_back(&mut self, id: Uuid, after: i64) -> i64 {
        let due = if after == 0 { self.now } else { later(self.now_up(), after) };
        if let Some(task) = self.edit(id) {
            task.state = if after == 0 { State::Pending } else { State::Sleeping(Why::Retry) };
            task.available_at = Some(due);
            task.expires_at = None;
        }
        due
    }

    /// Remembers how the holder closed its claim (rule C7).
    pub(crate) fn close(&mut self, id: Uuid, by: ClosedBy, due: Option<i64>) {
        if let Some(task) = self.edit(id) {
            task.closed = Some(Closed { by, due });
        }
    }

    /// The lease ran out (rule C5).
    pub(crate) fn expire(&mut self, id: Uuid) {
        let Some(task) = self.task(id) else { return };
        let at = task.expires_at.unwrap_or(self.now);
        let attempts_left = task.max_attempts.is_none_or(|max| task.attempt < max);
        let failure = match task.worker.as_deref().map(worker) {
            Some(Ok(worker)) => Failure::ClaimTimeout { worker, at: Timestamp::from_millis(at) },
            _ => Failure::Corrupt { what: "worker".into() },
        };
        let failure = EndRow::failure(&failure);
        self.store_run(id, failure.clone(), at);
        if !attempts_left {
            return self.finish(id, EndState::Failed, failure);
        }
        if let Some(task) = self.edit(id) {
            task.attempt = task.attempt.saturating_add(1);
            task.state = State::Pending;
            task.available_at = Some(at);
            task.expires_at = None;
        }
    }

    /// The task is cancelled.
    pub(crate) fn cancel(&mut self, id: Uuid, cause: &CancelCause) {
        self.finish(id, EndState::Cancelled, EndRow::cancelled(cause));
    }

    /// The task cannot be decoded and fails alone (rule C6).
    pub(crate) fn fail_corrupt(&mut self, id: Uuid, what: &str) {
        self.finish(id, EndState::Failed, EndRow::failure(&Failure::Corrupt { what: what.to_owned() }));
    }

    fn store_run(&mut self, id: Uuid, failure: EndRow, ended_at: i64) {
        let Some(task) = self.edit(id) else { return };
        task.last_order += 1;
        let row = HistoryRow {
            task: id,
            order: task.last_order,
            kind: RUN,
            key: None,
            end: failure,
            attempt: task.attempt,
            worker: task.worker.clone(),
            started_at: ended_at,
            ended_at,
        };
        self.history.push(row);
    }

    /// The task ends for good: its waits go, its children are to be cancelled, its parent is told.
    fn finish(&mut self, id: Uuid, state: EndState, end: EndRow) {
        let now = self.now;
        let Some(task) = self.edit(id) else { return };
        task.state = State::Ended(state);
        task.end = Some(end.clone());
        task.ended_at = Some(now);
        task.available_at = None;
        task.expires_at = None;
        task.need = None;
        task.rest_due = None;
        let link = task.parent.zip(task.join_key.clone());
        let spawned_at = task.spawned_at;
        if task.has_children {
            task.closing_since = Some(now);
            self.closing.push(id);
        }
        self.drop_waits(id);
        if let Some(key) = link {
            let lives = self.task(key.0).is_some_and(crate::rows::Task::is_live);
            // A wait whose deadline has come is a timeout (W2), and the first end is the one that counts (P1).
            if lives && !self.end_if_due(&key) && !matches!(self.slot(&key), Slot::Ended(_)) {
                self.end_slot(key, kind_number(CheckpointKind::Child), end, spawned_at, now);
            }
        }
    }

    fn drop_waits(&mut self, id: Uuid) {
        for (_, tracked) in self.slots.range_mut((id, String::new())..).take_while(|(key, _)| key.0 == id) {
            if matches!(tracked.slot, Slot::Standing(_)) {
                tracked.slot = Slot::Free;
                tracked.changed = true;
            }
        }
    }
}
