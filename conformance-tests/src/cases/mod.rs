//! The cases, one file per role or verb. [`cases`] is the only list.

mod checkpoints;
mod claim;
mod queues;
mod wait;

use crate::registry::Case;

/// Every case of the suite, in the order of the roles.
pub fn cases() -> Vec<Case> {
    [queues::CASES, claim::CASES, wait::CASES, checkpoints::CASES].concat()
}
