//! The handle.

use std::fmt;

use durable_core::model::Clock;
use durable_core::store::StoreError;

use crate::engine::{Engine, Step};
use crate::error::OpenError;
use crate::options::SqliteOptions;
use crate::url;

/// A store in a SQLite database. A clone is another handle on the same connections.
///
/// The drop of the last one waits, like [`SqliteStore::close`], until what was asked for is done and the connections are
/// closed: some milliseconds, more when another process holds the lock.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) engine: Engine,
    clock: Clock,
}

impl SqliteStore {
    /// Opens the store that a URL names: `sqlite:path`, `sqlite:///absolute/path` or `sqlite::memory:`.
    ///
    /// A missing file is created, and the tables with it. The path may be percent-encoded; the parameters
    /// `synchronous=full|normal` and `busy_timeout=<milliseconds>` say what [`SqliteOptions`] says.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; nothing was changed but, at most, the file's journal mode.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_with(url, SqliteOptions::default()).await
    }

    /// Opens the store that a URL names; the URL's parameters are put over `options`.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteStore::open`].
    pub async fn open_with(url: &str, options: SqliteOptions) -> Result<Self, OpenError> {
        let (place, options) = url::parse(url, options)?;
        Ok(Self { engine: Engine::open(place, options).await?, clock: Clock::Own })
    }

    /// The same store with another clock.
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self { engine: self.engine.clone(), clock }
    }

    /// Ends what has been asked for, refuses what comes later, and closes the connections. After the last store on a
    /// file is closed, everything is in the one file; of two processes that close it at once, each may leave the log to the
    /// other, and it stays beside the file.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    /// Runs a step in a transaction with others; its answer comes after the commit.
    pub(crate) async fn write<S: Step>(&self, step: S) -> Result<S::Answer, StoreError> {
        self.engine.write(step, &self.clock).await
    }

    /// Runs a step that only reads, in a transaction of its own.
    pub(crate) async fn read<S: Step>(&self, step: S) -> Result<S::Answer, StoreError> {
        self.engine.read(step, &self.clock).await
    }
}

/// Shows no path: it may hold a secret.
impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("synchronous", &self.engine.synchronous())
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
