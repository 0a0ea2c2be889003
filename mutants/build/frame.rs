//! What every mutant needs to be there: a store that knows which mutant it is, and records that keep more than they have
//! to. It changes nothing that a caller sees.

use crate::edit::{Edit, verbatim};

pub(crate) const FRAME: &[Edit] = &[
    verbatim("lib.rs", "⟦#[cfg(test)]\nmod tests;⟧", ""),
    verbatim(
        "lib.rs",
        "⟦#![allow(rustdoc::private_intra_doc_links, reason = \"readers of this crate read its source\")]⟧",
        "",
    ),
    verbatim(
        "lib.rs",
        "hub: HintHub,\n    checked: bool,⟦⟧\n}",
        "\n    mutation: &'static str,\n    handle: u64,",
    ),
    verbatim("lib.rs", "hub: HintHub::new(), checked: false⟦⟧ }", ", mutation: \"\", handle: 0"),
    verbatim(
        "lib.rs",
        "⟦⟧    /// Runs one verb on a queue:",
        r"
    /// An empty store that is one of the mutants.
    pub(crate) fn mutated(clock: Clock, mutation: &'static str) -> Self {
        Self { mutation, ..Self::with_clock(clock) }
    }

    /// Another handle on the same data.
    pub(crate) fn handle(&self, handle: u64) -> Self {
        Self { handle, ..self.clone() }
    }

",
    ),
    verbatim(
        "lib.rs",
        "fn lock(&self) -> MutexGuard<'_, State> {⟦⟧",
        "\n        crate::mutation::enter(self.mutation, self.handle);",
    ),
    // What a verb changes is told by comparing two states.
    verbatim("state.rs", "#[derive(Debug, ⟦⟧Default)]\npub(crate) struct State", "Clone, "),
    verbatim("state.rs", "#[derive(Debug, ⟦⟧Default)]\npub(crate) struct Queue", "Clone, "),
    verbatim("state.rs", "#[derive(Debug, ⟦⟧Default)]\npub(crate) struct News", "Clone, "),
    verbatim("index.rs", "#[derive(Debug, ⟦⟧Default)]\npub(crate) struct Index", "Clone, "),
    // Queues that were dropped with something in them, and queues that somebody has locked.
    verbatim(
        "state.rs",
        "pub(crate) queues: BTreeMap<QueueName, Queue>,⟦⟧",
        "\n    pub(crate) dropped: BTreeMap<QueueName, Queue>,\n    pub(crate) locked: std::collections::BTreeSet<QueueName>,",
    ),
    verbatim(
        "state.rs",
        "pub(crate) keys: BTreeMap<IdempotencyKey, TaskId>,⟦⟧",
        "\n    pub(crate) left: BTreeMap<TaskId, crate::history::History>,",
    ),
    // Every claim that a task ever had, with its attempt and its worker, and the handle of the last.
    verbatim(
        "task.rs",
        "pub(crate) history: History,⟦⟧\n}",
        "\n    pub(crate) issued: BTreeMap<(CallId, u64), (i32, WorkerName)>,",
    ),
    verbatim("task.rs", "history: History::default(),⟦⟧", "\n            issued: BTreeMap::new(),"),
    verbatim(
        "task.rs",
        "pub(crate) available_at: Timestamp,⟦⟧\n}\n\n/// How a task ended",
        "\n    pub(crate) handle: u64,",
    ),
    verbatim(
        "runs/claim.rs",
        "            available_at,⟦⟧\n        });",
        "\n            handle: crate::mutation::handle(),",
    ),
    verbatim(
        "runs/claim.rs",
        "⟦⟧task.phase = Phase::Running(Hold {",
        "task.issued.insert((request.call, task.claims), (task.attempt, request.worker.clone()));\n        ",
    ),
    // Checkpoints that are lost, or change.
    verbatim(
        "history.rs",
        "⟦⟧    /// Adds a failed run,",
        r"    /// Loses a checkpoint.
    pub(crate) fn forget(&mut self, key: &StepKey) {
        if let Some(order) = self.keys.remove(key) {
            self.loaded.remove(&order);
        }
    }

    /// Loses all checkpoints.
    pub(crate) fn forget_all(&mut self) {
        self.keys.clear();
        self.loaded.clear();
    }

    /// Changes the ends of checkpoints.
    pub(crate) fn rewrite(&mut self, mut change: impl FnMut(&mut Checkpoint)) {
        for entry in &mut self.entries {
            if let HistoryEntry::Checkpoint { checkpoint, .. } = entry {
                change(checkpoint);
            }
        }
    }

",
    ),
];
