//! The durable tasks: one for each order, one for each of its lines, one for each parcel.

use std::borrow::Cow;
use std::time::Duration;

use durable::{SpawnOptions, StepState, Task, TaskContext, TaskError, TaskResult, async_trait, permanent};
use serde::{Deserialize, Serialize};

use crate::effects::{Effect, Effects, Kind};
use crate::money::Cents;
use crate::orders::{Line, Order};

/// How long after packing the receipt goes out.
const BEFORE_RECEIPT: Duration = Duration::from_millis(200);
/// How long the warehouse takes for one thing.
const PICKING: Duration = Duration::from_millis(15);

type Context = TaskContext<Effects>;

/// What became of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    pub(crate) total: Cents,
    /// The payment gateway's reference.
    pub(crate) payment: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Completed,
    Refunded,
}

/// Takes one order from its check to its receipt.
#[derive(Debug, Default)]
pub(crate) struct ProcessOrder;

impl ProcessOrder {
    pub(crate) const NAME: &str = "process-order";
}

#[async_trait]
impl Task<Effects> for ProcessOrder {
    fn name(&self) -> Cow<'static, str> {
        Self::NAME.into()
    }
    type Params = Order;
    type Output = Outcome;

    async fn run(&self, order: Order, mut ctx: Context, _: Effects) -> TaskResult<Outcome> {
        let total: Cents = ctx.step("validate", order.clone(), validate).await?;

        // A child for each line; the order rests until the last of them has ended, and wakes once.
        let lines = order.lines.clone();
        let children = ctx.spawn_many::<ReserveLine>("reserve", lines, SpawnOptions::default()).await?;
        for reserved in ctx.join_all(children).await? {
            reserved?;
        }

        let charge = Effect::new(Kind::Charge, ctx.task_id, &order, total);
        let payment: String = ctx.step("charge", charge, perform).await?;

        match ctx.await_event::<Parcel>(&packed(&order.id), Some(order.patience())).await {
            Ok(_) => {}
            // The timeout is decided once and stored: a parcel that comes later changes nothing.
            Err(TaskError::Timeout { .. }) => {
                let refund = Effect::new(Kind::Refund, ctx.task_id, &order, total);
                ctx.step("refund", refund, perform).await?;
                return Ok(Outcome { status: Status::Refunded, total, payment });
            }
            Err(error) => return Err(error),
        }

        ctx.sleep_for("before the receipt", BEFORE_RECEIPT).await?;
        let receipt = Effect::new(Kind::Receipt, ctx.task_id, &order, total);
        ctx.step("receipt", receipt, perform).await?;
        Ok(Outcome { status: Status::Completed, total, payment })
    }
}

async fn validate(order: Order, _: StepState<Effects>) -> anyhow::Result<Cents> {
    // No other attempt mends a bad order.
    order.total().map_err(permanent)
}

async fn perform(effect: Effect, step: StepState<Effects>) -> anyhow::Result<String> {
    step.state.perform(effect).await
}

/// Reserves stock for one line of an order.
#[derive(Debug, Default)]
pub(crate) struct ReserveLine;

#[async_trait]
impl Task<Effects> for ReserveLine {
    fn name(&self) -> Cow<'static, str> {
        "reserve-line".into()
    }
    type Params = Line;
    type Output = String;

    async fn run(&self, line: Line, mut ctx: Context, _: Effects) -> TaskResult<String> {
        ctx.step("reserve", line, |line, _| async move { Ok(format!("{} of {}", line.quantity, line.sku)) })
            .await
    }
}

/// Packs one order and tells it so.
#[derive(Debug, Default)]
pub(crate) struct PackOrder;

/// What the warehouse says of a packed order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) pieces: u32,
}

#[async_trait]
impl Task<Effects> for PackOrder {
    fn name(&self) -> Cow<'static, str> {
        "pack-order".into()
    }
    type Params = Order;
    type Output = ();

    async fn run(&self, order: Order, mut ctx: Context, _: Effects) -> TaskResult<()> {
        let pieces = order.lines.iter().map(|line| line.quantity).fold(0, u32::saturating_add);
        let shelves = u32::try_from(order.lines.len()).unwrap_or(u32::MAX);
        ctx.sleep_for("pick", PICKING.saturating_mul(shelves)).await?;
        ctx.emit_event(&packed(&order.id), &Parcel { pieces }).await
    }
}

/// The event that an order is packed.
fn packed(order: &str) -> String {
    format!("packed:{order}")
}
