//! Who waits for the end of which task: one stream of hints for all waiters of a client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use futures::StreamExt;
use tokio::sync::Notify;

use crate::model::TaskId;
use crate::run::lease::lock;
use crate::store::{Hint, Hints};

/// Hands the hint of a task's end to those who wait for it. It listens while somebody does.
#[derive(Debug, Default)]
pub(crate) struct Ends(Mutex<Waiters>);

#[derive(Debug, Default)]
struct Waiters {
    /// How many wait for a task, and what wakes them.
    by_task: HashMap<TaskId, (usize, Arc<Notify>)>,
    listening: bool,
}

/// Rings when the task may have ended; while it exists, somebody listens.
#[derive(Debug)]
pub(crate) struct Bell {
    ends: Arc<Ends>,
    task: TaskId,
    pub(crate) rung: Arc<Notify>,
}

impl Ends {
    /// A bell for a task; `hints` is asked for when nobody listens yet.
    pub(crate) fn bell(self: &Arc<Self>, task: TaskId, hints: impl FnOnce() -> Hints) -> Bell {
        let mut waiters = lock(&self.0);
        if !waiters.listening {
            waiters.listening = true;
            tokio::spawn(listen(Arc::downgrade(self), hints()));
        }
        let (count, rung) = waiters.by_task.entry(task).or_default();
        *count += 1;
        Bell { ends: self.clone(), task, rung: rung.clone() }
    }

    /// Rings the bells of a task; false when there is none at all any more.
    fn ring(&self, task: TaskId) -> bool {
        let mut waiters = lock(&self.0);
        if let Some((_, rung)) = waiters.by_task.get(&task) {
            rung.notify_waiters();
        }
        waiters.still_listen()
    }

    /// Rings every bell; false when there is none any more.
    fn ring_all(&self) -> bool {
        let mut waiters = lock(&self.0);
        for (_, rung) in waiters.by_task.values() {
            rung.notify_waiters();
        }
        waiters.still_listen()
    }
}

impl Waiters {
    /// Whether somebody waits, and so listening goes on.
    fn still_listen(&mut self) -> bool {
        self.listening = !self.by_task.is_empty();
        self.listening
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let mut waiters = lock(&self.ends.0);
        if let Some((count, _)) = waiters.by_task.get_mut(&self.task) {
            *count -= 1;
            if *count == 0 {
                waiters.by_task.remove(&self.task);
            }
        }
    }
}

/// Passes hints on until nobody waits, or the client or the store is gone.
async fn listen(ends: Weak<Ends>, mut hints: Hints) {
    while let Some(hint) = hints.next().await {
        let Some(ends) = ends.upgrade() else { return };
        let is_awaited = match hint {
            Hint::Ended(task) => ends.ring(task),
            Hint::Missed => ends.ring_all(),
            Hint::Work { .. } => true,
        };
        if !is_awaited {
            return;
        }
    }
    if let Some(ends) = ends.upgrade() {
        lock(&ends.0).listening = false;
    }
}
