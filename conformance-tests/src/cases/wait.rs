//! `wait`: registering, resting, and being met.

use durable_core::model::End;
use durable_core::store::WaitAnswer;

use crate::ctx::Ctx;
use crate::ctx::steps::{event, json, key, on_event, rest};
use crate::expect::{holds, same};
use crate::registry::{Case, Verdict, case};

const GROUP: &str = "wait";

pub(super) const CASES: &[Case] = &[case!(
    ev_2_a_suspended_waiter_wakes_with_the_payload,
    ["EV-2", "EV-7"],
    ["W3", "E2"],
    [Spawn, Claim, Wait, Emit],
    "A waiter that is not woken by its event waits for ever."
)];

async fn ev_2_a_suspended_waiter_wakes_with_the_payload(ctx: Ctx) -> Verdict {
    let (step, name) = (key("k")?, event("e")?);
    let token = ctx.running().await?;
    ctx.suspend_on(token, on_event(&step, &name, None)).await?;
    ctx.claims_nothing("a claim of a suspended task").await?;
    ctx.emit(&name, "42").await?;
    let claim = ctx.claim_task(token.task).await?;
    same("the attempt after a wake", &claim.attempt, &1)?;
    let answer = ctx.wait(claim.token, vec![], Some(rest(&[&step], 1))).await?;
    let WaitAnswer::Met(met) = answer else {
        return holds("the ended wait", false, answer, "met");
    };
    same("the end", &met.into_iter().map(|met| met.end).collect(), &vec![End::Value(json("42"))])
}
