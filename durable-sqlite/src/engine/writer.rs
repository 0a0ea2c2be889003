//! The writer's lane: steps that wait are committed together, and answered after that.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use durable_core::store::{StoreError, Told};
use futures::FutureExt;
use sqlx::SqliteConnection;

use crate::engine::busy::patiently;
use crate::engine::job::Job;
use crate::engine::lane::{Jobs, Lane};
use crate::engine::link::{Link, Settings};
use crate::engine::turn::Turn;
use crate::engine::tx::{Phase, Session, Tx, Writing};
use crate::error::{self, Fault, OpenError};
use crate::hints::Hinter;
use crate::migrate::{MIGRATIONS, migrate};

/// The most steps of one commit.
const MOST: usize = 64;
/// How long a transaction takes in further steps, from when it has the lock: the first of them waits for the commit as well.
const LONGEST: Duration = Duration::from_millis(4);

/// Opens the writer's connection and starts its lane.
pub(super) async fn start(
    settings: Arc<Settings>,
    hinter: impl FnOnce() -> Hinter + Send + 'static,
) -> Result<Lane, OpenError> {
    let open = async move || {
        let mut link = Link::open(settings).await?;
        let deadline = link.settings.deadline();
        migrate(link.get().await?, &MIGRATIONS, deadline).await?;
        Ok(Writer { link, hinter: hinter(), blocked: None, turn: Turn::new(), company: 1 })
    };
    Lane::start("durable-sqlite-write", open, Writer::run).await
}

struct Writer {
    link: Link,
    hinter: Hinter,
    /// Since when the lock is another's.
    blocked: Option<Instant>,
    turn: Turn,
    /// How many steps lately shared a commit: where several write at once, one that is last just now waits for company.
    company: usize,
}

/// How a step went.
enum Ran {
    /// And where the transaction is now, and whether it had committed before.
    Well { phase: Phase, committed: bool, news: Told },
    /// And whether it had committed before.
    Ill { fault: StoreError, committed: bool },
}

/// What became of a transaction.
enum Outcome {
    Done,
    /// It was given up: nothing of these was written.
    GivenUp(Vec<Box<dyn Job>>),
}

impl Writer {
    async fn run(mut self, mut jobs: Jobs) {
        while let Some(job) = jobs.next().await {
            if let Outcome::GivenUp(others) = self.together(job, Some(&mut jobs)).await {
                for job in others {
                    self.together(job, None).await;
                }
            }
            self.turn.let_others();
        }
        self.link.break_off().await;
    }

    /// Runs a job, and with it what waits, in one transaction.
    async fn together(&mut self, first: Box<dyn Job>, mut jobs: Option<&mut Jobs>) -> Outcome {
        let asked = first.asked();
        let (mut done, mut told, mut next) = (Vec::new(), Told::default(), Some(first));
        let mut phase = Phase::Closed;
        while let Some(mut job) = next {
            let ends_here = done.len() + 1 >= MOST || self.company <= 1;
            let is_last = || ends_here && jobs.as_ref().is_none_or(|jobs| jobs.is_empty());
            match self.step(&mut *job, asked, phase, &is_last).await {
                Ran::Well { phase: Phase::Open, committed: true, news } => {
                    // A part of it is committed, and so are those before it. The rest is for itself.
                    self.answer(done, &told);
                    self.commit(vec![job], news, true).await;
                    return Outcome::Done;
                }
                Ran::Well { phase: then, news, .. } => {
                    told.append(news);
                    phase = then;
                    done.push(job);
                }
                Ran::Ill { fault, committed } => {
                    return self.give_up(job, fault, committed, done, told).await;
                }
            }
            let goes_on = phase == Phase::Open && done.len() < MOST && self.turn.lasts() < LONGEST;
            next = jobs.as_mut().filter(|_| goes_on).and_then(|jobs| jobs.waiting());
        }
        self.company = done.len().max(self.company / 2);
        match phase {
            Phase::Open => self.commit(done, told, false).await,
            Phase::Closed => self.answer(done, &told),
        }
        Outcome::Done
    }

    /// A job has failed: its transaction is given up.
    async fn give_up(
        &mut self,
        job: Box<dyn Job>,
        mut fault: StoreError,
        committed: bool,
        done: Vec<Box<dyn Job>>,
        told: Told,
    ) -> Outcome {
        self.roll_back().await;
        fault.may_have_happened |= committed;
        let unsure = fault.may_have_happened;
        job.fail(fault);
        if committed {
            self.answer(done, &told);
            return Outcome::Done;
        }
        if !unsure {
            return Outcome::GivenUp(done);
        }
        for job in done {
            let fault = StoreError::unavailable(job.verb(), "the commit failed", true);
            job.fail(fault);
        }
        Outcome::Done
    }

    /// Runs one job in the transaction, which begins with it if it is the first.
    async fn step(
        &mut self,
        job: &mut dyn Job,
        asked: Instant,
        phase: Phase,
        is_last: &(dyn Fn() -> bool + Sync),
    ) -> Ran {
        let (verb, clock) = (job.verb(), job.clock());
        // Who has waited in vain has waited for all who were waiting; they are given up in turn, not one after another.
        let since = self.blocked.map_or_else(Instant::now, |since| since.max(asked));
        let deadline = self.link.settings.after(since);
        let connection = match self.link.get().await {
            Ok(connection) => connection,
            Err(error) => return Ran::Ill { fault: Fault::Sql(error).into_store(verb), committed: false },
        };
        let before = written(connection).await;
        let writing = Writing { turn: &mut self.turn, blocked: &mut self.blocked, deadline, is_last };
        let mut session = Session { connection, phase, committed: false, writer: Some(writing) };
        let now = || clock.now();
        let mut tx = Tx::new(&mut session, &now);
        let outcome = AssertUnwindSafe(job.run(&mut tx)).catch_unwind().await;
        let news = tx.into_told();
        let fault = match outcome {
            Ok(Ok(())) if job.is_refused() && written(session.connection).await != before => {
                error::corrupt(verb, "the verb has refused after it had written")
            }
            Ok(Ok(())) => {
                let Session { phase, committed, .. } = session;
                return Ran::Well { phase, committed, news };
            }
            Ok(Err(fault)) => fault.into_store(verb),
            Err(_) => error::corrupt(verb, "the verb panicked"),
        };
        Ran::Ill { fault, committed: session.committed }
    }

    /// Commits, and then, and only then, tells and answers. A part of what the jobs have written may be committed.
    async fn commit(&mut self, done: Vec<Box<dyn Job>>, told: Told, committed: bool) {
        let deadline = self.link.settings.deadline();
        match patiently(deadline, async || self.link.execute("commit").await).await {
            Ok(()) => self.answer(done, &told),
            Err(error) => {
                self.roll_back().await;
                let may_have_happened = committed || !error::is_surely_undone(&error);
                let error = Arc::new(error);
                for job in done {
                    let fault = error::classify(job.verb(), &error, may_have_happened);
                    job.fail(fault);
                }
            }
        }
    }

    /// Tells and answers what is committed.
    fn answer(&self, done: Vec<Box<dyn Job>>, told: &Told) {
        self.hinter.tell(told);
        done.into_iter().for_each(Job::answer);
    }

    /// Gives the transaction up.
    async fn roll_back(&mut self) {
        match self.link.execute("rollback").await {
            Ok(()) => {}
            Err(error) if error::is_over(&error) => {}
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
