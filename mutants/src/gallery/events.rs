//! Events.

use crate::edit::{Mutation, edit};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "27",
        breaks: "A later emit changes what waits that have ended give in a replay.",
        killers: &["EV-4", "EV-8"],
        edits: &[edit(
            "events.rs",
            "⟦⟧let before = queue.events.get(&name);",
            "crate::wrongs::rewrites_ended_waits(queue, &name, &payload);",
        )],
    },
    Mutation {
        id: "28",
        breaks: "A repeated emit wakes again whom it has woken, whatever that does by now.",
        killers: &["EV-24", "EV-29"],
        edits: &[edit(
            "events.rs",
            "⟦⟧return EmitAnswer::Repeated;",
            "crate::wrongs::wakes_again(queue, now, &payload);",
        )],
    },
    Mutation {
        id: "29",
        breaks: "Only the first waiter is woken.",
        killers: &["EV-6"],
        edits: &[edit(
            "events.rs",
            "woken += 1;⟦⟧",
            "crate::wrongs::forgets_the_other_waiters(queue, name); break;",
        )],
    },
    Mutation {
        id: "35",
        breaks: "An event is one for all queues.",
        killers: &["EV-15", "QU-9"],
        edits: &[edit(
            "events.rs",
            "⟦⟧let queue = state.queue_mut(&request.queue, Verb::Emit)?;",
            "crate::wrongs::emits_everywhere(state, now.at, &request);",
        )],
    },
    Mutation {
        id: "67",
        breaks: "The key of an event is its queue and its name with a colon between them.",
        killers: &["NM-4"],
        edits: &[edit(
            "events.rs",
            "⟦⟧let queue = state.queue_mut(&request.queue, Verb::Emit)?;",
            "crate::wrongs::emits_where_names_run_together(state, now.at, &request);",
        )],
    },
    Mutation {
        id: "145",
        breaks: "An emit that is to be the first replaces what is there.",
        killers: &["EV-4", "EV-5"],
        edits: &[edit("events.rs", "if ⟦request.only_if_absent⟧ {", "false")],
    },
    Mutation {
        id: "146",
        breaks: "An event that nobody waits for is forgotten.",
        killers: &["EV-20", "EV-1"],
        edits: &[edit(
            "events.rs",
            "⟦⟧queue.put_event(&name, Some(Event {",
            "if !queue.index.waits.contains_key(&name) { return EmitAnswer::Written; }",
        )],
    },
    Mutation {
        id: "147",
        breaks: "A write of an event is known again by its name and payload, and not by its id.",
        killers: &["events::e1_an_older_emit_that_comes_late_is_a_write_of_its_own"],
        edits: &[edit(
            "events.rs",
            "if before.is_some_and(|event| ⟦event.id == id⟧) {",
            "event.id == id || event.payload == payload",
        )],
    },
    Mutation {
        id: "148",
        breaks: "A wait of an event with many is judged by when it is reached, not by when the event came.",
        killers: &["spread::e2_a_wait_reached_later_is_judged_by_the_first_write"],
        edits: &[edit(
            "moves.rs",
            "let unreached = ⟦event.first_unreached.unwrap_or(event.written_at)⟧;",
            "now",
        )],
    },
];
