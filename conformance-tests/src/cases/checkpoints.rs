//! `load` and `save`.

use durable_core::model::{CheckpointKind, End};

use crate::ctx::Ctx;
use crate::ctx::steps::{json, key, step};
use crate::expect::{one, same};
use crate::registry::{Case, Verdict, case};

const GROUP: &str = "checkpoints";

pub(super) const CASES: &[Case] = &[case!(
    cp_1_a_claim_reads_what_it_stored,
    ["CP-1"],
    ["P2"],
    [Spawn, Claim, Save, Load],
    "A step whose result cannot be read runs again."
)];

async fn cp_1_a_claim_reads_what_it_stored(ctx: Ctx) -> Verdict {
    let token = ctx.running().await?;
    ctx.save(step(token, &key("s")?, "1")).await?;
    let stored = one("the checkpoints", ctx.load(token).await?)?;
    same("the key", &stored.key, &key("s")?)?;
    same("the kind", &stored.kind, &CheckpointKind::Step)?;
    same("the end", &stored.end, &End::Value(json("1")))?;
    same("the order", &stored.order, &1)
}
