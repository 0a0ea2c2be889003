//! What a store is at all, queues, and spawning: MT, QU, SP.

use super::{Item, both, cases, tests, waits};

pub(super) const ITEMS: &[Item] = &[
    cases("MT-1", "What one handle has written, every other handle sees at once."),
    cases("MT-2", "Two namespaces share no queue, no task, no event and no idempotency key."),
    cases("MT-3", "Many handles may open an empty namespace at one moment."),
    cases("MT-4", "What was written is there when all handles were dropped and the store is opened again.")
        .of("durable"),
    tests(
        "MT-5",
        "Data that another release wrote is migrated, or refused with a typed error.",
        &[
            "durable-sqlite/src/tests/migrate.rs::tables_of_a_newer_release_are_refused",
            "durable-sqlite/src/tests/migrate.rs::an_older_file_gets_what_it_lacks_and_keeps_what_it_has",
        ],
    )
    .note("Only a store knows how to make data of another release: its own tests do."),
    cases("MT-6", "Whatever is asked for, the answer is an outcome or a typed fault, and never a panic."),
    cases("MT-7", "A verb that the store does not declare is `Unsupported` and changes nothing."),
    tests(
        "MT-8",
        "Every call is answered in time, even when what is behind the store hangs.",
        &[
            "durable-sqlite/tests/pack/locks.rs::sq2_every_verb_that_writes_is_typed_busy_under_a_lock_that_stays_and_reads_go_on",
            "durable-redis/tests/faults.rs::am_5_a_server_that_went_away_is_unavailable",
            "durable-postgres/tests/pack/connections.rs::am_11_a_connection_that_swallows_everything_is_an_error_in_time",
            "durable-core/tests/client.rs::waiting_for_a_result_ends_in_time_though_the_store_hangs",
        ],
    )
    .note("The suite cannot make a server hang; what it watches is that every case ends in time."),
    cases("MT-9", "When everything is purged and dropped, nothing is left in the store.")
        .note("Only where the harness can count what is left."),
    cases("MT-10", "A store works on any runtime, and its last handle may be dropped anywhere."),
    cases("MT-11", "What a store declares, it does."),
    cases("MT-12", "Looking changes nothing."),
    cases("QU-1", "Putting a queue again changes nothing."),
    cases("QU-2", "Putting a queue in another state says that it changed."),
    cases("QU-3", "A list of queues has exactly those that there are, on every handle."),
    cases("QU-4", "A dropped queue leaves nothing behind.")
        .note("By the contract only an empty queue is dropped: what is in it is purged before."),
    cases("QU-5", "Dropping a missing queue says so and changes nothing."),
    cases("QU-6", "A verb on a missing queue is refused and does not create it."),
    cases("QU-7", "A token of a dropped queue is lost, and brings nothing of the queue back.")
        .note("By the contract a queue with a claimed task is not dropped."),
    cases("QU-8", "A queue that is made anew under an old name remembers nothing of it."),
    cases("QU-9", "Whatever is done in one queue, nothing of another changes."),
    cases("QU-10", "Queues with similar names are different queues."),
    cases("QU-11", "A paused queue gives no claims, stops no running one, and goes on in order."),
    cases("QU-12", "The state of a queue is that queue's alone."),
    cases("SP-1", "Ids are unique over handles, processes and queues.")
        .note("Task ids are made by core; a store's own part is that it answers with the ones it was given."),
    cases("SP-2", "A spawned task can be read and claimed at once through another handle."),
    cases("SP-3", "A new task has the state, the attempt and the times that it was asked for."),
    cases("SP-4", "Params, headers, policy, limits, priority and parent come out as they went in."),
    cases("SP-5", "A task with a delay is not claimed before its time."),
    cases("SP-6", "The same idempotency key is the first task, unchanged, and no second run."),
    cases("SP-7", "Of many spawns with one key at one moment, one creates, and all are told the same task."),
    cases("SP-8", "A key counts in its queue alone, and with other params it is a conflict."),
    cases("SP-9", "A key outlives the end of its task, however it ended."),
    cases("SP-10", "A purge sets the key free."),
    cases("SP-11", "A spawn with a key beside the purge of its task gets a task that is there."),
    cases("SP-12", "Keys are compared byte by byte, and no key is none.")
        .note("An empty key cannot be spelled: a key has one byte at least."),
    both(
        "SP-13",
        "Options without a meaning are refused before anything is written.",
        &[
            "durable-core/src/options.rs::no_attempts_at_all_are_refused",
            "durable-core/src/options.rs::a_limit_of_zero_is_refused",
        ],
    ),
    cases("SP-14", "A batch is all or nothing and in order, and one key in it is one task."),
    waits(
        "SP-15",
        "A task that is spawned in the caller's transaction comes and goes with it.",
        "spawning in a transaction of the SQL stores",
    )
    .of("transactions"),
    cases("SP-16", "A spawn that is repeated because its reply was lost is one task.")
        .note("Core picks the task's id, so that a spawn without a key is one task as well."),
    cases("SP-17", "A task and all that belongs to it appear at one moment."),
    cases("SP-18", "When a spawn has returned, a claim through another handle finds the task."),
];
