//! Ends, limits and what removes them: CA, RT, MX, CR, RE.

use super::{Item, both, cases, tests, waits};

pub(super) const ITEMS: &[Item] = &[
    cases("CA-1", "A pending task that is cancelled is never claimed."),
    cases("CA-2", "A sleeping task that is cancelled is never claimed again."),
    cases("CA-3", "A task that waits for an event and is cancelled is never claimed again."),
    cases("CA-4", "A task that backs off and is cancelled is never claimed again."),
    cases("CA-5", "A running task that is cancelled is never claimed again."),
    cases("CA-6", "The first cancellation counts, with its time and its reason."),
    cases("CA-7", "Cancelling what has ended changes nothing, and says so."),
    cases("CA-8", "Cancelling an unknown task is not found."),
    cases("CA-9", "The holder learns of a cancellation with his next call, and writes nothing more."),
    cases("CA-10", "A cancellation beside any other end has one winner, and everybody is told the truth."),
    cases("CA-11", "A cancelled task loses lease, waits and dues, and keeps its history."),
    cases("CA-12", "A cancellation that is repeated because its reply was lost is one."),
    cases("CA-13", "The task of a dead worker can be cancelled."),
    cases("CA-14", "The reason of a cancellation comes out as it went in."),
    both(
        "RT-1",
        "Attempts are as far apart as the policy says, to the millisecond.",
        &[
            "durable-core/src/policy/retry.rs::fixed_waits_the_same_each_time",
            "durable-core/src/policy/retry.rs::exponential_doubles_from_the_base_up_to_the_cap",
            "durable-core/tests/retries.rs::exponential_backoff_doubles_up_to_its_cap",
        ],
    ),
    tests(
        "RT-2",
        "Jitter stays within its bounds.",
        &["durable-core/src/policy/retry.rs::jitter_only_shortens_and_by_its_share_at_most"],
    )
    .note("Core decides about retries; a store keeps the figure that it is given."),
    cases("RT-3", "A task has as many attempts as it was given."),
    both(
        "RT-4",
        "A run may say when it is to be retried, and a time that has come is now.",
        &["durable-core/src/worker/failure.rs::a_step_may_say_permanent_or_when"],
    ),
    both(
        "RT-5",
        "A failure for good is never retried, whatever the policy.",
        &["durable-core/tests/retries.rs::a_step_may_say_that_its_error_is_permanent_or_when_to_retry"],
    ),
    cases("RT-6", "Every attempt keeps its failure, byte for byte, and the last is the task's."),
    both(
        "RT-7",
        "A backoff that overflows is the longest there is, and never early.",
        &["durable-core/src/policy/retry.rs::growth_saturates_at_the_cap"],
    ),
    cases("RT-8", "A retry keeps the checkpoints, and ends the old token."),
    cases("RT-9", "A failure that is repeated because its reply was lost is one attempt."),
    cases("RT-10", "A failure under a stale token makes no attempt."),
    cases("RT-11", "A backoff counts from the store's time."),
    cases("RT-12", "Expiries use up the same attempts as failures."),
    cases("RT-13", "Only a failed task is reopened, with its checkpoints and more attempts.")
        .note("By the contract a cancelled task stays so, and nothing is spawned anew from an old task."),
    cases("RT-14", "A task's end for good is told its parent in the same step."),
    cases("MX-1", "A task that has not started at its pending limit is cancelled, and a started one is not."),
    cases("MX-2", "The running limit counts from the first start, whatever the task does."),
    cases("MX-3", "A retry that would come after the limit never runs.")
        .note("By the contract the task is cancelled at its limit, not when it fails."),
    cases("MX-4", "A limit needs no claim of its own task: any upkeep of the queue does it."),
    cases("MX-5", "The holder of a task past its limit is told that it is cancelled."),
    cases("MX-6", "A limit takes the children along and tells the parent."),
    cases("MX-7", "A limit says which it was."),
    both(
        "MX-8",
        "Of two limits the earlier counts, and none is none.",
        &["durable-core/src/options.rs::a_limit_of_zero_is_refused"],
    ),
    cases("MX-9", "A multitude of tasks past their limit stalls no claim."),
    cases("MX-10", "What has ended is not limited any more."),
    waits("CR", "Schedules: sixteen items, CR-1 to CR-16.", "schedules"),
    cases("RE-1", "Only what ended long enough ago is purged, to the millisecond."),
    cases("RE-2", "A purge takes the oldest first, at most as many as asked for, and counts them."),
    cases("RE-3", "Purges that are repeated take everything."),
    cases("RE-4", "A task goes with all that belongs to it, and with nothing else."),
    cases("RE-5", "No live task is purged, and a purged child's end stays with its parent."),
    cases("RE-6", "A purge beside any other verb breaks nothing: the others find the task, or do not."),
    cases("RE-7", "A purge may be repeated, and any age is fine."),
    cases("RE-8", "What is purged is not found, and comes back only when it is spawned anew."),
    cases("RE-9", "An event ages from its last write."),
    cases("RE-10", "A purge is of one queue alone."),
    waits("RE-11", "No record of a live task goes by a key's time to live.", "the pack of the Redis store")
        .backend(),
    cases("RE-12", "Purging a multitude stalls no claim."),
];
