//! The end of a parent spreads to its children, level by level and bounded (rule T2).

use durable_core::model::{CancelCause, TaskId};
use durable_core::store::Verb;
use sqlx::Row;

use super::{Time, Work};
use crate::error::Fault;
use crate::rows::{ids, number, uuids};
use crate::transaction::Tx;

/// What a cascade did.
#[derive(Debug, Default)]
pub(crate) struct Cascade {
    /// Tasks that were cancelled.
    pub(crate) closed: usize,
    /// Of the tasks it was about, how many are closing still.
    pub(crate) left: i64,
}

/// Cancels the live children of `parents`, which are locked and have ended, and theirs in turn.
///
/// A child that another holds is left to `tick`: waiting for it here would break the order of locks.
pub(crate) async fn cascade(
    tx: &mut Tx<'_>,
    verb: Verb,
    queue: &str,
    time: Time,
    parents: Vec<TaskId>,
    budget: &mut usize,
) -> Result<Cascade, Fault> {
    let mut done = Cascade::default();
    if parents.is_empty() {
        return Ok(done);
    }
    let mut marked = parents.clone();
    let mut level = parents;
    while *budget > 0 && !level.is_empty() {
        let children = lock_children(tx, queue, &level, *budget).await?;
        if children.is_empty() {
            break;
        }
        let mut work = Work::read(tx, verb, queue, time, &children).await?;
        for id in &children {
            work.records.cancel(*id, CancelCause::ParentClosed);
        }
        level = work.flush(tx).await?;
        done.closed += children.len();
        *budget = budget.saturating_sub(children.len());
        marked.extend_from_slice(&level);
    }
    let row = tx
        .query(include_str!("../sql/shared/closing_clear.sql"))
        .bind(queue)
        .bind(uuids(&marked))
        .fetch_one(&mut **tx)
        .await?;
    done.left = row.try_get("left_over")?;
    Ok(done)
}

async fn lock_children(
    tx: &mut Tx<'_>,
    queue: &str,
    parents: &[TaskId],
    most: usize,
) -> Result<Vec<TaskId>, Fault> {
    let rows = tx
        .query(include_str!("../sql/shared/children_lock.sql"))
        .bind(queue)
        .bind(uuids(parents))
        .bind(number(most))
        .fetch_all(&mut **tx)
        .await?;
    Ok(ids(&rows)?)
}
