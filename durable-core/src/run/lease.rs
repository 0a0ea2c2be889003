//! The claim a run writes under: its token, its lease by our own clock, and whether the run is over.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::Control;
use crate::model::{Lease, TaskId, Token};

/// Who writes: shared by a run's context, its driver and its writes under way.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) token: Token,
    pub(crate) parent: Option<TaskId>,
    /// The lease that the claim asked for.
    pub(crate) lease: Lease,
    /// Counted from before the request was sent, so never later than the store's own.
    until: Mutex<Instant>,
    extended: Notify,
    control: OnceLock<Control>,
    /// Polls the body; woken when the run is over or has something to ask.
    pub(crate) driver: AtomicWaker,
}

impl Owner {
    /// A claim whose request was sent at `sent`.
    pub(crate) fn new(token: Token, parent: Option<TaskId>, lease: Lease, sent: Instant) -> Self {
        Self {
            token,
            parent,
            lease,
            until: Mutex::new(sent + lease.millis().to_duration()),
            extended: Notify::new(),
            control: OnceLock::new(),
            driver: AtomicWaker::new(),
        }
    }

    /// The same claim for the end of the run, which is stored after the run itself is over.
    pub(crate) fn successor(&self) -> Self {
        let until = self.until();
        Self {
            token: self.token,
            parent: self.parent,
            lease: self.lease,
            until: Mutex::new(until),
            extended: Notify::new(),
            control: OnceLock::new(),
            driver: AtomicWaker::new(),
        }
    }

    /// When the lease ends.
    pub(crate) fn until(&self) -> Instant {
        *lock(&self.until)
    }

    /// The lease holds for `lease` from `sent` on; it never becomes shorter (rule C4).
    pub(crate) fn extend(&self, sent: Instant, lease: Lease) {
        let mut until = lock(&self.until);
        let extended = sent.checked_add(lease.millis().to_duration()).unwrap_or(*until);
        if extended > *until {
            *until = extended;
            self.extended.notify_waiters();
        }
    }

    /// Waits until only `margin` of the lease is left.
    pub(crate) async fn nearly_over(&self, margin: Duration) {
        loop {
            let extended = self.extended.notified();
            let end = self.until();
            let near = end.checked_sub(margin).unwrap_or(end);
            if Instant::now() >= near {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(near) => {}
                () = extended => {}
            }
        }
    }

    /// The run is over; the first reason counts.
    pub(crate) fn stop(&self, control: Control) {
        if self.control.set(control).is_ok() {
            self.driver.wake();
        }
    }

    /// Why the run is over, if it is.
    pub(crate) fn stopped(&self) -> Option<Control> {
        self.control.get().copied()
    }

    /// Whether a write may still be sent.
    pub(crate) fn may_write(&self) -> bool {
        self.stopped().is_none() && Instant::now() < self.until()
    }
}

/// Locks, also after a panic elsewhere: what these locks guard is whole between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
