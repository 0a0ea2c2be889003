//! Random calls hold a store to the memory store.

use durable_core::store::Verb;

use crate::ctx::Ctx;
use crate::level::Missing;
use crate::model;
use crate::registry::{Case, Verdict, case};

const GROUP: &str = "model";

pub(super) const CASES: &[Case] = &[
    case!(
        what_failed_once_stays_mended,
        ["QU-9"],
        ["C8", "T2", "U1"],
        [],
        "A bug that random calls found in one store is a bug that the next store may have."
    )
    .heavy()
    .unhurried(),
    case!(
        random_calls_are_answered_as_by_the_memory_store,
        ["CL-31"],
        ["C1", "C3", "C7", "P1", "W2", "W3", "E2", "T1", "T3"],
        [],
        "Whoever develops over the memory store finds out in production what another store does otherwise."
    )
    .heavy()
    .unhurried(),
];

async fn what_failed_once_stays_mended(ctx: Ctx) -> Verdict {
    if lacks_a_verb(&ctx) { Ok(()) } else { model::regressions(ctx.world()).await }
}

async fn random_calls_are_answered_as_by_the_memory_store(ctx: Ctx) -> Verdict {
    if lacks_a_verb(&ctx) { Ok(()) } else { model::random_calls(ctx.world()).await }
}

/// Random calls are of every verb, but which a run needs is its seed's to say.
fn lacks_a_verb(ctx: &Ctx) -> bool {
    let missing = Verb::ALL.into_iter().find(|verb| *verb != Verb::Hints && !ctx.has(*verb));
    missing.map(|verb| ctx.world().journal.lacks(Missing::Verb(verb))).is_some()
}
