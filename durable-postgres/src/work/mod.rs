//! The unit of work of one verb: rows are locked and read into [`Records`], and written back.
//!
//! What becomes of the records is decided by [`durable_core::transition`], in memory and one item after another (rule C8),
//! and [`Work::flush`] writes the sum. The records are the truth as long as the locks are held: everything that another
//! transaction could change is under one of them.
//!
//! Whoever changes what belongs to a task (its waits, its checkpoints, whether it has live children to cancel) also writes
//! its row. So a single statement that locks a row without waiting, and finds it as its snapshot has it, may trust the rest
//! of its snapshot; the verbs that try one statement first stand on that.

mod cascade;
mod event;
mod flush;
mod read;

use durable_core::model::{Now, Timestamp};
use durable_core::transition::Records;

pub(crate) use cascade::{Cascade, cascade};
pub(crate) use event::{EventWaits, lock_events, place_events, read_events};
pub(crate) use read::{Parents, lock_free_tasks, lock_tasks};

/// The time of a verb: given, or read from the server's clock once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    /// The injected clock's.
    pub(crate) injected: Option<i64>,
    /// What an earlier statement of the verb has read.
    pub(crate) read: Option<i64>,
}

impl Time {
    /// What to hand to the server.
    pub(crate) fn parameter(self) -> Option<i64> {
        self.injected.or(self.read)
    }

    /// The same time, now that it is read.
    pub(crate) fn at(self, now: i64) -> Self {
        Self { injected: self.injected, read: Some(now) }
    }

    /// What a reading means (rule K2): the server's clock was rounded down, an injected one shows whole milliseconds.
    fn now(self, read: i64) -> Now {
        let at = Timestamp::from_millis(read);
        if self.injected.is_some() { Now { at, up: at } } else { Now::rounded_down(at) }
    }
}

/// What a verb has locked, read and changed.
#[derive(Debug)]
pub(crate) struct Work {
    queue: String,
    pub(crate) time: Time,
    pub(crate) records: Records,
}
