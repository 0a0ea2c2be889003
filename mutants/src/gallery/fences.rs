//! Who may write: tokens, leases, and what they are taken for.

use crate::edit::{Mutation, edit};

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        id: "2",
        breaks: "The run id is the fence: every claim of the same attempt may write.",
        killers: &["CL-10", "SL-8", "CL-31"],
        edits: &[edit(
            "task.rs",
            "⟦self.newest == Some(token.call) && self.claims == token.claim⟧",
            "self.issued.get(&(token.call, token.claim)).is_some_and(|(attempt, _)| *attempt == self.attempt)",
        )],
    },
    Mutation {
        id: "3",
        breaks: "The worker is the fence: every claim of the worker that holds the task may write.",
        killers: &["CL-13"],
        edits: &[edit(
            "task.rs",
            "⟦self.newest == Some(token.call) && self.claims == token.claim⟧",
            "self.issued.get(&(token.call, token.claim)).is_some_and(|(_, worker)| {
                let newest = self.newest.and_then(|call| self.issued.get(&(call, self.claims)));
                newest.is_some_and(|(_, holder)| holder == worker)
            })",
        )],
    },
    Mutation {
        id: "5",
        breaks: "A run may end after its lease, as long as nobody has looked.",
        killers: &["CL-24"],
        edits: &[edit(
            "runs/end.rs",
            "let (task, hold) = fence(queue, ⟦now.at⟧, &run.token)?;",
            "Timestamp::from_millis(0)",
        )],
    },
    Mutation {
        id: "6",
        breaks: "A task that sleeps may be failed by the claim that put it to sleep.",
        killers: &["SL-9", "RT-10"],
        edits: &[edit(
            "runs/end.rs",
            "⟦⟧let (task, hold) = fence(queue, now.at, &run.token)?;",
            "if let Some(retry) = crate::wrongs::fails_asleep(queue, &run) {
                let failure = Failure::Reported(durable_core::model::Payload::from_text(\"null\"));
                return Ok(fail(queue, now, run.token.task, failure, retry, spread));
            }",
        )],
    },
    Mutation {
        id: "7",
        breaks: "A completed run may store checkpoints.",
        killers: &["CP-8"],
        edits: &[edit(
            "checkpoints.rs",
            "⟦⟧let (task, hold) = fence(queue, now.at, &item.token)?;",
            "if crate::wrongs::saves_after_the_end(queue, now.at, &item) {
                return Ok(SaveAnswer::Stored { expires_at: now.at });
            }",
        )],
    },
    Mutation {
        id: "8",
        breaks: "Extending revives a lease that has ended.",
        killers: &["CL-27"],
        edits: &[edit(
            "runs/extend.rs",
            "let (_, hold) = fence(queue, ⟦now.at⟧, &item.token)?;",
            "Timestamp::from_millis(0)",
        )],
    },
    Mutation {
        id: "24",
        breaks: "A sleep that is sent again puts the new holder to sleep.",
        killers: &["SL-8", "AM-4"],
        edits: &[edit(
            "runs/wait.rs",
            "⟦⟧let (task, _) = fence(queue, now.at, &item.token)?;",
            "if crate::wrongs::puts_the_holder_to_sleep(queue, now.at, item) {
                return Ok(WaitAnswer::Suspended);
            }",
        )],
    },
    Mutation {
        id: "45",
        breaks: "The holder of a cancelled task is told that the claim is lost.",
        killers: &["CA-9", "CL-29"],
        edits: &[edit("fence.rs", "=> ⟦Err(FencedError::Cancelled)⟧,", "Err(FencedError::ClaimLost)")],
    },
    Mutation {
        id: "123",
        breaks: "Extending by less shortens the lease.",
        killers: &["CL-25"],
        edits: &[edit(
            "runs/extend.rs",
            "let until = ⟦hold.expires_at.max(now.at.after(item.lease.millis()))⟧;",
            "now.at.after(item.lease.millis())",
        )],
    },
    Mutation {
        id: "124",
        breaks: "A checkpoint leaves the lease as it is.",
        killers: &["CP-11"],
        edits: &[edit(
            "checkpoints.rs",
            "let expires_at = ⟦hold.expires_at.max(now.at.after(hold.lease.millis()))⟧;",
            "hold.expires_at",
        )],
    },
];
