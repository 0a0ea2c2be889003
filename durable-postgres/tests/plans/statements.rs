//! The statements whose cost must not grow with what is in their way.

/// A statement, what it is run with, and what that may cost.
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) prepare: &'static str,
    pub(crate) explain: &'static str,
    /// The index that it must stand on.
    pub(crate) index: &'static str,
    /// The most pages of 8 KiB that it may touch: half as many again as it does.
    pub(crate) most: u64,
}

macro_rules! statement {
    ($name:literal, $file:literal, ($values:literal), $index:literal, $most:literal) => {
        Statement {
            name: $name,
            prepare: concat!(
                "prepare ",
                $name,
                " as\n",
                include_str!(concat!("../../src/sql/", $file, ".sql"))
            ),
            explain: concat!("explain (analyze, buffers, costs off) execute ", $name, " (", $values, ")"),
            index: $index,
            most: $most,
        }
    };
}

pub(crate) const STATEMENTS: [Statement; 27] = [
    statement!(
        "take",
        "runs/claim_take",
        ("'q', '{job}', 1000, 10, 52, '00000000-0000-0000-0000-000000000001', 'w', 1000, 8000000, true"),
        "tasks_pending",
        500
    ),
    statement!(
        "look",
        "runs/claim_look",
        ("'q', 1000, '00000000-0000-0000-0000-000000000001'"),
        "tasks_due",
        60
    ),
    statement!("tail", "runs/claim_tail", ("'q', '{job}'"), "tasks_pending", 20),
    statement!(
        "held",
        "runs/claim_held",
        ("'q', '00000000-0000-0000-00ca-000000000007', 1"),
        "tasks_held",
        20
    ),
    statement!("due_scan", "upkeep/due_scan", ("'q', 1000, 132"), "tasks_due", 20),
    statement!("tick_look", "upkeep/tick_look", ("'q', 1000"), "tasks_due", 10),
    statement!("tick_tail", "upkeep/tick_tail", ("'q'"), "tasks_closing", 5000),
    statement!("closing_lock", "upkeep/closing_lock", ("'q', 100"), "tasks_closing", 200),
    statement!(
        "children_lock",
        "shared/children_lock",
        ("'q', hundred('0002'), 100"),
        "tasks_children",
        1000
    ),
    statement!("closing_clear", "shared/closing_clear", ("'q', hundred('0002')"), "tasks_pkey", 1000),
    statement!(
        "cancel_below",
        "tasks/cancel_below",
        ("'q', '00000000-0000-0000-0002-000000000007'"),
        "tasks_closing",
        5000
    ),
    statement!("waking_lock", "upkeep/waking_lock", ("'q', '{}'"), "events_waking", 10),
    statement!("event_waits", "shared/event_waits", ("'q', '{crowd}', 501, 501"), "waits_event", 40),
    statement!("events_share", "shared/events_share", ("'q', '{crowd}', '{}', '{}'"), "events_pkey", 10),
    statement!("tasks_lock", "shared/tasks_lock", ("'q', hundred('0003'), true"), "tasks_pkey", 3000),
    statement!("tasks_read", "shared/tasks_read", ("'q', hundred('0002'), 1000"), "tasks_children", 1000),
    statement!(
        "slots_read",
        "shared/slots_read",
        ("'q', '{00000000-0000-0000-0001-000000000001,00000000-0000-0000-0004-000000000001}', '{k7,crowd}'"),
        "history_key",
        40
    ),
    statement!(
        "load",
        "checkpoints/load",
        ("'q', 0, '00000000-0000-0000-0001-000000000007', '00000000-0000-0000-00ca-000000000007', 1, 0, 100, 8000000"),
        "history_pkey",
        200
    ),
    statement!(
        "spawn",
        "tasks/spawn",
        ("'q', 1000, array[gen_random_uuid()], '{0}', array[null::uuid], array[null], array[null::smallint], '{job}', '{0}', array[null::bigint], array[null::bigint], array[null], array[null], '{0}', '{5}', '{0}', '{0}', '{0}'"),
        "queues_pkey",
        60
    ),
    statement!(
        "retry",
        "tasks/retry",
        ("'q', '00000000-0000-0000-0001-000000000007', 1000, 1, 900, true"),
        "history_pkey",
        2000
    ),
    statement!("purge_mark", "upkeep/purge_mark", ("'q', '{3}', 1000, 100"), "tasks_ended", 2500),
    statement!("purge_history", "upkeep/purge_history", ("'q', 100"), "tasks_ended", 500),
    statement!("purge_tasks", "upkeep/purge_tasks", ("'q', 100"), "tasks_ended", 1000),
    statement!("purge_more", "upkeep/purge_more", ("'q', '{3,4,5}', 1000, true"), "tasks_ended", 10),
    statement!("purge_events_lock", "upkeep/purge_events_lock", ("'q', 1000, 100"), "events_written", 1300),
    statement!("outcome", "tasks/outcome", ("'q', '00000000-0000-0000-0001-000000000007'"), "tasks_pkey", 10),
    statement!("drop_queue", "queues/drop_queue", ("'q'"), "queues_pkey", 10),
];
