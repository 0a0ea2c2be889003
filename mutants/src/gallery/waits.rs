//! Waits, sleeps and timeouts.

use crate::edit::{Mutation, edit, verbatim};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "26",
        breaks: "A wait looks for its event in one transaction and registers in another.",
        killers: &["EV-3"],
        edits: &[verbatim(
            "roles.rs",
            "⟦⟧self.run(Verb::Wait,",
            "if self.mutation == \"26\" {
            let queue = request.queue.clone();
            return self.torn(&queue, |state, now| runs::wait(state, now, &request)).await;
        }
        ",
        )],
    },
    Mutation {
        id: "30",
        breaks: "A timeout wakes, and is not stored.",
        killers: &["EV-10"],
        edits: &[edit(
            "moves.rs",
            "    store(queue, now, id, draft);\n    ⟦⟧true",
            "crate::wrongs::forgets_a_timeout(queue, id, key);",
        )],
    },
    Mutation {
        id: "31",
        breaks: "A payload of null is a timeout.",
        killers: &["EV-13"],
        edits: &[
            edit(
                "moves.rs",
                "Some((⟦End::Value(event.payload.clone())⟧, unreached))",
                "if event.payload.as_str() == \"null\" { End::Timeout } else { End::Value(event.payload.clone()) }",
            ),
            edit(
                "events.rs",
                "end: ⟦End::Value(self.payload.clone())⟧,",
                "if self.payload.as_str() == \"null\" { End::Timeout } else { End::Value(self.payload.clone()) }",
            ),
        ],
    },
    Mutation {
        id: "32",
        breaks: "At its deadline a wait times out if somebody looks, and gets its event if that comes.",
        killers: &["EV-11", "EV-12"],
        edits: &[edit(
            "moves.rs",
            "⟦timeout(wait, unreached)⟧.or_else(",
            "wait.deadline.filter(|deadline| *deadline < unreached).map(|deadline| (End::Timeout, deadline))",
        )],
    },
    Mutation {
        id: "34",
        breaks: "The waits of a cancelled task stand, and their event makes it ready again.",
        killers: &["EV-19", "CA-10"],
        edits: &[
            edit(
                "moves.rs",
                "|task| ⟦std::mem::take(&mut task.waits)⟧);",
                "if matches!(end, TaskEnd::Cancelled(_)) { Default::default() } else { std::mem::take(&mut task.waits) }",
            ),
            edit(
                "moves.rs",
                "            _ => ⟦false⟧,\n        }\n    });\n    if met",
                "wait.is_some() && matches!(task.phase, Phase::Ended { end: TaskEnd::Cancelled(_), .. })",
            ),
        ],
    },
    Mutation {
        id: "37",
        breaks: "A join of a child that is not there waits for it.",
        killers: &["CH-10"],
        edits: &[edit(
            "runs/wait.rs",
            "WaitSource::Child(child) if ⟦!is_child(queue, task.id, *child, &wait.key)⟧ =>",
            "queue.tasks.contains_key(child) && !is_child(queue, task.id, *child, &wait.key)",
        )],
    },
    Mutation {
        id: "131",
        breaks: "The first wait that ends wakes a task, however many it rests on.",
        killers: &["CH-5", "CH-8"],
        edits: &[edit("task.rs", "⟦self.need == 0⟧", "true")],
    },
    Mutation {
        id: "132",
        breaks: "Registering a wait again moves its deadline.",
        killers: &["wait::w1_the_first_registration_counts"],
        edits: &[edit(
            "runs/wait.rs",
            "⟦⟧if !queue.tasks.get(&id).is_some_and(|task| is_new(task, &new.key)) {",
            "if let Some(fixed) = new.deadline.map(|deadline| deadline.fix(now.up)) {
                queue.change(id, |task| {
                    if let Some(wait) = task.waits.get_mut(&new.key) {
                        wait.deadline = Some(fixed);
                    }
                });
            }",
        )],
    },
    Mutation {
        id: "133",
        breaks: "A wait that is not rested on wakes its task, too.",
        killers: &["rest::w3_what_is_not_rested_on_does_not_wake"],
        edits: &[edit(
            "task.rs",
            "⟦⟧if !self.keys.remove(key) {",
            "if !self.keys.contains(key) { return true; }",
        )],
    },
    Mutation {
        id: "134",
        breaks: "A suspended task keeps its lease, and expires.",
        killers: &["SL-2", "SL-10"],
        edits: &[edit(
            "runs/wait.rs",
            "⟦⟧suspend(queue, id, rest, need);",
            "remember(queue, &item.token, Closed::Rested); return Ok(WaitAnswer::Suspended);",
        )],
    },
];
