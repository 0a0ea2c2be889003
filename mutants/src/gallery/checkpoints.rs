//! Checkpoints.

use crate::edit::{Mutation, edit, verbatim};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "20",
        breaks: "The last write of a checkpoint wins.",
        killers: &["CP-4"],
        edits: &[verbatim(
            "checkpoints.rs",
            "⟦⟧Some(stored) => return Ok(SaveAnswer::Conflict { stored }),",
            "Some(_) if crate::mutation::is(\"20\") => {
            queue.change(id, |task| task.history.forget(&item.key));
            store_with_effect(queue, now, id, item, spread)?;
        }
        ",
        )],
    },
    Mutation {
        id: "21",
        breaks: "The holder of an attempt that is over may replace what a later one has stored.",
        killers: &["CP-7"],
        edits: &[edit(
            "checkpoints.rs",
            "⟦⟧let (task, hold) = fence(queue, now.at, &item.token)?;",
            "if crate::wrongs::replaces_a_newer_checkpoint(queue, &item) {
                return Ok(SaveAnswer::Stored { expires_at: now.at });
            }",
        )],
    },
    Mutation {
        id: "72a",
        breaks: "A save that is dropped leaves its queue locked.",
        killers: &["AM-9"],
        edits: &[verbatim(
            "roles.rs",
            "⟦⟧self.run(Verb::Save,",
            "if self.mutation == \"72a\" {
            return self.locked(Verb::Save, &queue, |state, now| checkpoints::save(state, now, request)).await;
        }
        ",
        )],
    },
    Mutation {
        id: "72b",
        breaks: "A save that is dropped has spawned its children without their checkpoint.",
        killers: &["AM-9", "CX-6"],
        edits: &[verbatim(
            "roles.rs",
            "⟦⟧self.run(Verb::Save,",
            "if self.mutation == \"72b\" {
            return self.halved(&queue, |state, now| checkpoints::save(state, now, request)).await;
        }
        ",
        )],
    },
    Mutation {
        id: "135",
        breaks: "A checkpoint that is saved again does its effect again: it emits a second time.",
        killers: &["EV-24", "CP-16"],
        edits: &[edit(
            "checkpoints.rs",
            "Some(End::Value(payload)) if payload == item.payload => ⟦{}⟧",
            "if let Effect::Emit(event) = item.effect { write(queue, now.at, event, spread); }",
        )],
    },
    Mutation {
        id: "136",
        breaks: "A save tells what it stored, and stores nothing of an empty payload.",
        killers: &["CP-9"],
        edits: &[edit(
            "checkpoints.rs",
            "None if ⟦store_with_effect(queue, now, id, item, spread)?⟧ =>",
            "item.payload.as_str() == \"null\" || store_with_effect(queue, now, id, item, spread)?",
        )],
    },
    Mutation {
        id: "137",
        breaks: "Checkpoints are loaded with the newest first.",
        killers: &["CP-5"],
        edits: &[edit(
            "history.rs",
            "⟦CheckpointPage { checkpoints, more: left.peek().is_some() }⟧",
            "{ checkpoints.reverse(); CheckpointPage { checkpoints, more: left.peek().is_some() } }",
        )],
    },
    Mutation {
        id: "138",
        breaks: "Loading needs no claim that holds.",
        killers: &["CP-17"],
        edits: &[edit(
            "checkpoints.rs",
            "⟦⟧let (task, _) = fence(queue, now.at, &request.token)?;",
            "if let Some(task) = queue.tasks.get(&request.token.task) {
                return Ok(task.history.page(request.after, bounded(request.limit)));
            }",
        )],
    },
];
