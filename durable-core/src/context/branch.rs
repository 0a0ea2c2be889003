//! Branches: concurrent parts of a body, each with keys of its own.

use super::TaskContext;
use crate::error::TaskResult;

impl<State: Clone + Send + Sync + 'static> TaskContext<State> {
    /// An owned context with keys of its own, for a part of the body that runs beside others.
    ///
    /// ```
    /// # use durable_core::{TaskContext, TaskResult};
    /// # async fn run(mut ctx: TaskContext) -> TaskResult<()> {
    /// let (mut left, mut right) = (ctx.branch("left")?, ctx.branch("right")?);
    /// let (a, b) = tokio::join!(
    ///     left.step("work", 1, |n, _| async move { Ok(n + 1) }),
    ///     right.step("work", 1, |n, _| async move { Ok(n * 10) }),
    /// );
    /// # let _: (i32, i32) = (a?, b?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// `Validation` for a name that is empty, starts with `$` or has a `/`.
    pub fn branch(&mut self, name: &str) -> TaskResult<Self> {
        Ok(Self {
            task_id: self.task_id,
            run_id: self.run_id,
            attempt: self.attempt,
            headers: self.headers.clone(),
            keys: self.keys.branch(name)?,
            run: self.run.clone(),
            registry: self.registry.clone(),
            state: self.state.clone(),
        })
    }
}
