//! Kills at random moments.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::chance::Chance;
use crate::desk::{Desk, Row, table, undisturbed, was_killed};
use crate::watch::{Ledger, Stored, Watch};

/// What a round came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kills: usize,
    /// Desks that came to their end.
    lives: usize,
    /// Effects that were seen stored at a kill, and so could not come again.
    stored: usize,
    /// Effects that came again, as they may.
    repeats: usize,
    /// Of a desk with more of those than there may be.
    excess: Option<anyhow::Error>,
    took: Duration,
}

/// Kills the quickstart until it has died so many times, then lets it end.
pub(crate) fn run(desk: &Desk, kills: usize, seed: u64) -> anyhow::Result<Tally> {
    let started = Instant::now();
    let expected = undisturbed()?;
    let (mut chance, mut tally) = (Chance::new(seed), Tally::default());
    while tally.kills < kills {
        live(desk, &expected, kills, &mut chance, &mut tally)?;
    }
    tally.excess.take().map_or(Ok(()), Err)?;
    ensure!(tally.stored > 0 || kills == 0, "no kill found anything stored: {tally}");
    tally.took = started.elapsed();
    Ok(tally)
}

/// One life of a desk, from its reset to its table.
fn live(
    desk: &Desk,
    expected: &[Row],
    kills: usize,
    chance: &mut Chance,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let (mut watch, mut killed) = (Watch::default(), 0);
    loop {
        let options: &[&str] = if killed == 0 { &["--reset"] } else { &[] };
        let process = desk.start(options)?;
        let enough = tally.kills + killed >= kills;
        let output =
            if enough { process.ended()? } else { process.killed_at(chance.moment(), &desk.ledger)? };
        let died = was_killed(&output);
        killed += usize::from(died);
        let (ledger, stored) = (Ledger::read(&desk.ledger)?, Stored::read(&desk.store)?);
        watch.look(&ledger, &stored)?;
        if died {
            tally.stored += stored.effects.len();
            continue;
        }
        let table = table(&output)?;
        ensure!(table == expected, "the table is {table:?}, not {expected:?}");
        ledger.check_complete(&table)?;
        // Raised last: what came again although it was stored says more, and may come yet.
        tally.excess = tally.excess.take().or(ledger.check_repeats(killed).err());
        tally.kills += killed;
        tally.lives += 1;
        tally.repeats += ledger.repeats();
        return Ok(());
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, lives, stored, repeats, took, .. } = self;
        write!(
            f,
            "{kills} kills of {lives} desks; {stored} times a stored effect could have come again and "
        )?;
        write!(f, "did not, {repeats} times one that was not stored yet did; {:.1} s", took.as_secs_f32())
    }
}
