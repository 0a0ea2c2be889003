//! What a user writes.

use std::borrow::Cow;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as JsonValue;

use crate::context::TaskContext;
use crate::error::{TaskError, TaskResult};

/// A durable function, registered under a name.
///
/// `State` is the application's own (clients, pools), cloned into every run.
#[async_trait]
pub trait Task<State = ()>: Send + Sync + 'static
where
    State: Clone + Send + Sync + 'static,
{
    /// The name that tasks are stored under: 1 to 255 bytes without control characters. It must not change while
    /// tasks of this name are live.
    fn name(&self) -> Cow<'static, str>;

    /// What the function takes.
    type Params: Serialize + DeserializeOwned + Send + 'static;
    /// What the function returns.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Checks params that come as JSON, before anything is written.
    ///
    /// # Errors
    ///
    /// When they are not what the function takes.
    fn validate_params(&self, params: &JsonValue) -> TaskResult<()> {
        match <Self::Params as serde::Deserialize>::deserialize(params) {
            Ok(_) => Ok(()),
            Err(error) => Err(TaskError::Validation { message: error.to_string() }),
        }
    }

    /// Whether a replay that asks for stored results in another order, or not for all of them, fails the task. By
    /// default it is a warning in the log.
    fn strict(&self) -> bool {
        false
    }

    /// The function. It may run many times; what its context has stored is not done again.
    async fn run(
        &self,
        params: Self::Params,
        ctx: TaskContext<State>,
        state: State,
    ) -> TaskResult<Self::Output>;
}
