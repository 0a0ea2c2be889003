//! One case against one store, without the invariants: the case itself has to find the mutant out.

use std::sync::Arc;
use std::time::Duration;

use durable_core::model::{ManualClock, Timestamp};
use durable_core::store::Verb;

use crate::checked::World;
use crate::ctx::Ctx;
use crate::harness::{Harness, Namespace};
use crate::journal::Journal;
use crate::registry::Case;

/// What a case may take. Mutants hang now and then; nobody has to wait long for that.
const PATIENCE: Duration = Duration::from_secs(20);
/// What every manual clock shows at first: 2030-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_893_456_000_000);

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It found nothing.
    Passed,
    /// It could not be run, for this reason.
    NotRun(String),
    /// The store broke the contract, and this is how the case says it.
    Violated(String),
    /// Something else went wrong: a panic, a call that did not return, a namespace that could not be opened.
    Broken(String),
}

/// Runs a case in a task of its own.
pub(super) async fn run(case: Case, harness: Arc<dyn Harness>) -> Fate {
    let verbs = harness.verbs();
    let needed = [Verb::PutQueue].into_iter().chain(case.needs.iter().copied());
    if let Some(missing) = needed.into_iter().find(|verb| !verbs.contains(verb)) {
        return Fate::NotRun(format!("the store has no {missing}"));
    }
    let (namespace, journal) = (Namespace::new(), Arc::new(Journal::default()));
    let world = Arc::new(World { harness, namespace, journal, verbs, checks: false });
    let fate = watched(case, world.clone()).await;
    for namespace in world.journal.elsewhere().iter().chain([&world.namespace]) {
        if let Err(error) = world.harness.destroy(namespace).await {
            return Fate::Broken(format!("a namespace cannot be destroyed: {error:#}"));
        }
    }
    match world.journal.reason() {
        Some(reason) if fate == Fate::Passed => Fate::NotRun(reason),
        _ => fate,
    }
}

async fn watched(case: Case, world: Arc<World>) -> Fate {
    let running = tokio::spawn(async move {
        match Ctx::open(world, ManualClock::starting_at(START)).await {
            Ok(ctx) => match (case.run)(ctx).await {
                Ok(()) => Fate::Passed,
                Err(violation) => Fate::Violated(violation.to_string()),
            },
            Err(error) => Fate::Broken(format!("no handle: {error:#}")),
        }
    });
    let stop = running.abort_handle();
    match tokio::time::timeout(PATIENCE, running).await {
        Ok(Ok(fate)) => fate,
        Ok(Err(panic)) => Fate::Broken(format!("a panic: {panic}")),
        Err(_) => {
            stop.abort();
            Fate::Broken(format!("no end after {PATIENCE:?}"))
        }
    }
}
