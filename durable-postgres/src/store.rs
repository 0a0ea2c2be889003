//! The handle: a pool and a clock.

use std::str::FromStr;

use durable_core::model::{Clock, Timestamp};
use durable_core::store::{StoreError, Verb};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::error::Fault;

/// How to open a [`PostgresStore`].
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The schema of the tables; it exists already.
    pub schema: String,
    /// The most connections.
    pub connections: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { schema: "public".into(), connections: 10 }
    }
}

/// A store in a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
}

/// What every connection of the store's own pool is set to.
///
/// Lock-then-read needs a new snapshot for each statement. Every statement has its index: with the other ways to
/// scan and join switched off, no plan depends on ANALYZE, and a plan made while the tables were empty is still right
/// when they are full. One generic plan for each statement, no planning at each call, and nothing compiled.
const SETTINGS: [(&str, &str); 7] = [
    ("default_transaction_isolation", "read committed"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("jit", "off"),
];

impl PostgresStore {
    /// Connects to the server that `url` names.
    ///
    /// # Errors
    ///
    /// `Invalid` for a URL that is none; `Unavailable` when the server does not answer.
    pub async fn connect(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let server = PgConnectOptions::from_str(url)
            .map_err(|_| crate::error::invalid(Verb::PutQueue, "url", "it is no PostgreSQL URL"))?
            .options(SETTINGS)
            .options([("search_path", options.schema.as_str())]);
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            // A ping before each call would cost as much as the call.
            .test_before_acquire(false)
            .connect_with(server)
            .await
            .map_err(|error| Fault::Sql(error).into_store(Verb::PutQueue, false))?;
        Ok(Self { pool, clock: Clock::Own })
    }

    /// The same store with another clock.
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self { pool: self.pool.clone(), clock }
    }

    /// Creates the tables, unless the schema has them; any number of processes may do so at once.
    ///
    /// # Errors
    ///
    /// Faults of the server.
    pub async fn create_tables(&self) -> Result<(), StoreError> {
        self.created().await.map_err(|error| Fault::Sql(error).into_store(Verb::PutQueue, false))
    }

    /// In one transaction under a lock of its own: one process that is cut off, or a second one, leaves no half.
    async fn created(&self) -> sqlx::Result<()> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(include_str!("../migrations/tables_lock.sql")).execute(&mut *transaction).await?;
        let exists: bool = sqlx::query_scalar(include_str!("../migrations/tables_exist.sql"))
            .fetch_one(&mut *transaction)
            .await?;
        if !exists {
            sqlx::raw_sql(include_str!("../migrations/0001_tables.sql")).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// The pool, for statements beside the store's own: tests, and transactions of the application.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The time to hand to the server in place of its own.
    pub(crate) fn injected(&self) -> Option<i64> {
        self.clock.injected().map(Timestamp::as_millis)
    }
}
