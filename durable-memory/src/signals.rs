//! Hints: told after the lock is released, to every handle in this process.

use durable_core::model::{QueueName, Timestamp};
use durable_core::store::{Hint, Hints};
use futures::StreamExt;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use crate::state::News;

/// How many hints may wait for a slow reader before it misses some.
const CAPACITY: usize = 4_096;

/// Where hints go.
#[derive(Debug, Clone)]
pub(crate) struct Hinter(Sender<(QueueName, Hint)>);

impl Hinter {
    pub(crate) fn new() -> Self {
        Self(Sender::new(CAPACITY))
    }

    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Tells everybody. That nobody listens is no fault.
    pub(crate) fn tell(&self, queue: &QueueName, hints: Vec<Hint>) {
        for hint in hints {
            let _ = self.0.send((queue.clone(), hint));
        }
    }

    /// The hints about one queue, from now on.
    pub(crate) fn listen(&self, queue: QueueName) -> Hints {
        futures::stream::unfold((self.0.subscribe(), queue), |(mut told, queue)| async move {
            let hint = next(&mut told, &queue).await?;
            Some((hint, (told, queue)))
        })
        .boxed()
    }
}

async fn next(told: &mut Receiver<(QueueName, Hint)>, queue: &QueueName) -> Option<Hint> {
    loop {
        match told.recv().await {
            Ok((name, hint)) if name == *queue => return Some(hint),
            Ok(_) => {}
            // Something was missed: better to look once too often than to sleep over it.
            Err(RecvError::Lagged(_)) => return Some(Hint::Work { next_due: None }),
            Err(RecvError::Closed) => return None,
        }
    }
}

/// The hints that follow from what a verb has done, given when the queue was next due before and is now.
pub(crate) fn hints(news: News, before: Option<Timestamp>, after: Option<Timestamp>) -> Vec<Hint> {
    let earlier = after.filter(|after| before.is_none_or(|before| *after < before));
    let ready = news.ready.then_some(Hint::Work { next_due: None });
    let due = earlier.map(|due| Hint::Work { next_due: Some(due) });
    ready.into_iter().chain(due).chain(news.ended.into_iter().map(Hint::Ended)).collect()
}
