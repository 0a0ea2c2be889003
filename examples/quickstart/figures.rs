//! What the worker's runs did, counted as they end.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use durable::{RunEnding, RunObserver, RunReport, TaskId};

use crate::tasks::ProcessOrder;

/// The steps of one task, over all of its runs in this process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Steps {
    pub(crate) run: u32,
    pub(crate) replayed: u32,
}

/// All runs so far. A task that rests goes on in another run, so there are many more runs than attempts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Runs {
    pub(crate) all: u32,
    /// Runs that failed and are followed by another attempt.
    pub(crate) retried: u32,
    /// Runs that failed their task for good.
    pub(crate) failed: u32,
}

#[derive(Debug, Default)]
struct Counted {
    tasks: HashMap<TaskId, Steps>,
    orders_done: HashSet<TaskId>,
    runs: Runs,
}

/// Figures that grow while the worker works.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(Arc<Mutex<Counted>>);

impl Figures {
    /// What to give to the worker.
    pub(crate) fn observer(&self) -> RunObserver {
        let figures = self.clone();
        RunObserver::new(move |report| figures.count(report))
    }

    fn count(&self, report: &RunReport) {
        let mut counted = self.counted();
        counted.runs.all += 1;
        counted.runs.retried += u32::from(report.ending == RunEnding::Retrying);
        counted.runs.failed += u32::from(report.ending == RunEnding::Failed);
        let is_done =
            matches!(report.ending, RunEnding::Completed | RunEnding::Failed | RunEnding::Cancelled);
        if is_done && report.name.as_str() == ProcessOrder::NAME {
            counted.orders_done.insert(report.task);
        }
        let steps = counted.tasks.entry(report.task).or_default();
        steps.run += report.steps_run;
        steps.replayed += report.steps_replayed;
    }

    /// Takes orders that came to their end before this process.
    pub(crate) fn done_before(&self, orders: &[TaskId]) {
        self.counted().orders_done.extend(orders);
    }

    pub(crate) fn of(&self, task: TaskId) -> Steps {
        self.counted().tasks.get(&task).copied().unwrap_or_default()
    }

    /// How many orders have come to their end.
    pub(crate) fn orders_done(&self) -> usize {
        self.counted().orders_done.len()
    }

    /// How many of these orders have not come to their end.
    pub(crate) fn left_of(&self, orders: &[TaskId]) -> usize {
        let counted = self.counted();
        orders.iter().filter(|order| !counted.orders_done.contains(*order)).count()
    }

    pub(crate) fn runs(&self) -> Runs {
        self.counted().runs
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
