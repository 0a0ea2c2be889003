//! The end of a parent spreads to its children, level by level and bounded (rule T2).

use durable_core::model::{CancelCause, QueueName, TaskId};
use durable_core::store::Verb;

use crate::engine::{Statement, Tx, statement};
use crate::error::Fault;
use crate::records::{Work, decoded, limit};
use crate::rows;

const CHILDREN: Statement = statement!("shared/children.sql");
const CLEAR: Statement = statement!("shared/closing_clear.sql");

/// Cancels live children of `parents`, which have ended, and theirs in turn; how many.
pub(crate) async fn cascade(
    tx: &mut Tx<'_, '_>,
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
        let mut work = Work::read(tx, verb, queue, children.iter().copied()).await?;
        for id in &children {
            work.records.cancel(*id, CancelCause::ParentClosed);
        }
        work.write(tx).await?;
        closed += children.len();
        *budget = budget.saturating_sub(children.len());
        // Those of the level above that have more children come again with the next `tick`.
        level = work.records.take_closing();
        marked.extend_from_slice(&level);
    }
    tx.sets(CLEAR.bind(queue.as_str()).bind(rows::json(&marked))).await?;
    Ok(closed)
}

async fn children(
    tx: &mut Tx<'_, '_>,
    queue: &QueueName,
    parents: &[TaskId],
    most: usize,
) -> Result<Vec<TaskId>, Fault> {
    let call = CHILDREN.bind(queue.as_str()).bind(rows::json(parents)).bind(limit(most));
    let rows = tx.rows(call).await?;
    decoded(rows::ids(&rows))
}
