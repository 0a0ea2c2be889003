//! Children: tasks that a task spawns and joins.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as JsonValue;
use serde_json::value::RawValue;

use super::keys::check_user_name;
use super::{TaskContext, TaskHandle, unexpected, value_of};
use crate::error::{DurableError, TaskError, TaskResult};
use crate::model::{CheckpointKind, End, Failure, Payload, StepKey, TaskId, TaskName};
use crate::options::{SpawnOptions, join_key};
use crate::run::{Need, Saved};
use crate::store::{Effect, NewTask, NewWait, WaitSource};
use crate::task::Task;
use crate::worker::TaskFailure;

/// The most children that one checkpoint spawns.
const CHUNK: usize = 500;
/// The most bytes of their params. Part of what decides keys, so never changed.
const CHUNK_BYTES: usize = 8 << 20;

impl<State: Clone + Send + Sync + 'static> TaskContext<State> {
    /// Spawns a child. The child and the checkpoint are one atomic write, so a replay gets the same child.
    ///
    /// ```
    /// # use durable_core::{SpawnOptions, Task, TaskContext, TaskResult};
    /// # use std::borrow::Cow;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Item { id: u32 }
    /// # #[derive(Default)] struct ProcessItem;
    /// # #[async_trait::async_trait] impl Task for ProcessItem {
    /// #     fn name(&self) -> Cow<'static, str> { "process-item".into() }
    /// #     type Params = Item;
    /// #     type Output = u32;
    /// #     async fn run(&self, item: Item, _: TaskContext, _: ()) -> TaskResult<u32> { Ok(item.id) }
    /// # }
    /// # async fn run(mut ctx: TaskContext) -> TaskResult<()> {
    /// let h1 = ctx.spawn::<ProcessItem>("item-1", Item { id: 1 }, Default::default()).await?;
    /// let h2 = ctx
    ///     .spawn::<ProcessItem>(
    ///         "item-2",
    ///         Item { id: 2 },
    ///         SpawnOptions { max_attempts: Some(3), ..Default::default() },
    ///     )
    ///     .await?;
    /// let local: i32 = ctx.step("local-work", (), |(), _| async { Ok(1) }).await?;
    /// let r1: u32 = ctx.join(h1).await?;
    /// let r2: u32 = ctx.join(h2).await?;
    /// # let _ = (local, r1, r2); Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// `Validation` for a reserved name, options that break a rule (an idempotency key among them) or params that are
    /// too large; `SubtaskSpawnFailed` when the store cannot, or takes no children.
    pub async fn spawn<T>(
        &mut self,
        name: &str,
        params: T::Params,
        options: SpawnOptions,
    ) -> TaskResult<TaskHandle<T::Output>>
    where
        T: Task<State> + Default,
    {
        let task = TaskName::new(T::default().name())?;
        self.spawn_one(name, task, &params, &options).await
    }

    /// Spawns a child by the name it is registered under.
    ///
    /// ```
    /// # use durable_core::{TaskContext, TaskHandle, TaskResult};
    /// # async fn run(mut ctx: TaskContext) -> TaskResult<()> {
    /// let child: TaskHandle<u32> = ctx
    ///     .spawn_by_name("item-1", "process-item", serde_json::json!({ "id": 1 }), Default::default())
    ///     .await?;
    /// let result: u32 = ctx.join(child).await?;
    /// # let _ = result; Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`spawn`](TaskContext::spawn); `Validation` when no such task is registered here or the params are not its
    /// own.
    pub async fn spawn_by_name<T: DeserializeOwned>(
        &mut self,
        name: &str,
        task_name: &str,
        params: JsonValue,
        options: SpawnOptions,
    ) -> TaskResult<TaskHandle<T>> {
        let task = self.registry.validate(task_name, &params).map_err(invalid)?;
        self.spawn_one(name, task, &params, &options).await
    }

    /// Spawns a child for each of `params`, in checkpoints of at most 500 children.
    ///
    /// # Errors
    ///
    /// As [`spawn`](TaskContext::spawn).
    pub async fn spawn_many<T>(
        &mut self,
        name: &str,
        params: Vec<T::Params>,
        options: SpawnOptions,
    ) -> TaskResult<Vec<TaskHandle<T::Output>>>
    where
        T: Task<State> + Default,
    {
        check_user_name("spawn", name)?;
        let task = TaskName::new(T::default().name())?;
        let payloads = params.iter().map(|params| self.params(params)).collect::<TaskResult<Vec<_>>>()?;
        let mut handles = Vec::with_capacity(payloads.len());
        for chunk in chunks(&payloads) {
            let chunk = payloads.get(chunk).unwrap_or_default();
            let key = self.keys.next(&format!("$spawn:{name}"), &raw_values(chunk)?)?;
            let children = self.spawn_children(name, key, &task, chunk, &options).await?;
            handles.extend(children.into_iter().map(|child| TaskHandle::new(child, name)));
        }
        Ok(handles)
    }

    async fn spawn_one<P: Serialize + ?Sized, T>(
        &mut self,
        name: &str,
        task: TaskName,
        params: &P,
        options: &SpawnOptions,
    ) -> TaskResult<TaskHandle<T>> {
        check_user_name("spawn", name)?;
        let payload = self.params(params)?;
        let key = self.keys.next(&format!("$spawn:{name}"), params)?;
        let children = self.spawn_children(name, key.clone(), &task, &[payload], options).await?;
        let child = children.first().copied().ok_or_else(|| unexpected(&key))?;
        Ok(TaskHandle::new(child, name))
    }

    fn params<P: Serialize + ?Sized>(&self, params: &P) -> TaskResult<Payload> {
        Ok(Payload::of(params, self.run.rules.payload_limit)?)
    }

    /// Spawns the children of one checkpoint, or finds them stored.
    async fn spawn_children(
        &mut self,
        name: &str,
        key: StepKey,
        task: &TaskName,
        params: &[Payload],
        options: &SpawnOptions,
    ) -> TaskResult<Vec<TaskId>> {
        if let Some(stored) = self.recall(&key, CheckpointKind::Spawn)? {
            return Ok(stored);
        }
        let child = |params: &Payload| self.run.rules.child(task.clone(), params.clone(), options);
        let children = params.iter().map(child).collect::<Result<Vec<_>, _>>().map_err(invalid)?;
        let ids: Vec<TaskId> = children.iter().map(|child| child.id).collect();
        let payload = Payload::of(&ids, usize::MAX)?;
        let _operation = self.run.operation();
        let stored: Vec<TaskId> = self.save_children(name, key, payload, children).await?;
        for child in &stored {
            self.run.add_child(*child);
        }
        Ok(stored)
    }

    async fn save_children(
        &self,
        name: &str,
        key: StepKey,
        ids: Payload,
        children: Vec<NewTask>,
    ) -> TaskResult<Vec<TaskId>> {
        let failed = |error| TaskError::SubtaskSpawnFailed { name: name.to_owned(), error };
        let effect = Effect::Spawn(children);
        match self.save(key.clone(), CheckpointKind::Spawn, ids, Duration::ZERO, effect).await {
            Ok(Saved::Stored(end)) => value_of(&key, end),
            Ok(Saved::QueueClosed) => {
                Err(failed(anyhow::anyhow!("the queue is sealed: it takes no new tasks")))
            }
            Err(TaskError::Store(error)) => Err(failed(error.into())),
            Err(error) => Err(error),
        }
    }

    /// Waits for a child to end, and gives its result.
    ///
    /// # Errors
    ///
    /// `ChildFailed` and `ChildCancelled`, as the child ended; `Validation` for a task that is not this task's child;
    /// `Serialization` when the result is not a `T`.
    pub async fn join<T: DeserializeOwned>(&mut self, handle: TaskHandle<T>) -> TaskResult<T> {
        let wait = self.child_wait(&handle)?;
        let key = wait.key.clone();
        let (end, _) = self.wait(wait).await?;
        child_result(&handle.name, &key, end)
    }

    /// Waits for all of these children to end, and gives a result for each, in order. The task rests on up to 500 of
    /// them at a time, and wakes once for those.
    ///
    /// # Errors
    ///
    /// `Validation` when one of them is not this task's child. How a child ended is in its own result.
    pub async fn join_all<T: DeserializeOwned>(
        &mut self,
        handles: Vec<TaskHandle<T>>,
    ) -> TaskResult<Vec<TaskResult<T>>> {
        let waits = handles.iter().map(|handle| self.child_wait(handle)).collect::<TaskResult<Vec<_>>>()?;
        let keys: Vec<StepKey> = waits.iter().map(|wait| wait.key.clone()).collect();
        // A child that is listed twice ends once.
        let mut seen = HashSet::new();
        let waits = waits.into_iter().filter(|wait| seen.insert(wait.key.clone())).collect();
        self.run.wait(waits, Need::All).await?;
        let result = |(handle, key): (&TaskHandle<T>, &StepKey)| match self.run.end(key) {
            Some((end, _)) => child_result(&handle.name, key, end),
            None => Err(unexpected(key)),
        };
        Ok(handles.iter().zip(&keys).map(result).collect())
    }

    /// A wait for a child of this task.
    pub(super) fn child_wait<T>(&self, handle: &TaskHandle<T>) -> TaskResult<NewWait> {
        if !self.run.is_child(handle.task_id) {
            let message = format!("task {} is no child of task {}", handle.task_id, self.task_id);
            return Err(TaskError::Validation { message });
        }
        let key = join_key(handle.task_id).map_err(invalid)?;
        Ok(NewWait { key, source: WaitSource::Child(handle.task_id), deadline: None })
    }
}

