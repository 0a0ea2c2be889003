//! Children, and how ends spread.

use crate::edit::{Mutation, edit, verbatim};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "39",
        breaks: "A cascade ends at the children.",
        killers: &["CH-12", "CH-18"],
        edits: &[
            edit(
                "moves.rs",
                "let closing = ⟦queue.index.children.contains_key(&id)⟧;",
                "queue.index.children.contains_key(&id) && !matches!(end, TaskEnd::Cancelled(CancelCause::ParentClosed))",
            ),
            edit(
                "spread.rs",
                "closing.extend(⟦close_one(queue, now, parent)⟧);",
                "{ close_one(queue, now, parent); None }",
            ),
        ],
    },
    Mutation {
        id: "40",
        breaks: "A failure that is retried cancels the children.",
        killers: &["CH-13"],
        edits: &[edit(
            "runs/end.rs",
            "RetryAfter::After(wait) => {⟦⟧",
            "while crate::moves::close_one(queue, now.at, id).is_some() {}",
        )],
    },
    Mutation {
        id: "42",
        breaks: "A spawn that is replayed makes another child.",
        killers: &["CH-11"],
        edits: &[edit(
            "checkpoints.rs",
            "Some(End::Value(payload)) if payload == item.payload => ⟦{}⟧",
            "if let Effect::Spawn(mut children) = item.effect {
                children.iter_mut().for_each(|child| child.id = TaskId::new());
                spawn_children(queue, now, id, children)?;
            }",
        )],
    },
    Mutation {
        id: "51",
        breaks: "A limit cancels a task, and not what is below it.",
        killers: &["MX-6", "CH-16"],
        edits: &[
            edit(
                "moves.rs",
                "let closing = ⟦queue.index.children.contains_key(&id)⟧;",
                "queue.index.children.contains_key(&id)
                    && !matches!(end, TaskEnd::Cancelled(CancelCause::MaxPendingTime | CancelCause::MaxRunningTime))",
            ),
            edit(
                "due.rs",
                "⟦end_and_close(queue, now, id, TaskEnd::Cancelled(cause), &mut work.spread);⟧",
                "crate::moves::end_task(queue, now, id, TaskEnd::Cancelled(cause));",
            ),
        ],
    },
    Mutation {
        id: "139",
        breaks: "The end of a child reaches its parent only if that waits for it.",
        killers: &["CH-23", "CH-9"],
        edits: &[edit("moves.rs", "⟦store(queue, now, parent, draft);⟧", "if crate::wrongs::rests(queue, parent) { store(queue, now, parent, draft); }")],
    },
    Mutation {
        id: "140",
        breaks: "A child that was to be abandoned is cancelled with its parent.",
        killers: &["CH-14", "CH-21"],
        edits: &[edit(
            "index.rs",
            "⟦(task.is_live() && parent.on_close == ParentClosePolicy::Cancel)⟧.then_some(parent.id)",
            "task.is_live()",
        )],
    },
    Mutation {
        id: "141",
        breaks: "Cancelling cancels only the task itself.",
        killers: &["CH-12"],
        edits: &[
            edit(
                "moves.rs",
                "let closing = ⟦queue.index.children.contains_key(&id)⟧;",
                "queue.index.children.contains_key(&id) && !matches!(end, TaskEnd::Cancelled(_))",
            ),
            edit(
                "spread.rs",
                "⟦⟧close_below(queue, now, id, spread)",
                "if queue.tasks.get(&id).is_some_and(|task| !task.closing) { return false; }",
            ),
        ],
    },
    Mutation {
        id: "142",
        breaks: "A child keeps its first end in its parent only until it ends again.",
        killers: &["retry::t5_the_first_end_of_a_child_stays_the_one_its_parent_sees"],
        edits: &[edit(
            "moves.rs",
            "    let Some(task) = queue.tasks.get(&parent) else { return };\n    ⟦⟧if !task.is_live() {",
            "if task.is_live() {
                queue.change(parent, |task| task.history.forget(&draft.key));
                store(queue, now, parent, draft);
                return;
            }",
        )],
    },
    Mutation {
        id: "143",
        breaks: "Anybody's task may be joined.",
        killers: &["CH-10"],
        edits: &[edit(
            "runs/wait.rs",
            "WaitSource::Child(child) if ⟦!is_child(queue, task.id, *child, &wait.key)⟧ =>",
            "!queue.tasks.contains_key(child)",
        )],
    },
    Mutation {
        id: "144",
        breaks: "A parent that has ended is written to.",
        killers: &["children::t1_an_ended_parent_is_not_written_to"],
        edits: &[verbatim(
            "moves.rs",
            "    if !task.is_live()⟦⟧ {\n        settle_closing",
            " && !(crate::mutation::is(\"144\") && !task.closing)",
        )],
    },
];
