//! The cases, one file per verb or matter. [`cases`] is the only list.

mod cancel;
mod checkpoints;
mod children;
mod claim;
mod clock;
mod closing;
mod crash;
mod deadlocks;
mod ends;
mod events;
mod failure;
mod handles;
mod inspect;
mod lease;
mod limits;
mod names;
mod payloads;
mod purge;
mod queues;
mod races;
mod repeats;
mod rest;
mod retry;
mod signals;
mod spawn;
mod spread;
mod stale;
mod tick;
mod wait;

use crate::registry::Case;

/// Every case of the suite, in the order of the store's roles.
pub fn cases() -> Vec<Case> {
    let files = [
        handles::CASES,
        queues::CASES,
        spawn::CASES,
        cancel::CASES,
        retry::CASES,
        claim::CASES,
        ends::CASES,
        lease::CASES,
        stale::CASES,
        repeats::CASES,
        wait::CASES,
        rest::CASES,
        checkpoints::CASES,
        children::CASES,
        closing::CASES,
        events::CASES,
        limits::CASES,
        tick::CASES,
        purge::CASES,
        inspect::CASES,
        signals::CASES,
        clock::CASES,
        payloads::CASES,
        names::CASES,
        races::CASES,
        deadlocks::CASES,
        failure::CASES,
        crash::CASES,
        spread::CASES,
    ];
    files.concat()
}
