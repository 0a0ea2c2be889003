//! Layers over a store: each sees every call before and after it, and delegation is written once.

mod delegate;
mod pace;
mod said;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use durable_core::model::{QueueName, TaskId};
use durable_core::store::{CheckpointPage, Hints, Store, StoreError, Verb};

pub use pace::{AlwaysYield, NeverYield};
pub(crate) use said::ShortNames;

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The verb.
    pub verb: Verb,
    /// The queue it is about; `list_queues` has none.
    pub queue: Option<QueueName>,
    /// The tasks under whose claims it writes or reads.
    pub claims: Vec<TaskId>,
    /// What it asks for, in a few words: tasks, keys and names, and no payload.
    pub said: String,
}

/// Something that stands between a caller and a store.
pub trait Layer: fmt::Debug + Send + Sync + 'static {
    /// What a call carries from `before` to `after`; it is dropped when the call is.
    type Ticket: Send;

    /// Runs before the call; an error answers in its place, and the store never sees the call.
    fn before(&self, call: Call) -> impl Future<Output = Result<Self::Ticket, StoreError>> + Send;

    /// Drives the call; by default as it is.
    fn drive<T: Send>(&self, step: impl Future<Output = T> + Send) -> impl Future<Output = T> + Send {
        step
    }

    /// Runs after the call; an error answers in place of the store's answer.
    fn after(&self, ticket: Self::Ticket) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Passes a page of loaded checkpoints on; by default as it is.
    fn loaded(&self, page: CheckpointPage) -> CheckpointPage {
        page
    }

    /// Passes hints on; by default all of them.
    fn hints(&self, hints: Hints) -> Hints {
        hints
    }
}

/// A store with one layer over it.
#[derive(Debug)]
pub struct Layered<L> {
    inner: Arc<dyn Store>,
    layer: L,
}

impl<L: Layer> Layered<L> {
    /// Puts `layer` over `inner`.
    pub fn new(inner: Arc<dyn Store>, layer: L) -> Self {
        Self { inner, layer }
    }

    /// The layer.
    pub fn layer(&self) -> &L {
        &self.layer
    }

    async fn pass<T: Send, E: From<StoreError> + Send>(
        &self,
        call: Call,
        step: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let ticket = self.layer.before(call).await?;
        let answer = self.layer.drive(step).await;
        self.layer.after(ticket).await?;
        answer
    }
}
