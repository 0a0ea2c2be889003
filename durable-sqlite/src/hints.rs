//! Hints: told after the commit, to every handle on the same data in this process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use durable_core::model::QueueName;
use durable_core::store::{HintHub, Hints, Told};

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
    pub(crate) fn tell(&self, told: &Told) {
        self.0.tell_all(told);
    }

    /// The hints about one queue, from now on.
    pub(crate) fn listen(&self, queue: QueueName) -> Hints {
        self.0.listen(queue)
    }
}
