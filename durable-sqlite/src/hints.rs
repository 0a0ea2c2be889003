//! Hints: told after the commit, to every handle on the same data in this process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use durable_core::model::{QueueName, Timestamp};
use durable_core::store::{Hint, HintHub, Hints};

/// The hubs of this process's open files, by their canonical paths.
static HUBS: LazyLock<Mutex<HashMap<PathBuf, Weak<HintHub>>>> = LazyLock::new(Mutex::default);

/// Where hints go: one hub for all who have opened the same file.
#[derive(Debug, Clone)]
pub(crate) struct Hinter(Arc<HintHub>);

impl Hinter {
    /// A hub of its own, for data that nobody else can open.
    pub(crate) fn alone() -> Self {
        Self(Arc::new(HintHub::new()))
    }

    /// The hub of a file that exists.
    pub(crate) fn of_file(path: &Path) -> Self {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut hubs = HUBS.lock().unwrap_or_else(PoisonError::into_inner);
        hubs.retain(|_, hub| hub.strong_count() > 0);
        if let Some(hub) = hubs.get(&path).and_then(Weak::upgrade) {
            return Self(hub);
        }
        let own = Self::alone();
        hubs.insert(path, Arc::downgrade(&own.0));
        own
    }

    /// Tells everybody. That nobody listens is no fault.
    pub(crate) fn tell(&self, told: Told) {
        if self.0.is_heard() {
            for (queue, hint) in told.into_hints() {
                self.0.tell(queue, hint);
            }
        }
    }

    /// The hints about one queue, from now on.
    pub(crate) fn listen(&self, queue: QueueName) -> Hints {
        self.0.listen(queue)
    }
}

/// What a transaction has to tell: of each queue's work once, with the earliest due time.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// `None` is now, and so before every time.
    work: HashMap<QueueName, Option<Timestamp>>,
    ended: Vec<(QueueName, Hint)>,
}

impl Told {
    /// Adds a hint.
    pub(crate) fn add(&mut self, queue: &QueueName, hint: Hint) {
        match hint {
            Hint::Work { next_due } => self.add_work(queue, next_due),
            Hint::Ended(_) => self.ended.push((queue.clone(), hint)),
        }
    }

    fn add_work(&mut self, queue: &QueueName, next_due: Option<Timestamp>) {
        match self.work.get_mut(queue) {
            Some(earliest) => *earliest = next_due.min(*earliest),
            None => drop(self.work.insert(queue.clone(), next_due)),
        }
    }

    /// Adds what another step has to tell.
    pub(crate) fn append(&mut self, other: Self) {
        for (queue, next_due) in other.work {
            self.add_work(&queue, next_due);
        }
        self.ended.extend(other.ended);
    }

    fn into_hints(self) -> impl Iterator<Item = (QueueName, Hint)> {
        let work = self.work.into_iter().map(|(queue, next_due)| (queue, Hint::Work { next_due }));
        work.chain(self.ended)
    }
}
