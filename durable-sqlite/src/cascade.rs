//! The end of a parent spreads to its children, level by level and bounded (rule T2).

use durable_core::model::{CancelCause, QueueName, TaskId};
use durable_core::store::Verb;

use crate::engine::Tx;
use crate::error::Fault;
use crate::records::{Parents, Work, decoded, limit};
use crate::rows;

/// Cancels live children of `parents`, which have ended, and theirs in turn; how many.
pub(crate) async fn cascade(
    tx: &mut Tx<'_>,
    verb: Verb,
    queue: &QueueName,
    parents: Vec<TaskId>,
    budget: &mut usize,
) -> Result<usize, Fault> {
    if parents.is_empty() {
        return Ok(0);
    }
    let mut closed = 0;
    let mut marked = parents.clone();
    let mut level = parents;
    while *budget > 0 && !level.is_empty() {
        let children = children(tx, queue, &level, *budget).await?;
        if children.is_empty() {
            break;
        }
        let mut work = Work::read(tx, verb, queue, children.iter().copied(), Parents::Not).await?;
        for id in &children {
            work.records.cancel(*id, CancelCause::ParentClosed);
        }
        work.flush(tx).await?;
        closed += children.len();
        *budget = budget.saturating_sub(children.len());
        // Those of the level above that have more children come again with the next `tick`.
        level = work.records.take_closing();
        marked.extend_from_slice(&level);
    }
    sqlx::query(include_str!("sql/shared/closing_clear.sql"))
        .bind(queue.as_str())
        .bind(rows::json(&marked))
        .execute(tx.connection())
        .await?;
    Ok(closed)
}

async fn children(
    tx: &mut Tx<'_>,
    queue: &QueueName,
    parents: &[TaskId],
    most: usize,
) -> Result<Vec<TaskId>, Fault> {
    let rows = sqlx::query(include_str!("sql/shared/children.sql"))
        .bind(queue.as_str())
        .bind(rows::json(parents))
        .bind(limit(most))
        .fetch_all(tx.connection())
        .await?;
    decoded(rows::ids(&rows))
}
