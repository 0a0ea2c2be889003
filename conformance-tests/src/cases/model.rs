//! Random calls hold a store to the memory store.

use durable_core::store::Verb;

use crate::ctx::Ctx;
use crate::model;
use crate::registry::{Case, Verdict, case};

const GROUP: &str = "model";

pub(super) const CASES: &[Case] = &[
    case!(
        what_failed_once_stays_mended,
        [],
        ["C1", "W3", "T1"],
        [],
        "A bug that random calls found on one store is a bug that the next store has."
    )
    .heavy()
    .unhurried(),
    case!(
        random_calls_are_answered_as_the_memory_store_does,
        [],
        ["C1", "W3", "T1"],
        [],
        "What no case thinks of is found by calls that nobody thought of."
    )
    .heavy()
    .unhurried(),
];

async fn what_failed_once_stays_mended(ctx: Ctx) -> Verdict {
    if !has_all(&ctx) {
        return ctx.not_run("the memory store has verbs that this store has not");
    }
    model::regressions(ctx.world()).await
}

async fn random_calls_are_answered_as_the_memory_store_does(ctx: Ctx) -> Verdict {
    if !has_all(&ctx) {
        return ctx.not_run("the memory store has verbs that this store has not");
    }
    model::random_calls(ctx.world()).await
}

/// Which verbs the calls are is theirs to say.
fn has_all(ctx: &Ctx) -> bool {
    Verb::ALL.into_iter().all(|verb| verb == Verb::Hints || ctx.has(verb))
}
