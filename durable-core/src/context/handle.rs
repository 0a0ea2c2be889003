//! Handles on children.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::model::TaskId;

/// A child that was spawned, typed by its output. It can be stored and joined in a later run.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct TaskHandle<T> {
    /// The child.
    pub task_id: TaskId,
    /// The name of its spawn.
    pub name: String,
    #[serde(skip)]
    output: PhantomData<fn() -> T>,
}

impl<T> TaskHandle<T> {
    pub(super) fn new(task_id: TaskId, name: &str) -> Self {
        Self { task_id, name: name.to_owned(), output: PhantomData }
    }
}

impl<T> Clone for TaskHandle<T> {
    fn clone(&self) -> Self {
        Self::new(self.task_id, &self.name)
    }
}

impl<T> fmt::Debug for TaskHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskHandle({}, {})", self.name, self.task_id)
    }
}
