//! Claims and checkpoints: CL, CP.

use super::{Item, both, cases, tests};

pub(super) const ITEMS: &[Item] = &[
    cases("CL-1", "A task is claimed from its due time on, to the millisecond."),
    cases("CL-2", "A claim gives at most as many tasks as it was asked for."),
    cases("CL-3", "No task is in one batch of claims twice."),
    cases("CL-4", "A task under a live claim is nobody else's."),
    cases("CL-5", "No two live claims of one task overlap, whatever the number of workers."),
    cases(
        "CL-6",
        "While no lease runs out, every task is done once by many workers: none lost, none doubled.",
    ),
    both(
        "CL-7",
        "A task that somebody holds keeps nobody from the next one.",
        &["durable-postgres/tests/races/passing_over.rs::a_claim_passes_over_what_another_holds"],
    ),
    cases("CL-8", "Ready tasks come by priority, then by the time they became ready, then by id.").note(
        "Exact while no more is due than one claim works off: a hundred things, or twice what it may take.",
    ),
    cases("CL-9", "No due task is overtaken for ever while workers race."),
    cases("CL-10", "No token comes twice, whatever happened to the task or its queue."),
    cases("CL-11", "A task's claim count grows with every claim."),
    cases("CL-12", "A token is for one task of one queue, and nobody makes one up."),
    cases("CL-13", "Two claims by one worker's name fence each other."),
    cases("CL-14", "Failures and expiries use an attempt; sleeps, wakes and releases use none."),
    cases("CL-15", "The first claim, and no other, starts a task."),
    cases("CL-16", "A claim carries everything that a run needs.")
        .note("The contract has no wake reason: a run learns why it goes on from its checkpoints."),
    cases("CL-17", "A claim takes the names asked for, however much of other names is in front."),
    cases("CL-18", "An empty queue gives nothing, at once."),
    both(
        "CL-19",
        "A lease of no time, or of more than there is, is refused.",
        &["durable-core/src/model/time.rs::k2_a_lease_of_zero_or_of_for_ever_is_invalid"],
    ),
    cases("CL-20", "A lease counts from the store's time."),
    cases("CL-21", "When a lease is over, anybody may take the task at once."),
    cases("CL-22", "An expired run ends as a timeout, costs an attempt, and the last one fails the task."),
    cases("CL-23", "Many expired leases are worked off in bounded steps, and hold up no fresh task."),
    cases("CL-24", "After its lease a holder is refused, also when nobody has noticed the expiry."),
    cases("CL-25", "Extending never shortens a lease."),
    cases("CL-26", "Extending tells when the lease ends."),
    cases("CL-27", "An expired lease is not revived."),
    cases("CL-28", "The old holder's extension leaves the new one's lease as it is."),
    cases("CL-29", "The holder of a cancelled task is told so, every other one that the claim is lost."),
    tests(
        "CL-30",
        "Extending by no time, or by more than there is, is refused.",
        &["durable-core/src/model/time.rs::k2_a_lease_of_zero_or_of_for_ever_is_invalid"],
    )
    .note("No request can say it: a lease is checked when it is made."),
    cases("CL-31", "Every write under every kind of stale token is refused and changes nothing."),
    cases("CL-32", "A claim whose reply was lost gives the same tasks again, and nothing new."),
    cases("CL-33", "A claim that is dropped at any point has happened whole or not at all."),
    cases("CL-34", "A released task comes back at its time with its attempts."),
    cases("CL-35", "As many tasks are counted ready as a claim would take."),
    cases("CL-36", "The next due time is never later than the truth."),
    both(
        "CL-37",
        "Claims of an empty queue change nothing.",
        &["durable-sqlite/src/tests/faults.rs::a_reader_writes_nothing"],
    )
    .note("What a store's log grows by is a matter of its own tests."),
    cases("CL-38", "A hint may be lost, late or doubled, and everything is done all the same."),
    cases("CP-1", "A claim reads what it has stored."),
    cases("CP-2", "Every later claim reads it, too."),
    cases("CP-3", "No other task and no other queue reads it."),
    cases(
        "CP-4",
        "The first write of a key wins, the same again is fine, and another is told what is stored.",
    ),
    cases("CP-5", "Checkpoints are listed in the order they were stored, all of ten thousand."),
    cases("CP-6", "A stale token stores nothing."),
    cases("CP-7", "An earlier attempt never writes over a later one."),
    cases("CP-8", "Nothing is stored for a task that has ended or rests."),
    cases("CP-9", "A stored null is something."),
    cases("CP-10", "A checkpoint and the lease that it extends are one write."),
    cases("CP-11", "Every checkpoint leaves at least the claim's full lease."),
    cases("CP-12", "A checkpoint that is stored again because its reply was lost is there once."),
    cases("CP-13", "Of two writes of one step at one moment one is stored, and both are told which."),
    cases("CP-14", "Checkpoints outlive sleeps, wakes, failures, expiries, releases and retries.")
        .note("Spawning a task anew from an old one is no verb of the contract."),
    cases("CP-15", "Checkpoints go with their task."),
    cases("CP-16", "A checkpoint and what it spawns or emits are one write."),
    cases("CP-17", "Loading under a claim that does not hold is refused, and not empty."),
];
