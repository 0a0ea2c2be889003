//! Random calls hold a store to the memory store.

use crate::ctx::Ctx;
use crate::model;
use crate::registry::{Case, Verdict, case};

const GROUP: &str = "model";

pub(super) const CASES: &[Case] = &[
    case!(
        what_failed_once_stays_mended,
        [],
        ["C1", "W3", "T1"],
        [Tick, Tasks, Task, Events, Counts, ListQueues],
        "A bug that random calls found on one store is a bug that the next store has."
    )
    .heavy()
    .unhurried(),
    case!(
        random_calls_are_answered_as_the_memory_store_does,
        [],
        ["C1", "W3", "T1"],
        [
            DropQueue, ListQueues, Spawn, Cancel, Retry, Outcome, Claim, Extend, Wait, Load, Save, Emit,
            Tick, Purge, Task, Tasks, Events, Counts
        ],
        "What no case thinks of is found by calls that nobody thought of."
    )
    .heavy()
    .unhurried(),
];

async fn what_failed_once_stays_mended(ctx: Ctx) -> Verdict {
    model::regressions(ctx.world()).await
}

async fn random_calls_are_answered_as_the_memory_store_does(ctx: Ctx) -> Verdict {
    model::random_calls(ctx.world()).await
}
