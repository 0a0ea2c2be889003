//! What the worker's runs did, counted as they end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use durable::{RunEnding, RunObserver, RunReport, TaskId};

use crate::tasks::ProcessOrder;

/// The steps of one task, over all of its runs in this process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Steps {
    pub(crate) run: u32,
    pub(crate) replayed: u32,
}

#[derive(Debug, Default)]
struct Counted {
    tasks: HashMap<TaskId, Steps>,
    orders_done: usize,
    runs: u32,
    failed: u32,
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
        counted.runs += 1;
        counted.failed += u32::from(matches!(report.ending, RunEnding::Failed | RunEnding::Retrying));
        if report.name.as_str() == ProcessOrder::NAME && report.ending == RunEnding::Completed {
            counted.orders_done += 1;
        }
        let steps = counted.tasks.entry(report.task).or_default();
        steps.run += report.steps_run;
        steps.replayed += report.steps_replayed;
    }

    pub(crate) fn of(&self, task: TaskId) -> Steps {
        self.counted().tasks.get(&task).copied().unwrap_or_default()
    }

    /// How many orders have come to their end.
    pub(crate) fn orders_done(&self) -> usize {
        self.counted().orders_done
    }

    /// How many runs there were, and how many of them failed.
    pub(crate) fn runs(&self) -> (u32, u32) {
        let counted = self.counted();
        (counted.runs, counted.failed)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
