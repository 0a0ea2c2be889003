//! Calls in doubt: lost, doubled, late or dropped on their way, each verb that writes is as if it was made once.
//!
//! Each case plays the [`scenes`] in two namespaces, with the same ids, and compares everything that the two show.

mod call;
mod reads;
mod scenes;
mod script;
mod stage;

use reads::{am_7_a_read_can_be_made_again, am_12_an_answer_reaches_its_own_call};
use script::{Again, Step};
use stage::{House, Stage, soon, twice_at_once, unanswered, with_fate};

use crate::faults::Fault;
use crate::prelude::*;
use crate::snapshot::Snapshot;

const GROUP: &str = "ambiguity";

pub(super) const CASES: &[Case] = &[
    case!(
        am_1_a_lost_request_made_again_is_made_once,
        ["AM-1"],
        ["C7", "F1"],
        [Spawn, Claim],
        "What never arrived is asked for again, and nothing may remember the first time."
    )
    .heavy(),
    case!(
        am_2_a_lost_reply_asked_for_again_is_one_call,
        ["AM-2"],
        ["C7", "F1"],
        [Spawn, Claim],
        "Who lost a reply asks again, and must hear what became of the first call."
    )
    .heavy(),
    case!(
        am_3_a_call_that_arrives_twice_at_once_is_one_call,
        ["AM-3"],
        ["C7", "F1"],
        [Spawn, Claim],
        "A caller that ran out of patience asks again while its first request is still at work."
    )
    .heavy(),
    case!(
        am_4_a_copy_that_arrives_late_does_nothing,
        ["AM-4", "SL-8"],
        ["C7", "C3", "E1"],
        [Spawn, Claim],
        "A request that a network kept for a while arrives when its task is in other hands."
    )
    .heavy(),
    case!(
        am_5_a_refusal_says_that_nothing_happened,
        ["AM-5", "QU-6"],
        ["C7", "C3"],
        [Spawn, Claim],
        "Who is told that it may have happened asks again and again for what was refused."
    )
    .heavy(),
    case!(
        am_6_a_call_reaches_the_data_once,
        ["AM-6"],
        ["C7"],
        [Spawn, Claim],
        "A store that repeats a write by itself tells its caller that it came second."
    )
    .heavy(),
    case!(
        am_7_a_read_can_be_made_again,
        ["AM-7"],
        ["C7"],
        [Spawn, Claim, Save, Wait, Emit],
        "Who looks may look again, whatever became of the first look."
    ),
    case!(
        am_9_a_call_dropped_at_any_poll_is_all_or_nothing,
        ["AM-9", "AM-10", "CX-2", "CX-6", "CL-33"],
        ["F1", "C7"],
        [Spawn, Claim],
        "A body that is dropped drops its calls at any point, and neither half a write nor a lock may stay."
    )
    .heavy(),
    case!(
        am_12_an_answer_reaches_its_own_call,
        ["AM-12", "AM-9"],
        ["F1"],
        [Spawn, Claim, Save, Wait, Emit],
        "The answer to a call that was dropped must not be taken for that to the next."
    ),
];

async fn am_1_a_lost_request_made_again_is_made_once(ctx: Ctx) -> Verdict {
    let house = House::open(&ctx).await?;
    for fault in [Fault::DropRequest, Fault::LoseRequest] {
        for stage in house.stages(&format!("{fault:?}"))? {
            let surely_not = fault == Fault::DropRequest;
            // A repeat of a claim call is for what it took. Who took nothing makes another call.
            if surely_not || !stage.scene.call.takes() {
                lost_request(&stage, fault, surely_not).await?;
            }
        }
    }
    house.is_whole().await
}

async fn lost_request(stage: &Stage, fault: Fault, surely_not: bool) -> Verdict {
    stage.before().await?;
    let (store, _) = with_fate(&stage.world.a, fault);
    let call = &stage.scene.call;
    unanswered(stage.name(), &call.on(&store).await, !surely_not)?;
    stage.alike("after a request that was lost").await?;
    let again = if surely_not { call.clone() } else { call.again() };
    let (answer, wanted) = (again.on(stage.world.store()).await?, stage.once().await?);
    same(&stage.what("the answer"), &answer, &wanted)?;
    stage.alike("after the call").await
}

async fn am_2_a_lost_reply_asked_for_again_is_one_call(ctx: Ctx) -> Verdict {
    let house = House::open(&ctx).await?;
    for stage in house.stages("lost reply")? {
        stage.before().await?;
        let (store, _) = with_fate(stage.world.store(), Fault::DropReply);
        unanswered(stage.name(), &stage.scene.call.on(&store).await, true)?;
        let first = stage.once().await?;
        stage.alike("after the lost reply").await?;
        stage.again(&first).await?;
        stage.after(stage.world.store()).await?;
    }
    house.is_whole().await
}

async fn am_3_a_call_that_arrives_twice_at_once_is_one_call(ctx: Ctx) -> Verdict {
    let house = House::open(&ctx).await?;
    for stage in house.stages("beside its repeat")? {
        stage.before().await?;
        let call = &stage.scene.call;
        let answers = twice_at_once(&stage.world, call, &call.again()).await?;
        one_of_two(&stage, &answers).await?;
    }
    // Only a claim's repeat says that it is one.
    for stage in house.stages("on two handles")?.into_iter().filter(|stage| stage.scene.call.takes()) {
        stage.before().await?;
        let answers = twice_at_once(&stage.world, &stage.scene.call, &stage.scene.call).await?;
        one_of_two(&stage, &answers).await?;
    }
    for stage in house.stages("on one handle")? {
        stage.before().await?;
        let (store, _) = with_fate(stage.world.store(), Fault::DuplicateNow);
        let answer = soon(stage.name(), stage.scene.call.on(&store)).await??;
        one_of_two(&stage, &[answer.clone(), answer]).await?;
    }
    house.is_whole().await
}

