//! What a user may choose.

use std::time::Duration;

/// When a commit reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Synchronous {
    /// Before it is acknowledged: it survives the end of the machine.
    #[default]
    Full,
    /// Some time later: it survives the end of the process, and the last commits may go with the machine. The file is
    /// never damaged.
    Normal,
}

/// How to open a [`SqliteStore`](crate::SqliteStore).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// When a commit reaches the disk; [`Synchronous::Full`] if not said.
    pub synchronous: Synchronous,
    /// How long a call waits for the lock of another process before it is given up as unavailable; 5 s if not said.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { synchronous: Synchronous::Full, busy_timeout: Duration::from_secs(5) }
    }
}

impl SqliteOptions {
    /// Chooses when a commit reaches the disk.
    pub fn synchronous(self, synchronous: Synchronous) -> Self {
        Self { synchronous, ..self }
    }

    /// Chooses how long a call waits for the lock of another process.
    pub fn busy_timeout(self, busy_timeout: Duration) -> Self {
        Self { busy_timeout, ..self }
    }
}
