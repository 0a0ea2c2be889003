//! Upkeep and retention.

use crate::edit::{Mutation, edit, verbatim};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "36a",
        breaks: "An event is purged while waits for it stand.",
        killers: &["EV-25"],
        edits: &[edit(
            "upkeep.rs",
            "= ⟦queue.index.settled.first()⟧.filter(|_| request.events)?;",
            "queue.index.settled.first().or(queue.index.waking.first())",
        )],
    },
    Mutation {
        id: "36b",
        breaks: "A child that is purged takes its end from its parent.",
        killers: &["CH-9"],
        edits: &[edit(
            "upkeep.rs",
            "⟦⟧if let Some(owned) = task.idempotency {",
            "if let Some(parent) = &task.parent {
                queue.change(parent.id, |task| task.history.forget(&parent.join_key));
            }",
        )],
    },
    Mutation {
        id: "55a",
        breaks: "A task ages from its spawn.",
        killers: &["RE-1"],
        edits: &[edit(
            "upkeep.rs",
            "(now >= ⟦ended_at⟧.after(request.age)).then_some(id)",
            "queue.tasks.get(&id).map_or(ended_at, |task| task.spawned_at)",
        )],
    },
    Mutation {
        id: "55b",
        breaks: "A purge has no limit.",
        killers: &["RE-2"],
        edits: &[edit("upkeep.rs", "let mut left = ⟦bounded(request.limit)⟧;", "usize::MAX")],
    },
    Mutation {
        id: "55c",
        breaks: "A purge takes tasks that run.",
        killers: &["RE-5"],
        edits: &[edit(
            "upkeep.rs",
            "⟦⟧let oldest = |state: &EndState|",
            "if let Some(id) = crate::wrongs::a_running_task(queue) { return Some(id); }",
        )],
    },
    Mutation {
        id: "56",
        breaks: "The key of a purged task stays taken.",
        killers: &["SP-10"],
        edits: &[
            edit("upkeep.rs", "⟦queue.keys.remove(&owned.key);⟧", ""),
            edit(
                "spawn.rs",
                "⟦⟧planned.push(match owner {",
                "if let Some(id) = new.idempotency.as_ref().and_then(|wanted| queue.keys.get(&wanted.key))
                    && !queue.tasks.contains_key(id)
                {
                    planned.push(Spawned { task: *id, created: false });
                    continue;
                }",
            ),
        ],
    },
    Mutation {
        id: "153",
        breaks: "A purge takes the newest first.",
        killers: &["RE-2"],
        edits: &[edit(
            "upkeep.rs",
            "⟦queue.index.ended.get(state)?.first()⟧.copied();",
            "queue.index.ended.get(state)?.last()",
        )],
    },
    Mutation {
        id: "154",
        breaks: "A purge takes ended tasks of every state.",
        killers: &["RE-1"],
        edits: &[edit(
            "upkeep.rs",
            "⟦⟧let oldest = |state: &EndState|",
            "let all = [EndState::Completed, EndState::Failed, EndState::Cancelled];
            let first = all.iter().filter_map(|state| queue.index.ended.get(state)?.first().copied()).min();
            return first.filter(|(ended_at, _)| now >= ended_at.after(request.age)).map(|(_, id)| id);",
        )],
    },
    Mutation {
        id: "155",
        breaks: "An event ages from its first write.",
        killers: &["RE-9"],
        edits: &[edit(
            "events.rs",
            "id, written_at: ⟦now⟧, first_unreached",
            "queue.events.get(&name).map_or(now, |event| event.written_at)",
        )],
    },
    Mutation {
        id: "156",
        breaks: "A tick does all that is due, whatever its limit.",
        killers: &["CL-23", "MX-9"],
        edits: &[edit("upkeep.rs", "let limit = ⟦bounded(request.limit)⟧;", "usize::MAX")],
    },
    Mutation {
        id: "157",
        breaks: "A purged task leaves its history to the one that is spawned anew.",
        killers: &["RE-8", "CP-15"],
        edits: &[
            edit(
                "upkeep.rs",
                "⟦⟧let history = task.history.into_entries();",
                "queue.left.insert(id, task.history); return;",
            ),
            verbatim(
                "spawn.rs",
                "fn add(queue: &mut Queue, task: Task) {⟦⟧",
                "let left = queue.left.remove(&task.id).filter(|_| crate::mutation::is(\"157\"));
    let task = Task { history: left.unwrap_or_default(), ..task };",
            ),
        ],
    },
];
