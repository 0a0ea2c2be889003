//! Sleeps, events and children: SL, EV, CH.

use super::{Item, both, cases, tests, waits};

pub(super) const ITEMS: &[Item] = &[
    cases("SL-1", "A sleep ends at its time, to the millisecond."),
    cases("SL-2", "A sleeping task has no claim and no lease."),
    cases("SL-3", "A sleep uses no attempt and loses no checkpoint."),
    cases("SL-4", "A sleep until a time that has come does not suspend."),
    cases("SL-5", "No rounding wakes a task early."),
    cases("SL-6", "A sleep until the end of time is one.")
        .note("What lies beyond cannot be spelled: a duration is checked when it is made."),
    cases("SL-7", "A sleep that is repeated because its reply was lost is one sleep."),
    cases("SL-8", "The same repeat after another's claim is lost, and leaves the other running."),
    cases("SL-9", "A sleeping run can neither fail nor complete."),
    cases("SL-10", "A sleep outlives every handle on the store.").of("durable"),
    cases("SL-11", "A sleeping task can be cancelled at once."),
    cases("SL-12", "Events that a task does not wait for do not wake it."),
    both(
        "SL-13",
        "A replay neither sleeps again nor moves the time.",
        &["durable-core/tests/context.rs::a_sleep_suspends_and_keeps_its_wake_time_over_retries"],
    )
    .worker(),
    cases("SL-14", "A multitude of sleepers does not change what a claim costs."),
    cases("EV-1", "An event that exists is met at once."),
    cases("EV-2", "A task that rests on an event is claimed with its payload once it is emitted."),
    cases("EV-3", "No wake-up is lost, however a wait and an emit meet."),
    cases("EV-4", "The last write is for later waits, and the first one stays where it was asked to."),
    cases("EV-5", "Emits at one moment have one order that everybody sees."),
    cases("EV-6", "One emit wakes every waiter once."),
    cases("EV-7", "A wake uses no attempt.").note("The contract has no wake reason."),
    cases("EV-8", "What a wait got is the same in every later attempt, also when the event is purged."),
    cases("EV-9", "A timeout comes at its time, to the millisecond."),
    cases("EV-10", "A timeout is for ever, whatever is emitted later."),
    cases("EV-11", "At the deadline the timeout wins, even if nobody has looked."),
    cases("EV-12", "Of an event, a timeout and a claim at one moment comes one end, the same for everybody."),
    cases("EV-13", "A payload of null is neither a timeout nor nothing."),
    cases("EV-14", "A timeout of zero is a poll, and none is for ever.")
        .note("A negative timeout, or one beyond the end of time, cannot be spelled."),
    cases("EV-15", "An event is known by its queue and its name, and by nothing like it."),
    cases("EV-16", "Two waits of one task for one event both get it."),
    cases("EV-17", "The end of one wait is not taken for that of another."),
    cases("EV-18", "Of several waits the first to end lets a task go on.")
        .note("By the contract the others stand until the task ends; what they end with is stored."),
    cases("EV-19", "A task that has ended waits for nothing, and a retried one for what it waited for."),
    cases("EV-20", "An event that nobody waits for stays."),
    waits(
        "EV-21",
        "An event that is emitted in the caller's transaction comes and goes with it.",
        "emitting in a transaction of the SQL stores",
    )
    .of("transactions"),
    cases("EV-22", "A stale token registers no wait."),
    cases("EV-23", "A wait that is repeated because its reply was lost is one wait."),
    cases("EV-24", "An emit that is repeated wakes nobody twice."),
    cases("EV-25", "A purge takes neither an event that still wakes, nor what a wait needs."),
    cases("EV-26", "A purged event is as if it had never been emitted."),
    cases("EV-27", "A thousand emits to a thousand waiters reach all of them."),
    tests(
        "EV-28",
        "A user can neither emit nor await a reserved name.",
        &["durable-core/tests/context.rs::reserved_names_are_refused_before_anything_is_written"],
    )
    .note("Names are reserved by core; to a store they are names like any other."),
    cases("EV-29", "An event hurries no task that does not rest on it."),
    cases("CH-1", "A child knows its parent, and a parent's children can be listed."),
    cases("CH-2", "A join gives the child's result, byte for byte."),
    cases("CH-3", "A join gives the child's failure, byte for byte."),
    cases("CH-4", "A join gives the child's cancellation."),
    cases("CH-5", "A parent that rests on its children is woken once, when enough have ended."),
    cases("CH-6", "A join of a child that has ended is met at once."),
    cases("CH-7", "A child's end beside its join is neither lost nor doubled."),
    cases("CH-8", "Children may end in any order, and what has ended stays joined over attempts."),
    cases("CH-9", "A child's end can be joined while its parent lives, whatever is purged."),
    cases("CH-10", "A join of a stranger, or of what is gone, is refused at once."),
    cases("CH-11", "A spawn of children that is repeated makes the same children."),
    cases("CH-12", "A cancelled parent takes its live descendants along, and leaves the ended as they are."),
    cases("CH-13", "A parent that failed for good does so, too; one that is retried leaves its children."),
    cases("CH-14", "A parent that completed takes its children along unless they are to be abandoned."),
    cases("CH-15", "A child that is spawned while its parent is cancelled is no orphan."),
    cases("CH-16", "Limits and expiries of a parent take its children along like any other end.")
        .note("A task past its pending limit never started, and so has no children."),
    cases("CH-17", "A child that completes while its parent is cancelled has one end, told truthfully."),
    cases("CH-18", "A wide or deep cascade goes in bounded steps and reaches everybody."),
    cases("CH-19", "No task becomes its own parent, nor that of an ancestor."),
    tests(
        "CH-20",
        "A child in another queue works, or is refused.",
        &["durable-core/tests/children.rs::children_are_joined_typed_and_spawned_once"],
    )
    .of("children in other queues")
    .note("No request can say it: a child lives in its parent's queue."),
    cases("CH-21", "An abandoned child goes on."),
    cases("CH-22", "A stale token spawns no child."),
    cases("CH-23", "A child's end reaches its parent in any state."),
    cases("CH-24", "A join that timed out leaves the child running, and stays so."),
    cases("CH-25", "Many children that end at one moment neither deadlock nor lose a wake."),
];
