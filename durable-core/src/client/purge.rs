//! What is old, and what there is.

use std::time::Duration;

use super::Durable;
use crate::error::DurableResult;
use crate::model::{EndState, Millis, TaskId, TaskName, TaskState};
use crate::run::backoff::repeat;
use crate::store::{Cursor, MAX_RECORDS, Page, PurgeRequest, TaskView, TasksRequest};

/// Which tasks to list; the default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only tasks in this state.
    pub state: Option<TaskState>,
    /// Only tasks with this name.
    pub name: Option<String>,
    /// Only children of this task.
    pub parent: Option<TaskId>,
}

impl<State: Clone + Send + Sync + 'static> Durable<State> {
    /// Removes tasks that ended, and events that were written, `age` ago or longer, in steps of a thousand; gives how many
    /// there were. Nothing is removed by itself; an event that is removed is not there for a task that comes later.
    ///
    /// # Errors
    ///
    /// `Invalid` for an age of more than 10,000 years; `Store`, with what was removed before it gone.
    pub async fn purge(&self, age: Duration) -> DurableResult<u64> {
        let states = vec![EndState::Completed, EndState::Failed, EndState::Cancelled];
        let limit = u32::try_from(MAX_RECORDS).unwrap_or(u32::MAX);
        let age = Millis::at_least(age)?;
        let request = PurgeRequest::new(self.0.queue.clone(), states, age, limit).with_events();
        let mut purged = 0;
        loop {
            let answer = repeat(|| self.0.store.purge(request.clone())).await?;
            purged += answer.purged;
            if !answer.more {
                return Ok(purged);
            }
        }
    }

    /// A page of the queue's tasks, oldest first. A page may be empty and still have a next one.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that breaks a rule; `Store`.
    pub async fn tasks(&self, filter: &TaskFilter, cursor: Option<Cursor>) -> DurableResult<Page<TaskView>> {
        let mut request = TasksRequest::new(self.0.queue.clone(), cursor);
        request.state = filter.state;
        request.name = filter.name.as_deref().map(TaskName::new).transpose()?;
        request.parent = filter.parent;
        Ok(repeat(|| self.0.store.tasks(request.clone())).await?)
    }
}
