//! What is due: what `tick`, and `claim` before it takes, do by the one index.

use durable_core::model::{Failure, TaskId, Timestamp};
use durable_core::store::{ExpiredRun, TickAnswer};

use crate::index::{Due, DueWhat};
use crate::moves::{make_pending, settle};
use crate::spread::{Spread, end_and_close};
use crate::state::Queue;
use crate::task::{Hold, Phase, TaskEnd};

/// What is done and what it may still cost.
#[derive(Debug)]
pub(crate) struct Work {
    /// What was done, by kind.
    pub(crate) done: TickAnswer,
    /// What ends may cancel in the same step.
    pub(crate) spread: Spread,
}

/// Does at most `limit` things that are due, earliest first; tells how many.
pub(crate) fn do_due(queue: &mut Queue, now: Timestamp, limit: usize, work: &mut Work) -> usize {
    for count in 0..limit {
        let Some(due) = queue.index.due.first().copied().filter(|due| due.at <= now) else { return count };
        do_one(queue, now, due, work);
    }
    limit
}

fn do_one(queue: &mut Queue, now: Timestamp, due: Due, work: &mut Work) {
    if due.what == DueWhat::Limit {
        cancel_by_limit(queue, now, due.id, work);
        return;
    }
    match queue.tasks.get(&due.id).map(|task| &task.phase) {
        Some(Phase::Delayed { until }) => {
            let until = *until;
            make_pending(queue, due.id, until);
            work.done.started += 1;
        }
        Some(Phase::Resting(rest)) => {
            let key = rest.deadlines.first().map(|(_, key)| key.clone());
            let ended = key.is_some_and(|key| settle(queue, now, due.id, &key));
            work.done.woken += u32::from(ended);
        }
        Some(Phase::Running(hold)) => {
            let hold = hold.clone();
            expire(queue, now, due.id, hold, work);
        }
        Some(Phase::Pending { .. } | Phase::Ended { .. }) | None => {}
    }
}

/// Cancels a task whose limit has come (rule T4); `false` if none has.
pub(crate) fn cancel_by_limit(queue: &mut Queue, now: Timestamp, id: TaskId, work: &mut Work) -> bool {
    let Some(cause) = queue.tasks.get(&id).and_then(|task| task.limit_passed(now)) else { return false };
    end_and_close(queue, now, id, TaskEnd::Cancelled(cause), &mut work.spread);
    work.done.limited += 1;
    true
}

/// Ends an attempt whose lease ran out: the next one is ready at once, the lease was the delay (rule C5).
fn expire(queue: &mut Queue, now: Timestamp, id: TaskId, hold: Hold, work: &mut Work) {
    let Hold { worker, expires_at: at, .. } = hold;
    let failure = Failure::ClaimTimeout { worker: worker.clone(), at };
    let expired = queue.change(id, |task| {
        task.run_failed(worker.clone(), at, failure.clone());
        let attempt = task.attempt;
        let again = task.has_attempts_left();
        task.attempt = attempt.saturating_add(i32::from(again));
        (attempt, again)
    });
    let Some((attempt, again)) = expired else { return };
    if again {
        make_pending(queue, id, at);
    } else {
        end_and_close(queue, now, id, TaskEnd::Failed(failure), &mut work.spread);
    }
    work.done.expired.push(ExpiredRun { task: id, attempt, worker, at });
}
