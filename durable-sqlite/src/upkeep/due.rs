//! Does what is due, earliest first.

use durable_core::model::{QueueName, TaskId};
use durable_core::store::{MAX_RECORDS, Verb};
use durable_core::transition::{DueDone, Slot};

use crate::cascade::cascade;
use crate::engine::{Statement, Tx, statement};
use crate::error::Fault;
use crate::records::{Work, decoded, limit, listed};
use crate::rows;

const SCAN: Statement = statement!("upkeep/due_scan.sql");
const READ: Statement = statement!("shared/tasks_read.sql", "shared/joins_read.sql", "upkeep/due_waits.sql");

/// How many more tasks are looked at than are done: at the same moment a limit comes first (rule T4), and the index does
/// not know it.
const SPARE: usize = 32;

/// Does at most `most` things that are due. An end spreads, within the budget, before the next thing is looked at.
pub(crate) async fn do_due(
    tx: &mut Tx<'_, '_>,
    verb: Verb,
    queue: &QueueName,
    most: usize,
    budget: &mut usize,
) -> Result<DueDone, Fault> {
    let mut done = DueDone::default();
    while done.things < most && do_some(tx, verb, queue, most - done.things, budget, &mut done).await? {}
    Ok(done)
}

/// Does what is due as far as to an end that spreads, and spreads it; whether there was one.
async fn do_some(
    tx: &mut Tx<'_, '_>,
    verb: Verb,
    queue: &QueueName,
    most: usize,
    budget: &mut usize,
    done: &mut DueDone,
) -> Result<bool, Fault> {
    let now = tx.now().at.as_millis();
    let looked_at = most.saturating_add(SPARE).min(MAX_RECORDS);
    let rows = tx.rows(SCAN.bind(queue.as_str()).bind(now).bind(limit(looked_at))).await?;
    let tasks = decoded(rows::ids(&rows))?;
    if tasks.is_empty() {
        return Ok(false);
    }
    let mut work = read(tx, verb, queue, &tasks).await?;
    let events = work.records.awaited_events().cloned().collect();
    work.read_events(tx, events).await?;
    let may_spread = *budget > 0;
    done.add(if may_spread {
        work.records.do_due_until_closing(&tasks, most)
    } else {
        work.records.do_due(&tasks, most)
    });
    work.write(tx).await?;
    let closing = work.records.take_closing();
    let has_spread = may_spread && !closing.is_empty();
    cascade(tx, verb, queue, closing, budget).await?;
    Ok(has_spread)
}

async fn read<'q>(
    tx: &mut Tx<'_, '_>,
    verb: Verb,
    queue: &'q QueueName,
    tasks: &[TaskId],
) -> Result<Work<'q>, Fault> {
    let now = tx.now();
    let call = READ.bind(queue.as_str()).bind(listed(tasks.iter().copied())).bind(true);
    let mut sets = tx.sets(call.bind(now.at.as_millis()).bind(limit(MAX_RECORDS))).await?;
    let waits = sets.pop().unwrap_or_default();
    let mut work = Work::new(verb, queue, now);
    work.add_tasks_with_slots(&sets)?;
    for row in &waits {
        match rows::wait(row) {
            Ok((key, wait)) => work.records.add_slot(key, Slot::Standing(wait)),
            Err(flaw) => work.add_flaw(row, flaw)?,
        }
    }
    Ok(work)
}