/// A child's end as the result of its join.
pub(super) fn child_result<T: DeserializeOwned>(name: &str, key: &StepKey, end: End) -> TaskResult<T> {
    let step_name = name.to_owned();
    match end {
        End::Failed(failure) => Err(TaskError::ChildFailed { step_name, message: message_of(&failure) }),
        End::Cancelled(_) => Err(TaskError::ChildCancelled { step_name }),
        end => value_of(key, end),
    }
}

fn message_of(failure: &Failure) -> String {
    match failure {
        Failure::Reported(payload) => match payload.read::<TaskFailure>() {
            Ok(failure) => failure.message,
            Err(_) => "its failure cannot be read".to_owned(),
        },
        Failure::ClaimTimeout { worker, .. } => format!("its lease ran out on worker {worker}"),
        Failure::Corrupt { what } => format!("its record is corrupt: {what}"),
    }
}

/// Where to cut a list of params: the same params are always cut in the same places.
fn chunks(payloads: &[Payload]) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, payload) in payloads.iter().enumerate() {
        let size = payload.as_str().len();
        if at > start && (at - start == CHUNK || bytes + size > CHUNK_BYTES) {
            chunks.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < payloads.len() {
        chunks.push(start..payloads.len());
    }
    chunks
}

/// The params of a chunk as an array of JSON.
fn raw_values(payloads: &[Payload]) -> TaskResult<Vec<&RawValue>> {
    let raw = |payload| serde_json::from_str(Payload::as_str(payload));
    payloads.iter().map(raw).collect::<Result<_, _>>().map_err(|e| TaskError::Serialization(e.to_string()))
}

fn invalid(error: DurableError) -> TaskError {
    match error {
        DurableError::Store(error) => TaskError::Store(error),
        error => TaskError::validation(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_are_cut_by_number_and_by_bytes() {
        let small = vec![Payload::from_text("1"); 1_001];
        assert_eq!(chunks(&small), [0..500, 500..1_000, 1_000..1_001]);
        let large = vec![Payload::from_text("x".repeat(5 << 20)); 2];
        assert_eq!(chunks(&large), [0..1, 1..2]);
        assert!(chunks(&[]).is_empty());
    }
}
