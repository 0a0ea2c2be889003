//! `claim`: who gets which task, and when.

use crate::ctx::Ctx;
use crate::ctx::steps::{job_with, millis};
use crate::expect::same;
use crate::registry::{Case, Verdict, case};

const GROUP: &str = "claim";

pub(super) const CASES: &[Case] = &[
    case!(
        cl_1_a_delayed_task_is_claimed_from_its_due_time_on,
        ["CL-1", "SP-5"],
        ["K1"],
        [Spawn, Claim],
        "A task that starts a millisecond early has broken the one promise of a delay."
    ),
    case!(
        cl_4_a_claimed_task_is_nobody_elses,
        ["CL-4", "MT-1"],
        ["C1"],
        [Spawn, Claim],
        "Two workers that run one task do everything in it twice."
    ),
];

async fn cl_1_a_delayed_task_is_claimed_from_its_due_time_on(ctx: Ctx) -> Verdict {
    let task = ctx.spawn(job_with(|task| task.delay = millis(1_000))?).await?;
    ctx.advance(999);
    ctx.claims_nothing("a claim one millisecond before the task is due").await?;
    ctx.advance(1);
    let claim = ctx.claim_task(task).await?;
    same("the attempt of a first claim", &claim.attempt, &1)
}

async fn cl_4_a_claimed_task_is_nobody_elses(ctx: Ctx) -> Verdict {
    let task = ctx.spawn_one().await?;
    ctx.claim_task(task).await?;
    ctx.claims_nothing("a claim on the other handle").await?;
    ctx.claims_nothing("another claim on the same handle").await?;
    let other = ctx.spawn_one().await?;
    ctx.claim_task(other).await?;
    Ok(())
}
