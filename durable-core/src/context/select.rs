//! Select: the first of several waits.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::child::child_result;
use super::keys::check_user_name;
use super::{TaskContext, TaskHandle, unexpected, value_of};
use crate::error::{TaskError, TaskResult};
use crate::model::{CheckpointKind, Deadline, End, Millis, StepKey, TaskId, Timestamp};
use crate::run::Need;
use crate::store::{NewWait, WaitSource};

/// One of the waits of a [`select`](TaskContext::select).
#[derive(Debug, Clone)]
pub struct Select(Arm);

#[derive(Debug, Clone)]
enum Arm {
    Event { name: String },
    Sleep { name: String, duration: Duration },
    Until { name: String, instant: DateTime<Utc> },
    Child { child: TaskId, name: String },
}

impl Select {
    /// An event of the task's queue.
    pub fn event(name: impl Into<String>) -> Self {
        Self(Arm::Event { name: name.into() })
    }

    /// A timer that ends so long after the first call.
    pub fn timer(name: impl Into<String>, duration: Duration) -> Self {
        Self(Arm::Sleep { name: name.into(), duration })
    }

    /// A timer that ends at an instant of the store's clock.
    pub fn timer_until(name: impl Into<String>, instant: DateTime<Utc>) -> Self {
        Self(Arm::Until { name: name.into(), instant })
    }

    /// The end of a child.
    pub fn child<T>(handle: &TaskHandle<T>) -> Self {
        Self(Arm::Child { child: handle.task_id, name: handle.name.clone() })
    }

    fn name(&self) -> &str {
        match &self.0 {
            Arm::Event { name }
            | Arm::Sleep { name, .. }
            | Arm::Until { name, .. }
            | Arm::Child { name, .. } => name,
        }
    }
}

/// What a [`select`](TaskContext::select) picked.
#[derive(Debug, Clone)]
pub struct Selected {
    /// Which of the waits, from 0, as they were listed.
    pub index: usize,
    name: String,
    key: StepKey,
    end: End,
}

impl Selected {
    /// The name of the wait: the event's, the timer's or the child's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The event's payload or the child's result.
    ///
    /// # Errors
    ///
    /// As [`join`](TaskContext::join) for a child; `Timeout` for a timer, which has no value; `Serialization` when the
    /// value is not a `T`.
    pub fn value<T: DeserializeOwned>(self) -> TaskResult<T> {
        match self.end {
            End::Timeout => Err(TaskError::Timeout { step_name: self.name }),
            end => child_result(&self.name, &self.key, end),
        }
    }
}

impl<State: Clone + Send + Sync + 'static> TaskContext<State> {
    /// Waits for the first of several waits: the earliest end by the store's time (a timer's is its deadline), ties as
    /// listed. The choice is stored, so a replay picks the same; the others still stand.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use durable_core::{Select, TaskContext, TaskResult};
    /// # async fn run(mut ctx: TaskContext) -> TaskResult<()> {
    /// let first = ctx
    ///     .select("answer", [Select::event("approved"), Select::timer("patience", Duration::from_secs(60))])
    ///     .await?;
    /// let approved_by: Option<String> = if first.index == 0 { Some(first.value()?) } else { None };
    /// # let _ = approved_by; Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// `Validation` for no waits at all, reserved names, and tasks that are not this task's children.
    pub async fn select(
        &mut self,
        name: &str,
        waits: impl IntoIterator<Item = Select>,
    ) -> TaskResult<Selected> {
        check_user_name("select", name)?;
        let arms: Vec<Select> = waits.into_iter().collect();
        let key = self.keys.next(&format!("$select:{name}"), &())?;
        let waits = arms.iter().map(|arm| self.arm_wait(arm)).collect::<TaskResult<Vec<_>>>()?;
        if waits.is_empty() {
            return Err(TaskError::validation(format!("select `{name}` has nothing to wait for")));
        }
        let keys: Vec<StepKey> = waits.iter().map(|wait| wait.key.clone()).collect();
        let index = self.pick(key.clone(), waits).await?;
        let picked = arms.get(index).zip(keys.get(index));
        let (arm, arm_key) = picked.ok_or_else(|| unexpected(&key))?;
        let (end, _) = self.run.end(arm_key).ok_or_else(|| unexpected(arm_key))?;
        Ok(Selected { index, name: arm.name().to_owned(), key: arm_key.clone(), end })
    }

    /// Which of the waits comes first: as stored, or as it is decided and stored now.
    async fn pick(&self, key: StepKey, waits: Vec<NewWait>) -> TaskResult<usize> {
        self.run.check_live()?;
        if let Some((end, _)) = self.run.end(&key) {
            return value_of(&key, end);
        }
        let keys: Vec<StepKey> = waits.iter().map(|wait| wait.key.clone()).collect();
        self.run.wait(waits, Need::Earliest).await?;
        let ended = |(index, key): (usize, &StepKey)| self.run.end(key).map(|(_, at)| (at, index));
        let first: Option<(Timestamp, usize)> = keys.iter().enumerate().filter_map(ended).min();
        let (_, index) = first.ok_or_else(|| unexpected(&key))?;
        let _operation = self.run.operation();
        self.store(key, CheckpointKind::Select, index, Instant::now()).await
    }

    fn arm_wait(&self, arm: &Select) -> TaskResult<NewWait> {
        let timer = |name: &str, deadline| {
            check_user_name("timer", name)?;
            let key = self.keys.next(name, &())?;
            Ok(NewWait { key, source: WaitSource::Time, deadline: Some(deadline) })
        };
        match &arm.0 {
            Arm::Event { name } => self.event_wait(name, None),
            Arm::Sleep { name, duration } => timer(name, Deadline::After(Millis::at_least(*duration)?)),
            Arm::Until { name, instant } => timer(name, Deadline::At(Timestamp::at_or_after(*instant))),
            Arm::Child { child, name } => self.child_wait(&TaskHandle::<()>::new(*child, name)),
        }
    }
}
