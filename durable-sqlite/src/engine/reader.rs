//! The reader's lane: each step in a transaction of its own, beside the writer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;

use crate::engine::busy::pause;
use crate::engine::job::Job;
use crate::engine::lane::{Jobs, Lane};
use crate::engine::link::{Link, Settings};
use crate::engine::tx::{Phase, Session, Tx};
use crate::error::{self, Fault, OpenError};

/// Opens the reader's connection and starts its lane.
pub(super) async fn start(settings: Arc<Settings>) -> Result<Lane, OpenError> {
    let open = async move || {
        let mut link = Link::open(settings).await?;
        link.execute("pragma query_only = on").await?;
        Ok(Reader { link })
    };
    Lane::start("durable-sqlite-read", open, Reader::run).await
}

struct Reader {
    link: Link,
}

impl Reader {
    async fn run(mut self, mut jobs: Jobs) {
        while let Some(job) = jobs.next().await {
            if !job.is_left() {
                self.read(job).await;
            }
        }
        self.link.break_off().await;
    }

    /// Runs a job until no lock is in its way, or it is given up.
    async fn read(&mut self, mut job: Box<dyn Job>) {
        let begun = Instant::now();
        let deadline = self.link.settings.after(begun);
        loop {
            match self.attempt(&mut *job).await {
                Ok(()) => return job.answer(),
                Err(Fault::Sql(error)) if error::is_busy(&error) && Instant::now() < deadline => {
                    pause(begun, deadline);
                }
                Err(fault) => {
                    let fault = fault.into_store(job.verb());
                    return job.fail(fault);
                }
            }
        }
    }

    async fn attempt(&mut self, job: &mut dyn Job) -> Result<(), Fault> {
        let outcome = self.step(job).await;
        // A connection that cannot end its transaction would read old data from now on.
        if self.link.execute("rollback").await.is_err_and(|error| !error::is_over(&error)) {
            self.link.break_off().await;
        }
        outcome
    }

    async fn step(&mut self, job: &mut dyn Job) -> Result<(), Fault> {
        let (verb, clock) = (job.verb(), job.clock());
        let connection = self.link.get().await?;
        let mut session = Session { connection, phase: Phase::Closed, committed: false, writer: None };
        let now = || clock.now();
        let mut tx = Tx::new(&mut session, &now);
        let outcome = AssertUnwindSafe(job.run(&mut tx)).catch_unwind().await;
        outcome.unwrap_or_else(|_| Err(error::corrupt(verb, "the verb panicked").into()))
    }
}
