//! Transactions, begun again when the server asks for it.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use durable_core::model::QueueName;
use durable_core::store::{Hint, StoreError, Told, Verb};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Connection, PgConnection, Postgres};

use crate::error::Fault;
use crate::sqlstate::Remedy;
use crate::store::{PostgresStore, Session};

/// How often a transaction is begun before the caller hears of it.
const ATTEMPTS: u32 = 5;

/// A connection in use, whether it remembers statements by name, and what is to be told after the commit.
#[derive(Debug)]
pub(crate) struct Tx<'c> {
    connection: &'c mut PgConnection,
    is_named: bool,
    told: Told,
}

impl<'c> Tx<'c> {
    /// Wraps a connection of a store.
    pub(crate) fn new(connection: &'c mut PgConnection, session: Session) -> Self {
        Self { connection, is_named: session != Session::None, told: Told::default() }
    }

    /// A statement of `src/sql/`.
    pub(crate) fn query<'q>(&self, statement: &'static str) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(statement).persistent(self.is_named)
    }

    /// Tells a hint after the commit, and only then.
    pub(crate) fn tell(&mut self, queue: &str, hint: Hint) {
        // It always is a name: every statement got it from a request.
        if let Ok(queue) = QueueName::new(queue) {
            self.told.add(&queue, hint);
        }
    }

    /// What there is to tell.
    pub(crate) fn into_told(self) -> Told {
        self.told
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

    /// Begins again while that may help and cannot make it happen twice.
    async fn attempts<S: Step>(&self, step: &S) -> Result<S::Answer, StoreError> {
        let mut held = None;
        let mut attempt = 1;
        loop {
            let fault = match self.attempt(&mut held, step).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if fault.remedy() == Remedy::Connect {
                self.discard(held.take());
            }
            if attempt == ATTEMPTS || !fault.may_begin_again() {
                return Err(fault.into_store(S::VERB));
            }
            if let (Remedy::Prepare, Some(connection)) = (fault.remedy(), &mut held) {
                // Where this fails, the next attempt does too.
                let _ = connection.clear_cached_statements().await;
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    /// Closes a connection that is of no use any more, and all that are idle: what ended it has most likely ended them, and
    /// else each of them would cost an attempt.
    fn discard(&self, connection: Option<PoolConnection<Postgres>>) {
        let idle: Vec<_> = std::iter::from_fn(|| self.pool.try_acquire()).collect();
        for mut connection in connection.into_iter().chain(idle) {
            connection.close_on_drop();
        }
    }

    /// One attempt, on the connection that is held or on another.
    async fn attempt<S: Step>(
        &self,
        held: &mut Option<PoolConnection<Postgres>>,
        step: &S,
    ) -> Result<S::Answer, Fault> {
        let connection = match held {
            Some(connection) => connection,
            None => held.insert(self.pool.acquire().await.map_err(Fault::Begin)?),
        };
        let mut at_commit = false;
        let answer =
            tokio::time::timeout(self.answer_within, self.run(connection, step, &mut at_commit)).await;
        answer.unwrap_or(Err(Fault::Late { at_commit }))
    }

    /// Runs a step to the end of its transaction.
    async fn run<S: Step>(
        &self,
        connection: &mut PgConnection,
        step: &S,
        at_commit: &mut bool,
    ) -> Result<S::Answer, Fault> {
        if S::MODE == Mode::Read && self.session == Session::Own {
            return step.run(&mut Tx::new(connection, self.session)).await;
        }
        let mut tx = connection.begin_with(S::MODE.begin(self.session)).await.map_err(Fault::Begin)?;
        let mut run = Tx::new(&mut tx, self.session);
        let answer = step.run(&mut run).await;
        let told = run.into_told();
        if answer.as_ref().is_ok_and(S::is_kept) {
            *at_commit = true;
            tx.commit().await.map_err(Fault::Commit)?;
            self.hinter.tell(&self.pool, told);
        } else {
            // A failed rollback closes the connection, which rolls back.
            let _ = tx.rollback().await;
        }
        answer
    }
}

/// How long to wait before the next attempt: 2 ms, doubled each time, and random, so that two that met do not meet again.
fn pause(attempt: u32) -> Duration {
    let longest = Duration::from_millis(2) * 2_u32.saturating_pow(attempt);
    let random = RandomState::new().hash_one(0) % 1_000;
    longest / 2 + longest * u32::try_from(random).unwrap_or(0) / 2_000
}
