//! Spawning tasks.

use serde::Serialize;
use serde_json::Value as JsonValue;

use super::Durable;
use crate::error::{DurableError, DurableResult};
use crate::model::{TaskId, TaskName};
use crate::options::SpawnOptions;
use crate::run::backoff::repeat;
use crate::store::{MAX_BYTES, MAX_RECORDS, NewTask, SpawnAnswer, SpawnRequest, Spawned};
use crate::task::Task;

impl<State: Clone + Send + Sync + 'static> Durable<State> {
    /// Spawns a task with the client's defaults.
    ///
    /// # Errors
    ///
    /// As [`spawn_with`](Self::spawn_with).
    pub async fn spawn<T: Task<State> + Default>(&self, params: T::Params) -> DurableResult<TaskId> {
        Ok(self.spawn_with::<T>(params, SpawnOptions::default()).await?.task)
    }

    /// Spawns a task. With an idempotency key that the queue knows it is the first task of that key, and `created` is
    /// false.
    ///
    /// # Errors
    ///
    /// `Invalid`, `Payload` and `ReservedHeaderPrefix` before anything is written; `IdempotencyConflict`;
    /// `QueueClosed`; `Store`.
    pub async fn spawn_with<T: Task<State> + Default>(
        &self,
        params: T::Params,
        options: SpawnOptions,
    ) -> DurableResult<Spawned> {
        self.spawn_one(self.prepare_task::<T>(&params, &options)?).await
    }

    /// Spawns a task that is registered here by its name, after its own check of the params.
    ///
    /// # Errors
    ///
    /// `NotRegistered`; `Params`; and as [`spawn_with`](Self::spawn_with).
    pub async fn spawn_by_name(
        &self,
        name: &str,
        params: JsonValue,
        options: SpawnOptions,
    ) -> DurableResult<Spawned> {
        let name = self.0.registry.validate(name, &params)?;
        self.spawn_one(self.new_task(name, &params, &options)?).await
    }

    /// Spawns a task that another process has registered. Nothing checks that it exists or takes these params.
    ///
    /// # Errors
    ///
    /// As [`spawn_with`](Self::spawn_with).
    pub async fn spawn_by_name_unchecked(
        &self,
        name: &str,
        params: JsonValue,
        options: SpawnOptions,
    ) -> DurableResult<Spawned> {
        self.spawn_one(self.new_task(TaskName::new(name)?, &params, &options)?).await
    }

    /// Spawns a task for each of `params`, in order. Up to 1,000 tasks and 8 MiB of params are spawned all or none;
    /// more go in several such calls.
    ///
    /// # Errors
    ///
    /// As [`spawn_with`](Self::spawn_with); bad input is found before anything is written.
    pub async fn spawn_many<T: Task<State> + Default>(
        &self,
        params: Vec<(T::Params, SpawnOptions)>,
    ) -> DurableResult<Vec<Spawned>> {
        let mut spawned = Vec::with_capacity(params.len());
        for request in self.prepare_many::<T>(&params)? {
            spawned.extend(self.send(&request).await?);
        }
        Ok(spawned)
    }

    /// Makes the request of a spawn without sending it: for stores that spawn in the caller's own transaction.
    ///
    /// # Errors
    ///
    /// `Invalid`, `Payload` and `ReservedHeaderPrefix`.
    pub fn prepare<T: Task<State> + Default>(
        &self,
        params: &T::Params,
        options: &SpawnOptions,
    ) -> DurableResult<SpawnRequest> {
        let task = self.prepare_task::<T>(params, options)?;
        Ok(SpawnRequest::new(self.0.queue.clone(), vec![task]))
    }

    /// Makes the requests of many spawns without sending them: each of up to 1,000 tasks and 8 MiB of params.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    pub fn prepare_many<T: Task<State> + Default>(
        &self,
        params: &[(T::Params, SpawnOptions)],
    ) -> DurableResult<Vec<SpawnRequest>> {
        let prepare = |(params, options): &(T::Params, SpawnOptions)| self.prepare_task::<T>(params, options);
        let tasks = params.iter().map(prepare).collect::<DurableResult<Vec<_>>>()?;
        let request = |batch| SpawnRequest::new(self.0.queue.clone(), batch);
        Ok(batches(tasks).into_iter().map(request).collect())
    }

    fn prepare_task<T: Task<State> + Default>(
        &self,
        params: &T::Params,
        options: &SpawnOptions,
    ) -> DurableResult<NewTask> {
        self.new_task(TaskName::new(T::default().name())?, params, options)
    }

    fn new_task<P: Serialize>(
        &self,
        name: TaskName,
        params: &P,
        options: &SpawnOptions,
    ) -> DurableResult<NewTask> {
        let params = self.0.rules.payload("params", params)?;
        self.0.rules.root(name, params, options)
    }

    async fn spawn_one(&self, task: NewTask) -> DurableResult<Spawned> {
        let spawned = self.send(&SpawnRequest::new(self.0.queue.clone(), vec![task])).await?;
        spawned.first().copied().ok_or_else(|| DurableError::Setup("the store spawned nothing".into()))
    }

    async fn send(&self, request: &SpawnRequest) -> DurableResult<Vec<Spawned>> {
        let answer = repeat(|| self.0.store.spawn(request.clone())).await?;
        request.spawned(answer)
    }
}

impl SpawnRequest {
    /// The tasks of an answer to this request.
    ///
    /// # Errors
    ///
    /// `IdempotencyConflict`; `QueueClosed`.
    pub fn spawned(&self, answer: SpawnAnswer) -> DurableResult<Vec<Spawned>> {
        let key = |index: usize| {
            let idempotency = self.tasks.get(index).and_then(|task| task.idempotency.as_ref());
            idempotency.map(|idempotency| idempotency.key.to_string()).unwrap_or_default()
        };
        match answer {
            SpawnAnswer::Spawned(spawned) => Ok(spawned),
            SpawnAnswer::Conflict { existing, index } => {
                Err(DurableError::IdempotencyConflict { key: key(index), existing })
            }
            SpawnAnswer::QueueClosed => Err(DurableError::QueueClosed),
        }
    }
}

fn batches(tasks: Vec<NewTask>) -> Vec<Vec<NewTask>> {
    let mut batches: Vec<Vec<NewTask>> = Vec::new();
    let mut bytes = 0;
    for task in tasks {
        let size = task.params.as_str().len() + task.headers.as_str().len();
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_RECORDS && bytes + size <= MAX_BYTES => {
                bytes += size;
                batch.push(task);
            }
            _ => {
                bytes = size;
                batches.push(vec![task]);
            }
        }
    }
    batches
}
