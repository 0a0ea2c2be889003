//! Whose turn it is to write, when several stores or processes write the same file.
//!
//! The lock of SQLite has no queue. Under load a writer takes it again some microseconds after it has given it up, and
//! the others, who look for it once in a while, would get it by luck alone. So who writes beside others leaves it alone
//! for a moment, once in a while.

use std::time::{Duration, Instant};

use crate::engine::busy::jittered;

/// How long a writer goes on before the others have their turn.
const TURN: Duration = Duration::from_millis(4);
/// How long, about, the lock is left to them: longer than they sleep between two looks.
const PAUSE: Duration = Duration::from_millis(1);
/// How long somebody who has written is expected to want to write again.
const MEMORY: Duration = Duration::from_millis(100);

/// A writer's turn.
#[derive(Debug)]
pub(super) struct Turn {
    /// What SQLite counts of the commits of other connections.
    data_version: Option<i64>,
    others_wrote: Option<Instant>,
    /// When the transaction began.
    began: Instant,
    since: Instant,
    last_end: Instant,
}

impl Turn {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { data_version: None, others_wrote: None, began: now, since: now, last_end: now }
    }

    /// For how long the transaction has had the lock.
    pub(super) fn lasts(&self) -> Duration {
        self.began.elapsed()
    }

    /// A transaction begins, and SQLite says what it has counted.
    pub(super) fn begins(&mut self, data_version: Option<i64>) {
        let now = Instant::now();
        let others_wrote = self.data_version.is_some() && self.data_version != data_version;
        self.data_version = data_version;
        self.began = now;
        if others_wrote {
            self.others_wrote = Some(now);
        }
        // They have just had their turn, or could have had it.
        if others_wrote || now - self.last_end > PAUSE {
            self.since = now;
        }
    }

    /// A transaction has ended: leaves the lock alone if it is time to.
    pub(super) fn let_others(&mut self) {
        let others = self.others_wrote.is_some_and(|wrote| wrote.elapsed() < MEMORY);
        if others && self.since.elapsed() > TURN {
            std::thread::sleep(jittered(PAUSE));
            self.since = Instant::now();
        }
        self.last_end = Instant::now();
    }
}
