//! Every store is the memory store: both get the same random calls at the same moments, and must answer alike and show
//! the same.
//!
//! ```
//! use durable_conformance::{Harness, differential};
//!
//! fn my_store_is_as_the_memory_store(harness: impl Harness) -> Result<(), differential::Failure> {
//!     differential::run(harness, 0..100)
//! }
//! ```
//!
//! A seed is a sequence of [`CALLS`] calls over two handles on a manual clock. Every answer is compared at once, what
//! inspection shows every few calls and at the end, together with the store's own invariants ([`Harness::check`]). The
//! seeds in `seeds.txt` have failed before, on some store, and come first on every store. A failure shows the fewest
//! calls that still fail. What a store may answer otherwise is written down in `shown.rs`, and nowhere else.
//!
//! `DURABLE_SEEDS=100..2000` runs those seeds in place of a test's own.

mod calls;
mod coverage;
mod held;
mod pair;
mod report;
mod shown;
mod shrink;
mod tape;
mod things;

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};

use self::coverage::Coverage;
use self::pair::Pair;
pub use self::report::Failure;
use self::shrink::{Calls, shrink};
use self::tape::Tape;
use crate::expect::Violation;
use crate::harness::Harness;

/// The calls of one seed.
pub const CALLS: usize = 160;
/// What is stored is compared after so many calls.
const COMPARED: usize = 8;
/// The same for a sequence with a crowd in it.
const COMPARED_CROWD: usize = 32;
/// One seed of so many has a crowd: more children or waits than one step takes.
const CROWDED: u64 = 6;
/// What a sequence may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The seeds that failed once.
const FAILED_ONCE: &str = include_str!("seeds.txt");

/// Runs the seeds that failed once, and then `seeds` or those of `DURABLE_SEEDS`, against a store that has every verb.
///
/// # Errors
///
/// What the store does otherwise than the memory store; or what the calls should have met and did not, unless
/// `DURABLE_SEEDS` are fewer than `seeds`.
pub fn run(harness: impl Harness, seeds: Range<u64>) -> Result<(), Failure> {
    let (harness, start): (Arc<dyn Harness>, _) = (Arc::new(harness), Instant::now());
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::NotRun(error.to_string()))?;
    let asked = asked_seeds()?.unwrap_or(seeds.clone());
    let is_enough = asked.clone().count() >= seeds.count();
    let mut coverage = Coverage::default();
    let mut count = 0;
    for seed in failed_once().chain(asked) {
        coverage.add(runtime.block_on(run_seed(&harness, seed))?);
        count += 1;
    }
    let missed = coverage.missed();
    println!(
        "{} is as the memory store: {count} seeds, {} calls, {} outcomes, {:.1?}",
        harness.name(),
        count * CALLS,
        coverage.count(),
        start.elapsed()
    );
    close(runtime);
    if is_enough && !missed.is_empty() { Err(Failure::Missed(missed)) } else { Ok(()) }
}

/// A call that hangs must not keep the process.
fn close(runtime: Runtime) {
    runtime.shutdown_background();
}

fn failed_once() -> impl Iterator<Item = u64> {
    FAILED_ONCE.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok())
}

fn asked_seeds() -> Result<Option<Range<u64>>, Failure> {
    let Ok(text) = std::env::var("DURABLE_SEEDS") else { return Ok(None) };
    let range = text.split_once("..").and_then(|(first, last)| Some(first.parse().ok()?..last.parse().ok()?));
    range.map(Some).ok_or_else(|| Failure::NotRun(format!("DURABLE_SEEDS is first..last, not {text}")))
}

async fn run_seed(harness: &Arc<dyn Harness>, seed: u64) -> Result<Coverage, Failure> {
    let crowded = seed % CROWDED == CROWDED - 1;
    let played = play(harness, Source::Seed(seed), crowded, false).await;
    if played.verdict.is_ok() {
        return Ok(played.coverage);
    }
    let fails =
        async |calls: Calls| play(harness, Source::Calls(calls), crowded, false).await.verdict.is_err();
    let calls = played.drawn.len();
    let shrunk = shrink(played.drawn, fails).await;
    let shown = play(harness, Source::Calls(shrunk), crowded, true).await;
    let violation = shown.verdict.and(played.verdict).err();
    let violation = Box::new(violation.unwrap_or_else(|| Violation::new("a call", "nothing", "what failed")));
    Err(Failure::Differs { store: harness.name(), seed, violation, calls, shrunk: shown.log })
}

/// Where the numbers of the calls come from.
enum Source {
    Seed(u64),
    Calls(Calls),
}

impl Source {
    fn tape(&self, call: usize) -> Option<Tape> {
        match self {
            Self::Seed(seed) => (call < CALLS).then(|| Tape::new(*seed, call)),
            Self::Calls(calls) => calls.get(call).map(|drawn| Tape::of(drawn)),
        }
    }
}

/// What became of a sequence.
struct Played {
    /// The numbers of the calls that were made.
    drawn: Calls,
    coverage: Coverage,
    log: Vec<String>,
    verdict: Result<(), Violation>,
}

impl Played {
    fn without_a_call(violation: Violation) -> Self {
        Self { drawn: Calls::new(), coverage: Coverage::default(), log: Vec::new(), verdict: Err(violation) }
    }
}

/// Makes the calls; the last of them is the one that failed.
async fn play(harness: &Arc<dyn Harness>, source: Source, crowded: bool, logs: bool) -> Played {
    let mut pair = match Pair::open(harness.clone(), logs).await {
        Ok(pair) => pair,
        Err(violation) => return Played::without_a_call(violation),
    };
    let mut drawn = Calls::new();
    let calls = AssertUnwindSafe(make_calls(&mut pair, &source, crowded, &mut drawn)).catch_unwind();
    let verdict = match tokio::time::timeout(PATIENCE, calls).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(_)) => Err(Violation::new("a call", "a panic, see above", "an answer")),
        Err(_) => Err(Violation::new("a call", format!("no end after {PATIENCE:?}"), "an answer")),
    };
    drawn.push(std::mem::take(&mut pair.tape).into_drawn());
    let verdict = verdict.map_err(|violation| pair.shorten(&violation));
    let (coverage, log) = (std::mem::take(&mut pair.coverage), pair.take_log());
    let destroyed = pair.destroy().await;
    Played { drawn, coverage, log, verdict: verdict.and(destroyed) }
}

async fn make_calls(
    pair: &mut Pair,
    source: &Source,
    crowded: bool,
    drawn: &mut Calls,
) -> Result<(), Violation> {
    let compared = if crowded { COMPARED_CROWD } else { COMPARED };
    let mut call = 0;
    while let Some(tape) = source.tape(call) {
        pair.tape = tape;
        pair.call(crowded).await?;
        if call % compared == 0 {
            pair.compare_all().await?;
        }
        drawn.push(std::mem::take(&mut pair.tape).into_drawn());
        call += 1;
    }
    pair.compare_all().await
}
