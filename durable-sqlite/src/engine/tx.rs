//! The transaction that a step runs in.

use std::time::Instant;

use durable_core::model::{Now, QueueName};
use durable_core::store::{Hint, Told};
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Either, Executor, Row, SqliteConnection};

use super::busy::pause;
use super::statement::{Call, Statement};
use super::turn::Turn;
use crate::error::{self, Fault};

/// The rows of each statement of a call.
pub(crate) type Sets = Vec<Vec<SqliteRow>>;

/// Where a lane's transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It begins with the next statement.
    Closed,
    /// It has the lock; or, of a reader, its view.
    Open,
}

/// What a lane knows of its transaction, beyond one step.
pub(super) struct Session<'l> {
    pub(super) connection: &'l mut SqliteConnection,
    pub(super) phase: Phase,
    /// A step has committed what was written before it, and what it had written itself then.
    pub(super) committed: bool,
    /// `None` of a reader.
    pub(super) writer: Option<Writing<'l>>,
}

/// What only a writer's transaction has.
pub(super) struct Writing<'l> {
    pub(super) turn: &'l mut Turn,
    /// Since when the lock is another's.
    pub(super) blocked: &'l mut Option<Instant>,
    /// Until when to wait for it.
    pub(super) deadline: Instant,
    /// Whether nobody waits to have a step in the same transaction.
    pub(super) is_last: &'l (dyn Fn() -> bool + Sync),
}

impl Session<'_> {
    /// Begins, if that is still to be done.
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        const NOTHING: Statement = Statement {
            alone: "",
            opening: "begin immediate; pragma data_version",
            closing: "commit",
            looking: "begin",
        };
        if self.phase == Phase::Open {
            return Ok(());
        }
        self.open(NOTHING, SqliteArguments::default()).await.map(drop)
    }

    /// Begins the transaction with its first statements.
    async fn open(&mut self, first: Statement, arguments: SqliteArguments) -> Result<Sets, sqlx::Error> {
        let Self { connection, phase, writer, .. } = self;
        let Some(writing) = writer else {
            let sets = sets(connection, first.looking, arguments).await?;
            *phase = Phase::Open;
            return Ok(sets.into_iter().skip(1).collect());
        };
        let begun = Instant::now();
        let answer = loop {
            match sets(connection, first.opening, arguments.clone()).await {
                Err(error) if error::is_busy(&error) && Instant::now() < writing.deadline => {
                    pause(begun, writing.deadline);
                }
                answer => break answer,
            }
        };
        *writing.blocked = match &answer {
            Err(error) if error::is_busy(error) => writing.blocked.or(Some(begun)),
            _ => None,
        };
        let mut sets = answer?.into_iter();
        let version = sets.nth(1).and_then(|rows| rows.first()?.try_get(0).ok());
        writing.turn.begins(version);
        *phase = Phase::Open;
        Ok(sets.collect())
    }

    async fn run(&mut self, call: Call) -> Result<Sets, sqlx::Error> {
        let arguments = call.arguments?;
        match self.phase {
            Phase::Closed => self.open(call.statement, arguments).await,
            Phase::Open => sets(self.connection, call.statement.alone, arguments).await,
        }
    }

    async fn run_last(&mut self, call: Call) -> Result<Sets, Fault> {
        let is_last = self.writer.as_ref().is_some_and(|writing| (writing.is_last)());
        if self.phase == Phase::Closed || !is_last {
            return Ok(self.run(call).await?);
        }
        let sets = sets(self.connection, call.statement.closing, call.arguments?).await;
        let mut sets = sets.map_err(Fault::Commit)?;
        // That of the commit itself.
        sets.pop();
        self.phase = Phase::Closed;
        self.committed = true;
        Ok(sets)
    }
}

/// Runs statements, and gives the rows of each.
async fn sets(
    connection: &mut SqliteConnection,
    text: &'static str,
    arguments: SqliteArguments,
) -> Result<Sets, sqlx::Error> {
    // The one place that has several statements in one prepared call. sqlx has this for SQLite alone, and would rather not.
    let mut answers = Executor::fetch_many(connection, sqlx::query_with(text, arguments));
    let (mut sets, mut rows) = (Sets::new(), Vec::new());
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Right(row) => rows.push(row),
            Either::Left(_) => sets.push(std::mem::take(&mut rows)),
        }
    }
    Ok(sets)
}

/// The transaction that a step runs in. It begins with the step's first statement.
pub(crate) struct Tx<'t, 'l> {
    session: &'t mut Session<'l>,
    clock: &'t (dyn Fn() -> Now + Sync),
    now: Option<Now>,
    told: Told,
}

impl<'t, 'l> Tx<'t, 'l> {
    pub(super) fn new(session: &'t mut Session<'l>, clock: &'t (dyn Fn() -> Now + Sync)) -> Self {
        Self { session, clock, now: None, told: Told::default() }
    }

    pub(super) fn into_told(self) -> Told {
        self.told
    }

    /// Runs the statements of a call, and gives the rows of each.
    pub(crate) async fn sets(&mut self, call: Call) -> Result<Sets, Fault> {
        let sets = self.session.run(call).await?;
        self.now();
        Ok(sets)
    }

    /// Runs the statement of a call, and gives its only row.
    pub(crate) async fn row(&mut self, call: Call) -> Result<Option<SqliteRow>, Fault> {
        Ok(self.rows(call).await?.into_iter().next())
    }

    /// Runs the statements of a call, and gives their rows together.
    pub(crate) async fn rows(&mut self, call: Call) -> Result<Vec<SqliteRow>, Fault> {
        Ok(self.sets(call).await?.into_iter().flatten().collect())
    }

    /// Runs the last statements of a step, and commits with them if nobody waits to write together with it. Should
    /// there be more to do all the same, that is another transaction.
    pub(crate) async fn last(&mut self, call: Call) -> Result<Sets, Fault> {
        self.session.run_last(call).await
    }

    /// Where to run what is no [`Call`], such as a query whose rows come one by one.
    pub(crate) async fn connection(&mut self) -> Result<&mut SqliteConnection, Fault> {
        self.session.begin().await?;
        self.now();
        Ok(self.session.connection)
    }

    /// What the clock showed when the step had its lock: after its first statement. A reader's has it from the start.
    pub(crate) fn now(&mut self) -> Now {
        *self.now.get_or_insert_with(self.clock)
    }

    /// Tells a hint after the commit, and only then.
    pub(crate) fn tell(&mut self, queue: &QueueName, hint: Hint) {
        self.told.add(queue, hint);
    }
}
