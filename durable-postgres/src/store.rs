//! The handle: a pool and a clock.

use std::fmt;
use std::time::Duration;

use durable_core::model::{Clock, Timestamp};
use durable_core::store::Durability;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::error::OpenError;
use crate::hints::Hinter;
use crate::options::PostgresOptions;
use crate::{migrate, promises, url};

/// A store in a PostgreSQL database. A clone is another handle on the same connections.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) pool: PgPool,
    pub(crate) session: Session,
    pub(crate) durability: Durability,
    pub(crate) clock: Clock,
    pub(crate) answer_within: Duration,
    pub(crate) hinter: Hinter,
}

/// What may be kept in a session. Nothing that is right or wrong depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// Named statements, and the settings from the start: the connections are the store's own.
    Own,
    /// Named statements: the settings are those of the pool's owner.
    Given,
    /// Nothing: the next transaction may be another server connection's.
    None,
}

/// What every connection of the store's own is set to; `sql/session/settings.sql` says why.
const SETTINGS: [(&str, &str); 8] = [
    // What commits itself begins as the session does.
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("jit", "off"),
];

impl PostgresStore {
    /// Opens the store in the database that a URL names, as libpq spells it:
    /// `postgres://user:password@host:port/database?sslmode=verify-full`.
    ///
    /// The tables are made in a schema `durable`, or brought to the version of this release. The parameters
    /// `connections=<figure>`, `acquire_timeout=<milliseconds>`, `answer_within=<milliseconds>`, `migrate=on|off`,
    /// `listen=on|off` and `pooler=none|transaction` say what [`PostgresOptions`] says.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; nothing was changed.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_with(url, PostgresOptions::default()).await
    }

    /// Opens the store that a URL names; the URL's parameters are put over `options`.
    ///
    /// # Errors
    ///
    /// Those of [`PostgresStore::open`].
    pub async fn open_with(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let (server, options) = url::parse(url, options)?;
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.acquire_timeout)
            // A ping before each call would cost as much as the call.
            .test_before_acquire(false)
            .connect_lazy_with(with_session(server, &options));
        let session = if options.pooler { Session::None } else { Session::Own };
        Self::opened(pool, session, &options).await
    }

    /// Opens the store in the database of a pool of the application's own.
    ///
    /// Every call is then one transaction, which sets what it needs for itself. Behind a pooler in transaction mode say so
    /// in the options.
    ///
    /// # Errors
    ///
    /// Those of [`PostgresStore::open`].
    pub async fn with_pool(pool: PgPool, options: PostgresOptions) -> Result<Self, OpenError> {
        let session = if options.pooler { Session::None } else { Session::Given };
        Self::opened(pool, session, &options).await
    }

    async fn opened(pool: PgPool, session: Session, options: &PostgresOptions) -> Result<Self, OpenError> {
        let mut connection = pool.acquire().await?;
        let durability = promises::durability(&mut connection).await?;
        migrate::bring(&mut connection, options.migrate).await?;
        drop(connection);
        let hinter = Hinter::new(&pool, options.listen && session != Session::None);
        let answer_within = options.answer_within;
        Ok(Self { pool, session, durability, clock: Clock::Own, answer_within, hinter })
    }

    /// The same store with another clock.
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    /// The pool, for statements beside the store's own: the application's tables, and transactions with both.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Closes the connections, a given pool's too.
    pub async fn close(&self) {
        self.hinter.close().await;
        self.pool.close().await;
    }

    /// The time to hand to the server in place of its own.
    pub(crate) fn injected(&self) -> Option<i64> {
        self.clock.injected().map(Timestamp::as_millis)
    }
}

/// How to connect, with what the store may keep in its sessions.
fn with_session(server: PgConnectOptions, options: &PostgresOptions) -> PgConnectOptions {
    if options.pooler {
        // pgbouncer knows this parameter of the driver's as little as the settings.
        server.extra_float_digits(None).statement_cache_capacity(0)
    } else {
        server.options(SETTINGS)
    }
}

/// Shows nothing of where the server is.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("session", &self.session)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
