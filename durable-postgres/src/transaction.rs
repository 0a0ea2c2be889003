//! Transactions, begun again when the server asks for it.

use std::future::Future;
use std::ops::{Deref, DerefMut};

use durable_core::store::{StoreError, Verb};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Connection, PgConnection, Postgres};

use crate::error::Fault;
use crate::store::{PostgresStore, Session};

/// How often a transaction is begun before the caller hears of it.
const ATTEMPTS: u32 = 5;

/// A connection in use, and whether it remembers statements by name.
#[derive(Debug)]
pub(crate) struct Tx<'c> {
    connection: &'c mut PgConnection,
    is_named: bool,
}

impl<'c> Tx<'c> {
    /// Wraps a connection of a store.
    pub(crate) fn new(connection: &'c mut PgConnection, session: Session) -> Self {
        Self { connection, is_named: session != Session::None }
    }

    /// A statement of `src/sql/`.
    pub(crate) fn query<'q>(&self, statement: &'static str) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(statement).persistent(self.is_named)
    }
}

impl Deref for Tx<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection
    }
}

/// What a step does with the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It reads by one statement.
    Read,
    /// It reads by several statements, which see the same moment.
    Snapshot,
    /// It reads and writes; each statement sees what was committed before it.
    Write,
}

impl Mode {
    /// How its transaction begins; with the settings where the session has others.
    fn begin(self, session: Session) -> &'static str {
        match (self, session) {
            (Self::Snapshot, Session::Own) => include_str!("sql/session/begin_snapshot.sql"),
            (Self::Snapshot, _) => concat!(
                include_str!("sql/session/begin_snapshot.sql"),
                ";\n",
                include_str!("sql/session/settings.sql")
            ),
            (Self::Read | Self::Write, Session::Own) => include_str!("sql/session/begin_write.sql"),
            (Self::Read | Self::Write, _) => concat!(
                include_str!("sql/session/begin_write.sql"),
                ";\n",
                include_str!("sql/session/settings.sql")
            ),
        }
    }
}

/// A verb, or a part of one, that runs in one transaction and may be run again from the start.
pub(crate) trait Step: Send + Sync {
    /// The verb, for errors.
    const VERB: Verb;
    /// What it does with the data.
    const MODE: Mode = Mode::Write;
    /// What it answers.
    type Answer: Send + 'static;

    /// Runs it.
    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;

    /// Does it by one statement that commits itself, if one is enough; else `None`, and nothing is written.
    ///
    /// It passes over tasks that another holds, or its snapshot would be older than what it writes to. It is not asked
    /// for where a transaction brings settings of its own.
    fn at_once(&self, _tx: &mut Tx<'_>) -> impl Future<Output = Result<Option<Self::Answer>, Fault>> + Send {
        async { Ok(None) }
    }

    /// Whether what was written for this answer is kept; else it is rolled back.
    fn is_kept(_answer: &Self::Answer) -> bool {
        true
    }
}

/// Runs a call to its end, even if its caller goes away.
///
/// A future that is dropped while `begin` is on its way would leave an open transaction in the pool: its locks would
/// stay, and the next statements on that connection would never be committed.
async fn to_its_end<T: Send + 'static>(
    verb: Verb,
    call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let stopped = |error| StoreError::unavailable(verb, "the call was stopped", true).with_source(error);
    tokio::spawn(call).await.unwrap_or_else(|error| Err(stopped(error)))
}

impl PostgresStore {
    /// Runs a step in a transaction and commits it.
    pub(crate) async fn transact<S: Step + 'static>(&self, step: S) -> Result<S::Answer, StoreError> {
        let store = self.clone();
        to_its_end(S::VERB, async move { store.attempts(&step).await }).await
    }

    /// Begins again while the server asks for it.
    async fn attempts<S: Step>(&self, step: &S) -> Result<S::Answer, StoreError> {
        let mut attempt = 1;
        loop {
            match self.attempt(step).await {
                Err((fault, _)) if fault.is_transient() && attempt < ATTEMPTS => attempt += 1,
                Err((fault, may_have_happened)) => return Err(fault.into_store(S::VERB, may_have_happened)),
                Ok(answer) => return Ok(answer),
            }
            tokio::task::yield_now().await;
        }
    }

    /// One attempt; a fault says whether the write may have happened.
    async fn attempt<S: Step>(&self, step: &S) -> Result<S::Answer, (Fault, bool)> {
        let begin = |error| (Fault::Begin(error), false);
        let mut connection = self.pool.acquire().await.map_err(begin)?;
        if S::MODE == Mode::Read && self.session == Session::Own {
            let mut tx = Tx::new(&mut connection, self.session);
            return step.run(&mut tx).await.map_err(|fault| (fault, false));
        }
        if self.session == Session::Own {
            let answer = step.at_once(&mut Tx::new(&mut connection, self.session)).await;
            // Only a statement that is not answered leaves open whether it was committed.
            if let Some(answer) = answer.map_err(|fault| (fault, true))? {
                return Ok(answer);
            }
        }
        let mut tx = connection.begin_with(S::MODE.begin(self.session)).await.map_err(begin)?;
        match step.run(&mut Tx::new(&mut tx, self.session)).await {
            Ok(answer) if S::is_kept(&answer) => {
                // Only a commit that is not answered leaves it open.
                tx.commit().await.map_err(|error| (error.into(), true))?;
                Ok(answer)
            }
            Ok(answer) => {
                let _ = tx.rollback().await;
                Ok(answer)
            }
            Err(fault) => {
                // A failed rollback closes the connection, which rolls back.
                let _ = tx.rollback().await;
                Err((fault, false))
            }
        }
    }
}
