//! Hints: told after the commit, to every handle on the same data in this process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use durable_core::model::{QueueName, Timestamp};
use durable_core::store::{Hint, Hints};
use futures::StreamExt;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

/// How many hints may wait for a slow reader before it misses some.
const CAPACITY: usize = 4_096;

/// The hubs of this process's open files, by their canonical paths.
static HUBS: LazyLock<Mutex<HashMap<PathBuf, Weak<Hub>>>> = LazyLock::new(Mutex::default);

type Hub = Sender<(QueueName, Hint)>;

/// Where hints go: one hub for all who have opened the same file.
#[derive(Debug, Clone)]
pub(crate) struct Hinter(Arc<Hub>);

impl Hinter {
    /// A hub of its own, for data that nobody else can open.
    pub(crate) fn alone() -> Self {
        Self(Arc::new(Sender::new(CAPACITY)))
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
        if self.0.receiver_count() == 0 {
            return;
        }
        for told in told.into_hints() {
            let _ = self.0.send(told);
        }
    }

    /// The hints about one queue, from now on.
    pub(crate) fn listen(&self, queue: QueueName) -> Hints {
        futures::stream::unfold((self.0.subscribe(), queue), |(mut told, queue)| async move {
            let hint = next(&mut told, &queue).await?;
            Some((hint, (told, queue)))
        })
        .boxed()
    }
}

async fn next(told: &mut Receiver<(QueueName, Hint)>, queue: &QueueName) -> Option<Hint> {
    loop {
        match told.recv().await {
            Ok((name, hint)) if name == *queue => return Some(hint),
            Ok(_) => {}
            // Something was missed: better to look once too often than to sleep over it.
            Err(RecvError::Lagged(_)) => return Some(Hint::Work { next_due: None }),
            Err(RecvError::Closed) => return None,
        }
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
