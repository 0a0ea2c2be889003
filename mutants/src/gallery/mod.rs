//! The mutants of the memory store, by what they break.
//!
//! Each is a sentence, the ids of the cases that must find it out, and its edits; the numbers are those of the catalogue,
//! and from 101 on the project's own. What an edit marks with `⟦…⟧` becomes a choice between what the store does and what
//! the mutant does, so that all mutants are compiled at once. More than a line of wrong code is a function in `wrongs`.

mod checkpoints;
mod children;
mod claims;
mod ends;
mod events;
mod fences;
mod limits;
mod purge;
mod queues;
mod spawn;
mod waits;

use crate::edit::Mutation;

/// All of them.
pub(crate) fn mutations() -> impl Iterator<Item = &'static Mutation> {
    let groups: [&'static [Mutation]; 11] = [
        queues::MUTATIONS,
        spawn::MUTATIONS,
        claims::MUTATIONS,
        fences::MUTATIONS,
        ends::MUTATIONS,
        waits::MUTATIONS,
        checkpoints::MUTATIONS,
        children::MUTATIONS,
        events::MUTATIONS,
        limits::MUTATIONS,
        purge::MUTATIONS,
    ];
    groups.into_iter().flatten()
}
