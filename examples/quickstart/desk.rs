//! Spawns the orders, waits for them and says what became of each.

use std::io::{Write as _, stderr};
use std::time::Duration;

use durable::model::TaskState;
use durable::store::Spawned;
use durable::{Durable, DurableError, SpawnOptions, TaskFilter, TaskId, TaskResultView};

use crate::effects::Effects;
use crate::figures::Figures;
use crate::orders::{Order, Trouble};
use crate::table::Row;
use crate::tasks::{Outcome, PackOrder, ProcessOrder, Status};

/// How long to wait for an order, once those before it have ended.
const LONGEST: Duration = Duration::from_secs(60);

/// Opens the desk's queue; with `reset` it is empty then, whatever was in it.
pub(crate) async fn open(desk: &Durable<Effects>, reset: bool) -> anyhow::Result<()> {
    desk.create_queue().await?;
    if reset {
        // What is live goes before its queue can: a killed process leaves such tasks behind.
        cancel_all(desk).await?;
        desk.drop_queue().await?;
        desk.create_queue().await?;
    }
    Ok(())
}

async fn cancel_all(desk: &Durable<Effects>) -> anyhow::Result<()> {
    let mut cursor = None;
    loop {
        let page = desk.tasks(&TaskFilter::default(), cursor).await?;
        for task in page.items {
            if !matches!(task.state, TaskState::Ended(_)) {
                desk.cancel_task(task.id, Some("the desk is reset")).await?;
            }
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}

/// Spawns a task for each order, and one in the warehouse for each that will be packed.
///
/// The ids of the orders are idempotency keys, so a second call spawns nothing new and gives the same tasks.
pub(crate) async fn spawn(desk: &Durable<Effects>, orders: &[Order]) -> anyhow::Result<Vec<Spawned>> {
    let keyed = |order: &Order, key: String| {
        (order.clone(), SpawnOptions { idempotency_key: Some(key), ..Default::default() })
    };
    let packed = orders.iter().filter(|order| order.trouble != Some(Trouble::NeverPacked));
    let parcels = packed.map(|order| keyed(order, format!("pack:{}", order.id))).collect();
    desk.spawn_many::<PackOrder>(parcels).await.map_err(other_data)?;
    let orders = orders.iter().map(|order| keyed(order, order.id.clone())).collect();
    desk.spawn_many::<ProcessOrder>(orders).await.map_err(other_data)
}

/// Says what an order that is there with other data means here.
fn other_data(error: DurableError) -> anyhow::Error {
    let conflict = matches!(error, DurableError::IdempotencyConflict { .. });
    let error = anyhow::Error::from(error);
    if conflict {
        error.context("the store has such orders with other data; --reset deletes them")
    } else {
        error
    }
}

/// Waits until all tasks have ended.
pub(crate) async fn wait(desk: &Durable<Effects>, tasks: &[TaskId]) -> anyhow::Result<()> {
    for task in tasks {
        desk.wait_for_result(*task, LONGEST).await?;
    }
    Ok(())
}

/// What became of an order.
pub(crate) async fn row(
    desk: &Durable<Effects>,
    order: &Order,
    task: TaskId,
    figures: &Figures,
) -> anyhow::Result<Row> {
    let result = desk.get_task_result(task).await?;
    let outcome: Option<Outcome> = result.output().ok();
    let status = match (&result, &outcome) {
        (TaskResultView::Completed(_), Some(Outcome { status: Status::Refunded, .. })) => "refunded",
        (TaskResultView::Completed(_), _) => "completed",
        (TaskResultView::Failed(_), _) => "failed",
        (TaskResultView::Cancelled(_), _) => "cancelled",
        (TaskResultView::Live, _) => "live",
    };
    if let TaskResultView::Failed(failure) = &result {
        // The row says that it failed; a reason that cannot be shown is no reason to stop.
        let _ = writeln!(stderr(), "{}: {}", order.id, failure.message);
    }
    let total = outcome.map(|outcome| outcome.total);
    let attempts = desk.task(task).await?.task.attempt;
    Ok(Row { order: order.id.clone(), status, total, attempts, steps: figures.of(task) })
}
