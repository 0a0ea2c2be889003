//! How the suites open the store.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::{BTreeMap, HashMap};
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use durable_conformance::{Harness, Level, Namespace};
use durable_core::model::{Clock, QueueName, TaskId};
use durable_core::store::Store;
use durable_postgres::{PostgresOptions, PostgresStore};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::Mutex;

use crate::support::pooler::Pooler;
use crate::support::{self, Server};

/// All that a login needs that does not migrate.
const GRANTS: &str = "grant usage on schema durable to {role};
    grant select, insert, update, delete on all tables in schema durable to {role}";

/// Every verb, one after another and beside others: the part of the suite that runs in every odd setting.
pub(crate) const GROUPS: [&str; 9] =
    ["queues::", "spawn::", "retry::", "ends::", "wait::", "children::", "events::", "tick::", "inspect::"];

/// How a handle is opened.
#[derive(Debug)]
pub(crate) enum Way {
    /// By the server's own URL.
    Url,
    /// As this login, which may use the tables and not change them.
    Login(&'static str),
    /// On a pool of the application's own.
    Pool,
    /// Through a pooler that gives out its connections by transaction.
    Pooler(Pooler),
}

/// One database for each namespace, with a pool for each handle on it: a connection belongs to the runtime that made it.
/// The first pool is the harness's own.
#[derive(Debug)]
pub(crate) struct Postgres {
    connections: u32,
    way: Way,
    /// Done in each database before it has tables, with its name for `{database}`.
    prepare: &'static str,
    /// Whether this program is the suite itself: then it can be the other process, too, and the level is whole.
    is_suite: bool,
    stores: Mutex<HashMap<Namespace, Vec<PostgresStore>>>,
}

#[async_trait]
impl Harness for Postgres {
    fn name(&self) -> &'static str {
        "durable-postgres"
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn level(&self) -> Level {
        if self.is_suite { Level::Full } else { Level::Core }
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        self.store(namespace).await?;
        let handle = self.handle(namespace).await?;
        self.stores.lock().await.entry(namespace.clone()).or_default().push(handle.clone());
        Ok(Arc::new(handle.with_clock(clock)))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        let Some(stores) = self.stores.lock().await.remove(namespace) else { return Ok(()) };
        for store in stores {
            store.close().await;
        }
        Server::get().drop_database(namespace.as_str()).await
    }

    async fn check(&self, namespace: &Namespace) -> Result<(), String> {
        let store = self.store(namespace).await.map_err(|error| format!("{error:#}"))?;
        let broken: Vec<String> = sqlx::query_scalar(include_str!("../support/invariants.sql"))
            .fetch_all(store.pool())
            .await
            .map_err(|error| error.to_string())?;
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
        if !self.is_suite {
            return None;
        }
        let mut command = Command::new(std::env::current_exe().ok()?);
        command.env(support::URL, Server::get().url());
        Some(command)
    }

    async fn residue(&self, namespace: &Namespace) -> Option<anyhow::Result<BTreeMap<String, u64>>> {
        Some(self.count(namespace).await)
    }

    fn filler(&self) -> usize {
        100_000
    }
}

impl Default for Postgres {
    fn default() -> Self {
        Self { is_suite: true, ..Self::with_connections(8) }
    }
}

impl Postgres {
    /// With so many connections for each handle.
    pub(crate) fn with_connections(connections: u32) -> Self {
        Self { connections, way: Way::Url, prepare: "", is_suite: false, stores: Mutex::default() }
    }

    /// Opened in this way, in databases that were prepared so.
    pub(crate) fn opened(way: Way, prepare: &'static str) -> Self {
        Self { way, prepare, ..Self::with_connections(8) }
    }

    async fn handle(&self, namespace: &Namespace) -> anyhow::Result<PostgresStore> {
        let (url, options) = (Server::get().url_of(namespace.as_str()), PostgresOptions::default());
        let options = options.connections(self.connections);
        Ok(match &self.way {
            Way::Url => PostgresStore::open_with(&url, options).await?,
            Way::Login(role) => {
                let url = url.replacen("postgres@", &format!("{role}@"), 1);
                PostgresStore::open_with(&url, options.migrate(false)).await?
            }
            Way::Pool => {
                let pool = PgPoolOptions::new().max_connections(self.connections).connect(&url).await?;
                PostgresStore::with_pool(pool, options).await?
            }
            Way::Pooler(pooler) => {
                let url = pooler.url(namespace.as_str());
                PostgresStore::open_with(&url, options.pooler(true)).await?
            }
        })
    }

    /// A database with its tables, as the odd setting wants them.
    async fn made(&self, namespace: &Namespace) -> anyhow::Result<PostgresStore> {
        let (server, database) = (Server::get(), namespace.as_str());
        server.create_database(database).await?;
        let prepare = self.prepare.replace("{database}", database);
        if !prepare.is_empty() {
            let mut connection = PgConnection::connect(&server.url_of(database)).await?;
            // Constants above, with the name of a database that is made here: it cannot be a parameter.
            sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await?;
            connection.close().await?;
        }
        // The harness itself writes by hand, whatever the database's default is.
        let url = format!("{}&options[default_transaction_read_only]=off", server.url_of(database));
        let store = PostgresStore::open_with(&url, PostgresOptions::default().connections(2)).await?;
        if let Way::Login(role) = self.way {
            let grants = GRANTS.replace("{role}", role);
            // The same, with the name of a role.
            sqlx::raw_sql(AssertSqlSafe(grants)).execute(store.pool()).await?;
        }
        Ok(store)
    }

    async fn store(&self, namespace: &Namespace) -> anyhow::Result<PostgresStore> {
        let mut stores = self.stores.lock().await;
        if let Some(store) = stores.get(namespace).and_then(|stores| stores.first()) {
            return Ok(store.clone());
        }
        let store = self.made(namespace).await?;
        stores.insert(namespace.clone(), vec![store.clone()]);
        Ok(store)
    }

    async fn count(&self, namespace: &Namespace) -> anyhow::Result<BTreeMap<String, u64>> {
        let store = self.store(namespace).await?;
        let tables: Vec<String> = sqlx::query_scalar(
            "select tablename::text from pg_tables where schemaname = 'durable' and tablename <> 'versions'",
        )
        .fetch_all(store.pool())
        .await?;
        let mut counts = BTreeMap::new();
        for table in tables {
            // A table of our own, named by the database itself: a name cannot be a parameter.
            let count = AssertSqlSafe(format!("select count(*) from durable.{table}"));
            let count: i64 = sqlx::query_scalar(count).fetch_one(store.pool()).await?;
            counts.insert(table, count.try_into()?);
        }
        Ok(counts)
    }

    /// An attempt is counted from 1: no release writes this.
    async fn spoil(&self, namespace: &Namespace, queue: &QueueName, task: TaskId) -> anyhow::Result<()> {
        let store = self.store(namespace).await?;
        let spoilt = sqlx::query("update durable.tasks set attempt = 0 where queue = $1 and id = $2")
            .bind(queue.as_str())
            .bind(task.as_uuid())
            .execute(store.pool())
            .await?;
        anyhow::ensure!(spoilt.rows_affected() == 1, "no such task");
        Ok(())
    }
}
