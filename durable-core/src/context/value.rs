//! Values that a replay must see again: random numbers, times and ids.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use uuid::Uuid;

use super::TaskContext;
use crate::error::TaskResult;
use crate::model::CheckpointKind;
use crate::run::backoff::random_unit;

impl<State: Clone + Send + Sync + 'static> TaskContext<State> {
    /// A random number in [0, 1), stored.
    ///
    /// # Errors
    ///
    /// As any store operation.
    pub async fn rand(&mut self) -> TaskResult<f64> {
        self.value("$rand", random_unit).await
    }

    /// The time in UTC, stored: the store's time at the claim plus what has passed since.
    ///
    /// # Errors
    ///
    /// As any store operation.
    pub async fn now(&mut self) -> TaskResult<DateTime<Utc>> {
        let run = self.run.clone();
        self.value("$now", move || run.now().to_utc()).await
    }

    /// A new UUIDv7, stored.
    ///
    /// # Errors
    ///
    /// As any store operation.
    pub async fn uuid7(&mut self) -> TaskResult<Uuid> {
        self.value("$uuid7", Uuid::now_v7).await
    }

    async fn value<T: Serialize + DeserializeOwned>(
        &mut self,
        base: &str,
        make: impl FnOnce() -> T,
    ) -> TaskResult<T> {
        let key = self.keys.next(base, &())?;
        if let Some(stored) = self.recall(&key, CheckpointKind::Value)? {
            return Ok(stored);
        }
        let _operation = self.run.operation();
        self.store(key, CheckpointKind::Value, make(), Instant::now()).await
    }
}
