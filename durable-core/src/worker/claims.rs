//! The claim loop: ends and claims in one call, again at once while there is work and a free slot.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{FutureExt, OptionFuture};
use futures::stream::Fuse;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use super::execute::{Ended, Finished, Shop, execute};
use crate::model::{CallId, TaskId, TaskName, Timestamp, WorkerName};
use crate::run::backoff::{Backoff, random_unit};
use crate::run::size_of_end;
use crate::store::{
    Claim, ClaimAnswer, ClaimRequest, FencedError, Hint, Hints, MAX_BYTES, MAX_RECORDS, StoreErrorKind,
};

/// How long a claim may take before it is repeated, at most; a quarter of the lease if that is less.
const PATIENCE: Duration = Duration::from_secs(5);

/// How soon to look again for what is ready and could not be taken.
const HELD: Duration = Duration::from_millis(20);
/// How long ends wait for a call under way, to go with the next.
const STALL: Duration = Duration::from_millis(50);

/// The state of one worker.
pub(crate) struct Claims<State> {
    shop: Arc<Shop<State>>,
    worker: WorkerName,
    names: Vec<TaskName>,
    running: JoinSet<Finished>,
    /// Ends that go with the next claim.
    ends: Vec<Ended>,
    /// Ends that are repeated by themselves, because a claim that carried them was not answered.
    repeating: JoinSet<()>,
    call: Option<JoinHandle<Called>>,
    /// When ends that came during a call stop waiting for it.
    stalls_at: Instant,
    /// A claim that was not answered, under repetition: until it is, nothing more is claimed.
    repeat: Option<JoinHandle<Called>>,
    /// When to look for work, unless something comes first.
    look_at: Instant,
    /// Work was there when no slot was free: the next free one looks at once.
    owes_look: bool,
    hints: Fuse<Hints>,
    hand_back: watch::Sender<bool>,
    shutting_down: watch::Receiver<bool>,
    /// Asks for upkeep.
    due: Arc<Notify>,
    /// The store's time at an instant of ours.
    store_time: Option<(Timestamp, Instant)>,
}

/// What a claim call brought.
#[derive(Debug, Default)]
struct Called {
    /// When the call was sent; leases count from here.
    sent: Option<Instant>,
    claims: Vec<Claim>,
    more: bool,
    next_due: Option<Timestamp>,
    now: Option<Timestamp>,
    /// Ends to repeat by themselves.
    unanswered: Vec<Ended>,
    /// The claim to repeat.
    repeat: Option<ClaimRequest>,
}

