//! How many bytes of payload a record has: pages are bounded by them.

use durable_core::model::{Checkpoint, End, Failure, Payload};
use durable_core::store::HistoryEntry;

use crate::task::{Phase, Task, TaskEnd};

pub(crate) fn of_payload(payload: &Payload) -> usize {
    payload.as_str().len()
}

pub(crate) fn of_checkpoint(checkpoint: &Checkpoint) -> usize {
    match &checkpoint.end {
        End::Value(payload) => of_payload(payload),
        End::Failed(failure) => of_failure(failure),
        End::Timeout | End::Cancelled(_) => 0,
    }
}

pub(crate) fn of_entry(entry: &HistoryEntry) -> usize {
    match entry {
        HistoryEntry::Checkpoint { checkpoint, .. } => of_checkpoint(checkpoint),
        HistoryEntry::Run(run) => of_failure(&run.failure),
    }
}

pub(crate) fn of_task(task: &Task) -> usize {
    let end = match &task.phase {
        Phase::Ended { end: TaskEnd::Completed(result), .. } => of_payload(result),
        Phase::Ended { end: TaskEnd::Failed(failure), .. } => of_failure(failure),
        _ => 0,
    };
    of_payload(&task.params) + of_payload(&task.headers) + of_payload(&task.policy) + end
}

fn of_failure(failure: &Failure) -> usize {
    match failure {
        Failure::Reported(payload) => of_payload(payload),
        Failure::ClaimTimeout { .. } | Failure::Corrupt { .. } => 0,
    }
}
