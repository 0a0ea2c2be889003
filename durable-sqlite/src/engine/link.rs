//! A connection, and how it is made.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::Mutex;

use crate::engine::busy::patiently;
use crate::error::OpenError;
use crate::options::{SqliteOptions, Synchronous};

/// More than there are statements: each is prepared once.
const STATEMENTS: usize = 256;
/// How many rows the driver's thread may be ahead: with fewer, the two threads wait for each other at every few rows.
const ROWS_AHEAD: usize = 1_024;

/// For every connection: a log that grew large once shrinks again, nothing temporary goes to the disk, and what
/// macOS calls a sync is one.
const EVERY: &str = "
    pragma journal_size_limit = 16777216;
    pragma cache_size = -8000;
    pragma temp_store = memory;
    pragma fullfsync = on;
    pragma checkpoint_fullfsync = on;
";

/// For the reader's.
const ONLY_READ: &str = "pragma query_only = on";

/// Held while a connection is closed. The last one moves the log into the file, and of two that are closed at once,
/// also by two stores, each would leave it to the other.
static CLOSING: Mutex<()> = Mutex::const_new(());

/// What the connections of one store have in common.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `None` is a private database in memory.
    pub(crate) file: Option<PathBuf>,
    pub(crate) options: SqliteOptions,
}

impl Settings {
    pub(crate) fn new(file: Option<PathBuf>, options: SqliteOptions) -> Arc<Self> {
        Arc::new(Self { file, options })
    }

    /// When somebody who asks now is given up.
    pub(crate) fn deadline(&self) -> Instant {
        self.after(Instant::now())
    }

    /// When somebody who asked at a moment is given up.
    pub(crate) fn after(&self, moment: Instant) -> Instant {
        let longest = Duration::from_secs(365 * 24 * 3600);
        moment + self.options.busy_timeout.min(longest)
    }

    /// Opens a connection. A store that is open makes no new file in the place of one that is gone.
    async fn connect(&self, create: bool) -> Result<SqliteConnection, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .foreign_keys(false)
            // The lanes wait by themselves.
            .busy_timeout(Duration::ZERO)
            .statement_cache_capacity(STATEMENTS)
            .row_buffer_size(ROWS_AHEAD)
            .disable_statement_logging();
        let Some(file) = &self.file else { return options.filename(":memory:").connect().await };
        let mut connection = options.filename(file).create_if_missing(create).connect().await?;
        let synchronous = match self.options.synchronous {
            Synchronous::Full => "pragma synchronous = full",
            Synchronous::Normal => "pragma synchronous = normal",
        };
        // To set these, SQLite looks into the file, which may be locked while it is new.
        for settings in [synchronous, EVERY] {
            let set = async || sqlx::raw_sql(settings).execute(&mut connection).await;
            patiently(self.deadline(), set).await?;
        }
        Ok(connection)
    }

    /// Switches to the write-ahead log, unless the file has one. The switch itself takes the whole file, and never
    /// waits for it.
    async fn keep_log(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        for ask in ["pragma journal_mode", "pragma journal_mode = wal"] {
            let mode = async || sqlx::query_scalar::<_, String>(ask).fetch_one(&mut *connection).await;
            if patiently(self.deadline(), mode).await? == "wal" {
                return Ok(());
            }
        }
        Err(OpenError::NoLog)
    }
}

/// A connection that is made again when it has become unusable.
pub(crate) struct Link {
    pub(crate) settings: Arc<Settings>,
    connection: Option<SqliteConnection>,
    only_reads: bool,
}

impl Link {
    /// Connects.
    pub(crate) async fn open(settings: Arc<Settings>) -> Result<Self, OpenError> {
        let mut connection = settings.connect(true).await?;
        if settings.file.is_some() {
            settings.keep_log(&mut connection).await?;
        }
        Ok(Self { settings, connection: Some(connection), only_reads: false })
    }

    /// The same for a connection that writes nothing.
    pub(crate) async fn only_reads(mut self) -> Result<Self, OpenError> {
        self.only_reads = true;
        self.execute(ONLY_READ).await?;
        Ok(self)
    }

    /// The connection, made again if it was given up.
    pub(crate) async fn get(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        if self.connection.is_none() && self.settings.file.is_some() {
            let mut connection = self.settings.connect(false).await?;
            if self.only_reads {
                sqlx::query(ONLY_READ).execute(&mut connection).await?;
            }
            self.connection = Some(connection);
        }
        // A database in memory went with its connection.
        self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    /// Runs a statement of no rows that matter.
    pub(crate) async fn execute(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)?;
        sqlx::query(statement).execute(connection).await.map(drop)
    }

    /// Gives the connection up, with what is not committed.
    pub(crate) async fn break_off(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _closing = CLOSING.lock().await;
            let _ = connection.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_made_again_as_it_was_and_makes_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("store.db");
        let settings = Settings::new(Some(file.clone()), SqliteOptions::default());
        let mut writer = Link::open(settings.clone()).await.unwrap();
        let mut reader = Link::open(settings).await.unwrap().only_reads().await.unwrap();
        for _ in 0..2 {
            reader.get().await.unwrap();
            reader.execute("create table t (a)").await.unwrap_err();
            reader.break_off().await;
        }
        writer.break_off().await;
        std::fs::remove_file(&file).unwrap();
        assert!(writer.get().await.is_err());
        assert!(!file.exists());
    }
}
