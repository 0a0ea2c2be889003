//! Runs one case, whatever it does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use durable_core::model::{ManualClock, Timestamp};
use durable_core::store::Verb;

use crate::checked::World;
use crate::ctx::Ctx;
use crate::expect::Violation;
use crate::harness::{Harness, Namespace};
use crate::journal::Journal;
use crate::layer::ShortNames;
use crate::level::Missing;
use crate::registry::{Case, Verdict};
use crate::report::{CaseReport, Failure, FailureKind, Status};

/// How long no call may return before the watchdog ends a case: a slow machine is no deadlock.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a case may take in all, however many of its calls return.
const MOST: Duration = Duration::from_secs(600);
/// What every manual clock shows at first: 2030-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_893_456_000_000);

/// What went wrong, and whose fault it is.
struct Problem(FailureKind, Violation);

impl Problem {
    fn new(kind: FailureKind, what: &str, got: impl Into<String>, wanted: &str) -> Self {
        Self(kind, Violation::new(what, got, wanted))
    }
}

/// Runs one case in a namespace of its own, and removes that.
pub(crate) async fn run_case(case: Case, harness: Arc<dyn Harness>, seed: u64) -> CaseReport {
    run_case_within(case, harness, seed, MOST).await
}

/// The same, for a store on which cases may go round in circles.
pub(crate) async fn run_case_within(
    case: Case,
    harness: Arc<dyn Harness>,
    seed: u64,
    most: Duration,
) -> CaseReport {
    let (started, verbs) = (Instant::now(), harness.verbs());
    if let Some(verb) = needed(&case).find(|verb| !verbs.contains(verb)) {
        return report(&case, Status::NotRun(Missing::Verb(verb)), Duration::ZERO);
    }
    let world = Arc::new(World {
        harness,
        namespace: Namespace::new(),
        journal: Arc::new(Journal::default()),
        verbs,
        checks: !case.heavy,
        seed,
    });
    let outcome = watched(case, world.clone(), most).await;
    let destroyed = destroy(&world).await.map_err(|error| {
        Problem::new(FailureKind::Harness, "destroy of a namespace", format!("{error:#}"), "success")
    });
    let status = match (outcome.and(destroyed), world.journal.missing()) {
        (Err(problem), _) => Status::Failed(failure(problem, &world)),
        (Ok(()), Some(missing)) => Status::NotRun(missing),
        (Ok(()), None) => Status::Passed,
    };
    report(&case, status, started.elapsed())
}

/// What is left to say of a case whose run was itself lost.
pub(crate) fn lost(case: &Case) -> CaseReport {
    let Violation { what, got, wanted } = Violation::new("the run of the case", "a panic", "a report");
    let (kind, calls, namespace) = (FailureKind::Panic, Vec::new(), String::new());
    let failure = Failure { kind, what, got, wanted, calls, call_count: 0, namespace };
    report(case, Status::Failed(failure), Duration::ZERO)
}

fn report(case: &Case, status: Status, took: Duration) -> CaseReport {
    let Case { group, ids, rules, why, capability, .. } = *case;
    CaseReport { name: case.name(), group, ids, rules, why, capability, status, took }
}

fn failure(Problem(kind, violation): Problem, world: &World) -> Failure {
    let calls = world.journal.recent();
    let names = ShortNames::of(&calls);
    let short = |text: &String| names.in_text(text);
    Failure {
        kind,
        what: short(&violation.what),
        got: short(&violation.got),
        wanted: short(&violation.wanted),
        calls: calls.iter().map(short).collect(),
        call_count: world.journal.calls(),
        namespace: world.namespace.to_string(),
    }
}

async fn destroy(world: &World) -> anyhow::Result<()> {
    for namespace in world.journal.elsewhere() {
        world.harness.destroy(&namespace).await?;
    }
    world.harness.destroy(&world.namespace).await
}

fn needed(case: &Case) -> impl Iterator<Item = Verb> {
    [Verb::PutQueue].into_iter().chain(case.needs.iter().copied())
}

/// Runs one case in a task of its own, so that neither a panic nor a call that hangs ends the suite.
async fn watched(case: Case, world: Arc<World>, most: Duration) -> Result<(), Problem> {
    let most = if case.unhurried { Duration::MAX } else { most };
    let task = tokio::spawn(case_in(case, world.clone()));
    let stop = task.abort_handle();
    let verdict = tokio::select! {
        ended = task => match ended {
            Ok(verdict) => verdict?,
            Err(panic) => {
                return Err(Problem::new(FailureKind::Panic, "the case", panic.to_string(), "no panic"));
            }
        },
        problem = hang(&world, most) => {
            stop.abort();
            return Err(problem);
        }
    };
    // A broken invariant explains what the case saw, not the other way round.
    if let Some(broken) = world.journal.broken() {
        return Err(Problem(FailureKind::Invariant, broken));
    }
    let kind = if world.journal.is_defect() { FailureKind::Defect } else { FailureKind::Violation };
    verdict.map_err(|violation| Problem(kind, violation))?;
    honest(&case, &world)
}

/// Waits until no call returns any more, or far too many do.
async fn hang(world: &World, most: Duration) -> Problem {
    let (started, mut seen, mut moved) = (Instant::now(), 0, Instant::now());
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let returned = world.journal.returned();
        if returned != seen {
            (seen, moved) = (returned, Instant::now());
        }
        let pending = || format!("pending: {}", world.journal.pending());
        if moved.elapsed() > PATIENCE {
            let wanted = format!("a call that returns within {PATIENCE:?}");
            return Problem::new(FailureKind::Timeout, "the case", pending(), &wanted);
        }
        if started.elapsed() > most {
            let wanted = format!("an end within {most:?}");
            return Problem::new(FailureKind::Timeout, "the case", pending(), &wanted);
        }
    }
}

async fn case_in(case: Case, world: Arc<World>) -> Result<Verdict, Problem> {
    let clock = ManualClock::starting_at(START);
    let ctx = Ctx::open(world.clone(), clock).await.map_err(|error| {
        Problem::new(FailureKind::Harness, "open", format!("{error:#}"), "two handles with a queue")
    })?;
    if let Some(capability) = case.capability.filter(|it| !it.is_declared(ctx.a.capabilities())) {
        world.journal.lacks(Missing::Capability(capability));
        return Ok(Ok(()));
    }
    Ok((case.run)(ctx).await)
}

/// A case that calls what it does not list would fail on a partial store instead of being skipped; one that
/// lists what it does not call would be skipped for nothing.
fn honest(case: &Case, world: &World) -> Result<(), Problem> {
    if world.journal.missing().is_some() {
        return Ok(());
    }
    let (listed, called): (BTreeSet<_>, _) = (needed(case).collect(), world.journal.verbs());
    let may_call: BTreeSet<_> = listed.union(&world.journal.permitted()).copied().collect();
    let unlisted: Vec<_> = called.difference(&may_call).map(|verb| verb.name()).collect();
    let uncalled: Vec<_> = listed.difference(&called).map(|verb| verb.name()).collect();
    if unlisted.is_empty() && uncalled.is_empty() {
        return Ok(());
    }
    let got = format!("called, not listed: {unlisted:?}; listed, not called: {uncalled:?}");
    Err(Problem::new(FailureKind::Defect, "the verbs of the case", got, "what it lists is what it calls"))
}
