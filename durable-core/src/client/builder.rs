//! Sets a client up.

use std::sync::Arc;

use super::{Durable, Inner};
use crate::error::{DurableError, DurableResult};
use crate::model::QueueName;
use crate::options::{DEFAULT_PAYLOAD_LIMIT, SpawnDefaults, SpawnRules};
use crate::policy::{CancellationPolicy, RetryStrategy};
use crate::registry::Registry;
use crate::store::Store;
use crate::task::Task;

/// Collects what a [`Durable`] needs: a store, and the tasks registered here.
#[derive(Debug)]
pub struct DurableBuilder<State = ()> {
    store: Option<Arc<dyn Store>>,
    queue: String,
    defaults: SpawnDefaults,
    payload_limit: usize,
    registry: Registry<State>,
}

impl<State> Default for DurableBuilder<State> {
    fn default() -> Self {
        Self {
            store: None,
            queue: "default".to_owned(),
            defaults: SpawnDefaults::default(),
            payload_limit: DEFAULT_PAYLOAD_LIMIT,
            registry: Registry::default(),
        }
    }
}

impl<State: Clone + Send + Sync + 'static> DurableBuilder<State> {
    /// The store. Required.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// The queue that tasks are spawned into and claimed from; `default` unless set.
    pub fn queue_name(mut self, name: impl Into<String>) -> Self {
        self.queue = name.into();
        self
    }

    /// After how many attempts tasks fail for good unless their spawn says otherwise; 5 unless set.
    pub fn default_max_attempts(mut self, attempts: u32) -> Self {
        self.defaults.max_attempts = attempts;
        self
    }

    /// When failed attempts are followed by the next unless their spawn says otherwise; after 5 s unless set.
    pub fn default_retry_strategy(mut self, strategy: RetryStrategy) -> Self {
        self.defaults.retry_strategy = strategy;
        self
    }

    /// When tasks are cancelled by themselves unless their spawn says otherwise; never unless set.
    pub fn default_cancellation(mut self, policy: CancellationPolicy) -> Self {
        self.defaults.cancellation = policy;
        self
    }

    /// The largest payload, in bytes of JSON; 4 MiB unless set.
    pub fn payload_limit(mut self, bytes: usize) -> Self {
        self.payload_limit = bytes;
        self
    }

    /// Registers a task by its type.
    ///
    /// # Errors
    ///
    /// `AlreadyRegistered` for a name that is taken; `Invalid` for a name that breaks a rule.
    pub fn register<T: Task<State> + Default>(self) -> DurableResult<Self> {
        self.register_instance(T::default())
    }

    /// Registers a task that has data of its own.
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register).
    pub fn register_instance<T: Task<State>>(mut self, task: T) -> DurableResult<Self> {
        self.registry.register(task)?;
        Ok(self)
    }

    /// Makes the client, with the application's state for its tasks. It touches no store.
    ///
    /// # Errors
    ///
    /// `Setup` without a store; `Invalid` for a queue name that breaks a rule.
    pub fn build_with_state(self, state: State) -> DurableResult<Durable<State>> {
        let store = self.store.ok_or_else(|| DurableError::Setup("the builder was given no store".into()))?;
        let rules = SpawnRules { defaults: self.defaults, payload_limit: self.payload_limit };
        let queue = QueueName::new(self.queue)?;
        Ok(Durable(Arc::new(Inner {
            store,
            queue,
            rules,
            registry: Arc::new(self.registry),
            state,
            ends: Arc::default(),
        })))
    }
}

impl DurableBuilder<()> {
    /// Makes a client whose tasks have no state. It touches no store.
    ///
    /// # Errors
    ///
    /// As [`build_with_state`](Self::build_with_state).
    pub fn build(self) -> DurableResult<Durable<()>> {
        self.build_with_state(())
    }
}
