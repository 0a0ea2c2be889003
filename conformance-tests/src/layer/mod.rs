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

/// A call on its way to the store, on its own: it holds the store and its request.
pub trait Made: Future<Output: Send> + Send + 'static {}

impl<F: Future<Output: Send> + Send + 'static> Made for F {}

/// Something that stands between a caller and a store.
pub trait Layer: fmt::Debug + Send + Sync + 'static {
    /// What a call carries from `before` to `after`; it is dropped when the call is.
    type Ticket: Send;

    /// Runs before the call; an error answers in its place, and the store never sees the call.
    fn before(&self, call: Call) -> impl Future<Output = Result<Self::Ticket, StoreError>> + Send;

    /// Drives the call; by default once, as it is. `make` makes it anew each time, with the same request.
    ///
    /// An error answers in place of the store's answer.
    fn drive<F: Made>(
        &self,
        _ticket: &mut Self::Ticket,
        make: impl Fn() -> F + Send + Sync + 'static,
    ) -> impl Future<Output = Result<F::Output, StoreError>> + Send {
        let call = make();
        async move { Ok(call.await) }
    }

    /// Runs after the call, also when driving it gave an error; an error answers in place of the store's answer.
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

    async fn pass<T, E: From<StoreError>, F: Made<Output = Result<T, E>>>(
        &self,
        call: Call,
        make: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<T, E> {
        let mut ticket = self.layer.before(call).await?;
        let answer = self.layer.drive(&mut ticket, make).await;
        self.layer.after(ticket).await?;
        answer?
    }
}
