//! A directory, a store in it, and steps on the table of queues.

use std::path::PathBuf;
use std::time::Duration;

use durable_core::model::QueueName;
use durable_core::store::{Hint, StoreError, StoreErrorKind, Verb};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::engine::{Step, Tx};
use crate::error::Fault;
use crate::{OpenError, SqliteOptions, SqliteStore};

/// A directory that goes with the test.
pub(super) struct World {
    directory: TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.path("store.db")
    }

    pub(super) fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }

    pub(super) async fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.url()).await.unwrap()
    }

    /// A store that gives up soon when the lock is another's.
    pub(super) async fn open_impatient(&self) -> SqliteStore {
        let options = SqliteOptions::default().busy_timeout(Duration::from_millis(50));
        SqliteStore::open_with(&self.url(), options).await.unwrap()
    }

    pub(super) async fn refused(&self) -> OpenError {
        SqliteStore::open(&self.url()).await.expect_err("it cannot be opened")
    }

    /// A connection beside the store's.
    pub(super) async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.file()).create_if_missing(true).connect().await.unwrap()
    }

    /// A connection that holds the lock of the writer.
    pub(super) async fn lock(&self) -> SqliteConnection {
        let mut connection = self.connect().await;
        execute(&mut connection, "begin immediate").await;
        connection
    }

    /// How many pages the log holds.
    pub(super) fn pages_in_log(&self) -> u64 {
        std::fs::metadata(self.path("store.db-wal")).unwrap().len() / 4_096
    }
}

/// Runs a statement.
pub(super) async fn execute(connection: &mut SqliteConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(connection).await.unwrap();
}

/// How many queues a connection beside the store's sees.
pub(super) async fn seen(connection: &mut SqliteConnection) -> i64 {
    sqlx::query("select count(*) from durable_queues").fetch_one(connection).await.unwrap().get(0)
}

/// The figure that a statement gives.
pub(super) async fn figure(connection: &mut SqliteConnection, statement: &'static str) -> i64 {
    sqlx::query(statement).fetch_one(connection).await.unwrap().get(0)
}

pub(super) fn queue(name: &str) -> QueueName {
    QueueName::new(name).unwrap()
}

/// Starts a write and comes back once it is with the lane: the lane takes what comes to it in order.
pub(super) async fn begin<S: Step>(
    store: &SqliteStore,
    step: S,
) -> JoinHandle<Result<S::Answer, StoreError>> {
    let store = store.clone();
    let mut call = Box::pin(async move { store.write(step).await });
    let first = futures::poll!(&mut call);
    tokio::spawn(async move {
        match first {
            std::task::Poll::Ready(answer) => answer,
            std::task::Poll::Pending => call.await,
        }
    })
}

/// Writes a queue, and tells that it has work.
#[derive(Debug, Clone)]
pub(super) struct Put(pub(super) String);

impl Put {
    pub(super) fn named(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl Step for Put {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        sqlx::query("insert into durable_queues (name, state) values ($1, 0)")
            .bind(&self.0)
            .execute(tx.connection().await?)
            .await?;
        tx.tell(&queue(&self.0), Hint::Work { next_due: None });
        Ok(())
    }
}

/// Writes a queue, says that it has, and waits to be let on.
pub(super) struct Gate {
    pub(super) put: Put,
    pub(super) arrived: mpsc::UnboundedSender<()>,
    pub(super) open: watch::Receiver<bool>,
}

impl Step for Gate {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        self.put.run(tx).await?;
        let _ = self.arrived.send(());
        let _ = self.open.clone().wait_for(|open| *open).await;
        Ok(())
    }
}

/// How many queues there are.
pub(super) struct Count;

impl Step for Count {
    const VERB: Verb = Verb::ListQueues;
    type Answer = i64;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<i64, Fault> {
        Ok(sqlx::query("select count(*) from durable_queues")
            .fetch_one(tx.connection().await?)
            .await?
            .try_get(0)?)
    }
}

/// Runs a statement as it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run(pub(super) &'static str);

impl Step for Run {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        sqlx::query(self.0).execute(tx.connection().await?).await?;
        Ok(())
    }
}

/// Refuses.
pub(super) struct Refuse;

impl Step for Refuse {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, _: &mut Tx<'_, '_>) -> Result<(), Fault> {
        Err(StoreError::new(StoreErrorKind::NotFound, Verb::PutQueue, "refused").into())
    }
}

/// Refuses after it has written: what no step may do.
pub(super) struct RefuseLate;

impl Step for RefuseLate {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        Put::named("of a step that refuses").run(tx).await?;
        Refuse.run(tx).await
    }
}

/// Writes a queue and panics.
pub(super) struct Panic;

impl Step for Panic {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        Put::named("of a step that panics").run(tx).await?;
        panic!("a step that panics");
    }
}

/// Ends its lane's thread.
pub(super) struct Bomb;

impl Step for Bomb {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, _: &mut Tx<'_, '_>) -> Result<(), Fault> {
        Ok(())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a step that panics when it is dropped");
    }
}

/// The time that it reads.
pub(super) struct Time;

impl Step for Time {
    const VERB: Verb = Verb::PutQueue;
    type Answer = durable_core::model::Timestamp;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Self::Answer, Fault> {
        tx.connection().await?;
        Ok(tx.now().at)
    }
}

/// The figure that a statement gives.
pub(super) struct Ask(pub(super) &'static str);

impl Step for Ask {
    const VERB: Verb = Verb::ListQueues;
    type Answer = i64;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<i64, Fault> {
        Ok(sqlx::query(self.0).fetch_one(tx.connection().await?).await?.try_get(0)?)
    }
}

/// Reads, says that it has, and waits to be let on before it writes.
pub(super) struct ReadFirst(pub(super) Gate);

impl Step for ReadFirst {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        Count.run(tx).await?;
        let _ = self.0.arrived.send(());
        let _ = self.0.open.clone().wait_for(|open| *open).await;
        self.0.put.run(tx).await
    }
}
