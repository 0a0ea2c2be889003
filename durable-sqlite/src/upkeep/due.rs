//! Does what is due, earliest first.

use std::collections::BTreeSet;

use durable_core::model::{EventName, QueueName, TaskId};
use durable_core::store::{MAX_RECORDS, Verb};
use durable_core::transition::{DueDone, Slot};

use crate::cascade::cascade;
use crate::engine::Tx;
use crate::error::Fault;
use crate::records::{Parents, Work, decoded, limit};
use crate::rows;

/// Does at most `most` things that are due. Their ends spread within the budget.
pub(crate) async fn do_due(
    tx: &mut Tx<'_>,
    verb: Verb,
    queue: &QueueName,
    most: usize,
    budget: &mut usize,
) -> Result<DueDone, Fault> {
    let tasks = scan(tx, queue, most).await?;
    let mut work = Work::read(tx, verb, queue, tasks.iter().copied(), Parents::Too).await?;
    read_due_waits(tx, &mut work, queue, &tasks).await?;
    work.read_joins(tx, tasks.iter().copied()).await?;
    let events: BTreeSet<EventName> = work.records.awaited_events().cloned().collect();
    work.read_events(tx, events).await?;
    let done = work.records.do_due(&tasks, most);
    work.flush(tx).await?;
    cascade(tx, verb, queue, work.records.take_closing(), budget).await?;
    Ok(done)
}

async fn scan(tx: &mut Tx<'_>, queue: &QueueName, most: usize) -> Result<Vec<TaskId>, Fault> {
    let now = tx.now().at.as_millis();
    let rows = sqlx::query(include_str!("../sql/upkeep/due_scan.sql"))
        .bind(queue.as_str())
        .bind(now)
        .bind(limit(most))
        .fetch_all(tx.connection())
        .await?;
    decoded(rows::ids(&rows))
}

async fn read_due_waits(
    tx: &mut Tx<'_>,
    work: &mut Work<'_>,
    queue: &QueueName,
    tasks: &[TaskId],
) -> Result<(), Fault> {
    let now = tx.now().at.as_millis();
    let rows = sqlx::query(include_str!("../sql/upkeep/due_waits.sql"))
        .bind(queue.as_str())
        .bind(rows::json(tasks))
        .bind(now)
        .bind(limit(MAX_RECORDS))
        .fetch_all(tx.connection())
        .await?;
    for row in &rows {
        let (key, wait) = decoded(rows::wait(row))?;
        work.records.add_slot(key, Slot::Standing(wait));
    }
    Ok(())
}
