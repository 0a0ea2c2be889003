//! Upkeep: `tick`, now and then and when something is due.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::model::QueueName;
use crate::store::{Store, TickRequest};

/// The most things one tick does.
const TICK_LIMIT: u32 = 500;

#[derive(Debug)]
pub(crate) struct Upkeep {
    store: Arc<dyn Store>,
    queue: QueueName,
    interval: Duration,
    due: Arc<Notify>,
}

impl Upkeep {
    pub(crate) fn new(store: Arc<dyn Store>, queue: QueueName, interval: Duration, due: Arc<Notify>) -> Self {
        Self { store, queue, interval, due }
    }

    pub(crate) async fn run(self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.interval) => {}
                () = self.due.notified() => {}
            }
            while self.tick().await {}
        }
    }

    /// One tick; true when there is more to do now.
    async fn tick(&self) -> bool {
        let request = TickRequest::new(self.queue.clone(), TICK_LIMIT);
        match timeout(self.interval, self.store.tick(request)).await {
            Ok(Ok(answer)) => {
                for run in &answer.expired {
                    tracing::warn!(task = %run.task, attempt = run.attempt, worker = %run.worker, "a lease ran out");
                }
                answer.more
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "upkeep failed, it comes again");
                false
            }
            Err(_) => false,
        }
    }
}
