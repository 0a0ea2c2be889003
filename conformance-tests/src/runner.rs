//! Runs cases: a test binary without libtest that understands libtest's command line.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use durable_core::model::{ManualClock, Timestamp};
use durable_core::store::Verb;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::{Handle, Runtime};

use crate::cases::cases;
use crate::checked::World;
use crate::ctx::Ctx;
use crate::harness::{Harness, Namespace};
use crate::journal::Journal;
use crate::registry::{Case, Verdict};

/// What every case may take before the watchdog ends it.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a heavy case may take on top for each of its filler tasks.
const PATIENCE_PER_FILLER: Duration = Duration::from_millis(2);
/// What every manual clock shows at first: 2030-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_893_456_000_000);

/// Runs the suite against a store: the `main` of a test binary with `harness = false`.
///
/// It understands the command line of libtest (filters, `--exact`, `--skip`, `--list`, `--test-threads`…). The
/// last line that it prints is `N passed, N failed, N skipped`. A run without a filter in which no case ran has
/// failed.
pub fn main(harness: impl Harness) -> ExitCode {
    let (arguments, filters) = arguments(std::env::args().collect());
    let harness: Arc<dyn Harness> = Arc::new(harness);
    let selected: Vec<_> = cases().into_iter().filter(|case| selects(&arguments, &filters, case)).collect();
    if arguments.list {
        let listed = selected.into_iter().map(|case| Trial::test(case.name(), || Ok(()))).collect();
        return libtest_mimic::run(&arguments, listed).exit_code();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            println!("no runtime: {error}\n0 passed, 0 failed, 0 skipped");
            return ExitCode::FAILURE;
        }
    };
    let skips = Arc::new(Skips::default());
    let conclusion = libtest_mimic::run(&arguments, trials(selected, &harness, &runtime, &skips));
    // A hung case must not keep the process.
    runtime.shutdown_background();
    skips.print();
    println!(
        "durable-conformance over {}\n{} passed, {} failed, {} skipped",
        harness.name(),
        conclusion.num_passed,
        conclusion.num_failed,
        conclusion.num_ignored
    );
    let filtered = !filters.is_empty() || arguments.ignored || !arguments.skip.is_empty();
    let ran = conclusion.num_passed + conclusion.num_failed > 0;
    if ran || filtered { conclusion.exit_code() } else { ExitCode::FAILURE }
}

/// Parses the command line. libtest takes several filters, the parser only one: they are taken out first.
fn arguments(command_line: Vec<String>) -> (Arguments, Vec<String>) {
    const WITH_VALUE: [&str; 6] = ["--skip", "--test-threads", "--format", "--color", "--logfile", "-Z"];
    let (mut options, mut filters, mut is_value) = (Vec::new(), Vec::new(), true);
    for word in command_line {
        if is_value || word.starts_with('-') {
            is_value = WITH_VALUE.contains(&word.as_str());
            options.push(word);
        } else {
            filters.push(word);
        }
    }
    (Arguments::from_iter(options), filters)
}

fn selects(arguments: &Arguments, filters: &[String], case: &Case) -> bool {
    let name = case.name();
    filters.is_empty()
        || filters.iter().any(|filter| if arguments.exact { name == *filter } else { name.contains(filter) })
}

/// How many cases were skipped for which reason.
#[derive(Debug, Default)]
struct Skips(Mutex<BTreeMap<String, u32>>);

impl Skips {
    fn skip(&self, reason: String) -> Completion {
        let mut reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *reasons.entry(reason.clone()).or_default() += 1;
        Completion::ignored_with(reason)
    }

    fn print(&self) {
        for (reason, count) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            println!("{count} skipped: {reason}");
        }
    }
}

fn trials(
    selected: Vec<Case>,
    harness: &Arc<dyn Harness>,
    runtime: &Runtime,
    skips: &Arc<Skips>,
) -> Vec<Trial> {
    let trial = |case: Case| {
        let (harness, handle, skips) = (harness.clone(), runtime.handle().clone(), skips.clone());
        Trial::ignorable_test(case.name(), move || run(case, harness, &handle, &skips))
    };
    selected.into_iter().map(trial).collect()
}

