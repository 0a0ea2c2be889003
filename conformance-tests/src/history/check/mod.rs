//! What must hold of every history: each check is a pure function that gives the first violation.

mod accounts;
mod claims;
mod events;
mod fences;
mod order;
mod reads;
#[cfg(test)]
mod tests;

use durable_core::model::TaskId;

pub use accounts::{executed_once, nothing_is_lost, quiescent};
pub use claims::{attempts_are_counted, intervals_are_disjoint, tokens_are_unique};
pub use events::{no_wake_up_is_lost, waits_end_once_and_right};
pub use fences::refusals_are_right;
pub use order::bypass_is_bounded;
pub use reads::checkpoints_are_kept;

use super::data::History;
use crate::expect::Violation;

/// Everything that holds of every history, whatever the clients did.
///
/// # Errors
///
/// The first violation.
pub fn all(history: &History) -> Result<(), Violation> {
    nothing_is_lost(history)?;
    tokens_are_unique(history)?;
    intervals_are_disjoint(history)?;
    refusals_are_right(history)?;
    attempts_are_counted(history)?;
    checkpoints_are_kept(history)?;
    waits_end_once_and_right(history)?;
    no_wake_up_is_lost(history)
}

/// A violation about a task, with the calls about it.
fn about(history: &History, task: TaskId, what: &str, got: &str, wanted: &str) -> Violation {
    about_event(history, task, None, what, got, wanted)
}

/// A violation about a task and an event, with the calls about both.
fn about_event(
    history: &History,
    task: TaskId,
    event: Option<&str>,
    what: &str,
    got: &str,
    wanted: &str,
) -> Violation {
    let got = format!("{got}; the calls about {task}:{}", history.extract(Some(task), event));
    Violation::new(what, got, wanted)
}
