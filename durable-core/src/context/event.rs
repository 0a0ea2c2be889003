//! Events: what a task waits for from outside, and what it tells others.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keys::user_event;
use super::{TaskContext, unexpected, value_of};
use crate::error::{TaskError, TaskResult};
use crate::model::{CheckpointKind, Deadline, EmitId, End, Millis, Payload};
use crate::run::Saved;
use crate::store::{Effect, EventWrite, NewWait, WaitSource};

impl<State: Clone + Send + Sync + 'static> TaskContext<State> {
    /// Waits for an event of the task's queue, at most for `timeout` from the first call on; `None` for as long as it
    /// takes. It returns at once when the event exists.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use durable_core::{TaskContext, TaskResult};
    /// # #[derive(serde::Deserialize)] struct ShipmentEvent { tracking: String }
    /// # async fn run(mut ctx: TaskContext, order_id: &str) -> TaskResult<String> {
    /// let shipment: ShipmentEvent = ctx
    ///     .await_event(&format!("packed:{order_id}"), Some(Duration::from_secs(7 * 24 * 3600)))
    ///     .await?;
    /// # Ok(shipment.tracking) }
    /// ```
    ///
    /// # Errors
    ///
    /// `Timeout`, decided once and stored; `Validation` for a reserved name; `Serialization` when the payload is not a
    /// `T`.
    pub async fn await_event<T: DeserializeOwned>(
        &mut self,
        name: &str,
        timeout: Option<Duration>,
    ) -> TaskResult<T> {
        let wait = self.event_wait(name, timeout)?;
        let key = wait.key.clone();
        match self.wait(wait).await? {
            (End::Timeout, _) => Err(TaskError::Timeout { step_name: name.to_owned() }),
            (end, _) => value_of(&key, end).map_err(|error| match error {
                TaskError::Serialization(why) => TaskError::Serialization(format!("event `{name}`: {why}")),
                error => error,
            }),
        }
    }

    /// A wait for an event under the next key of its name.
    pub(super) fn event_wait(&self, name: &str, timeout: Option<Duration>) -> TaskResult<NewWait> {
        let event = user_event(name)?;
        let deadline = timeout.map(Millis::at_least).transpose()?.map(Deadline::After);
        let key = self.keys.next(&format!("$awaitEvent:{name}"), &())?;
        Ok(NewWait { key, source: WaitSource::Event(event), deadline })
    }

    /// Emits an event to the task's queue, once: a replay does not emit again.
    ///
    /// # Errors
    ///
    /// `Validation` for a reserved name or a payload that is too large; `EmitEventFailed` when the store cannot.
    pub async fn emit_event<T: Serialize + ?Sized>(&self, name: &str, payload: &T) -> TaskResult<()> {
        let event = user_event(name)?;
        let key = self.keys.next(&format!("$emit:{name}"), &())?;
        if self.run.recall(&key, CheckpointKind::Emit)?.is_some() {
            return Ok(());
        }
        let payload = Payload::of(payload, self.run.rules.payload_limit)?;
        let write =
            EventWrite { name: event, payload, metadata: Payload::from_text("{}"), id: EmitId::new() };
        let _operation = self.run.operation();
        let null = Payload::from_text("null");
        let saved =
            self.save(key.clone(), CheckpointKind::Emit, null, Duration::ZERO, Effect::Emit(write)).await;
        match saved {
            Ok(Saved::Stored(_)) => Ok(()),
            Ok(Saved::QueueClosed) => Err(unexpected(&key)),
            Err(TaskError::Store(error)) => {
                Err(TaskError::EmitEventFailed { event_name: name.to_owned(), error: error.into() })
            }
            Err(error) => Err(error),
        }
    }
}
