//! The tasks that are registered here, by name.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value as JsonValue;

use crate::context::TaskContext;
use crate::error::{DurableError, DurableResult, TaskError, TaskResult};
use crate::model::{Payload, TaskName};
use crate::task::Task;

/// A task whose types are its own business.
pub(crate) trait ErasedTask<State>: Send + Sync {
    fn validate(&self, params: &JsonValue) -> TaskResult<()>;
    fn strict(&self) -> bool;
    /// Reads the params, runs the body and writes its output, at most `limit` bytes.
    fn run(
        self: Arc<Self>,
        params: Payload,
        ctx: TaskContext<State>,
        state: State,
        limit: usize,
    ) -> BoxFuture<'static, TaskResult<Payload>>;
}

struct Erased<T>(T);

impl<State, T> ErasedTask<State> for Erased<T>
where
    State: Clone + Send + Sync + 'static,
    T: Task<State>,
{
    fn validate(&self, params: &JsonValue) -> TaskResult<()> {
        self.0.validate_params(params)
    }

    fn strict(&self) -> bool {
        self.0.strict()
    }

    fn run(
        self: Arc<Self>,
        params: Payload,
        ctx: TaskContext<State>,
        state: State,
        limit: usize,
    ) -> BoxFuture<'static, TaskResult<Payload>> {
        Box::pin(async move {
            let params =
                params.read().map_err(|error| TaskError::Serialization(format!("params: {error}")))?;
            let output = self.0.run(params, ctx, state).await?;
            Ok(Payload::of(&output, limit)?)
        })
    }
}

/// Tasks by name.
pub(crate) struct Registry<State> {
    tasks: HashMap<TaskName, Arc<dyn ErasedTask<State>>>,
}

impl<State> Default for Registry<State> {
    fn default() -> Self {
        Self { tasks: HashMap::new() }
    }
}

impl<State> fmt::Debug for Registry<State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tasks.keys()).finish()
    }
}

impl<State: Clone + Send + Sync + 'static> Registry<State> {
    /// Registers a task under its name.
    pub(crate) fn register<T: Task<State>>(&mut self, task: T) -> DurableResult<()> {
        let name = TaskName::new(task.name())?;
        if self.tasks.contains_key(&name) {
            return Err(DurableError::AlreadyRegistered { name: name.to_string() });
        }
        self.tasks.insert(name, Arc::new(Erased(task)));
        Ok(())
    }

    pub(crate) fn names(&self) -> Vec<TaskName> {
        let mut names: Vec<_> = self.tasks.keys().cloned().collect();
        names.sort();
        names
    }

    pub(crate) fn get(&self, name: &TaskName) -> Option<Arc<dyn ErasedTask<State>>> {
        self.tasks.get(name).cloned()
    }

    /// Checks JSON params of a task that is registered here.
    pub(crate) fn validate(&self, name: &str, params: &JsonValue) -> DurableResult<TaskName> {
        let name = TaskName::new(name)?;
        let task = self.tasks.get(&name);
        let task = task.ok_or_else(|| DurableError::NotRegistered { name: name.to_string() })?;
        task.validate(params)
            .map_err(|error| DurableError::Params { task: name.to_string(), message: error.to_string() })?;
        Ok(name)
    }
}
