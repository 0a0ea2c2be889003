//! What a task's body is given: operations whose results are stored, so that they are not done again.

mod branch;
mod child;
mod event;
mod handle;
mod heartbeat;
mod keys;
mod select;
mod sleep;
mod step;
mod value;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as JsonValue;
use tokio::time::Instant;

pub use self::handle::TaskHandle;
pub use self::heartbeat::{HeartbeatHandle, Heartbeater, NoopHeartbeater};
use self::keys::Keys;
pub(crate) use self::keys::user_event;
pub use self::select::{Select, Selected};
pub use self::step::StepState;
use crate::error::{TaskError, TaskResult};
use crate::model::{CheckpointKind, End, Payload, RunId, StepKey, TaskId, Timestamp};
use crate::registry::Registry;
use crate::run::{Need, Run, Saved};
use crate::store::{Effect, NewWait};

/// The durable side of a running task.
///
/// What an operation gives is stored under a key of its name and params, and a later attempt, or the same one after
/// a rest, gets it from there. Keyed methods take `&mut self`, so a context runs one at a time: concurrent parts of a
/// body each take a [`branch`](TaskContext::branch).
///
/// While a body waits for its context alone it is not in memory, and neither is what else it awaits: a timer of the runtime
/// around a wait does not fire then. Give the wait its own timeout, or [`select`](TaskContext::select) it with a
/// [`timer`](Select::timer).
pub struct TaskContext<State = ()> {
    /// The task.
    pub task_id: TaskId,
    /// This attempt at it. It names the attempt and authorises nothing.
    pub run_id: RunId,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    headers: Arc<HashMap<String, JsonValue>>,
    keys: Keys,
    run: Arc<Run>,
    registry: Arc<Registry<State>>,
    state: State,
}

impl<State> fmt::Debug for TaskContext<State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TaskContext");
        shown.field("task_id", &self.task_id).field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

impl<State: Clone + Send + Sync + 'static> TaskContext<State> {
    pub(crate) fn new(
        (task_id, run_id, attempt): (TaskId, RunId, i32),
        headers: HashMap<String, JsonValue>,
        run: Arc<Run>,
        registry: Arc<Registry<State>>,
        state: State,
    ) -> Self {
        let headers = Arc::new(headers);
        Self { task_id, run_id, attempt, headers, keys: Keys::default(), run, registry, state }
    }

    /// The headers the task was spawned with.
    pub fn headers(&self) -> &HashMap<String, JsonValue> {
        &self.headers
    }

    /// What is stored under a key, read as `T`.
    fn recall<T: DeserializeOwned>(&self, key: &StepKey, kind: CheckpointKind) -> TaskResult<Option<T>> {
        match self.run.recall(key, kind)? {
            Some(end) => value_of(key, end).map(Some),
            None => Ok(None),
        }
    }

    /// Stores a value that was made since `started`, and gives what a replay will get: the value as it reads back. One that
    /// does not is refused before it is written. Another that is stored already wins.
    async fn store<T: Serialize + DeserializeOwned>(
        &self,
        key: StepKey,
        kind: CheckpointKind,
        value: T,
        started: Instant,
    ) -> TaskResult<T> {
        let payload = Payload::of(&value, self.run.rules.payload_limit)?;
        let value = value_of(&key, End::Value(payload.clone()))?;
        let saved = self.save(key.clone(), kind, payload.clone(), started.elapsed(), Effect::None).await?;
        match saved {
            Saved::Stored(End::Value(stored)) if stored == payload => Ok(value),
            Saved::Stored(end) => value_of(&key, end),
            Saved::QueueClosed => Err(unexpected(&key)),
        }
    }

    async fn save(
        &self,
        key: StepKey,
        kind: CheckpointKind,
        payload: Payload,
        took: Duration,
        effect: Effect,
    ) -> TaskResult<Saved> {
        self.run.check_live()?;
        let saved = self.run.save(key, kind, payload, took, effect).await;
        saved.map_err(|error| self.run.refused(error))
    }

    /// Waits for one wait to end.
    async fn wait(&self, wait: NewWait) -> TaskResult<(End, Timestamp)> {
        let key = wait.key.clone();
        self.run.check_live()?;
        self.run.wait(vec![wait], Need::Any).await?;
        self.run.end(&key).ok_or_else(|| unexpected(&key))
    }
}

/// Reads the value of an end that can only be one.
fn value_of<T: DeserializeOwned>(key: &StepKey, end: End) -> TaskResult<T> {
    match end {
        End::Value(payload) => payload
            .read()
            .map_err(|error| TaskError::Serialization(format!("what is stored under `{key}`: {error}"))),
        End::Timeout | End::Failed(_) | End::Cancelled(_) => Err(unexpected(key)),
    }
}

fn unexpected(key: &StepKey) -> TaskError {
    TaskError::validation(format!("what is stored under `{key}` is of another kind"))
}
