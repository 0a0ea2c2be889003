//! Reads in doubt: they can be made again, and no answer reaches another call.

use std::sync::Arc;

use super::call::Call;
use super::stage::{soon, unanswered, with_fate};
use crate::faults::Fault;
use crate::prelude::*;

/// How a read is lost, and whether its caller can know that it was not made.
const LOSSES: [(Fault, bool); 4] = [
    (Fault::DropRequest, false),
    (Fault::LoseRequest, true),
    (Fault::DropReply, true),
    (Fault::CancelAt(1), true),
];

/// Every verb that reads, of a queue in which there is something to see, with its answer.
async fn reads(ctx: &Ctx) -> Result<Vec<(Call, String)>, Violation> {
    let token = ctx.running().await?;
    ctx.save(step(token, &key("s")?, r#""one""#)).await?;
    ctx.wait(token, vec![on_time(&key("t")?, 500)], None).await?;
    let other = ctx.running().await?;
    ctx.end(other, Ending::Complete { result: json(r#""other""#) }).await?;
    ctx.emit(&event("e")?, r#""event""#).await?;
    let queue = || ctx.queue.clone();
    let calls = [
        Call::ListQueues(ListQueuesRequest::new(None, 10)),
        Call::Outcome(OutcomeRequest::new(queue(), other.task)),
        Call::Load(LoadRequest::new(queue(), token, 0, 10)),
        Call::Task(TaskRequest::new(queue(), token.task)),
        Call::Outcome(OutcomeRequest::new(queue(), token.task)),
        Call::Tasks(TasksRequest::new(queue(), None)),
        Call::Events(EventsRequest::new(queue(), None)),
        Call::Counts(CountsRequest::new(queue())),
    ];
    let mut reads = Vec::new();
    for call in calls.into_iter().filter(|call| ctx.has(call.verb())) {
        let answer = call.on(ctx.store()).await?;
        reads.push((call, answer));
    }
    Ok(reads)
}

/// Wants a read to give its answer.
async fn answers(store: &Arc<dyn Store>, (call, wanted): &(Call, String), when: &str) -> Verdict {
    let what = format!("{} {when}", call.verb());
    same(&what, &soon(&what, call.on(store)).await??, wanted)
}

pub(super) async fn am_7_a_read_can_be_made_again(ctx: Ctx) -> Verdict {
    let reads = reads(&ctx).await?;
    let before = ctx.snapshot().await?;
    for read in &reads {
        for (fault, may_have_happened) in LOSSES {
            let (store, _) = with_fate(ctx.store(), fault);
            let answer = read.0.on(&store).await;
            // One poll may be enough.
            if fault != Fault::CancelAt(1) || answer.is_err() {
                unanswered(read.0.verb().name(), &answer, may_have_happened)?;
            }
            for store in [&ctx.a, &ctx.b] {
                answers(store, read, &format!("after {fault:?}")).await?;
            }
        }
        let (store, _) = with_fate(ctx.store(), Fault::DuplicateNow);
        answers(&store, read, "twice at once").await?;
    }
    ctx.unchanged(&before, "reads").await
}

pub(super) async fn am_12_an_answer_reaches_its_own_call(ctx: Ctx) -> Verdict {
    let reads = reads(&ctx).await?;
    for polls in 0..super::POLLS {
        let mut dropped = false;
        for (read, next) in reads.iter().zip(reads.iter().cycle().skip(1)) {
            let (store, _) = with_fate(&ctx.a, Fault::CancelAt(polls));
            dropped |= soon("a read", read.0.on(&store)).await?.is_err();
            answers(&ctx.a, next, &format!("after {} was dropped", read.0.verb())).await?;
        }
        if !dropped {
            break;
        }
    }
    for read in &reads {
        answers(&ctx.b, read, "in the end").await?;
    }
    Ok(())
}
