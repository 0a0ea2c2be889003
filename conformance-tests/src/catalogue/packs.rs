//! What the stores of one family are held to by tests of their own: PG, RD, SQ, ME, and what is observed: OB.

use super::{Item, both, cases, tests, waits};

/// What waits for the tests of the store over Postgres.
const POSTGRES: &str = "the pack of the Postgres store";
/// What waits for the tests of the store over Redis.
const REDIS: &str = "the pack of the Redis store";

pub(super) const ITEMS: &[Item] = &[
    tests(
        "PG-1",
        "Every SQLSTATE is repeated inside, or told as the kind that it is.",
        &[
            "durable-postgres/src/sqlstate.rs::pg_1_every_code_is_repeated_or_told_as_what_it_is",
            "durable-postgres/tests/pack/connections.rs::pg_1_a_session_that_is_ended_in_mid_transaction_is_begun_again",
            "durable-postgres/tests/pack/connections.rs::pg_1_a_server_that_takes_no_more_connections_is_unavailable_until_it_does",
            "durable-postgres/tests/pack/limits.rs::pg_1_a_lock_that_is_granted_to_a_later_attempt_costs_the_caller_nothing",
            "durable-postgres/tests/pack/limits.rs::pg_1_a_verb_that_a_deadlock_ends_is_begun_again",
            "durable-postgres/tests/pack/standby.rs::pg_1_a_standby_is_read_refuses_to_write_and_takes_over",
        ],
    )
    .backend(),
    tests(
        "PG-2",
        "A cached plan or a prepared statement that is gone costs nothing.",
        &[
            "durable-postgres/tests/pack/statements.rs::pg_2_a_cached_plan_of_another_type_costs_nothing",
            "durable-postgres/tests/pack/statements.rs::pg_2_statements_that_are_gone_cost_nothing",
        ],
    )
    .backend(),
    tests(
        "PG-3",
        "The suite passes under every default isolation.",
        &[
            "durable-postgres/tests/pack/suites.rs::pg_3_repeatable_read_by_default_changes_nothing",
            "durable-postgres/tests/pack/suites.rs::pg_3_serializable_by_default_changes_nothing_in_a_pool_of_the_applications_own",
        ],
    )
    .backend(),
    tests(
        "PG-4",
        "The suite passes through a pooler that gives out connections by transaction.",
        &[
            "durable-postgres/tests/pack/suites.rs::pg_4_a_pooler_that_gives_out_connections_by_transaction_changes_nothing",
        ],
    )
    .backend(),
    tests(
        "PG-5",
        "The server's timeouts are typed and leave nothing half done.",
        &[
            "durable-postgres/tests/pack/limits.rs::pg_5_a_statement_timeout_is_unavailable_and_leaves_nothing_half_done",
            "durable-postgres/tests/pack/limits.rs::pg_5_a_lock_timeout_is_unavailable_after_the_last_attempt",
            "durable-postgres/tests/pack/limits.rs::pg_5_a_session_that_the_server_ends_before_its_commit_leaves_nothing",
        ],
    )
    .backend(),
    tests(
        "PG-6",
        "A hostile search path, an odd schema and a plain role work.",
        &[
            "durable-postgres/tests/pack/suites.rs::pg_6_a_plain_login_is_enough_though_paths_and_settings_are_hostile",
            "durable-postgres/tests/pack/roles.rs::pg_6_a_login_that_owns_nothing_but_the_schema_makes_the_tables",
        ],
    )
    .backend(),
    tests(
        "PG-7",
        "The server counts no deadlock.",
        &["durable-postgres/tests/stress.rs::workers_clients_and_upkeep_meet_without_a_deadlock"],
    )
    .backend(),
    tests(
        "PG-8",
        "Payloads are no `jsonb`, or are kept all the same.",
        &["conformance-tests/src/cases/payloads.rs::pf_1_in_checkpoints"],
    )
    .backend(),
    tests(
        "PG-9",
        "No identifier is longer than 63 bytes.",
        &[
            "durable-postgres/tests/pack/statements.rs::pg_9_no_identifier_is_as_long_as_one_that_was_cut",
        ],
    )
    .backend(),
    tests(
        "PG-10",
        "Microseconds of the server never wake early.",
        &["conformance-tests/src/cases/clock.rs::k1_with_its_own_clock_a_store_is_never_early"],
    )
    .backend(),
    waits("PG-11", "A notification that is too long, or lost, does no harm.", POSTGRES).backend(),
    tests(
        "PG-12",
        "A long transaction does not stop the clock.",
        &[
            "durable-postgres/tests/pack/snapshots.rs::pg_12_the_time_that_a_verb_waits_for_a_lock_counts",
        ],
    )
    .backend(),
    tests(
        "PG-13",
        "An old snapshot elsewhere hides no due task.",
        &[
            "durable-postgres/tests/pack/snapshots.rs::pg_13_an_old_snapshot_elsewhere_hides_no_due_task",
        ],
    )
    .backend(),
    tests(
        "PG-14",
        "Time zone, date style and float digits of the server do not matter.",
        &[
            "durable-postgres/tests/pack/suites.rs::pg_6_a_plain_login_is_enough_though_paths_and_settings_are_hostile",
        ],
    )
    .backend(),
    tests(
        "PG-15",
        "Migrations at one moment take turns.",
        &["conformance-tests/src/cases/handles.rs::mt_3_many_may_open_an_empty_namespace_at_once"],
    )
    .backend(),
    tests(
        "PG-16",
        "A pool of one is enough.",
        &["durable-postgres/tests/one_connection.rs::co_7_one_connection_is_enough_for_every_verb"],
    )
    .backend(),
    tests(
        "PG-17",
        "No counter of seconds overflows.",
        &[
            "conformance-tests/src/cases/clock.rs::ck_7_the_end_of_time_is_safe",
        ],
    )
    .backend(),
    tests(
        "PG-18",
        "A claim stands on its index, whatever is in the table.",
        &["durable-postgres/tests/plans/main.rs::u4_statements_stand_on_their_indexes_analysed_or_not"],
    )
    .backend(),
    tests(
        "RD-1",
        "Every script keeps to one slot, and on a moving one does all or nothing.",
        &[
            "durable-redis/tests/moving.rs::rd_1_a_moving_slot_refuses_every_verb_and_keeps_what_was_there",
            "durable-redis/tests/moving.rs::rd_1_a_script_says_that_its_slot_is_moving",
        ],
    )
    .backend(),
    tests(
        "RD-2",
        "All keys of a queue share a slot, whatever its name.",
        &[
            "durable-redis/tests/slots.rs::rd_2_every_verb_keeps_to_one_slot_whatever_the_names",
            "durable-redis/tests/keys.rs::n1_no_queue_name_breaks_the_hash_tag",
        ],
    )
    .backend(),
    tests(
        "RD-3",
        "A server that forgot its scripts gets them again.",
        &["durable-redis/tests/slots.rs::rd_3_a_server_that_forgets_its_scripts_gets_them_again"],
    )
    .backend(),
    tests(
        "RD-4",
        "A script that fails has written nothing.",
        &["durable-redis/tests/faults.rs::rd_4_a_key_of_another_type_is_a_corrupt_record"],
    )
    .backend(),
    tests(
        "RD-5",
        "A server without memory is told as such, and has written nothing.",
        &["durable-redis/tests/faults.rs::rd_5_a_server_without_memory_has_surely_written_nothing"],
    )
    .backend(),
    waits("RD-6", "A server that may evict keys is refused or warned about.", REDIS).backend(),
    tests(
        "RD-7",
        "No payload and no time goes through the server's own numbers.",
        &[
            "conformance-tests/src/cases/payloads.rs::pf_1_in_checkpoints",
            "conformance-tests/src/cases/clock.rs::ck_7_the_end_of_time_is_safe",
        ],
    )
    .backend(),
    waits("RD-8", "No reply has holes or cut numbers.", REDIS).backend(),
    waits("RD-9", "Scores are exact, and ties are told.", REDIS).backend(),
    waits("RD-10", "Nothing depends on the expiry of keys.", REDIS).backend(),
    waits("RD-11", "After a failover no token repeats and no task is stuck.", REDIS).backend(),
    waits("RD-12", "Every answer of a cluster is followed or typed.", REDIS).backend(),
    tests(
        "RD-13",
        "Every script is bounded, whatever the backlog.",
        &[
            "durable-redis/tests/bounds.rs::rd_13_the_largest_step_of_a_verb_is_bounded",
            "durable-redis/tests/bounds.rs::u4_a_hundred_thousand_others_in_the_queue_cost_no_command_more",
        ],
    )
    .backend(),
    waits("RD-14", "Notifications are hints alone.", REDIS).backend(),
    waits("RD-15", "Both versions of the protocol work.", REDIS).backend(),
    waits("RD-16", "A user with the least rights is enough.", REDIS).backend(),
    tests(
        "RD-17",
        "Prefixes keep stores on one server apart.",
        &["conformance-tests/src/cases/handles.rs::mt_2_namespaces_do_not_see_each_other"],
    )
    .backend(),
    waits("RD-18", "A kill loses what the server's settings say, and no more.", REDIS).backend(),
    waits("RD-19", "What spans slots works, or is unsupported, in a cluster.", REDIS).backend(),
    waits("RD-20", "A dropped call leaves requests and replies paired.", REDIS).backend(),
    tests(
        "SQ-1",
        "Who will write holds the lock before he reads.",
        &[
            "durable-sqlite/src/tests/lock.rs::sq1_a_step_that_has_only_read_holds_the_lock_and_so_can_still_write",
            "durable-sqlite/tests/pack/locks.rs::sq1_writers_that_read_first_never_meet_a_snapshot_that_is_too_old",
        ],
    )
    .backend(),
    tests(
        "SQ-2",
        "A lock that stays is unavailable, after the deadline.",
        &["durable-sqlite/tests/pack/locks.rs::sq2_every_verb_that_writes_is_typed_busy_under_a_lock_that_stays_and_reads_go_on"],
    )
    .backend(),
    tests(
        "SQ-3",
        "Processes on one file do each task once.",
        &["durable-sqlite/tests/pack/hammer.rs::sq3_processes_on_one_queue_do_each_task_once_and_none_starves"],
    )
    .backend(),
    tests(
        "SQ-4",
        "A database in memory is one for all clones.",
        &["durable-sqlite/src/tests/group.rs::sq4_memory_is_one_private_database_for_all_clones"],
    )
    .backend(),
    tests(
        "SQ-5",
        "A kill loses what `synchronous` says, and no more.",
        &[
            "durable-sqlite/tests/pack/kills.rs::sq5_what_was_acknowledged_survives_the_kill_of_its_process_with_full",
            "durable-sqlite/tests/pack/kills.rs::sq5_what_was_acknowledged_survives_the_kill_of_its_process_with_normal",
        ],
    )
    .backend(),
    tests(
        "SQ-6",
        "A full, read-only or damaged file is typed, and nothing is half written.",
        &[
            "durable-sqlite/src/tests/faults.rs::sq6_a_full_disk_is_unavailable_and_nothing_was_written",
            "durable-sqlite/tests/pack/damage.rs::sq6_one_damaged_page_gives_typed_faults_and_harms_nothing_else",
        ],
    )
    .backend(),
    tests(
        "SQ-7",
        "A long reader holds up no writer, and the log shrinks when it is gone.",
        &["durable-sqlite/tests/pack/locks.rs::sq7_a_long_reader_holds_up_no_writer_and_the_log_shrinks_when_it_is_gone"],
    )
    .backend(),
    tests(
        "SQ-8",
        "Payloads pass through the server's JSON as strings alone.",
        &[
            "durable-sqlite/tests/pack/plans.rs::sq8_no_statement_looks_into_a_payload",
            "durable-sqlite/tests/pack/payloads.rs::sq8_every_payload_is_in_the_file_byte_for_byte",
        ],
    )
    .backend(),
    tests(
        "SQ-9",
        "The number of what is purged is not used again.",
        &["durable-sqlite/tests/pack/purged.rs::sq9_the_number_of_a_purged_task_is_never_used_again"],
    )
    .backend(),
    tests(
        "SQ-10",
        "A call that is dropped on its way is whole, and may be repeated.",
        &["durable-sqlite/tests/pack/dropped.rs::sq10_a_call_that_is_dropped_on_its_way_happens_whole_later_and_may_be_repeated"],
    )
    .backend(),
    tests(
        "SQ-11",
        "No statement asks the server for the time.",
        &["durable-sqlite/tests/pack/plans.rs::sq11_no_statement_asks_sqlite_for_the_time"],
    )
    .backend(),
    tests(
        "SQ-12",
        "The tables change while another process has the file open.",
        &["durable-sqlite/src/tests/peers.rs::sq12_a_process_that_has_the_file_open_goes_on_while_another_makes_the_tables_of_the_next_release"],
    )
    .backend(),
    tests(
        "ME-1",
        "The store in memory runs the same suite.",
        &["durable-memory/tests/conformance.rs::main"],
    )
    .backend(),
    waits(
        "ME-2",
        "A caller that panics leaves the store in memory usable.",
        "a test of the memory store",
    )
    .backend(),
    cases("ME-3", "Two stores in memory share nothing.").backend(),
    waits("ME-4", "Its locks are explored by a model checker.", "a model of the memory store's locks").backend(),
    waits("ME-5", "Its memory comes back when everything is purged.", "a way to count what the store in memory holds").backend(),
    cases("OB-1", "The figures equal what can be counted, whatever goes on.").of("observability"),
    cases("OB-2", "Every fault names its verb and what it is about.").of("observability"),
    both(
        "OB-3",
        "No fault and no log shows a payload.",
        &[
            "durable-core/src/model/payload.rs::a_payload_does_not_show_itself",
            "durable-sqlite/src/tests/faults.rs::no_fault_shows_what_was_written",
        ],
    )
    .of("observability"),
];
