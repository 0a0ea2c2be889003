//! Hints within one process.

use futures::StreamExt;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use super::{Hint, Hints};
use crate::model::QueueName;

/// How many hints may wait for a slow reader before it misses some.
const CAPACITY: usize = 4_096;

/// Tells hints to everybody in this process who listens: for stores whose data are here. A clone is the same hub.
#[derive(Debug, Clone)]
pub struct HintHub(Sender<(QueueName, Hint)>);

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

    /// Tells everybody. That nobody listens is no fault.
    pub fn tell(&self, queue: QueueName, hint: Hint) {
        let _ = self.0.send((queue, hint));
    }

    /// The hints about one queue, from now on. Who is too slow is told to look once instead of what it missed.
    pub fn listen(&self, queue: QueueName) -> Hints {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_too_slow_is_told_to_look() {
        let hub = HintHub::new();
        let (queue, other) = (QueueName::new("q").unwrap(), QueueName::new("other").unwrap());
        let mut hints = hub.listen(queue.clone());
        for _ in 0..=CAPACITY {
            hub.tell(other.clone(), Hint::Work { next_due: None });
        }
        assert_eq!(hints.next().await, Some(Hint::Work { next_due: None }));
        drop(hub);
        assert_eq!(hints.next().await, None);
    }
}
