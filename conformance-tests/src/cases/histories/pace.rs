//! Who waits for whom: workers rest when there is nothing to claim, and the keeper sees when all of them do.

use tokio::sync::watch;

/// What workers, keeper and callers know of each other.
#[derive(Debug)]
pub(super) struct Pace {
    seen: watch::Sender<Seen>,
    workers: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Counts the moments at which there may be something new to claim.
    beat: u64,
    /// How many workers rest since the last beat.
    idle: usize,
    /// How many steps were done.
    steps: u64,
    /// How many tasks were claimed.
    taken: u64,
    done: bool,
}

impl Pace {
    pub(super) fn new(workers: usize) -> Self {
        Self { seen: watch::Sender::new(Seen::default()), workers }
    }

    /// The beat now, to rest until the next one.
    pub(super) fn beat(&self) -> u64 {
        self.seen.borrow().beat
    }

    /// There may be something to claim.
    pub(super) fn beats(&self) {
        self.seen.send_modify(|seen| (seen.beat, seen.idle) = (seen.beat + 1, 0));
    }

    /// A step was done.
    pub(super) fn steps(&self) {
        self.seen.send_modify(|seen| seen.steps += 1);
    }

    /// Tasks were claimed.
    pub(super) fn takes(&self, count: usize) {
        self.seen.send_modify(|seen| seen.taken += u64::try_from(count).unwrap_or_default());
    }

    /// How many tasks were claimed.
    pub(super) fn taken(&self) -> u64 {
        self.seen.borrow().taken
    }

    /// Everything is done, or somebody gave up.
    pub(super) fn stops(&self) {
        self.seen.send_modify(|seen| seen.done = true);
    }

    pub(super) fn is_done(&self) -> bool {
        self.seen.borrow().done
    }

    /// A worker that saw nothing to claim since `beat` rests until the next beat.
    pub(super) async fn rests(&self, beat: u64) {
        self.seen.send_if_modified(|seen| {
            let is_idle = seen.beat == beat;
            seen.idle += usize::from(is_idle);
            is_idle
        });
        self.until(|seen| seen.beat != beat || seen.done).await;
    }

    /// Waits for `steps` more steps, or for all workers to rest; says whether they do.
    pub(super) async fn after(&self, steps: u64) -> bool {
        let goal = self.seen.borrow().steps.saturating_add(steps);
        let workers = self.workers;
        self.until(|seen| seen.steps >= goal || seen.idle >= workers || seen.done).await;
        self.seen.borrow().idle >= workers
    }

    async fn until(&self, holds: impl FnMut(&Seen) -> bool) {
        // The sender is here: it cannot be gone.
        let _ = self.seen.subscribe().wait_for(holds).await;
    }
}

/// Stops the workers when the case is over, also by the watchdog.
pub(super) struct Stops<'a>(pub(super) &'a Pace);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.stops();
    }
}
