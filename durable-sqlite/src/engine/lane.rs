//! A thread that runs jobs one after another.

use std::future::Future;
use std::sync::Arc;
use std::thread::{JoinHandle, current};

use durable_core::model::Clock;
use durable_core::store::StoreError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};

use crate::engine::Step;
use crate::engine::job::{Call, Job};
use crate::error::OpenError;

/// What goes to a lane.
pub(super) enum Message {
    Job(Box<dyn Job>),
    /// No more jobs.
    Close,
}

/// The jobs that wait.
pub(super) struct Jobs(UnboundedReceiver<Message>);

impl Jobs {
    /// The next job; `None` when the store is closed or forgotten and all is done.
    pub(super) async fn next(&mut self) -> Option<Box<dyn Job>> {
        loop {
            match self.0.recv().await? {
                Message::Job(job) => return Some(job),
                Message::Close => self.0.close(),
            }
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A job that waits already.
    pub(super) fn waiting(&mut self) -> Option<Box<dyn Job>> {
        loop {
            match self.0.try_recv().ok()? {
                Message::Job(job) => return Some(job),
                Message::Close => self.0.close(),
            }
        }
    }
}

/// The way to a lane's thread. The drop of the last of these waits until the thread is at its end.
#[derive(Clone)]
pub(crate) struct Lane {
    thread: Arc<Thread>,
    ended: watch::Receiver<()>,
}

/// A lane's thread, which goes with the last way to it.
struct Thread {
    jobs: UnboundedSender<Message>,
    handle: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    /// Waits for what was asked for, and for the connection to be closed: a program that ends after this has everything in
    /// its file.
    fn drop(&mut self) {
        let _ = self.jobs.send(Message::Close);
        if let Some(handle) = self.handle.take().filter(|handle| handle.thread().id() != current().id()) {
            // That it panicked was told to those who waited for it.
            let _ = handle.join();
        }
    }
}

impl Lane {
    /// Starts a thread with a runtime of its own, independent of the caller's, which may end or stand still: it opens
    /// what it works on, and then works until there is nothing more to come.
    pub(super) async fn start<W, O, R, F>(name: &str, open: O, run: R) -> Result<Self, OpenError>
    where
        O: AsyncFnOnce() -> Result<W, OpenError> + Send + 'static,
        R: FnOnce(W, Jobs) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        let (jobs, waiting) = unbounded_channel();
        let (opened, is_open) = oneshot::channel();
        let (alive, ended) = watch::channel(());
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(sqlx::Error::Io)?;
        let thread = move || {
            let _alive = alive;
            runtime.block_on(async move {
                match open().await {
                    Ok(work) => {
                        let _ = opened.send(Ok(()));
                        run(work, Jobs(waiting)).await;
                    }
                    Err(problem) => drop(opened.send(Err(problem))),
                }
            });
        };
        let handle = std::thread::Builder::new().name(name.to_owned()).spawn(thread);
        let thread = Thread { jobs, handle: Some(handle.map_err(sqlx::Error::Io)?) };
        is_open.await.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))?;
        Ok(Self { thread: Arc::new(thread), ended })
    }

    /// Runs a step. A caller that goes away changes nothing.
    pub(super) async fn call<S: Step>(
        &self,
        step: S,
        clock: &Clock,
        writes: bool,
    ) -> Result<S::Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.thread
            .jobs
            .send(Message::Job(Box::new(Call::new(step, clock, reply))))
            .map_err(|_| StoreError::unavailable(S::VERB, "the store is closed", false))?;
        let stopped = |_| Err(StoreError::unavailable(S::VERB, "the store has stopped", writes));
        answer.await.unwrap_or_else(stopped)
    }

    /// Refuses what comes from now on, and waits until what came before is done and the connection is closed.
    pub(super) async fn close(&self) {
        let _ = self.thread.jobs.send(Message::Close);
        self.ended().await;
    }

    /// When the thread is at its end.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.clone();
        // Nothing is ever sent: the sender goes with the thread.
        async move { while ended.changed().await.is_ok() {} }
    }
}
