//! Spawns the orders, waits for them and says what became of each.

use std::io::{Write as _, stderr};
use std::time::Duration;

use durable::{Durable, SpawnOptions, TaskId, TaskResultView};

use crate::effects::Effects;
use crate::figures::Figures;
use crate::orders::{Order, Trouble};
use crate::table::Row;
use crate::tasks::{Outcome, PackOrder, ProcessOrder, Status};

/// How long to wait for an order, once those before it have ended.
const LONGEST: Duration = Duration::from_secs(60);

/// Spawns a task for each order, and one in the warehouse for each that will be packed.
///
/// The ids of the orders are idempotency keys, so a second call spawns nothing new and gives the same tasks.
pub(crate) async fn spawn(desk: &Durable<Effects>, orders: &[Order]) -> anyhow::Result<Vec<TaskId>> {
    let keyed = |order: &Order, key: String| {
        (order.clone(), SpawnOptions { idempotency_key: Some(key), ..Default::default() })
    };
    let packed = orders.iter().filter(|order| order.trouble != Some(Trouble::NeverPacked));
    let parcels = packed.map(|order| keyed(order, format!("pack:{}", order.id))).collect();
    desk.spawn_many::<PackOrder>(parcels).await?;
    let spawned =
        desk.spawn_many::<ProcessOrder>(orders.iter().map(|order| keyed(order, order.id.clone())).collect());
    Ok(spawned.await?.into_iter().map(|spawned| spawned.task).collect())
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
