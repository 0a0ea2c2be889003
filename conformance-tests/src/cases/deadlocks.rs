//! Every pair of operations on one parent, its child and its event, at one moment, from two handles.

use super::races::{Call, together};
use crate::prelude::*;

const GROUP: &str = "deadlocks";

pub(super) const CASES: &[Case] = &[case!(
    co_4_every_pair_of_operations_returns,
    ["CO-4"],
    ["C1", "W3", "T1"],
    [Spawn, Claim, Wait, Save],
    "Two operations that lock in two orders wait for each other until somebody is killed."
)];

/// What can be done to a running parent that waits for an event and for its running child.
#[derive(Debug, Clone, Copy)]
enum Op {
    CompleteChild,
    FailChild,
    CompleteParent,
    CancelParent,
    CancelChild,
    RetryChild,
    Emit,
    RestParent,
    SpawnMore,
    SaveAndEmit,
    Extend,
    Tick,
    Purge,
    Claim,
}

impl Op {
    const ALL: [(Self, Verb); 14] = [
        (Self::CompleteChild, Verb::Claim),
        (Self::FailChild, Verb::Claim),
        (Self::CompleteParent, Verb::Claim),
        (Self::CancelParent, Verb::Cancel),
        (Self::CancelChild, Verb::Cancel),
        (Self::RetryChild, Verb::Retry),
        (Self::Emit, Verb::Emit),
        (Self::RestParent, Verb::Wait),
        (Self::SpawnMore, Verb::Save),
        (Self::SaveAndEmit, Verb::Save),
        (Self::Extend, Verb::Extend),
        (Self::Tick, Verb::Tick),
        (Self::Purge, Verb::Purge),
        (Self::Claim, Verb::Claim),
    ];

    /// Does it; a refusal is an answer, a fault is not.
    async fn run(self, ctx: Ctx, parent: Token, child: Token) -> Verdict {
        let refused = match self {
            Self::CompleteChild => ctx.try_end(child, complete()).await?.err(),
            Self::FailChild => ctx.try_end(child, fail_for_good()).await?.err(),
            Self::CompleteParent => ctx.try_end(parent, complete()).await?.err(),
            Self::CancelParent => ctx.cancel(parent.task).await.map(|_| None)?,
            Self::CancelChild => ctx.cancel(child.task).await.map(|_| None)?,
            Self::RetryChild => {
                let request = RetryRequest::new(ctx.queue.clone(), child.task, 1, None);
                ctx.store().retry(request).await.map(|_| None)?
            }
            Self::Emit => ctx.emit(&event("e")?, "1").await.map(|_| None)?,
            Self::RestParent => {
                let on = Rest { keys: vec![key("k")?, join_key("c")?], need: 2 };
                ctx.try_wait(parent, vec![], Some(on)).await?.err()
            }
            Self::SpawnMore => {
                let more = vec![self::child("more", ParentClosePolicy::Cancel)?];
                ctx.try_save(spawning(parent, &key("$spawn:more")?, more)).await?.err()
            }
            Self::SaveAndEmit => {
                ctx.try_save(emitting(child, &key("$emit:e")?, write(&event("e")?, "2"))).await?.err()
            }
            Self::Extend => ctx.try_extend(parent, 2 * LEASE).await?.err(),
            Self::Tick => ctx.tick().await.map(|_| None)?,
            Self::Purge => ctx.purge(0).await.map(|_| None)?,
            Self::Claim => ctx.claim(10).await.map(|_| None)?,
        };
        match refused {
            Some(Refusal::Fault(kind)) => {
                Err(Violation::new(format!("{self:?}"), format!("{kind:?}"), "an answer"))
            }
            _ => Ok(()),
        }
    }
}

async fn co_4_every_pair_of_operations_returns(ctx: Ctx) -> Verdict {
    let ops: Vec<_> = Op::ALL.into_iter().filter(|(_, verb)| ctx.has(*verb)).map(|(op, _)| op).collect();
    for (index, left) in ops.iter().enumerate() {
        for right in ops.iter().skip(index) {
            let on = ctx.another_queue(&format!("{left:?} and {right:?}")).await?;
            let parent = on.running().await?;
            let child = on.spawn_child(parent, "c", ParentClosePolicy::Cancel).await?;
            let child = on.claim_task(child).await?.token;
            let waits = vec![on_event(&key("k")?, &event("e")?, None), on_child(&join_key("c")?, child.task)];
            on.wait(parent, waits, None).await?;
            let calls: Vec<Call<()>> = vec![
                Box::pin(left.run(on.clone(), parent, child)),
                Box::pin(right.run(on.clone(), parent, child)),
            ];
            together(calls).await?;
        }
    }
    Ok(())
}
