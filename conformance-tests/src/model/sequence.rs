//! One sequence of calls, from its seed to its end or to the fewest calls that fail.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::coverage::Coverage;
use super::op::{Call, Op};
use super::pair::Pair;
use super::random::{Random, closed_sequence, many_children_sequence, many_waits_sequence, sequence};
use super::report::Difference;
use crate::checked::World;
use crate::expect::Violation;

/// Of so many seeds a few close their queue, and a few have a crowd.
const KINDS: u64 = 24;
/// What is stored is compared after so many calls; of a crowd only at the end and where a call says so.
const COMPARED: usize = 8;
/// How long no call may return; less than the watchdog waits, so that calls that hang are shrunk, too.
const PATIENCE: Duration = Duration::from_secs(20);
/// For how long fewer calls are looked for.
const SHRINKS: Duration = Duration::from_secs(180);

/// Makes the calls of one seed; a failure has the fewest calls that show it.
pub(super) async fn run_seed(world: &Arc<World>, seed: u64) -> Result<Coverage, Box<Difference>> {
    match seed % KINDS {
        7 => Box::pin(run_random(world, seed, many_children_sequence(false))).await,
        15 => Box::pin(run_random(world, seed, many_children_sequence(true))).await,
        23 => Box::pin(run_random(world, seed, many_waits_sequence())).await,
        5 | 13 | 21 => Box::pin(run_random(world, seed, closed_sequence())).await,
        _ => Box::pin(run_random(world, seed, sequence())).await,
    }
}

async fn run_random(
    world: &Arc<World>,
    seed: u64,
    strategy: impl Random<Vec<Call>>,
) -> Result<Coverage, Box<Difference>> {
    let Ok(mut tree) = strategy.new_tree(&mut seeded(seed)) else { return Ok(Coverage::default()) };
    let calls = tree.current();
    match play(world, &calls, false).await {
        Played { failed: None, coverage, .. } => Ok(coverage),
        Played { failed: Some((made, violation)), .. } => {
            let until = Instant::now() + SHRINKS;
            let least = shrink(world, &mut tree, calls.get(..made).unwrap_or(&calls).to_vec(), until).await;
            let least = without_the_needless(world, least, until).await;
            Err(failure(world, Some(seed), calls.len(), (least, violation)).await)
        }
    }
}

/// Makes these calls.
pub(super) async fn run_calls(world: &Arc<World>, calls: Vec<Call>) -> Result<Coverage, Box<Difference>> {
    match play(world, &calls, false).await {
        Played { failed: None, coverage, .. } => Ok(coverage),
        Played { failed: Some((_, violation)), .. } => {
            Err(failure(world, None, calls.len(), (calls, violation)).await)
        }
    }
}

/// The source of what is random in the calls of a seed.
fn seeded(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(seed.to_le_bytes()).for_each(|(byte, of_seed)| *byte = of_seed);
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Lets proptest look for simpler calls; a sequence that begins with calls that fail need not be made.
async fn shrink(
    world: &Arc<World>,
    tree: &mut (impl ValueTree<Value = Vec<Call>> + Send),
    mut least: Vec<Call>,
    until: Instant,
) -> Vec<Call> {
    let mut goes_on = tree.simplify();
    while goes_on && Instant::now() < until {
        let calls = tree.current();
        let fails = if calls.starts_with(&least) { Some(least.len()) } else { made(world, &calls).await };
        goes_on = match fails {
            Some(made) => {
                least = calls.get(..made).unwrap_or(&calls).to_vec();
                tree.simplify()
            }
            None => tree.complicate(),
        };
    }
    least
}

/// Leaves out each call that is not needed now: when proptest came to it, another may have needed it.
async fn without_the_needless(world: &Arc<World>, mut least: Vec<Call>, until: Instant) -> Vec<Call> {
    let mut place = least.len();
    while place > 0 && Instant::now() < until {
        place -= 1;
        let mut fewer = least.clone();
        fewer.remove(place);
        if made(world, &fewer).await.is_some() {
            place = fewer.len();
            least = fewer;
        }
    }
    least
}

/// How many of the calls were made when it failed.
async fn made(world: &Arc<World>, calls: &[Call]) -> Option<usize> {
    play(world, calls, false).await.failed.map(|(made, _)| made)
}

/// The failure of the fewest calls; `first` is what was seen when they, or those that they were among, failed at first.
async fn failure(
    world: &Arc<World>,
    seed: Option<u64>,
    calls: usize,
    (least, first): (Vec<Call>, Violation),
) -> Box<Difference> {
    let Played { failed, log, .. } = play(world, &least, true).await;
    let not_again = || Violation { what: format!("once, and not when made again: {}", first.what), ..first };
    let violation = failed.map_or_else(not_again, |(_, violation)| violation);
    Box::new(Difference { store: world.harness.name(), seed, violation, calls, least, log })
}

/// What became of a sequence.
struct Played {
    coverage: Coverage,
    log: Vec<String>,
    /// How many calls were made then, and what was otherwise.
    failed: Option<(usize, Violation)>,
}

/// Makes the calls over a namespace of their own.
async fn play(world: &Arc<World>, calls: &[Call], logs: bool) -> Played {
    let world = Arc::new(world.elsewhere());
    let (mut made, mut pair) = (0, None);
    let verdict = tokio::select! {
        made = AssertUnwindSafe(make(&world, calls, logs, &mut made, &mut pair)).catch_unwind() => {
            made.unwrap_or_else(|_| Err(Violation::new("a call", "a panic", "an answer")))
        }
        hung = hang(&world) => Err(hung),
    };
    let (mut coverage, mut log) = (Coverage::default(), Vec::new());
    let mut failed = verdict.err();
    if let Some(mut pair) = pair {
        failed = failed.map(|violation| pair.shorten(&violation));
        (coverage, log) = (std::mem::take(&mut pair.coverage), pair.take_log());
    }
    if let Err(error) = world.remove().await {
        failed.get_or_insert(Violation::new("destroy", format!("{error:#}"), "nothing left"));
    }
    Played { coverage, log, failed: failed.map(|violation| (made, violation)) }
}

async fn make(
    world: &Arc<World>,
    calls: &[Call],
    logs: bool,
    made: &mut usize,
    pair: &mut Option<Pair>,
) -> Result<(), Violation> {
    let pair = pair.insert(Pair::open(world.clone(), logs).await?);
    let is_crowd = |call: &Call| matches!(call.op, Op::ManyChildren { .. } | Op::ManyWaits { .. });
    let compared = if calls.iter().any(is_crowd) { usize::MAX } else { COMPARED };
    for call in calls {
        *made += 1;
        pair.call(call).await?;
        if made.is_multiple_of(compared) {
            pair.compare_all().await?;
        }
    }
    pair.compare_all().await?;
    pair.drain().await
}

/// Waits until no call returns any more.
async fn hang(world: &World) -> Violation {
    let (mut seen, mut moved) = (world.journal.returned(), Instant::now());
    while moved.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let returned = world.journal.returned();
        if returned != seen {
            (seen, moved) = (returned, Instant::now());
        }
    }
    Violation::new("a call", format!("none returned for {PATIENCE:?}"), "an answer")
}
