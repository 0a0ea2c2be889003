//! Spawning and idempotency keys.

use crate::edit::{Mutation, edit, verbatim};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "58",
        breaks: "A spawn looks for its key in one transaction and inserts in another.",
        killers: &["SP-7"],
        edits: &[verbatim(
            "roles.rs",
            "⟦⟧self.run(Verb::Spawn,",
            "if self.mutation == \"58\" {
            return self.torn(&queue, |state, now| tasks::spawn(state, now, request)).await;
        }
        ",
        )],
    },
    Mutation {
        id: "163",
        breaks: "A batch is written in two transactions.",
        killers: &["SP-17"],
        edits: &[verbatim(
            "roles.rs",
            "⟦⟧self.run(Verb::Spawn,",
            "if self.mutation == \"163\" {
            return self.halved(&queue, |state, now| tasks::spawn(state, now, request)).await;
        }
        ",
        )],
    },
    Mutation {
        id: "59",
        breaks: "A spawn with a known key replaces the params of the task that has it.",
        killers: &["SP-6"],
        edits: &[edit(
            "spawn.rs",
            "for (new, spawned) in tasks.into_iter().zip(&planned) {⟦⟧",
            "if !spawned.created { let params = new.params.clone(); queue.change(spawned.task, |task| task.params = params); }",
        )],
    },
    Mutation {
        id: "60",
        breaks: "A key is free again when its task has ended.",
        killers: &["SP-9"],
        edits: &[verbatim(
            "spawn.rs",
            "queue.keys.get(&wanted.key).and_then(|id| queue.tasks.get(id))⟦⟧;",
            ".filter(|task| !crate::mutation::is(\"60\") || task.is_live())",
        )],
    },
    Mutation {
        id: "115",
        breaks: "A known key with another fingerprint is the task that has it, and no conflict.",
        killers: &["SP-8"],
        edits: &[edit(
            "spawn.rs",
            "Some((existing, idempotency)) if ⟦idempotency == new.idempotency.as_ref()⟧ =>",
            "idempotency.is_some()",
        )],
    },
    Mutation {
        id: "116",
        breaks: "A batch with a conflict spawns what comes before it.",
        killers: &["SP-14"],
        edits: &[edit(
            "spawn.rs",
            "⟦⟧match plan(queue, &tasks) {",
            "if let Err(SpawnAnswer::Conflict { index, .. }) = plan(queue, &tasks) {
                spawn_all(queue, now, tasks.iter().take(index).cloned().collect(), parent);
            }",
        )],
    },
    Mutation {
        id: "159",
        breaks: "A spawn with a known id puts a new task in the place of the old one.",
        killers: &["SP-16"],
        edits: &[edit(
            "spawn.rs",
            "let known = ⟦queue.tasks.contains_key(&new.id) || ids.contains(&new.id)⟧;",
            "ids.contains(&new.id)",
        )],
    },
    Mutation {
        id: "117",
        breaks: "A delayed task counts as ready from when somebody looked.",
        killers: &["CL-8", "SP-5"],
        edits: &[edit("due.rs", "let until = ⟦*until⟧;", "now")],
    },
];
