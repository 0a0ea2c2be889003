//! Runs cases: behind the command line of a test binary, or as a function.

mod case;
mod command;
mod subcommand;

use std::sync::Arc;

use durable_core::model::Clock;
use durable_core::store::Capabilities;
use futures::StreamExt;

use crate::cases::cases;
use crate::harness::{Harness, Namespace};
use crate::registry::Case;
use crate::report::{CaseReport, Expected, Report};

pub(crate) use case::run_case_within;
pub use command::main;

/// The seed of runs that name none: a run says the same tomorrow.
pub const SEED: u64 = 1;

/// What to run, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Only cases with one of these in their names; all when there is none.
    pub filters: Vec<String>,
    /// What is left to chance comes from it.
    pub seed: u64,
    /// How many cases run at once.
    pub threads: usize,
    /// The failures that are expected.
    pub expected: Expected,
}

impl Default for Config {
    /// Every case, as many at once as there are cores, and no failure expected.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self { filters: Vec::new(), seed: SEED, threads, expected: Expected::default() }
    }
}

impl Config {
    /// Only cases with `filter` in their names, beside those that others select.
    pub fn only(mut self, filter: impl Into<String>) -> Self {
        self.filters.push(filter.into());
        self
    }

    fn selects(&self, case: &Case) -> bool {
        let name = case.name();
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter))
    }
}

/// Runs the suite against a store, inside a program of the caller's, and gives the report.
///
/// It wants a runtime with several threads: a store that holds up its thread would hold up the watchdog as well.
pub async fn run(harness: Arc<dyn Harness>, config: &Config) -> Report {
    let selected = cases().into_iter().filter(|case| config.selects(case));
    let case = |case| {
        let harness = harness.clone();
        async move {
            let running = tokio::spawn(case::run_case(case, harness, config.seed));
            let Ok(mut report) = running.await else { return case::lost(&case) };
            config.expected.judge(&mut report);
            report
        }
    };
    let reports = futures::stream::iter(selected).map(case).buffered(config.threads.max(1)).collect().await;
    summary(&*harness, config.seed, config.filters.is_empty(), reports).await
}

/// Puts the reports of cases together.
async fn summary(harness: &dyn Harness, seed: u64, whole: bool, cases: Vec<CaseReport>) -> Report {
    Report {
        schema: 1,
        suite: env!("CARGO_PKG_VERSION"),
        store: harness.name().to_owned(),
        version: harness.version().to_owned(),
        seed,
        capabilities: declared(harness).await,
        declared: harness.level(),
        whole,
        cases,
    }
}

async fn declared(harness: &dyn Harness) -> Option<Capabilities> {
    let namespace = Namespace::new();
    let handle = harness.open(&namespace, Clock::Own).await.ok()?;
    let declared = handle.capabilities();
    drop(handle);
    harness.destroy(&namespace).await.ok()?;
    Some(declared)
}
