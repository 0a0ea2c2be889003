//! A kill after each effect.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, ensure};

use crate::desk::{Desk, Row, given_store, table, text, undisturbed, was_killed};
use crate::watch::{Ledger, Stored, Watch};

/// How many desks go on at once, each on its own file: most of the time they wait for leases.
const AT_ONCE: usize = 8;

/// Kills a desk after its first effect, another after its second, and so on to the last.
pub(crate) fn run() -> anyhow::Result<()> {
    let expected = undisturbed()?;
    // A charge, and a receipt or a refund.
    let effects = expected.len() * 2;
    let (next, failed) = (AtomicUsize::new(1), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth > effects {
                return;
            }
            if let Err(error) = survives(nth, &expected) {
                failed.lock().unwrap().push(error.context(format!("--kill-after {nth}")));
            }
        }
    };
    let at_once = if given_store().is_some() { 1 } else { AT_ONCE };
    thread::scope(|scope| (0..at_once).for_each(|_| drop(scope.spawn(work))));
    failed.into_inner().unwrap().pop().map_or(Ok(()), Err)
}

fn survives(nth: usize, expected: &[Row]) -> anyhow::Result<()> {
    let desk = Desk::new(&format!("kill-after-{nth}"))?;
    let nth_text = nth.to_string();
    let died = desk.start(&["--reset", "--kill-after", &nth_text])?.ended()?;
    ensure!(was_killed(&died), "it ended with {}: {}", died.status, text(&died.stderr));
    let (ledger, before) = (Ledger::read(&desk.ledger)?, Stored::read(&desk.store)?);
    ensure!(ledger.lines() == nth, "the ledger has {} lines", ledger.lines());
    ensure!(before.effects.len() < nth, "the last effect is stored, and is not to be");
    let mut watch = Watch::default();
    watch.look(&ledger, &before)?;

    let resumed = desk.start(&[])?.ended()?;
    let (ledger, after) = (Ledger::read(&desk.ledger)?, Stored::read(&desk.store)?);
    watch.look(&ledger, &after)?;
    let table = table(&resumed)?;
    ensure!(table == expected, "the table is {table:?}, not {expected:?}");
    ledger.check_complete(&table)?;
    ledger.check_repeats(1)?;
    ensure!(ledger.repeats() > 0, "the effect that was not stored did not come again");
    let said = text(&resumed.stderr);
    let said = said.lines().next().context("it says nothing")?;
    says(said, &before).with_context(|| format!("it says `{said}`"))
}

/// Asserts that a process says what it found.
fn says(said: &str, found: &Stored) -> anyhow::Result<()> {
    let orders = found.done + found.live;
    let start = format!("resumed: {} of {orders} orders were done, {} go on", found.done, found.live);
    let end = format!("; {} stored steps are not repeated", found.steps);
    ensure!(said.starts_with(&start) && said.ends_with(&end), "it should be `{start} …{end}`");
    Ok(())
}
