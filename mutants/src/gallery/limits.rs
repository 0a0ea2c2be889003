//! Limits.

use crate::edit::{Mutation, edit};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "50",
        breaks: "The pending limit goes on counting when the task has started.",
        killers: &["MX-1"],
        edits: &[edit(
            "task.rs",
            "Some(start) => ⟦self.max_running.map(|most| (start.after(most), CancelCause::MaxRunningTime))⟧,",
            "self.max_running
                .map(|most| (start.after(most), CancelCause::MaxRunningTime))
                .or(self.max_pending.map(|most| (self.limits_from.after(most), CancelCause::MaxPendingTime)))",
        )],
    },
    Mutation {
        id: "149",
        breaks: "The running limit does not reach a task that sleeps.",
        killers: &["MX-2"],
        edits: &[edit(
            "task.rs",
            "Some(start) => ⟦self.max_running.map(|most| (start.after(most), CancelCause::MaxRunningTime))⟧,",
            "self.max_running
                .filter(|_| !matches!(self.phase, Phase::Resting(_)))
                .map(|most| (start.after(most), CancelCause::MaxRunningTime))",
        )],
    },
    Mutation {
        id: "150",
        breaks: "A task past its pending limit is handed out if the claim comes before the upkeep.",
        killers: &["scale::c2_a_task_past_its_limit_is_not_handed_out_whatever_else_is_due"],
        edits: &[edit("runs/claim.rs", "if ⟦!cancel_by_limit(queue, now, ready.id, work)⟧ {", "true")],
    },
    Mutation {
        id: "151",
        breaks: "At one moment a limit comes after what else is due.",
        killers: &["MX-8"],
        edits: &[edit(
            "index.rs",
            "⟦limit.into_iter().chain(own).min()⟧",
            "own.into_iter().chain(limit).min_by_key(|due| due.at)",
        )],
    },
    Mutation {
        id: "152",
        breaks: "A limit is told as one that somebody asked for.",
        killers: &["MX-7"],
        edits: &[edit(
            "due.rs",
            "let Some(cause) = ⟦queue.tasks.get(&id).and_then(|task| task.limit_passed(now))⟧ else",
            "queue.tasks.get(&id).and_then(|task| task.limit_passed(now)).map(|_| {
                durable_core::model::CancelCause::Requested { reason: None }
            })",
        )],
    },
];
