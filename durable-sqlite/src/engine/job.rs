//! A step on its way through a lane.

use std::future::Future;
use std::time::Instant;

use durable_core::model::{Clock, Now};
use durable_core::store::{StoreError, Verb};
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Tx;
use crate::error::Fault;

/// A verb, or a part of one, that runs in one transaction and may be run again from the start.
///
/// It reads before it writes, and raises [`Fault::Store`] before its first write: a step that refuses leaves the
/// transaction, which it shares with others, as it was.
pub(crate) trait Step: Send + Sync + 'static {
    /// The verb, for errors.
    const VERB: Verb;
    /// What it answers.
    type Answer: Send + 'static;

    /// Runs it.
    fn run(&self, tx: &mut Tx<'_, '_>) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;
}

/// A step that waits for its turn, whatever its type.
pub(super) trait Job: Send {
    fn verb(&self) -> Verb;

    /// When it was asked for.
    fn asked(&self) -> Instant;

    /// Whether nobody waits for the answer any more.
    fn is_left(&self) -> bool;

    /// The caller's clock.
    fn clock(&self) -> CallerClock;

    /// Runs the step and keeps its answer, or its refusal; a fault of the database is the lane's.
    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_, '_>) -> BoxFuture<'a, Result<(), Fault>>;

    /// Whether the step has refused.
    fn is_refused(&self) -> bool;

    /// Hands the kept answer to the caller.
    fn answer(self: Box<Self>);

    /// Hands a fault to the caller.
    fn fail(self: Box<Self>, fault: StoreError);
}

pub(super) struct Call<S: Step> {
    step: S,
    asked: Instant,
    clock: CallerClock,
    kept: Option<Result<S::Answer, StoreError>>,
    reply: oneshot::Sender<Result<S::Answer, StoreError>>,
}

impl<S: Step> Call<S> {
    pub(super) fn new(step: S, clock: &Clock, reply: oneshot::Sender<Result<S::Answer, StoreError>>) -> Self {
        Self { step, asked: Instant::now(), clock: CallerClock::new(clock), kept: None, reply }
    }
}

impl<S: Step> Job for Call<S> {
    fn verb(&self) -> Verb {
        S::VERB
    }

    fn asked(&self) -> Instant {
        self.asked
    }

    fn is_left(&self) -> bool {
        self.reply.is_closed()
    }

    fn clock(&self) -> CallerClock {
        self.clock.clone()
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_, '_>) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            self.kept = match self.step.run(tx).await {
                Ok(answer) => Some(Ok(answer)),
                Err(Fault::Store(refusal)) => Some(Err(refusal)),
                Err(fault) => return Err(fault),
            };
            Ok(())
        })
    }

    fn is_refused(&self) -> bool {
        matches!(self.kept, Some(Err(_)))
    }

    fn answer(self: Box<Self>) {
        if let Some(kept) = self.kept {
            // That the caller has gone away is no fault.
            let _ = self.reply.send(kept);
        }
    }

    fn fail(self: Box<Self>, fault: StoreError) {
        let _ = self.reply.send(Err(fault));
    }
}

/// A clock that is read on another thread as its owner would read it.
#[derive(Clone)]
pub(super) struct CallerClock {
    clock: Clock,
    /// Tokio's clock is that of a runtime, which tests may have stopped: the caller's, not the lane's.
    runtime: Option<Handle>,
}

impl CallerClock {
    fn new(clock: &Clock) -> Self {
        let runtime = matches!(clock, Clock::Tokio { .. }).then(|| Handle::try_current().ok()).flatten();
        Self { clock: clock.clone(), runtime }
    }

    pub(super) fn now(&self) -> Now {
        let _runtime = self.runtime.as_ref().map(Handle::enter);
        Now::read(&self.clock)
    }
}
