//! A directory, a store in it, and steps on the table of queues.

use std::path::PathBuf;

use durable_core::store::{StoreError, StoreErrorKind, Verb};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row, SqliteConnection};
use tempfile::TempDir;

use crate::engine::{Step, Tx};
use crate::error::Fault;
use crate::{SqliteOptions, SqliteStore};

/// A directory that goes with the test.
pub(super) struct World {
    directory: TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    pub(super) fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }

    pub(super) async fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.url()).await.unwrap()
    }

    pub(super) async fn open_with(&self, options: SqliteOptions) -> SqliteStore {
        SqliteStore::open_with(&self.url(), options).await.unwrap()
    }

    /// A connection beside the store's.
    pub(super) async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.file()).create_if_missing(true).connect().await.unwrap()
    }
}

/// Runs a statement.
pub(super) async fn execute(connection: &mut SqliteConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(connection).await.unwrap();
}

/// The one number that a statement gives.
pub(super) async fn number(connection: &mut SqliteConnection, statement: &'static str) -> i64 {
    sqlx::query(statement).fetch_one(connection).await.unwrap().get(0)
}

/// Writes a queue of this name.
#[derive(Debug, Clone)]
pub(super) struct Put(pub(super) String);

impl Step for Put {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        sqlx::query("insert into durable_queues (name, state) values ($1, 0)")
            .bind(&self.0)
            .execute(tx.connection())
            .await?;
        Ok(())
    }
}

/// Whether there is a queue of this name.
pub(super) struct Has(pub(super) String);

impl Step for Has {
    const VERB: Verb = Verb::ListQueues;
    type Answer = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fault> {
        let row = sqlx::query("select 1 from durable_queues where name = $1")
            .bind(&self.0)
            .fetch_optional(tx.connection())
            .await?;
        Ok(row.is_some())
    }
}

/// How many queues there are.
pub(super) struct Count;

impl Step for Count {
    const VERB: Verb = Verb::ListQueues;
    type Answer = i64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Fault> {
        Ok(sqlx::query("select count(*) from durable_queues").fetch_one(tx.connection()).await?.try_get(0)?)
    }
}

/// Refuses.
pub(super) struct Refuse;

impl Step for Refuse {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, _: &mut Tx<'_>) -> Result<(), Fault> {
        Err(StoreError::new(StoreErrorKind::Invalid, Verb::PutQueue, "refused").into())
    }
}
