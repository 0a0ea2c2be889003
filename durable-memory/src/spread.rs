//! What one step may spread to, and how an end spreads to descendants.

use std::collections::VecDeque;

use durable_core::model::{TaskId, Timestamp};
use durable_core::store::MAX_SPREAD;

use crate::moves::{close_one, end_task};
use crate::state::Queue;
use crate::task::TaskEnd;

/// How many more records one call may reach by spreading; the rest is left to `tick`.
#[derive(Debug)]
pub(crate) struct Spread(usize);

impl Spread {
    /// What the first step may reach.
    pub(crate) fn first_step() -> Self {
        Self(MAX_SPREAD)
    }

    /// So many.
    pub(crate) fn of(limit: usize) -> Self {
        Self(limit)
    }

    /// Takes one; `false` if none is left.
    pub(crate) fn take(&mut self) -> bool {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

/// Ends a task for good and cancels below it what the spread allows; `true` if something is left to `tick`.
pub(crate) fn end_and_close(
    queue: &mut Queue,
    now: Timestamp,
    id: TaskId,
    end: TaskEnd,
    spread: &mut Spread,
) -> bool {
    end_task(queue, now, id, end);
    close_below(queue, now, id, spread)
}

/// Cancels the live descendants of an ended task, the nearest first.
fn close_below(queue: &mut Queue, now: Timestamp, id: TaskId, spread: &mut Spread) -> bool {
    let mut closing = VecDeque::from([id]);
    while let Some(parent) = closing.front().copied() {
        if queue.index.first_child(parent).is_none() {
            closing.pop_front();
        } else if spread.take() {
            closing.extend(close_one(queue, now, parent));
        } else {
            return true;
        }
    }
    false
}