/// Wants each of the answers to be the first or what comes again, and the rest as after one call.
async fn one_of_two(stage: &Stage, answers: &[String; 2]) -> Verdict {
    let first = stage.once().await?;
    let again = stage.scene.again.after(&first);
    let shared = stage.scene.call.takes() || matches!(stage.scene.again, Again::Nothing(_));
    for answer in answers {
        let right = shared || *answer == first || answer == again;
        holds(&stage.what("one of two answers"), right, answer, &format!("{first} or {again}"))?;
    }
    stage.alike("after two calls at once").await?;
    stage.again(&first).await?;
    stage.after(stage.world.store()).await
}

async fn am_4_a_copy_that_arrives_late_does_nothing(ctx: Ctx) -> Verdict {
    let house = House::open(&ctx).await?;
    for stage in house.stages("late copy")? {
        stage.before().await?;
        let further = stage.scene.after.iter().filter_map(Step::call).count();
        let fault = Fault::DuplicateLate(further.try_into().unwrap_or(u64::MAX));
        let (store, faults) = with_fate(stage.world.store(), fault);
        let (answer, wanted) = (stage.scene.call.on(&store).await?, stage.once().await?);
        same(&stage.what("the answer"), &answer, &wanted)?;
        stage.after(&store).await?;
        same(&stage.what("copies on their way"), &faults.late(), &0)?;
    }
    house.is_whole().await
}

/// Every call, without anything before it. That a lost reply may have happened needs a store whose replies can be lost:
/// a store's own tests cut its connection.
async fn am_5_a_refusal_says_that_nothing_happened(ctx: Ctx) -> Verdict {
    let house = House::open(&ctx).await?;
    for stage in house.stages("without a queue")? {
        let call = &stage.scene.call;
        if matches!(call.verb(), Verb::PutQueue | Verb::DropQueue) {
            continue;
        }
        for store in [&stage.world.a, &stage.world.b] {
            let answer = call.on(store).await;
            let refused = match &answer {
                Ok(answer) => answer.contains("Err(ClaimLost)"),
                Err(error) => error.kind == StoreErrorKind::NotFound && !error.may_have_happened,
            };
            holds(&stage.what("a call"), refused, &answer, "refused: it surely did not happen")?;
        }
        stage.alike("after a refusal").await?;
    }
    house.is_whole().await
}

async fn am_6_a_call_reaches_the_data_once(ctx: Ctx) -> Verdict {
    let house = House::open(&ctx).await?;
    for stage in house.stages("once")? {
        stage.before().await?;
        let first = stage.once().await?;
        if let Again::Says(again) | Again::Nothing(again) = &stage.scene.again {
            holds(&stage.what("the first answer"), first != *again, &first, "that it is the first")?;
        }
    }
    house.is_whole().await
}

async fn am_9_a_call_dropped_at_any_poll_is_all_or_nothing(ctx: Ctx) -> Verdict {
    let house = House::open(&ctx).await?;
    for polls in 0..POLLS {
        let mut dropped = false;
        for stage in house.stages(&format!("{polls} polls"))? {
            dropped |= dropped_at(&stage, polls).await?;
        }
        if !dropped {
            break;
        }
    }
    house.is_whole().await
}

/// No call of a store takes more polls, or all that come are alike.
const POLLS: u32 = 24;

/// `false` if the call needed fewer polls.
async fn dropped_at(stage: &Stage, polls: u32) -> Result<bool, Violation> {
    stage.before().await?;
    let before = stage.seen_in_the_twin().await?;
    let first = stage.once().await?;
    let after = stage.seen_in_the_twin().await?;
    let (store, _) = with_fate(stage.world.store(), Fault::CancelAt(polls));
    let call = &stage.scene.call;
    let answer = soon(stage.name(), call.on(&store)).await?;
    if answer.is_err() {
        unanswered(stage.name(), &answer, true)?;
        let seen = soon(stage.name(), settled(&stage.world)).await??;
        let whole = [&before, &after].into_iter().any(|wanted| wanted.difference(&seen).is_none());
        holds(&stage.what("what a dropped call left"), whole, &seen, &format!("{before:#?} or {after:#?}"))?;
        made_again(stage, &first).await?;
    }
    stage.alike("after the call was made again").await?;
    stage.after(stage.world.store()).await?;
    Ok(answer.is_err())
}

/// Makes the call again, on both handles at once: neither waits for what was dropped.
async fn made_again(stage: &Stage, first: &str) -> Verdict {
    let call = &stage.scene.call;
    let _ = twice_at_once(&stage.world, &call.again(), &call.again()).await?;
    // A repeat takes nothing new: if the call did not happen, it is made now.
    let answer = soon(stage.name(), call.on(stage.world.store())).await??;
    if call.takes() {
        same(&stage.what("the answer"), &answer.as_str(), &first)?;
    }
    Ok(())
}

/// What the store shows once nothing moves any more: what was dropped may still happen a little later.
async fn settled(ctx: &Ctx) -> Result<Snapshot, Violation> {
    let mut seen = ctx.snapshot().await?;
    for _ in 0..1_000 {
        let next = ctx.snapshot().await?;
        if next == seen {
            return Ok(seen);
        }
        seen = next;
    }
    Err(Violation::new("what is seen after a dropped call", "never the same twice", "rest"))
}
