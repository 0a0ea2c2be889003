//! Claims: who gets what, and when.

use crate::edit::{Mutation, edit, verbatim};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "1",
        breaks: "What is claimed is kept in the process that claimed it.",
        killers: &["MT-1", "CL-4"],
        edits: &[edit(
            "runs/claim.rs",
            "⟦⟧let names: BTreeSet<&TaskName> =",
            "crate::wrongs::forget_the_claims_of_others(queue);",
        )],
    },
    Mutation {
        id: "11",
        breaks: "A thing is due only after its time, not at it.",
        killers: &["CL-21", "CK-5"],
        edits: &[edit("due.rs", ".filter(|due| ⟦due.at <= now⟧)", "due.at < now")],
    },
    Mutation {
        id: "12",
        breaks: "An expired run is not ended, and its attempt goes on.",
        killers: &["CL-22", "RT-3"],
        edits: &[
            edit("due.rs", "⟦task.run_failed(worker.clone(), at, failure.clone());⟧", ""),
            edit("due.rs", "let again = ⟦task.has_attempts_left()⟧;", "true"),
            edit("due.rs", "⟦task.attempt = attempt.saturating_add(i32::from(again));⟧", ""),
        ],
    },
    Mutation {
        id: "13",
        breaks: "What is due is done only when nothing else is ready.",
        killers: &["CL-23"],
        edits: &[edit(
            "runs/claim.rs",
            "⟦do_due(queue, now.at, max.saturating_mul(2).clamp(LEAST_DUE, MAX_RECORDS), &mut work);⟧",
            "if queue.index.pending.is_empty() {
                do_due(queue, now.at, max.saturating_mul(2).clamp(LEAST_DUE, MAX_RECORDS), &mut work);
            }",
        )],
    },
    Mutation {
        id: "14",
        breaks: "Times are rounded to seconds, and what is due in this second is due.",
        killers: &["CL-1", "SL-5"],
        edits: &[edit(
            "due.rs",
            ".filter(|due| ⟦due.at <= now⟧)",
            "due.at.as_millis() / 1_000 <= now.as_millis() / 1_000",
        )],
    },
    Mutation {
        id: "16",
        breaks: "A claim selects in one transaction and takes in another.",
        killers: &["CL-5", "CO-1"],
        edits: &[verbatim(
            "roles.rs",
            "⟦⟧self.run(Verb::Claim,",
            "if self.mutation == \"16\" {
            return self.torn(&queue, |state, now| runs::claim(state, now, request)).await;
        }
        ",
        )],
    },
    Mutation {
        id: "164",
        breaks: "A claim that meets another one finds nothing.",
        killers: &["SP-18"],
        edits: &[verbatim(
            "roles.rs",
            "⟦⟧self.run(Verb::Claim,",
            "if self.mutation == \"164\" {
            return self.gives_up(request).await;
        }
        ",
        )],
    },
    Mutation {
        id: "80",
        breaks: "The count of claims follows from the attempt, and so comes again.",
        killers: &["CL-10"],
        edits: &[edit(
            "runs/claim.rs",
            "⟦task.claims += 1;⟧",
            "task.claims = u64::try_from(task.attempt).unwrap_or(1);",
        )],
    },
    Mutation {
        id: "83",
        breaks: "A claim looks at every task.",
        killers: &["BL-1"],
        edits: &[edit(
            "runs/claim.rs",
            "⟦⟧let names: BTreeSet<&TaskName> =",
            "crate::wrongs::looks_at_every_task(queue);",
        )],
    },
    Mutation {
        id: "118",
        breaks: "Priorities are ignored.",
        killers: &["CL-8"],
        edits: &[edit("index.rs", "priority: Reverse(⟦task.priority⟧)", "0")],
    },
    Mutation {
        id: "119",
        breaks: "A repeated claim takes what is ready besides what it holds.",
        killers: &["CL-32"],
        edits: &[edit(
            "runs/claim.rs",
            "if ⟦claims.is_empty() && !request.repeat⟧ && queue.state",
            "true",
        )],
    },
    Mutation {
        id: "120",
        breaks: "The next due time leaves out the ends of leases.",
        killers: &["CL-36"],
        edits: &[edit(
            "state.rs",
            "let due = ⟦self.index.due.first()⟧.map(|due| due.at);",
            "self.index.due.iter().find(|due| {
                !self.tasks.get(&due.id).is_some_and(|task| matches!(task.phase, crate::task::Phase::Running(_)))
            })",
        )],
    },
    Mutation {
        id: "121",
        breaks: "The first start of a task is its last.",
        killers: &["CL-15"],
        edits: &[edit(
            "runs/claim.rs",
            "⟦task.first_started_at.get_or_insert(now);⟧",
            "task.first_started_at = Some(now);",
        )],
    },
    Mutation {
        id: "158",
        breaks: "A claim takes as many as are asked for, and touches more than a verb may.",
        killers: &["CL-2"],
        edits: &[
            edit(
                "runs/claim.rs",
                "let max = ⟦request.most()⟧;",
                "usize::try_from(request.max).unwrap_or(usize::MAX)",
            ),
            edit("runs/claim.rs", "for _ in 0..⟦MAX_RECORDS⟧ {", "usize::MAX"),
        ],
    },
    Mutation {
        id: "122",
        breaks: "Expired runs count as ready though their last attempt is used up.",
        killers: &["CL-35"],
        edits: &[edit(
            "inspect.rs",
            "Phase::Running(hold) => ⟦hold.expires_at <= now && task.has_attempts_left()⟧",
            "hold.expires_at <= now",
        )],
    },
];