fn run(case: Case, harness: Arc<dyn Harness>, runtime: &Handle, skips: &Skips) -> Result<Completion, Failed> {
    let verbs = harness.verbs();
    if let Some(missing) = needed(&case).find(|verb| !verbs.contains(verb)) {
        return Ok(skips.skip(format!("the store has no {missing}")));
    }
    let world = Arc::new(World {
        harness,
        namespace: Namespace::new(),
        journal: Arc::new(Journal::default()),
        verbs,
        checks: !case.heavy,
    });
    let outcome = runtime.block_on(watched(case, world.clone()));
    let destroyed = runtime.block_on(destroy(&world));
    outcome.map_err(|problem| Failed::from(report(&case, &world, &problem)))?;
    destroyed.map_err(|error| Failed::from(format!("the harness cannot destroy a namespace: {error:#}")))?;
    match world.journal.reason() {
        Some(reason) => Ok(skips.skip(reason)),
        None => Ok(Completion::Completed),
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
async fn watched(case: Case, world: Arc<World>) -> Result<(), String> {
    let filler = u32::try_from(world.harness.filler()).unwrap_or(u32::MAX);
    let patience = match case {
        Case { unhurried: true, .. } => Duration::MAX,
        Case { heavy: true, .. } => PATIENCE + PATIENCE_PER_FILLER * filler,
        _ => PATIENCE,
    };
    let task = tokio::spawn(case_in(case, world.clone()));
    let stop = task.abort_handle();
    let verdict = match tokio::time::timeout(patience, task).await {
        Ok(Ok(verdict)) => verdict?,
        Ok(Err(panic)) => return Err(format!("  got    a panic: {panic}")),
        Err(_) => {
            stop.abort();
            return Err(format!("  got    no end after {patience:?}; pending: {}", world.journal.pending()));
        }
    };
    // A broken invariant explains what the case saw, not the other way round.
    if let Some(broken) = world.journal.broken() {
        return Err(broken.to_string());
    }
    verdict.map_err(|violation| violation.to_string())?;
    honest(&case, &world)
}

async fn case_in(case: Case, world: Arc<World>) -> Result<Verdict, String> {
    let clock = ManualClock::starting_at(START);
    let ctx = Ctx::open(world, clock).await.map_err(|error| format!("  got    no handle: {error:#}"))?;
    Ok((case.run)(ctx).await)
}

/// A case that calls what it does not list would fail on a partial store instead of being skipped; one that
/// lists what it does not call would be skipped for nothing.
fn honest(case: &Case, world: &World) -> Result<(), String> {
    if world.journal.reason().is_some() {
        return Ok(());
    }
    let (listed, called): (BTreeSet<_>, _) = (needed(case).collect(), world.journal.verbs());
    let may_call: BTreeSet<_> = listed.union(&world.journal.permitted()).copied().collect();
    let unlisted: Vec<_> = called.difference(&may_call).map(|verb| verb.name()).collect();
    let uncalled: Vec<_> = listed.difference(&called).map(|verb| verb.name()).collect();
    if unlisted.is_empty() && uncalled.is_empty() {
        return Ok(());
    }
    Err(format!(
        "  got    a defect of the suite: called, not listed: {unlisted:?}; the other way: {uncalled:?}"
    ))
}

fn report(case: &Case, world: &World, problem: &str) -> String {
    format!(
        "  rule   {} ({})\n  why    {}\n{problem}\n  calls  {}\n  in     namespace {} of {}",
        case.rules.join(", "),
        case.ids.join(", "),
        case.why,
        world.journal.recent(),
        world.namespace,
        world.harness.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> (Arguments, Vec<String>) {
        arguments(["suite"].iter().chain(words).map(ToString::to_string).collect())
    }

    fn names(words: &[&str]) -> Vec<String> {
        let (arguments, filters) = parsed(words);
        let selected = cases().into_iter().filter(|case| selects(&arguments, &filters, case));
        selected.map(|case| case.name()).collect()
    }

    #[test]
    fn several_filters_select_what_any_of_them_names() {
        let both = names(&["--test-threads", "1", "limits::", "--nocapture", "tick::", "--skip", "queues::"]);
        assert_eq!(both.len(), names(&["limits::"]).len() + names(&["tick::"]).len());
        assert!(both.len() > 5);
    }

    #[test]
    fn an_exact_filter_selects_one_case() {
        let name = "repeats::every_answer_of_wait_and_claim_is_repeatable";
        assert_eq!(names(&["--exact", name]), [name]);
        assert!(names(&["--exact", "repeats::"]).is_empty());
    }

    #[test]
    fn the_value_of_an_option_is_no_filter() {
        let (arguments, filters) = parsed(&["--list", "--format", "terse", "--skip=claim", "--skip", "wait"]);
        assert!(filters.is_empty() && arguments.list);
        assert_eq!(arguments.skip, ["claim", "wait"]);
    }
}
