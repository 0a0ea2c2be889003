//! Who may write under a claim (rules C3 and C7).

use durable_core::model::{Timestamp, Token};
use durable_core::store::FencedError;

use crate::state::Queue;
use crate::task::{Closed, Hold, Phase, Task, TaskEnd};

/// Lets the newest claim pass while its lease lasts and its task runs.
pub(crate) fn fence<'a>(
    queue: &'a Queue,
    now: Timestamp,
    token: &Token,
) -> Result<(&'a Task, &'a Hold), FencedError> {
    let newest = queue.tasks.get(&token.task).filter(|task| task.is_newest(token));
    let task = newest.ok_or(FencedError::ClaimLost)?;
    match &task.phase {
        Phase::Running(hold) if now < hold.expires_at => Ok((task, hold)),
        Phase::Ended { end: TaskEnd::Cancelled(_), .. } => Err(FencedError::Cancelled),
        _ => Err(FencedError::ClaimLost),
    }
}

/// How the holder of this claim closed it. It is asked before the fence: a repeat gets the same answer, whatever has
/// become of the task since, until that is claimed again or purged.
pub(crate) fn closed(queue: &Queue, token: &Token) -> Option<Closed> {
    queue.tasks.get(&token.task).filter(|task| task.is_newest(token)).and_then(|task| task.closed)
}
