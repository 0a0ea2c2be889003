//! Sleeps: waits for time alone.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::TaskContext;
use super::keys::check_user_name;
use crate::error::TaskResult;
use crate::model::{Deadline, Millis, Timestamp};
use crate::store::{NewWait, WaitSource};

impl<State: Clone + Send + Sync + 'static> TaskContext<State> {
    /// Sleeps for a duration. The wake time is fixed by the store's clock at the first call and kept over retries;
    /// a task that sleeps holds no lease and costs no worker.
    ///
    /// # Errors
    ///
    /// `Validation` for a reserved name or a duration of more than 10,000 years.
    pub async fn sleep_for(&mut self, name: &str, duration: Duration) -> TaskResult<()> {
        let deadline = Deadline::After(Millis::at_least(duration)?);
        self.sleep(name, deadline).await
    }

    /// Sleeps until an instant of the store's clock; one that has passed is no sleep.
    ///
    /// # Errors
    ///
    /// `Validation` for a reserved name.
    pub async fn sleep_until(&mut self, name: &str, instant: DateTime<Utc>) -> TaskResult<()> {
        self.sleep(name, Deadline::At(Timestamp::at_or_after(instant))).await
    }

    async fn sleep(&mut self, name: &str, deadline: Deadline) -> TaskResult<()> {
        check_user_name("sleep", name)?;
        let key = self.keys.next(name, &())?;
        self.wait(NewWait { key, source: WaitSource::Time, deadline: Some(deadline) }).await?;
        Ok(())
    }
}
