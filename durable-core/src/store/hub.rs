//! Hints within one process.

use futures::StreamExt;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use super::{Hint, Hints, Told};
use crate::model::QueueName;

/// How many hints may wait for a slow reader before it misses some.
const CAPACITY: usize = 4_096;

/// Tells hints to everybody in this process who listens: for stores whose data are here. A clone is the same hub.
#[derive(Debug, Clone)]
pub struct HintHub(Sender<Word>);

/// A hint about a queue, or about all.
type Word = (Option<QueueName>, Hint);

impl HintHub {
    /// A hub that nobody listens to yet.
    #[allow(clippy::new_without_default, reason = "a new hub is no default value")]
    pub fn new() -> Self {
        Self(Sender::new(CAPACITY))
    }

    /// Whether anybody listens.
    pub fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Tells everybody who listens to a queue. That nobody does is no fault.
    pub fn tell(&self, queue: QueueName, hint: Hint) {
        let _ = self.0.send((Some(queue), hint));
    }

    /// Tells what a transaction had to tell.
    pub fn tell_all(&self, told: &Told) {
        if !self.is_heard() {
            return;
        }
        for (queue, hints) in told.iter() {
            for hint in hints {
                self.tell(queue.clone(), hint.clone());
            }
        }
    }

    /// Tells everybody that hints may have been missed.
    pub fn tell_missed(&self) {
        let _ = self.0.send((None, Hint::Missed));
    }

    /// The hints about one queue, from now on. Who is too slow is told that it has missed some.
    pub fn listen(&self, queue: QueueName) -> Hints {
        futures::stream::unfold((self.0.subscribe(), queue), |(mut told, queue)| async move {
            let hint = next(&mut told, &queue).await?;
            Some((hint, (told, queue)))
        })
        .boxed()
    }
}

async fn next(told: &mut Receiver<Word>, queue: &QueueName) -> Option<Hint> {
    loop {
        match told.recv().await {
            Ok((name, hint)) if name.as_ref().is_none_or(|name| name == queue) => return Some(hint),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return Some(Hint::Missed),
            Err(RecvError::Closed) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_too_slow_is_told_that_hints_are_missing() {
        let hub = HintHub::new();
        let (queue, other) = (QueueName::new("q").unwrap(), QueueName::new("other").unwrap());
        let mut hints = hub.listen(queue.clone());
        for _ in 0..=CAPACITY {
            hub.tell(other.clone(), Hint::Work { next_due: None });
        }
        assert_eq!(hints.next().await, Some(Hint::Missed));
        drop(hub);
        assert_eq!(hints.next().await, None);
    }
}
