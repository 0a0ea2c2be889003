//! Events: what anybody emits.

use async_trait::async_trait;

use super::StoreError;
use crate::model::{EmitId, EventName, Payload, QueueName};

/// Emits events.
#[async_trait]
pub trait Events: Send + Sync {
    /// Writes an event and ends the waits for it.
    ///
    /// # Contract
    ///
    /// - `E1` The last write wins for waits that come later; waits that have ended keep what they got. With
    ///   `only_if_absent` the first write is kept, and says so. The event's last `id` again changes nothing.
    /// - `E2` Every wait for the event that stands ends: as a value if its deadline lies after this moment, else as
    ///   a timeout at its deadline. It touches at most [`MAX_SPREAD`](super::MAX_SPREAD) of them; if more stand, the
    ///   event is *waking*, and `tick` ends the others with the payload stored by then: as a value if their deadline
    ///   lies after the first write that has not reached them.
    /// - A wait that ends is a checkpoint of its task in the same step, and may make the task pending (`W3`); a task
    ///   in any other state stays in it.
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue.
    async fn emit(&self, request: EmitRequest) -> Result<EmitAnswer, StoreError>;
}

/// Asks to emit an event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmitRequest {
    /// The queue.
    pub queue: QueueName,
    /// What to write.
    pub event: EventWrite,
    /// Keep what is there.
    pub only_if_absent: bool,
}

impl EmitRequest {
    /// Asks to emit `event`, replacing what is there.
    pub fn new(queue: QueueName, event: EventWrite) -> Self {
        Self { queue, event, only_if_absent: false }
    }

    /// Keeps what is there.
    pub fn only_if_absent(mut self) -> Self {
        self.only_if_absent = true;
        self
    }
}

/// One write of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventWrite {
    /// The event.
    pub name: EventName,
    /// What waits get.
    pub payload: Payload,
    /// What is kept beside it for people and tracing, a JSON object.
    pub metadata: Payload,
    /// The id of this write; a repeat carries the same.
    pub id: EmitId,
}

/// What [`Events::emit`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmitAnswer {
    /// The event is written.
    Written,
    /// It was there, and is kept.
    Kept,
    /// This was its last write already.
    Repeated,
}
