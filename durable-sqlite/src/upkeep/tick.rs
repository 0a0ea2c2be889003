//! Does what is due, and then what marks are left.

use durable_core::model::{EventName, TaskId, Timestamp};
use durable_core::store::{TickAnswer, TickRequest, Verb, bounded};
use durable_core::transition::Flaw;
use sqlx::sqlite::SqliteRow;

use super::do_due;
use crate::cascade::cascade;
use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::queues::require_queue;
use crate::records::{Work, decoded, limit};
use crate::rows::{self, count, get, text, time};

const CLOSING: Statement = statement!("upkeep/closing.sql");
const WAKING: Statement = statement!("upkeep/waking.sql");
const TAIL: Statement = statement!("upkeep/tick_tail.sql");

/// The verb.
pub(super) struct Tick(pub(super) TickRequest);

impl Step for Tick {
    const VERB: Verb = Verb::Tick;
    type Answer = TickAnswer;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<TickAnswer, Fault> {
        require_queue(tx, &self.0.queue, Verb::Tick).await?;
        let mut left = bounded(self.0.limit);
        // What its own ends spread to is a mark like every other, and within the same limit.
        let done = do_due(tx, Verb::Tick, &self.0.queue, left, &mut 0).await?;
        left = left.saturating_sub(done.things);
        let closed = self.close_children(tx, &mut left).await?;
        let woken = self.wake_waits(tx, &mut left).await?;
        let answer = TickAnswer {
            started: done.started,
            woken: done.woken.saturating_add(figure(woken)),
            expired: done.expired,
            limited: done.limited,
            closed: figure(closed),
            ..TickAnswer::default()
        };
        self.finish(tx, answer).await
    }
}

impl Tick {
    /// Cancels children of closing tasks, the longest closing first.
    async fn close_children(&self, tx: &mut Tx<'_, '_>, left: &mut usize) -> Result<usize, Fault> {
        if *left == 0 {
            return Ok(0);
        }
        let rows = tx.rows(CLOSING.bind(self.0.queue.as_str()).bind(limit(*left))).await?;
        let parents: Vec<TaskId> = decoded(rows::ids(&rows))?;
        cascade(tx, Verb::Tick, &self.0.queue, parents, left).await
    }

    /// Ends waits of waking events, the longest waking first.
    async fn wake_waits(&self, tx: &mut Tx<'_, '_>, left: &mut usize) -> Result<usize, Fault> {
        let mut woken = 0;
        while *left > 0 {
            let row = tx.row(WAKING.bind(self.0.queue.as_str())).await?;
            let Some(row) = row else { break };
            let name = decoded(text(&row, "name").and_then(|name| name.ok_or("name")))?;
            let now_woken = self.wake(tx, name, *left).await?;
            // An event without waits left costs its mark.
            *left = left.saturating_sub(now_woken.max(1));
            woken += now_woken;
        }
        Ok(woken)
    }

    async fn wake(&self, tx: &mut Tx<'_, '_>, name: EventName, most: usize) -> Result<usize, Fault> {
        let mut work = Work::new(Verb::Tick, &self.0.queue, tx.now());
        work.read_waited(tx, std::slice::from_ref(&name), most).await?;
        let woken = work.records.wake(&name);
        work.write(tx).await?;
        Ok(woken)
    }

    /// Tells what is left to do.
    async fn finish(&self, tx: &mut Tx<'_, '_>, answer: TickAnswer) -> Result<TickAnswer, Fault> {
        let now = tx.now().at;
        let sets = tx.last(TAIL.bind(self.0.queue.as_str())).await?;
        let row = sets.into_iter().flatten().next().ok_or(Fault::Flaw("closing"))?;
        decoded(finished(&row, now, answer))
    }
}

fn finished(row: &SqliteRow, now: Timestamp, answer: TickAnswer) -> Result<TickAnswer, Flaw> {
    let closing_left = count(row, "closing")?;
    let marks = closing_left > 0 || get(row, "waking")?;
    let next_due = time(row, "next_due")?;
    Ok(TickAnswer {
        closing_left,
        more: marks || next_due.is_some_and(|due| due <= now),
        next_due: if marks { Some(now) } else { next_due },
        ..answer
    })
}

fn figure(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
