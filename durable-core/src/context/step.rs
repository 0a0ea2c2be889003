//! Steps: what is done once.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::keys::check_user_name;
use super::{Heartbeater, TaskContext};
use crate::error::{TaskError, TaskResult};
use crate::model::CheckpointKind;

/// What a step's function gets beside its params.
///
/// A step's function is an ordinary one, and so is its test:
///
/// ```
/// use std::sync::Arc;
///
/// use durable_core::{Heartbeater, NoopHeartbeater, StepState};
///
/// async fn import(rows: Vec<u32>, step: StepState<()>) -> anyhow::Result<u32> {
///     let mut sum = 0;
///     for row in rows {
///         sum += row;
///         step.heartbeater.heartbeat(None).await?;
///     }
///     Ok(sum)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let step = StepState { state: (), heartbeater: Arc::new(NoopHeartbeater) };
/// assert_eq!(import(vec![1, 2], step).await?, 3);
/// # anyhow::Ok(()) })?;
/// # anyhow::Ok(())
/// ```
pub struct StepState<State> {
    /// The application's state.
    pub state: State,
    /// Keeps the task's lease alive during a long step.
    pub heartbeater: Arc<dyn Heartbeater>,
}

impl<State> fmt::Debug for StepState<State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StepState")
    }
}

impl<State: Clone + Send + Sync + 'static> TaskContext<State> {
    /// Runs a function once and stores what it returns; from then on that is returned without running it.
    ///
    /// A function pointer captures nothing: what it reads is in `params`, and `params` are part of the step's key. If
    /// the process dies between the end of the function and the write of its result, the function runs again: use
    /// [`task_id`](TaskContext::task_id) as the idempotency key of what it does.
    ///
    /// ```
    /// # use durable_core::{TaskContext, TaskResult};
    /// # mod payments { pub async fn charge(_: &str) -> anyhow::Result<String> { Ok(String::new()) } }
    /// # async fn run(mut ctx: TaskContext) -> TaskResult<()> {
    /// let receipt: String = ctx
    ///     .step("charge-payment", ctx.task_id, |task_id, _step_state| async move {
    ///         let idempotency_key = format!("{task_id}:charge");
    ///         payments::charge(&idempotency_key).await
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// An error is not stored. A body that handles it and goes on will, in a replay, run the step again, and may take
    /// another path: where a refusal must be remembered, return it as a value, `Ok(Result<T, Refusal>)`.
    ///
    /// The task's lease (120 s unless the worker says otherwise) runs while the step does: a longer one needs heartbeats,
    /// or a worker that renews leases. Inside a step errors are `anyhow`'s; around it they are [`TaskError`]s.
    ///
    /// # Errors
    ///
    /// `Step` with what the function returned; `Validation` for a name that is reserved or a result that is too
    /// large; `Serialization` for a result that cannot be written or read.
    pub async fn step<T, P, Fut>(
        &mut self,
        name: &str,
        params: P,
        f: fn(P, StepState<State>) -> Fut,
    ) -> TaskResult<T>
    where
        T: Serialize + DeserializeOwned + Send,
        P: Serialize + Send,
        Fut: Future<Output = anyhow::Result<T>> + Send,
    {
        check_user_name("step", name)?;
        let key = self.keys.next(name, &params)?;
        if let Some(stored) = self.recall(&key, CheckpointKind::Step)? {
            return Ok(stored);
        }
        let _operation = self.run.operation();
        self.run.count_step();
        let started = Instant::now();
        let step_state =
            StepState { state: self.state.clone(), heartbeater: Arc::new(self.heartbeat_handle()) };
        let value = f(params, step_state)
            .await
            .map_err(|error| TaskError::Step { base_name: name.to_owned(), error })?;
        self.store(key, CheckpointKind::Step, value, started).await
    }
}