impl<State: Clone + Send + Sync + 'static> Claims<State> {
    pub(crate) fn new(
        shop: Arc<Shop<State>>,
        worker: WorkerName,
        hand_back: watch::Sender<bool>,
        shutting_down: watch::Receiver<bool>,
        due: Arc<Notify>,
    ) -> Self {
        Self {
            names: shop.registry.names(),
            hints: shop.store.hints(&shop.queue).fuse(),
            shop,
            worker,
            running: JoinSet::new(),
            ends: Vec::new(),
            repeating: JoinSet::new(),
            call: None,
            stalls_at: Instant::now(),
            repeat: None,
            look_at: Instant::now(),
            owes_look: false,
            hand_back,
            shutting_down,
            due,
            store_time: None,
        }
    }

    /// Works until shutdown, then ends in order.
    pub(crate) async fn run(mut self) {
        while !*self.shutting_down.borrow() {
            self.call_if_due(true);
            self.next_event().await;
        }
        let deadline = Instant::now() + self.shop.options.shutdown_timeout;
        while !self.is_done() {
            self.call_if_due(false);
            if tokio::time::timeout_at(deadline, self.next_event()).await.is_err() {
                break;
            }
        }
        self.hand_back.send_replace(true);
        // What is handed back has a lease as long as any; no claim is worth waiting longer for.
        let last = Instant::now() + self.shop.lease.millis().to_duration().min(PATIENCE * 2);
        while !self.is_done() {
            self.call_if_due(false);
            if tokio::time::timeout_at(last, self.next_event()).await.is_err() {
                return;
            }
        }
    }

    fn is_done(&self) -> bool {
        self.running.is_empty()
            && self.ends.is_empty()
            && self.repeating.is_empty()
            && self.call.is_none()
            && self.repeat.is_none()
    }

    fn free_slots(&self) -> usize {
        self.shop.options.concurrency.saturating_sub(self.running.len())
    }

    /// Whether a claim could take something.
    fn accepts(&self) -> bool {
        self.repeat.is_none() && self.free_slots() > 0 && !*self.shutting_down.borrow()
    }

    /// Handles the next thing that happens.
    async fn next_event(&mut self) {
        let idle = self.call.is_none();
        let can_look = idle && self.accepts();
        let call: OptionFuture<_> = self.call.as_mut().into();
        let repeat: OptionFuture<_> = self.repeat.as_mut().into();
        tokio::select! {
            biased;
            Some(called) = call => {
                self.call = None;
                self.answered(called);
            }
            Some(called) = repeat => {
                self.repeat = None;
                self.answered(called);
            }
            () = tokio::time::sleep_until(self.stalls_at), if !idle && !self.ends.is_empty() => {
                for ended in std::mem::take(&mut self.ends) {
                    self.repeat_end(ended);
                }
            }
            Some(finished) = self.running.join_next() => self.finish(finished),
            Some(_) = self.repeating.join_next() => {}
            Some(hint) = self.hints.next() => self.heed(&hint),
            () = tokio::time::sleep_until(self.look_at), if can_look => {}
            () = tokio::time::sleep_until(self.look_at), if !can_look && idle => {
                // No slot is free, and still something is due.
                self.due.notify_one();
                self.owes_look = true;
                self.look_at = Instant::now() + self.poll();
            }
            _ = self.shutting_down.changed(), if !*self.shutting_down.borrow() => {}
        }
    }

    fn answered(&mut self, called: Result<Called, tokio::task::JoinError>) {
        match called {
            Ok(called) => self.take(called),
            Err(error) => tracing::error!(%error, "a claim call died"),
        }
    }

    /// Sends an end by itself, until it is answered or its lease is over.
    fn repeat_end(&mut self, ended: Ended) {
        let answer = self.shop.writes.ends.send(&ended.owner, ended.end);
        self.repeating.spawn(answer.map(|_| ()));
    }

    fn finish(&mut self, finished: Result<Finished, tokio::task::JoinError>) {
        let mut next = Some(finished);
        while let Some(finished) = next {
            match finished {
                Ok(Finished { end }) => self.ends.extend(end),
                Err(error) => tracing::error!(%error, "a run died; its lease will run out"),
            }
            next = self.running.try_join_next();
        }
        // A run that rests frees its slot without an end that would go to the store, and claim on the way.
        if self.owes_look {
            self.look_at = Instant::now();
        }
    }

    fn heed(&mut self, hint: &Hint) {
        let next_due = match hint {
            Hint::Work { next_due } => *next_due,
            Hint::Missed => None,
            Hint::Ended(_) => return,
        };
        if next_due.is_none() && !self.accepts() {
            // Ready work waits for a slot; upkeep has nothing to do with it.
            self.owes_look = true;
            return;
        }
        let at = next_due.map_or_else(Instant::now, |due| self.instant_of(due));
        self.look_at = self.look_at.min(at);
    }

    /// Our instant for a time of the store's, at the latest a poll away.
    fn instant_of(&self, due: Timestamp) -> Instant {
        let latest = Instant::now() + self.poll();
        let at = self.store_time.map(|(store, ours)| ours + due.since(store).to_duration());
        at.map_or(latest, |at| at.min(latest))
    }

    /// The poll interval, give or take a quarter, so that many workers do not come together.
    fn poll(&self) -> Duration {
        self.shop.options.poll_interval.mul_f64(0.75 + random_unit() / 2.0)
    }

    /// Sends a call when there are ends to store, or work to look for and a slot to run it in.
    fn call_if_due(&mut self, accepting: bool) {
        if self.call.is_some() {
            return;
        }
        let free = self.free_slots();
        let accepting = accepting && self.repeat.is_none();
        let looking = accepting && free > 0 && Instant::now() >= self.look_at;
        if self.ends.is_empty() && !looking {
            return;
        }
        let ends = self.next_ends();
        let room = MAX_RECORDS.saturating_sub(ends.len());
        let batch = self.shop.options.batch_size.unwrap_or(usize::MAX);
        let max = if accepting { free.min(batch).min(room) } else { 0 };
        let request = ClaimRequest::new(
            self.shop.queue.clone(),
            CallId::new(),
            self.worker.clone(),
            self.names.clone(),
            u32::try_from(max).unwrap_or(u32::MAX),
            self.shop.lease,
        );
        if max > 0 {
            self.owes_look = false;
            self.look_at = Instant::now() + self.poll();
        }
        self.stalls_at = Instant::now() + STALL;
        self.call = Some(tokio::spawn(call(self.shop.clone(), request, ends)));
    }

    /// The ends that may go in one call: never a task with its child (rule C8).
    fn next_ends(&mut self) -> Vec<Ended> {
        let (mut tasks, mut parents) = (HashSet::<TaskId>::new(), HashSet::<TaskId>::new());
        let (mut now, mut later, mut bytes) = (Vec::new(), Vec::new(), 0);
        for ended in std::mem::take(&mut self.ends) {
            let (task, parent) = (ended.owner.token.task, ended.owner.parent);
            let related = parents.contains(&task) || parent.is_some_and(|parent| tasks.contains(&parent));
            let size = size_of_end(&ended.end);
            if !now.is_empty() && (related || now.len() == MAX_RECORDS / 2 || bytes + size > MAX_BYTES) {
                later.push(ended);
            } else {
                bytes += size;
                tasks.insert(task);
                parents.extend(parent);
                now.push(ended);
            }
        }
        self.ends = later;
        now
    }

    /// Starts what was claimed and decides when to look again.
    fn take(&mut self, called: Called) {
        let sent = called.sent.unwrap_or_else(Instant::now);
        let came = called.claims.len();
        for claim in called.claims {
            self.running.spawn(execute(self.shop.clone(), claim, sent));
        }
        for ended in called.unanswered {
            self.repeat_end(ended);
        }
        if let Some(request) = called.repeat {
            self.repeat = Some(tokio::spawn(repeat(self.shop.clone(), request, sent)));
        }
        let Some(now) = called.now else { return };
        self.store_time = Some((now, sent));
        self.owes_look |= called.more;
        if self.owes_look && self.free_slots() > 0 {
            // Nothing came although there is more: another transaction holds it, or another worker was faster.
            self.look_at = if came > 0 { Instant::now() } else { Instant::now() + HELD };
            return;
        }
        if let Some(due) = called.next_due {
            if due <= now {
                self.due.notify_one();
            } else {
                self.look_at = self.look_at.min(self.instant_of(due));
            }
        }
    }
}

