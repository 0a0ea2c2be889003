//! Every store is the memory store: both get the same random calls at the same moments, must answer alike and show the
//! same, and a plain worker must end everything on both.
//!
//! A sequence is the calls of one seed, over two handles on a manual clock and now and then a third. Every answer is
//! compared at once, what inspection shows every few calls and at the end. A failure shows the fewest calls that still
//! fail, and keeps them in a file, which [`replay`] makes again. What a store may answer otherwise is written down in
//! `shown.rs`, and nowhere else. What failed once comes first, on every store.
//!
//! `DURABLE_SEEDS=100..2000` runs those seeds in place of the usual ones.

mod calls;
mod coverage;
mod drain;
mod op;
mod pair;
mod picks;
#[cfg(test)]
mod planted;
mod random;
mod regressions;
mod report;
mod sequence;
mod shown;
mod text;
mod work;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use self::coverage::Coverage;
use self::sequence::{run_calls, run_seed};
use crate::checked::World;
use crate::expect::Violation;
use crate::harness::Harness;

/// How many seeds a run has.
const SEEDS: u64 = 24;
/// After so many seeds everything must have been met that should be met.
const MOST_SEEDS: u64 = 4 * SEEDS;

/// Makes the random calls, and wants them to have met what they should have met.
pub(crate) async fn random_calls(world: &Arc<World>) -> Result<(), Violation> {
    let asked = asked_seeds()?;
    let seeds = asked.clone().unwrap_or_else(|| seeds_of(world.seed));
    let is_enough = seeds.end.saturating_sub(seeds.start) >= MOST_SEEDS;
    let mut coverage = Coverage::default();
    for (seed, count) in seeds.zip(0..) {
        if asked.is_none() && count >= SEEDS && coverage.missed().is_empty() {
            break;
        }
        coverage.add(&run_seed(world, seed).await.map_err(|difference| difference.told())?);
    }
    let whole = if is_enough { coverage.is_whole() } else { Ok(()) };
    // The store has answered as the memory store, so these calls are not enough for any store.
    whole.inspect_err(|_| world.journal.is_the_suites())
}

/// Makes the calls that failed once.
pub(crate) async fn regressions(world: &Arc<World>) -> Result<(), Violation> {
    for (name, kept) in regressions::regressions()? {
        let again = run_calls(world, kept.calls).await.map_err(|difference| difference.told());
        again.map_err(|violation| Violation { what: format!("{name}: {}", violation.what), ..violation })?;
    }
    Ok(())
}

/// Makes the calls of a file again: one that a failure has kept, or one of the suite's regressions.
///
/// # Errors
///
/// What the store does otherwise than the memory store, or that there are no such calls in the file.
pub async fn replay(harness: Arc<dyn Harness>, path: &Path) -> Result<(), Violation> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Violation::new(format!("the file {name}"), error.to_string(), "a file to replay"))?;
    let kept = regressions::read(&name, &text)?;
    let again = run_calls(&Arc::new(World::alone(harness)), kept.calls).await;
    again.map(drop).map_err(|difference| difference.told())
}

/// The seeds that a run may come to: other ones for each seed of the run.
fn seeds_of(run: u64) -> Range<u64> {
    let first = run.saturating_mul(1_000).min(u64::MAX - MOST_SEEDS);
    first..first + MOST_SEEDS
}

fn asked_seeds() -> Result<Option<Range<u64>>, Violation> {
    let Ok(text) = std::env::var("DURABLE_SEEDS") else { return Ok(None) };
    let range = text.split_once("..").and_then(|(first, last)| Some(first.parse().ok()?..last.parse().ok()?));
    range.map(Some).ok_or_else(|| Violation::new("DURABLE_SEEDS", text, "first..last"))
}
