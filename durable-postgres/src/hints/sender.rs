//! Sends what is committed: one task for a pool, and one statement in a millisecond.
//!
//! A NOTIFY in each transaction would make their commits wait for one another.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use durable_core::store::Told;
use sqlx::postgres::PgPool;

use super::notify;
use super::word::Origin;

/// The least time between two sendings.
const PACE: Duration = Duration::from_millis(1);

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Sender {
    origin: Origin,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    told: Told,
    /// Alive while a task sends. It is gone with the task's runtime, too, and then the next call starts another.
    task: Weak<()>,
}

impl Sender {
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin, waiting: Arc::default() }
    }

    /// Who sends.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Sends hints soon.
    pub(super) fn send(&self, pool: &PgPool, told: Told) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.told.append(told);
        if waiting.task.strong_count() == 0 {
            let alive = Arc::new(());
            waiting.task = Arc::downgrade(&alive);
            tokio::spawn(run(self.waiting.clone(), pool.clone(), self.origin, alive));
        }
    }
}

/// Sends until nothing waits.
async fn run(waiting: Arc<Mutex<Waiting>>, pool: PgPool, origin: Origin, alive: Arc<()>) {
    let mut alive = Some(alive);
    while let Some(told) = take(&waiting, &mut alive) {
        if let Err(error) = notify(&told, origin).execute(&pool).await {
            tracing::debug!(%error, "hints are lost");
        }
        tokio::time::sleep(PACE).await;
    }
}

/// What waits; if nothing does, the task is over while nobody can add anything.
fn take(waiting: &Mutex<Waiting>, alive: &mut Option<Arc<()>>) -> Option<Told> {
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    if waiting.told.is_empty() {
        *alive = None;
        return None;
    }
    Some(std::mem::take(&mut waiting.told))
}
