//! `capabilities` and `hints`: what a store promises, and what it whispers.

use std::time::Duration;

use durable_core::store::{Hint, Hints};
use futures::StreamExt;

use crate::prelude::*;

const GROUP: &str = "signals";

/// How long a hint may take: it comes over a server, in real time.
const SOON: Duration = Duration::from_secs(2);

pub(super) const CASES: &[Case] = &[
    case!(
        f3_every_handle_promises_the_same,
        ["MT-11"],
        ["F3"],
        [Spawn],
        "A promise that depends on whom one asks is none."
    ),
    case!(
        mt_11_promised_hints_come,
        ["MT-11", "CL-38"],
        ["F3"],
        [Spawn, Hints],
        "A store that says that it wakes workers, and does not, makes every task wait for a poll."
    )
    .of(Capability::Hints),
    case!(
        cl_38_hints_that_nobody_reads_hold_nothing_up,
        ["CL-38"],
        ["F3", "F1"],
        [Spawn, Claim, Hints],
        "A reader that has stopped reading must not stop those who write."
    )
    .heavy(),
];

async fn f3_every_handle_promises_the_same(ctx: Ctx) -> Verdict {
    let promised = ctx.a.capabilities();
    let third = ctx.handle().await?;
    for store in [&ctx.b, &third] {
        same("the capabilities of another handle", &store.capabilities(), &promised)?;
    }
    ctx.spawn_one().await?;
    same("the capabilities later", &ctx.a.capabilities(), &promised)
}

/// A hint of work comes soon.
async fn hinted(hints: &mut Hints) -> bool {
    let reading = async {
        while let Some(hint) = hints.next().await {
            if matches!(hint, Hint::Work { .. }) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(SOON, reading).await.unwrap_or(false)
}

async fn mt_11_promised_hints_come(ctx: Ctx) -> Verdict {
    let mut hints = ctx.a.hints(&ctx.queue);
    // One hint may be lost; of three, one must come.
    for _ in 0..3 {
        ctx.b.spawn(SpawnRequest::new(ctx.queue.clone(), vec![job()?])).await?;
        if hinted(&mut hints).await {
            return Ok(());
        }
    }
    Err(Violation::new("the hints of three tasks", "none", "one of work"))
}

async fn cl_38_hints_that_nobody_reads_hold_nothing_up(ctx: Ctx) -> Verdict {
    let unread = [ctx.a.hints(&ctx.queue), ctx.b.hints(&ctx.queue)];
    for _ in 0..300 {
        ctx.spawn_one().await?;
    }
    let claims = ctx.claim(1_000).await?;
    same("the claims", &claims.len(), &300)?;
    drop(unread);
    let ends = claims.into_iter().map(|claim| RunEnd { token: claim.token, ending: complete() }).collect();
    let answer = ctx.claim_with(ctx.claim_request(0)?.ending(ends)).await?;
    same("the completed runs", &answer.ends.iter().filter(|end| end.is_ok()).count(), &300)
}
