//! Ends of runs, retries and cancellations.

use crate::edit::{Mutation, edit, verbatim};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "22",
        breaks: "A retried attempt starts without checkpoints.",
        killers: &["CP-14", "RT-8"],
        edits: &[edit(
            "runs/end.rs",
            "RetryAfter::After(wait) => {⟦⟧",
            "queue.change(id, |task| task.history.forget_all());",
        )],
    },
    Mutation {
        id: "43",
        breaks: "A cancellation does not reach a task that backs off.",
        killers: &["CA-4", "CA-10"],
        edits: &[edit(
            "tasks.rs",
            "⟦⟧let end = TaskEnd::Cancelled(request.cause);",
            "if task.attempt > 1 && matches!(task.phase, Phase::Delayed { .. }) {
                return Ok(CancelAnswer::Cancelled { closing: false });
            }",
        )],
    },
    Mutation {
        id: "44",
        breaks: "Cancelling a completed task replaces its result.",
        killers: &["CA-7"],
        edits: &[verbatim(
            "tasks.rs",
            "if let Phase::Ended { end, .. } = &task.phase⟦⟧ {",
            " && !(crate::mutation::is(\"44\") && matches!(end, TaskEnd::Completed(_)))",
        )],
    },
    Mutation {
        id: "46",
        breaks: "A task has one attempt more than it may.",
        killers: &["RT-3"],
        edits: &[edit("task.rs", "⟦self.attempt < max⟧", "self.attempt <= max")],
    },
    Mutation {
        id: "47",
        breaks: "The delay of a retry overflows: of a long one a little is left.",
        killers: &["RT-1", "RT-7"],
        edits: &[edit(
            "runs/end.rs",
            "let due = now.up.after(⟦after⟧);",
            "Millis::new(u32::try_from(after.as_i64() & 0x7fff_ffff).unwrap_or(0))",
        )],
    },
    Mutation {
        id: "85",
        breaks: "A run ends in two transactions: its parent is told in the second.",
        killers: &["CX-6"],
        edits: &[verbatim(
            "roles.rs",
            "⟦⟧self.run(Verb::Claim,",
            "if self.mutation == \"85\" && !request.ends.is_empty() {
            return self.halved(&queue, |state, now| runs::claim(state, now, request)).await;
        }
        ",
        )],
    },
    Mutation {
        id: "125",
        breaks: "A released claim costs an attempt.",
        killers: &["CL-34"],
        edits: &[edit(
            "runs/end.rs",
            "Released { due: ⟦come_back(queue, now, id, after)⟧ },",
            "{ queue.change(id, |task| task.attempt += 1); come_back(queue, now, id, after) }",
        )],
    },
    Mutation {
        id: "126",
        breaks: "A failed attempt leaves no trace in the history.",
        killers: &["RT-6"],
        edits: &[edit(
            "runs/end.rs",
            "⟦queue.change(id, |task| task.run_failed(worker, now.at, failure.clone()));⟧",
            "",
        )],
    },
    Mutation {
        id: "127",
        breaks: "A task that is retried by hand keeps the limits that it had.",
        killers: &["retry::t5_both_limits_start_anew"],
        edits: &[
            edit("tasks.rs", "⟦task.limits_from = now;⟧", ""),
            edit("tasks.rs", "⟦task.first_started_at = None;⟧", ""),
        ],
    },
    Mutation {
        id: "128",
        breaks: "A retry from a key sets aside the ends of children, too.",
        killers: &["retry::t5_ends_of_children_and_what_came_before_stay"],
        edits: &[edit("history.rs", "if ⟦checkpoint.kind != CheckpointKind::Child⟧ =>\n", "true")],
    },
    Mutation {
        id: "129",
        breaks: "A cancelled task can be retried.",
        killers: &["RT-13"],
        edits: &[edit(
            "tasks.rs",
            "Phase::Ended { end, .. } if ⟦end.state() != EndState::Failed⟧ =>",
            "end.state() == EndState::Completed",
        )],
    },
    Mutation {
        id: "130",
        breaks: "The last cancellation counts.",
        killers: &["CA-6"],
        edits: &[edit(
            "tasks.rs",
            "⟦⟧if let Phase::Ended { end, .. } = &task.phase",
            "if let Phase::Ended { end: TaskEnd::Cancelled(_), .. } = &task.phase {
                let (id, cause) = (task.id, request.cause.clone());
                queue.change(id, |task| {
                    if let Phase::Ended { end, .. } = &mut task.phase {
                        *end = TaskEnd::Cancelled(cause);
                    }
                });
                return Ok(CancelAnswer::Ended { state: EndState::Cancelled, closing: false });
            }",
        )],
    },
];
