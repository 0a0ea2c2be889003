//! How a run ends.

use durable_core::model::{Failure, Millis, Now, TaskId, Timestamp, Token};
use durable_core::store::{EndAnswer, Ending, FencedError, RetryAfter, RunEnd};

use crate::fence::{closed, fence};
use crate::moves::{delay, make_pending};
use crate::spread::{Spread, end_and_close};
use crate::state::Queue;
use crate::task::{Closed, TaskEnd};

/// Ends one run, or repeats the answer of its end (rule C7).
pub(super) fn end(
    queue: &mut Queue,
    now: Now,
    run: RunEnd,
    spread: &mut Spread,
) -> Result<EndAnswer, FencedError> {
    if let Some(answer) = repeated(queue, &run) {
        return Ok(answer);
    }
    let (task, hold) = fence(queue, now.at, &run.token)?;
    let (id, worker) = (task.id, hold.worker.clone());
    let answer = match run.ending {
        Ending::Complete { result } => {
            end_and_close(queue, now.at, id, TaskEnd::Completed(result), spread);
            EndAnswer::Completed
        }
        Ending::Fail { failure, retry } => {
            let failure = Failure::Reported(failure);
            queue.change(id, |task| task.run_failed(worker, now.at, failure.clone()));
            fail(queue, now, id, failure, retry, spread)
        }
        Ending::Release { after } => EndAnswer::Released { due: come_back(queue, now, id, after) },
    };
    remember(queue, &run.token, Closed::Ended(answer));
    Ok(answer)
}

/// The answer that this end got before: the same verb with the token that closed the last claim.
fn repeated(queue: &Queue, run: &RunEnd) -> Option<EndAnswer> {
    let Closed::Ended(answer) = closed(queue, &run.token)? else { return None };
    let same = match &run.ending {
        Ending::Complete { .. } => matches!(answer, EndAnswer::Completed),
        Ending::Fail { .. } => matches!(answer, EndAnswer::Failed | EndAnswer::Retrying { .. }),
        Ending::Release { .. } => matches!(answer, EndAnswer::Released { .. }),
    };
    same.then_some(answer)
}

/// Keeps how the newest claim was closed.
pub(super) fn remember(queue: &mut Queue, token: &Token, closed: Closed) {
    queue.change(token.task, |task| task.closed = Some(closed));
}

fn fail(
    queue: &mut Queue,
    now: Now,
    id: TaskId,
    failure: Failure,
    retry: RetryAfter,
    spread: &mut Spread,
) -> EndAnswer {
    match retry {
        RetryAfter::Never => {
            end_and_close(queue, now.at, id, TaskEnd::Failed(failure), spread);
            EndAnswer::Failed
        }
        RetryAfter::After(wait) => {
            queue.change(id, |task| task.attempt = task.attempt.saturating_add(1));
            EndAnswer::Retrying { due: come_back(queue, now, id, wait) }
        }
    }
}

/// Makes a task ready after a while; tells when that is.
fn come_back(queue: &mut Queue, now: Now, id: TaskId, after: Millis) -> Timestamp {
    if after == Millis::ZERO {
        make_pending(queue, id, now.at);
        return now.at;
    }
    let due = now.up.after(after);
    delay(queue, id, due);
    due
}
