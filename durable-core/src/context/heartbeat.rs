//! Heartbeats: a longer lease for long work. They are no operations: they neither hold a run nor are stored.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::TaskContext;
use crate::error::{TaskError, TaskResult};
use crate::model::Lease;
use crate::run::Run;

/// The shortest lease that a heartbeat asks for.
const SHORTEST: Duration = Duration::from_secs(1);

/// Extends the lease of the task it belongs to. Code that takes one can be tested with [`NoopHeartbeater`].
#[async_trait]
pub trait Heartbeater: Send + Sync {
    /// Makes the lease hold for `duration` from now, at least; `None` for the worker's lease.
    ///
    /// # Errors
    ///
    /// `Validation` for less than a second; `Control` when the run is over.
    async fn heartbeat(&self, duration: Option<Duration>) -> TaskResult<()>;
}

/// A heartbeater that can be cloned and sent elsewhere; after its run it answers `Control`.
#[derive(Debug, Clone)]
pub struct HeartbeatHandle(Arc<Run>);

#[async_trait]
impl Heartbeater for HeartbeatHandle {
    async fn heartbeat(&self, duration: Option<Duration>) -> TaskResult<()> {
        let lease = match duration {
            None => self.0.owner.lease,
            Some(duration) if duration < SHORTEST => {
                return Err(TaskError::validation("a heartbeat of less than a second"));
            }
            Some(duration) => Lease::new(duration)?,
        };
        self.0.check_live()?;
        self.0.extend(lease).await.map_err(|error| self.0.refused(error))?;
        Ok(())
    }
}

/// A heartbeater that does nothing, for tests of steps.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopHeartbeater;

#[async_trait]
impl Heartbeater for NoopHeartbeater {
    async fn heartbeat(&self, _: Option<Duration>) -> TaskResult<()> {
        Ok(())
    }
}

impl<State: Clone + Send + Sync + 'static> TaskContext<State> {
    /// Makes the lease hold for `duration` from now, at least; `None` for the worker's lease.
    ///
    /// # Errors
    ///
    /// `Validation` for less than a second; `Control` when the run is over.
    pub async fn heartbeat(&self, duration: Option<Duration>) -> TaskResult<()> {
        self.heartbeat_handle().heartbeat(duration).await
    }

    /// A heartbeater for code that runs beside the body.
    pub fn heartbeat_handle(&self) -> HeartbeatHandle {
        HeartbeatHandle(self.run.clone())
    }
}
