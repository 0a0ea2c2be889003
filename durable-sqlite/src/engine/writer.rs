//! The writer's lane: steps that wait are committed together, and answered after that.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use durable_core::store::StoreError;
use futures::FutureExt;
use sqlx::{Row, SqliteConnection};

use crate::engine::busy::patiently;
use crate::engine::job::{Job, Tx};
use crate::engine::lane::{Jobs, Lane};
use crate::engine::link::{Link, Settings};
use crate::engine::turn::Turn;
use crate::error::{self, Fault, OpenError, code};
use crate::hints::{Hinter, Told};
use crate::migrate::{MIGRATIONS, migrate};

/// The most steps of one commit.
const MOST: usize = 64;
/// How long a transaction takes in further steps: the first of them waits for the commit as well.
const LONGEST: Duration = Duration::from_millis(4);
/// Takes the lock, and says whether others have written: one way to the driver's thread for both.
const BEGIN: &str = "begin immediate; pragma data_version";

/// Opens the writer's connection and starts its lane.
pub(super) async fn start(
    settings: Arc<Settings>,
    hinter: impl FnOnce() -> Hinter + Send + 'static,
) -> Result<Lane, OpenError> {
    let open = async move || {
        let mut link = Link::open(settings).await?;
        let deadline = link.settings.deadline();
        migrate(link.get().await?, &MIGRATIONS, deadline).await?;
        Ok(Writer { link, hinter: hinter(), blocked: None, turn: Turn::new() })
    };
    Lane::start("durable-sqlite-write", open, Writer::run).await
}

struct Writer {
    link: Link,
    hinter: Hinter,
    /// Since when the lock is another's.
    blocked: Option<Instant>,
    turn: Turn,
}

impl Writer {
    async fn run(mut self, mut jobs: Jobs) {
        while let Some(job) = jobs.next().await {
            for job in self.together(job, || jobs.waiting()).await {
                self.together(job, || None).await;
            }
            self.turn.let_others();
        }
        self.link.break_off().await;
    }

    /// Runs a job, and with it what waits, in one transaction. If one of them fails, the others are handed back:
    /// nothing of them was written.
    async fn together(
        &mut self,
        first: Box<dyn Job>,
        mut waiting: impl FnMut() -> Option<Box<dyn Job>>,
    ) -> Vec<Box<dyn Job>> {
        if let Err(error) = self.begin(first.asked()).await {
            // It may have begun all the same.
            self.roll_back().await;
            let fault = error.into_store(first.verb());
            first.fail(fault);
            return Vec::new();
        }
        let begun = Instant::now();
        let (mut done, mut told, mut next) = (Vec::new(), Told::default(), Some(first));
        while let Some(mut job) = next {
            match self.step(&mut *job).await {
                Ok(news) => told.append(news),
                Err(fault) => {
                    self.roll_back().await;
                    job.fail(fault);
                    return done;
                }
            }
            done.push(job);
            next = (done.len() < MOST && begun.elapsed() < LONGEST).then(&mut waiting).flatten();
        }
        self.commit(done, told).await;
        Vec::new()
    }
}

impl Writer {
    /// Takes the lock for a job that was asked for at a moment.
    async fn begin(&mut self, asked: Instant) -> Result<(), Fault> {
        let settings = self.link.settings.clone();
        let connection = self.link.get().await?;
        let attempt = async || sqlx::query(BEGIN).fetch_all(&mut *connection).await;
        // Who has waited in vain has waited for all who were waiting; they are given up in turn, not one after another.
        let deadline = settings.after(self.blocked.map_or_else(Instant::now, |since| since.max(asked)));
        let begun = Instant::now();
        let rows = patiently(deadline, attempt).await;
        self.blocked = match &rows {
            Err(error) if error::is_busy(error) => self.blocked.or(Some(begun)),
            _ => None,
        };
        let version = rows?.first().map(|row| row.try_get(0)).transpose()?;
        self.turn.begins(version);
        Ok(())
    }

    /// Runs one job and says what it has to tell, or why the transaction is to be given up.
    async fn step(&mut self, job: &mut dyn Job) -> Result<Told, StoreError> {
        let verb = job.verb();
        let connection = self.link.get().await.map_err(|error| Fault::Sql(error).into_store(verb))?;
        let before = written(connection).await;
        let mut tx = Tx::new(connection, job.now());
        match AssertUnwindSafe(job.run(&mut tx)).catch_unwind().await {
            Ok(Ok(())) if job.is_refused() && written(tx.connection()).await != before => {
                Err(error::corrupt(verb, "the verb has refused after it had written"))
            }
            Ok(Ok(())) => Ok(tx.into_told()),
            Ok(Err(fault)) => Err(fault.into_store(verb)),
            Err(_) => Err(error::corrupt(verb, "the verb panicked")),
        }
    }

    /// Commits, and then, and only then, tells and answers.
    async fn commit(&mut self, done: Vec<Box<dyn Job>>, told: Told) {
        let deadline = self.link.settings.deadline();
        match patiently(deadline, async || self.link.execute("commit").await).await {
            Ok(()) => {
                self.hinter.tell(told);
                done.into_iter().for_each(Job::answer);
            }
            Err(error) => {
                self.roll_back().await;
                let may_have_happened = !error::is_surely_undone(&error);
                let error = Arc::new(error);
                for job in done {
                    let fault = error::classify(job.verb(), &error, may_have_happened);
                    job.fail(fault);
                }
            }
        }
    }

    /// Gives the transaction up.
    async fn roll_back(&mut self) {
        match self.link.execute("rollback").await {
            Ok(()) => {}
            // Some faults have rolled back already.
            Err(error) if error::primary_code(&error) == Some(code::ERROR) => {}
            Err(_) => self.link.break_off().await,
        }
    }
}

/// How many rows the connection has written: in debug builds, to find the step that refuses too late.
async fn written(connection: &mut SqliteConnection) -> Option<i64> {
    if !cfg!(debug_assertions) {
        return None;
    }
    sqlx::query_scalar("select total_changes()").fetch_one(connection).await.ok()
}
