//! Checkpoints: what a task context does.

use async_trait::async_trait;

use super::{EventWrite, FencedError, NewTask, StoreError};
use crate::model::{Checkpoint, CheckpointKind, End, Millis, Payload, QueueName, StepKey, Timestamp, Token};

/// Loads and saves checkpoints under a claim.
#[async_trait]
pub trait Checkpoints: Send + Sync {
    /// Reads the checkpoints of a claimed task in the order they were stored, without those set aside.
    ///
    /// A page ends before it has more than [`MAX_BYTES`](super::MAX_BYTES) of payload, but has one checkpoint at least.
    ///
    /// # Errors
    ///
    /// Fenced; faults of the store.
    async fn load(&self, request: LoadRequest) -> Result<CheckpointPage, FencedError>;

    /// Stores checkpoints, each with its effect in one step.
    ///
    /// # Contract
    ///
    /// - Fenced per item. A refused item writes nothing and undoes no other.
    /// - `P1` The first write of a key wins: the same payload again is [`SaveAnswer::Stored`] without a second
    ///   effect, a different end is [`SaveAnswer::Conflict`] with the stored one. A wait that stands under the key is over
    ///   by the write.
    /// - `C4` Every stored checkpoint, also a repeated one, leaves at least the claim's full lease.
    /// - `S2` [`Effect::Spawn`]: the children and the checkpoint, or neither. A child has this task as its parent
    ///   and its queue as its own.
    /// - [`Effect::Emit`]: the event is written as by [`Events::emit`](super::Events::emit).
    ///
    /// # Errors
    ///
    /// Faults of the store.
    async fn save(&self, request: SaveRequest) -> Result<Vec<Result<SaveAnswer, FencedError>>, StoreError>;
}

/// Asks for a page of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadRequest {
    /// The queue.
    pub queue: QueueName,
    /// The claim.
    pub token: Token,
    /// The `order` after which to go on; 0 from the start.
    pub after: u64,
    /// The most checkpoints of the page, from 1 to [`MAX_RECORDS`](super::MAX_RECORDS).
    pub limit: u32,
}

impl LoadRequest {
    /// Asks for at most `limit` checkpoints after the order `after`.
    pub fn new(queue: QueueName, token: Token, after: u64, limit: u32) -> Self {
        Self { queue, token, after, limit }
    }
}

/// A page of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointPage {
    /// In the order they were stored.
    pub checkpoints: Vec<Checkpoint>,
    /// There are more after the last one.
    pub more: bool,
}

/// Asks to store checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SaveRequest {
    /// The queue.
    pub queue: QueueName,
    /// The checkpoints; with the children they spawn at most [`MAX_RECORDS`](super::MAX_RECORDS).
    pub items: Vec<SaveItem>,
}

impl SaveRequest {
    /// Asks to store `items`.
    pub fn new(queue: QueueName, items: Vec<SaveItem>) -> Self {
        Self { queue, items }
    }
}

/// One checkpoint to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveItem {
    /// The claim.
    pub token: Token,
    /// Its key.
    pub key: StepKey,
    /// What wrote it.
    pub kind: CheckpointKind,
    /// Its value.
    pub payload: Payload,
    /// How long the step ran, for the timeline.
    pub took: Millis,
    /// What else happens in the same step.
    pub effect: Effect,
}

/// What a checkpoint does besides being stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Spawns children.
    Spawn(Vec<NewTask>),
    /// Emits an event to the task's queue.
    Emit(EventWrite),
}

/// What [`Checkpoints::save`] did with one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveAnswer {
    /// It is stored, by this call or before.
    Stored {
        /// When the lease ends now.
        expires_at: Timestamp,
    },
    /// The key has another end.
    Conflict {
        /// The one that is stored.
        stored: End,
    },
    /// The queue is sealed and takes no children. Nothing was written.
    QueueClosed,
}
