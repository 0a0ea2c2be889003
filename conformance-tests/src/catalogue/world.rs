//! Time, races, crashes, lost replies, payloads, names and size: CK, CO, CX, AM, PF, NM, BL.

use super::{Item, both, cases, tests, waits};

pub(super) const ITEMS: &[Item] = &[
    cases("CK-1", "A worker whose clock is wrong changes nothing.")
    .note("No request carries a time of the worker's: a lease, a delay and a timeout are durations."),
    cases("CK-2", "A manual clock is that of every handle."),
    cases("CK-3", "A clock that goes back makes no second claim and shortens nothing."),
    cases("CK-4", "A clock that jumps forward makes everything due, and loses nothing."),
    cases("CK-5", "Whatever has a time comes at it, not a millisecond before."),
    cases("CK-6", "A millisecond is a millisecond, and no rounding is early."),
    cases("CK-7", "The end of time is safe."),
    waits(
        "CK-8",
        "The time zone, date style and locale of a connection do not matter.",
        "the pack of the Postgres store",
    )
    .backend(),
    waits(
        "CK-9",
        "A lease counts from the statement, not from the start of a long transaction.",
        "the pack of the Postgres store",
    )
    .backend(),
    cases("CO-1", "What is done to one task in parallel is as if it had been done in some order."),
    cases("CO-2", "The same holds of one event and of one idempotency key."),
    cases("CO-3", "Workers over a bad connection bring every task to an end."),
    both(
        "CO-4",
        "Any two operations on one parent, child and event return, whatever the order of their locks.",
        &["durable-postgres/tests/stress.rs::workers_clients_and_upkeep_meet_without_a_deadlock"],
    ),
    cases("CO-5", "No reader sees half a step, nor a child without its parent."),
    cases("CO-6", "A list in pages under writes doubles nothing and misses nothing that stays."),
    tests(
        "CO-7",
        "One connection is enough for every verb.",
        &["durable-postgres/tests/one_connection.rs::co_7_one_connection_is_enough_for_every_verb"],
    )
    .note("Only a store with a pool can be short of connections."),
    cases("CO-8", "Nothing starves: not the old behind the new, not one queue behind another."),
    cases("CO-9", "No two steps that each look right leave together what neither would allow."),
    both(
        "CO-10",
        "A worker keeps to its limit, and nothing of a body acts after its claim is lost.",
        &[
            "durable-core/tests/leases.rs::a_body_is_stopped_before_its_lease_ends_and_fails_as_claim_timeout",
            "durable-core/tests/slots.rs::slots_that_rests_free_are_filled_without_waiting_for_a_poll",
            "durable-core/tests/rest.rs::code_that_outlives_its_body_is_told_to_stop",
        ],
    )
    .worker(),
    both(
        "CX-1",
        "A worker that dies before or after any of its calls is replaced, with the same results.",
        &["durable-core/tests/crash_sweep.rs::f1_a_worker_that_dies_at_any_store_call_is_replaced"],
    )
    .worker(),
    both(
        "CX-2",
        "A worker that dies during any of its calls is replaced.",
        &["durable-core/tests/rest.rs::a_body_dropped_at_any_poll_leaves_no_lock"],
    )
    .worker(),
    cases("CX-3", "A worker that dies with an answer in its hands is replaced.").worker(),
    cases("CX-4", "A worker that wakes from a long pause changes nothing, and stops.").worker(),
    both(
        "CX-5",
        "What was acknowledged survives the kill of its process as declared, and nothing is half there.",
        &[
            "durable-sqlite/tests/pack/kills.rs::sq5_what_was_acknowledged_survives_the_kill_of_its_process_with_full",
            "durable-sqlite/tests/pack/halves.rs::sq5_a_process_killed_inside_a_transaction_leaves_nothing_of_it",
        ],
    )
    .of("durable"),
    both(
        "CX-6",
        "Every verb that writes several records writes all of them or none.",
        &["durable-postgres/tests/pack/commits.rs::cx_6_a_verb_that_is_cut_at_any_message_writes_all_or_nothing"],
    ),
    both(
        "CX-7",
        "A worker that is shut down loses nothing.",
        &["durable-core/tests/leases.rs::shutdown_hands_back_what_does_not_end_in_time_without_using_an_attempt"],
    )
    .worker(),
    both(
        "CX-8",
        "A crash during a migration is made good by the next start.",
        &["durable-sqlite/tests/pack/halves.rs::cx_8_a_process_killed_inside_a_migration_leaves_nothing_and_the_next_one_migrates"],
    ),
    cases("AM-1", "A request that was lost and is made again has one effect, for every verb that writes."),
    cases("AM-2", "A call whose reply was lost has one effect, and the same answer."),
    cases("AM-3", "A call that arrives twice at one moment has one effect."),
    cases("AM-4", "A call that arrives again late has no effect."),
    both(
        "AM-5",
        "A lost reply may have happened, a refused connection surely not, and never the other way round.",
        &[
            "durable-postgres/tests/pack/connections.rs::am_5_a_server_that_is_down_is_unavailable_and_surely_did_nothing",
            "durable-redis/tests/faults.rs::am_5_a_read_only_server_has_surely_written_nothing",
            "durable-redis/tests/faults.rs::am_5_a_server_that_went_away_is_unavailable",
            "durable-sqlite/src/tests/lock.rs::sq2_a_lock_that_is_held_beyond_the_deadline_is_unavailable_and_nothing_was_written",
        ],
    ),
    both(
        "AM-6",
        "A store repeats by itself nothing that may have happened.",
        &["durable-sqlite/src/tests/parts.rs::what_is_committed_in_part_is_not_run_again_for_the_fault_of_another"],
    ),
    cases("AM-7", "Reads can be repeated."),
    tests(
        "AM-8",
        "After its server has restarted the same handle recovers by itself.",
        &[
            "durable-postgres/tests/pack/connections.rs::f2_a_restart_costs_no_verb_though_every_idle_connection_is_dead",
            "durable-postgres/tests/pack/load.rs::f2_a_kill_of_the_server_under_load_loses_nothing_that_was_acknowledged",
            "durable-postgres/tests/pack/load.rs::f2_an_orderly_restart_under_load_needs_no_restart_of_the_workers",
        ],
    )
    .backend(),
    cases("AM-9", "A call that is dropped anywhere is all or nothing, and leaves no lock."),
    both(
        "AM-10",
        "A dropped call that is done later is whole, and may be repeated.",
        &["durable-sqlite/tests/pack/dropped.rs::sq10_a_call_that_is_dropped_on_its_way_happens_whole_later_and_may_be_repeated"],
    ),
    tests(
        "AM-11",
        "A connection that swallows everything is an error in time, and is recovered from.",
        &[
            "durable-postgres/tests/pack/connections.rs::am_11_a_connection_that_swallows_everything_is_an_error_in_time",
            "durable-postgres/tests/pack/connections.rs::am_11_a_commit_that_is_not_answered_in_time_may_have_happened",
        ],
    )
    .backend(),
    cases("AM-12", "No reply on a shared connection is taken for another's."),
    cases("PF-1", "Null, booleans, the empty and the nearly empty stay themselves."),
    cases("PF-2", "Integers at and beyond the ends of what floats hold stay themselves."),
    cases("PF-3", "Numbers that are equal and spelled differently stay as they were spelled."),
    cases("PF-4", "NUL, control characters and lone surrogates come out as they went in, in values and keys.")
        .note("Text that is no UTF-8 cannot be spelled: a payload is a string."),
    cases("PF-5", "Emoji, text from right to left, composed and decomposed letters come out as they went in."),
    cases("PF-6", "The order of keys, and keys that come twice, stay."),
    cases("PF-7", "Nesting down to a thousand levels comes out, and deeper comes out or is refused.")
        .note("Core refuses more than 127 levels before it asks a store."),
    cases("PF-8", "Payloads of every size come out whole, or, from eight megabytes on, are refused."),
    cases("PF-9", "Text that looks like something else is text."),
    cases("PF-10", "Very wide arrays and objects, and objects that look like arrays, stay what they are."),
    cases("PF-11", "What cannot be compressed is stored as well."),
    waits("PF-12", "A payload that one release wrote is read by the next.", "a first release"),
    cases("NM-1", "Odd names work wherever there is a name.")
        .note("Tabs, newlines and other control characters cannot be spelled."),
    cases("NM-2", "Names are compared byte by byte, and never normalised."),
    both(
        "NM-3",
        "The longest name is kept whole, and one byte more is refused.",
        &["durable-core/src/model/names.rs::n1_empty_long_and_control_characters_are_refused"],
    ),
    cases("NM-4", "Two names side by side never run together."),
    tests(
        "NM-5",
        "An empty name, or one with a control character, is refused.",
        &["durable-core/src/model/names.rs::n1_empty_long_and_control_characters_are_refused"],
    )
    .note("No request can say it: a name is checked when it is made."),
    tests(
        "NM-6",
        "Reserved names are refused.",
        &[
            "durable-core/src/context/keys.rs::reserved_and_impossible_names_are_refused",
            "durable-core/src/options.rs::reserved_headers_are_refused",
        ],
    )
    .note("Names are reserved by core; to a store they are names like any other."),
    cases("NM-7", "A list that is filtered by a name takes the name literally."),
    cases("BL-1", "A claim from a multitude of ready tasks costs about what it costs from a few."),
    cases("BL-2", "Nor does it cost more behind a multitude that sleeps, waits, has ended or was cancelled."),
    cases("BL-3", "An emit to a multitude of waiters is bounded and reaches all of them."),
    cases("BL-4", "The checkpoints of a long task cost each about the same to load."),
    cases("BL-5", "A multitude is purged in steps while others go on claiming."),
    cases("BL-6", "A list of a multitude in pages has all of it, once."),
    cases("BL-7", "A multitude of expired leases comes back, and fresh tasks are claimed meanwhile."),
    cases("BL-8", "A thousand idle queues cost a claim nothing."),
    cases("BL-9", "A claim of a thousand is right."),
];
