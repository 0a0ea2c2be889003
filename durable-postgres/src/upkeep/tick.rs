//! Does what is due, and then what marks are left.

use durable_core::model::{TaskId, Timestamp};
use durable_core::store::{StoreError, TickAnswer, TickRequest, Verb, bounded};
use durable_core::transition::EventRecord;
use sqlx::Row;

use super::due::do_due;
use crate::error::Fault;
use crate::rows::{count, event, ids, number};
use crate::transaction::{Step, Tx};
use crate::work::{EventWaits, Parents, Time, Work, cascade, lock_free_tasks};

/// The verb, with the time if it is injected.
pub(super) struct Tick {
    pub(super) request: TickRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Tick {
    const VERB: Verb = Verb::Tick;
    type Answer = TickAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<TickAnswer, Fault> {
        let queue = self.request.queue.as_str();
        let look = tx
            .query(include_str!("../sql/upkeep/tick_look.sql"))
            .bind(queue)
            .bind(self.injected)
            .fetch_one(&mut **tx)
            .await?;
        let state: Option<i16> = look.try_get("state")?;
        state.ok_or_else(|| StoreError::queue_not_found(Verb::Tick))?;
        let now: i64 = look.try_get("now")?;
        let time = Time { injected: self.injected, read: Some(now) };
        let mut left = bounded(self.request.limit);
        let mut answer = TickAnswer::default();
        if look.try_get("due")? {
            // What its own ends spread to is a mark like every other, and within the same limit.
            let (done, _) = do_due(tx, Verb::Tick, queue, time, left, &mut 0).await?;
            left = left.saturating_sub(done.things);
            answer.started = done.started;
            answer.woken = done.woken;
            answer.expired = done.expired;
            answer.limited = done.limited;
        }
        answer.closed = figure(close_children(tx, queue, time, &mut left).await?);
        answer.woken += figure(wake_waits(tx, queue, time, &mut left).await?);
        finish(tx, queue, now, answer).await
    }
}

/// Tells what is left to do.
async fn finish(tx: &mut Tx<'_>, queue: &str, now: i64, mut answer: TickAnswer) -> Result<TickAnswer, Fault> {
    let tail = tx.query(include_str!("../sql/upkeep/tick_tail.sql")).bind(queue).fetch_one(&mut **tx).await?;
    let closing: i64 = tail.try_get("closing")?;
    let waking: bool = tail.try_get("waking")?;
    let next_due: Option<i64> = tail.try_get("next_due")?;
    let marks = closing > 0 || waking;
    answer.closing_left = count(closing);
    answer.more = marks || next_due.is_some_and(|due| due <= now);
    answer.next_due = if marks { Some(now) } else { next_due }.map(Timestamp::from_millis);
    Ok(answer)
}

/// Cancels children of closing tasks, the longest closing first.
async fn close_children(tx: &mut Tx<'_>, queue: &str, time: Time, left: &mut usize) -> Result<usize, Fault> {
    if *left == 0 {
        return Ok(0);
    }
    let rows = tx
        .query(include_str!("../sql/upkeep/closing_lock.sql"))
        .bind(queue)
        .bind(number(*left))
        .fetch_all(&mut **tx)
        .await?;
    Ok(cascade(tx, Verb::Tick, queue, time, ids(&rows)?, left).await?.closed)
}

/// Ends waits of waking events, the longest waking first.
async fn wake_waits(tx: &mut Tx<'_>, queue: &str, time: Time, left: &mut usize) -> Result<usize, Fault> {
    let mut seen: Vec<String> = Vec::new();
    let mut woken = 0;
    while *left > 0 {
        let row = tx
            .query(include_str!("../sql/upkeep/waking_lock.sql"))
            .bind(queue)
            .bind(&seen)
            .fetch_optional(&mut **tx)
            .await?;
        let Some(row) = row else { break };
        seen.push(row.try_get("name")?);
        let Ok(event) = event(&row)? else { continue };
        let now_woken = wake_event(tx, queue, time, event, *left).await?;
        // An event without waits left costs its mark.
        *left = left.saturating_sub(now_woken.max(1));
        woken += now_woken;
    }
    Ok(woken)
}

async fn wake_event(
    tx: &mut Tx<'_>,
    queue: &str,
    time: Time,
    event: EventRecord,
    most: usize,
) -> Result<usize, Fault> {
    let name = event.name.clone();
    let names = [name.clone()];
    let known = EventWaits::read(tx, queue, &names, most, most).await?;
    let ids: Vec<TaskId> = known.tasks().into_iter().collect();
    let locked = lock_free_tasks(tx, queue, &ids, Parents::Not).await?;
    let mut work = Work::read(tx, Verb::Tick, queue, time, &locked).await?;
    let waits = EventWaits::read(tx, queue, &names, most, most).await?;
    work.add_standing(&names, waits);
    work.add_events(vec![event]);
    let woken = work.records.wake(&name);
    work.flush(tx).await?;
    Ok(woken)
}

fn figure(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