/// One claim, with ends. What is not answered is handed back to be repeated: the claim by its id, and each end, which
/// has a lease of its own, by itself.
async fn call<State>(shop: Arc<Shop<State>>, request: ClaimRequest, ends: Vec<Ended>) -> Called {
    let sent = Instant::now();
    let with_ends = request.clone().ending(ends.iter().map(|ended| ended.end.clone()).collect());
    match timeout(patience(&shop, &ends, sent), shop.store.claim(with_ends)).await {
        Ok(Ok(answer)) => return called(answer, sent, ends),
        Ok(Err(fault)) if fault.kind != StoreErrorKind::Unavailable => {
            tracing::error!(%fault, "a claim failed");
            return Called { unanswered: ends, ..Called::default() };
        }
        Ok(Err(fault)) => tracing::warn!(%fault, "a claim was not answered, it is repeated"),
        Err(_) => tracing::warn!("a claim was not answered in time, it is repeated"),
    }
    let repeat = (request.max > 0).then_some(request);
    Called { sent: Some(sent), unanswered: ends, repeat, ..Called::default() }
}

/// Repeats a claim that was sent at `sent` until it is answered or its lease would be over.
async fn repeat<State>(shop: Arc<Shop<State>>, request: ClaimRequest, sent: Instant) -> Called {
    let over = sent + shop.lease.millis().to_duration();
    let mut backoff = Backoff::default();
    while Instant::now() < over {
        tokio::time::sleep(backoff.next()).await;
        match timeout(patience(&shop, &[], sent), shop.store.claim(request.clone().repeated())).await {
            Ok(Ok(answer)) => return called(answer, sent, Vec::new()),
            Ok(Err(fault)) if fault.kind != StoreErrorKind::Unavailable => return Called::default(),
            Ok(Err(_)) | Err(_) => {}
        }
    }
    Called::default()
}

fn patience<State>(shop: &Shop<State>, ends: &[Ended], now: Instant) -> Duration {
    let of_ends = ends.iter().map(|ended| ended.owner.until().saturating_duration_since(now)).min();
    let lease = shop.lease.millis().to_duration();
    (of_ends.map_or(lease, |left| left.min(lease)) / 4).clamp(Duration::from_millis(5), PATIENCE)
}

fn called(answer: ClaimAnswer, sent: Instant, ends: Vec<Ended>) -> Called {
    let mut unanswered = Vec::new();
    for (ended, answer) in ends.into_iter().zip(answer.ends) {
        match answer {
            Ok(_) => {}
            Err(FencedError::Fault(fault)) if fault.kind == StoreErrorKind::Unavailable => {
                unanswered.push(ended);
            }
            Err(FencedError::Cancelled) => {
                tracing::debug!(task = %ended.owner.token.task, "the task was cancelled before its run's end");
            }
            Err(error) => {
                tracing::warn!(task = %ended.owner.token.task, %error, "the end of a run was refused");
            }
        }
    }
    Called {
        sent: Some(sent),
        claims: answer.claims,
        more: answer.more,
        next_due: answer.next_due,
        now: Some(answer.now),
        unanswered,
        repeat: None,
    }
}
