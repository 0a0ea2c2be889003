//! The suite's way to the store: a file for each namespace.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use durable_conformance::{Harness, Level, Namespace};
use durable_core::model::{Clock, QueueName, TaskId};
use durable_core::store::Store;
use durable_sqlite::SqliteStore;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// The directory that a process of the suite shares with the one that started it.
const DIRECTORY: &str = "DURABLE_SQLITE_TEST_DIRECTORY";

/// One file for each namespace; each handle on it has connections of its own.
pub(crate) struct Sqlite {
    directory: Directory,
    opened: Mutex<HashMap<Namespace, Opened>>,
}

#[derive(Default)]
struct Opened {
    handles: Vec<SqliteStore>,
    /// The harness's own, to look into the file.
    looking: Option<SqliteConnection>,
}

#[async_trait]
impl Harness for Sqlite {
    fn name(&self) -> &'static str {
        "durable-sqlite"
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn level(&self) -> Level {
        Level::Full
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        let handle = SqliteStore::open(&self.url(namespace)).await?;
        self.opened.lock().await.entry(namespace.clone()).or_default().handles.push(handle.clone());
        Ok(Arc::new(handle.with_clock(clock)))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        let Some(opened) = self.opened.lock().await.remove(namespace) else { return Ok(()) };
        for handle in opened.handles {
            handle.close().await;
        }
        if let Some(looking) = opened.looking {
            looking.close().await?;
        }
        Ok(std::fs::remove_file(self.file(namespace))?)
    }

    async fn check(&self, namespace: &Namespace) -> Result<(), String> {
        let broken = self.broken(namespace).await.map_err(|error| format!("{error:#}"))?;
        if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
    }

    async fn corrupt(
        &self,
        namespace: &Namespace,
        queue: &QueueName,
        task: TaskId,
    ) -> Option<anyhow::Result<()>> {
        Some(self.spoil(namespace, queue, task).await)
    }

    fn process(&self) -> Option<Command> {
        let mut command = Command::new(std::env::current_exe().ok()?);
        command.env(DIRECTORY, self.directory());
        Some(command)
    }

    async fn residue(&self, namespace: &Namespace) -> Option<anyhow::Result<BTreeMap<String, u64>>> {
        Some(self.count(namespace).await)
    }

    fn filler(&self) -> usize {
        100_000
    }
}

enum Directory {
    /// It goes with the harness.
    Own(TempDir),
    /// Of the process that started this one.
    Given(PathBuf),
}

impl Sqlite {
    /// A directory for the files: that of the process that started this one, or a new one.
    #[allow(clippy::expect_used, reason = "a harness without a directory has nothing to do")]
    pub(crate) fn new() -> Self {
        let directory = match std::env::var_os(DIRECTORY) {
            Some(given) => Directory::Given(given.into()),
            None => Directory::Own(TempDir::new().expect("a directory for the databases")),
        };
        Self { directory, opened: Mutex::default() }
    }

    fn directory(&self) -> &Path {
        match &self.directory {
            Directory::Own(own) => own.path(),
            Directory::Given(given) => given,
        }
    }

    pub(crate) fn url(&self, namespace: &Namespace) -> String {
        format!("sqlite:{}", self.file(namespace).display())
    }

    fn file(&self, namespace: &Namespace) -> PathBuf {
        self.directory().join(format!("{namespace}.db"))
    }

    async fn broken(&self, namespace: &Namespace) -> anyhow::Result<Vec<String>> {
        self.look(namespace, async |file| {
            Ok(sqlx::query_scalar(include_str!("invariants.sql")).fetch_all(file).await?)
        })
        .await
    }

    /// The rows of each table, but for the store's own version.
    async fn count(&self, namespace: &Namespace) -> anyhow::Result<BTreeMap<String, u64>> {
        self.look(namespace, async |file| {
            let tables =
                "select name from sqlite_schema where type = 'table' and name like 'durable\\_%' escape '\\'";
            let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *file).await?;
            let mut counts = BTreeMap::new();
            for table in tables.into_iter().filter(|table| table != "durable_schema") {
                // A table of our own, named by the database itself: a name cannot be a parameter.
                let count = AssertSqlSafe(format!("select count(*) from {table}"));
                let count: i64 = sqlx::query_scalar(count).fetch_one(&mut *file).await?;
                counts.insert(table, count.try_into()?);
            }
            Ok(counts)
        })
        .await
    }

    /// An attempt is counted from 1: no release writes this.
    async fn spoil(&self, namespace: &Namespace, queue: &QueueName, task: TaskId) -> anyhow::Result<()> {
        self.look(namespace, async |file| {
            let spoilt = sqlx::query("update durable_tasks set attempt = 0 where queue = $1 and id = $2")
                .bind(queue.as_str())
                .bind(task.to_string())
                .execute(file)
                .await?;
            anyhow::ensure!(spoilt.rows_affected() == 1, "no such task");
            Ok(())
        })
        .await
    }

    async fn look<T>(
        &self,
        namespace: &Namespace,
        look: impl AsyncFnOnce(&mut SqliteConnection) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let mut opened = self.opened.lock().await;
        let opened = opened.entry(namespace.clone()).or_default();
        let file = match opened.looking.take() {
            Some(file) => file,
            None => SqliteConnection::connect(&self.url(namespace)).await?,
        };
        look(opened.looking.insert(file)).await
    }
}
