//! Queues.

use crate::edit::{Mutation, edit, verbatim};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "77",
        breaks: "A queue is dropped with what is in it, and has it again when it is made anew.",
        killers: &["QU-4", "QU-8", "MT-9"],
        edits: &[
            edit("queues.rs", "Some(queue) if ⟦!is_empty(queue)⟧", "false"),
            edit(
                "queues.rs",
                "⟦state.queues.remove(&request.queue);⟧",
                "if let Some(queue) = state.queues.remove(&request.queue) {
                    state.dropped.insert(request.queue.clone(), queue);
                }",
            ),
            edit(
                "queues.rs",
                "let queue = ⟦Queue { state: request.state, ..Queue::default() }⟧;",
                "Queue { state: request.state, ..state.dropped.remove(&request.queue).unwrap_or_default() }",
            ),
        ],
    },
    Mutation {
        id: "111",
        breaks: "A paused queue gives claims.",
        killers: &["QU-11"],
        edits: &[edit(
            "runs/claim.rs",
            "!request.repeat && ⟦queue.state == QueueState::Open⟧ {",
            "queue.state != QueueState::Sealed",
        )],
    },
    Mutation {
        id: "112",
        breaks: "Putting a queue that exists leaves its state as it is.",
        killers: &["QU-2"],
        edits: &[edit("queues.rs", "⟦queue.state = request.state;⟧", "")],
    },
    Mutation {
        id: "160",
        breaks: "Who opens an empty store with others at one moment has a store of his own.",
        killers: &["MT-3"],
        // Opening is the harness's: it does that.
        edits: &[],
    },
    Mutation {
        id: "113",
        breaks: "A spawn into a queue that is missing creates it.",
        killers: &["QU-6"],
        edits: &[edit(
            "tasks.rs",
            "⟦⟧let queue = state.queue_mut(&request.queue, Verb::Spawn)?;",
            "state.queues.entry(request.queue.clone()).or_default();",
        )],
    },
    Mutation {
        id: "114",
        breaks: "A sealed queue takes children.",
        killers: &["queues::c2_a_sealed_queue_takes_nothing_new"],
        edits: &[
            edit("checkpoints.rs", "if ⟦queue.state == QueueState::Sealed⟧ {", "false"),
            verbatim(
                "spawn.rs",
                "Ok(planned) if ⟦⟧queue.state == QueueState::Sealed",
                "!(crate::mutation::is(\"114\") && parent.is_some()) && ",
            ),
        ],
    },
];
