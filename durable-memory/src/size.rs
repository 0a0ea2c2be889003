//! How many bytes of payload a task has: pages are bounded by them.

use crate::task::{Phase, Task, TaskEnd};

pub(crate) fn of_task(task: &Task) -> usize {
    let end = match &task.phase {
        Phase::Ended { end: TaskEnd::Completed(result), .. } => result.bytes(),
        Phase::Ended { end: TaskEnd::Failed(failure), .. } => failure.bytes(),
        _ => 0,
    };
    task.params.bytes() + task.headers.bytes() + task.policy.bytes() + end
}
