//! Drives a task's body: polls it, asks the store about its waits, and lets it rest.
//!
//! The body never sees a suspension. Between two of its polls the driver knows what is in flight: waits, and
//! operations that hold the run. When only waits are left, and nothing woke the body while it was polled, the run is
//! at rest, and the same call that registers its new waits asks the store to suspend it.

use std::collections::HashSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::lease::lock;
use super::waits::Plan;
use super::{Run, too_many_waits};
use crate::error::{Control, TaskError, TaskResult};
use crate::model::Payload;
use crate::store::{FencedError, MetWait, NewWait, WaitAnswer, WaitItem};

/// A task's body, its result written as JSON.
pub(crate) type Body = BoxFuture<'static, TaskResult<Payload>>;

/// How driving a body ended.
#[derive(Debug)]
pub(crate) enum Driven {
    /// The body returned, or panicked.
    Done(TaskResult<Payload>),
    /// The run is over: it rests, was cancelled or has lost its claim.
    Over,
}

/// Drives one body; dropping it drops the body.
pub(crate) struct Drive {
    run: Arc<Run>,
    body: Body,
    woken: Arc<WakeFlag>,
    asking: Option<Asking>,
    /// Woken at the end of the scheduler's turn in which the body was last polled, one from before that poll and one
    /// from after it: whichever way round the scheduler wakes, the later of them comes after the body's own.
    turn: [Option<Arc<WakeFlag>>; 2],
    /// When to ask again about waits that stand while something else holds the run.
    ask_again: Option<Pin<Box<Sleep>>>,
    poll_interval: Duration,
}

/// A `wait` call under way.
struct Asking {
    waits: Vec<NewWait>,
    /// The operations that know of all their ends by its answer.
    ops: Vec<u64>,
    rests: bool,
    reply: oneshot::Receiver<Result<WaitAnswer, FencedError>>,
}

/// Notes that it was woken, and wakes the driver.
struct WakeFlag {
    woken: AtomicBool,
    driver: AtomicWaker,
}

impl WakeFlag {
    fn new(woken: bool) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(woken), driver: AtomicWaker::new() })
    }

    /// One that tokio wakes at the end of the scheduler's turn.
    fn at_turns_end() -> Arc<Self> {
        let flag = Self::new(false);
        let waker = Waker::from(flag.clone());
        // The first poll of a yield leaves the waker with the scheduler.
        let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker));
        flag
    }

    fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.driver.wake();
    }
}

impl Drive {
    pub(crate) fn new(run: Arc<Run>, body: Body, poll_interval: Duration) -> Self {
        Self {
            run,
            body,
            woken: WakeFlag::new(true),
            asking: None,
            turn: [None, None],
            ask_again: None,
            poll_interval,
        }
    }

    fn body_is_woken(&self) -> bool {
        self.woken.is_woken()
    }

    fn resting(&self) -> bool {
        self.asking.as_ref().is_some_and(|asking| asking.rests)
    }

    /// Polls the body once; a panic is its failure.
    fn poll_body(&mut self) -> Poll<TaskResult<Payload>> {
        self.turn = [Some(WakeFlag::at_turns_end()), None];
        self.woken.woken.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.woken.clone());
        let body = &mut self.body;
        let polled = catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(&mut Context::from_waker(&waker))));
        polled
            .unwrap_or_else(|panic| Poll::Ready(Err(TaskError::Panicked { message: panic_message(&*panic) })))
    }

    /// Takes the answer of a `wait` call; `Some` ends the drive.
    fn settle(&mut self, asked: &Asking, answer: Result<WaitAnswer, FencedError>) -> Option<Driven> {
        let owner = &self.run.owner;
        match answer {
            Ok(WaitAnswer::Met(ends)) => {
                self.hand_out(asked, ends);
                None
            }
            Ok(WaitAnswer::Registered) => {
                self.hand_out(asked, Vec::new());
                None
            }
            Ok(WaitAnswer::Suspended) => Some(Driven::Over),
            Err(FencedError::Fault(fault)) => Some(Driven::Done(Err(TaskError::Store(fault)))),
            Err(FencedError::ClaimLost | FencedError::Cancelled) => {
                owner.stop(Control::ClaimLost);
                Some(Driven::Over)
            }
        }
    }

    fn hand_out(&self, asked: &Asking, ends: Vec<MetWait>) {
        let mut ended = HashSet::with_capacity(ends.len());
        let mut stored = lock(&self.run.stored);
        for met in ends {
            ended.insert(met.key.clone());
            stored.insert(met.key, met.end, met.at);
        }
        let mut waits = lock(&self.run.waits);
        waits.sent(&asked.waits, Instant::now());
        waits.wake(&ended);
        waits.answered(&asked.ops, |key| stored.has(key));
    }

    /// Nothing but waits is in flight.
    fn only_waits(&self) -> bool {
        self.run.idle() && !lock(&self.run.waits).is_empty()
    }

    /// Whether it is known by now that the body did not wake itself: one that yields, or runs out of its cooperative
    /// budget, is woken by tokio at the end of the scheduler's turn, and not before.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.only_waits() {
            return true;
        }
        let [_, after] = &mut self.turn;
        after.get_or_insert_with(WakeFlag::at_turns_end);
        let turn_is_over = self.turn.iter().flatten().all(|flag| {
            flag.driver.register(cx.waker());
            flag.is_woken()
        });
        // Looked at last: another thread may have woken the body while we looked at the turn.
        turn_is_over && !self.body_is_woken()
    }

    /// Asks the store about new waits, and to let the run rest if it is at rest.
    fn ask(&mut self) {
        let at_rest = self.only_waits();
        let (plan, ops) = {
            let stored = lock(&self.run.stored);
            let waits = lock(&self.run.waits);
            (waits.plan(at_rest, |key| stored.has(key)), waits.unasked_ids())
        };
        if !plan.waits.is_empty() || plan.rest.is_some() {
            self.send(plan, ops);
        }
    }

    /// Asks again about all waits that stand: an event may have come while a step holds the run.
    fn ask_again(&mut self) {
        let waits = {
            let stored = lock(&self.run.stored);
            lock(&self.run.waits).standing(|key| stored.has(key))
        };
        if !waits.is_empty() {
            self.send(Plan { waits, rest: None }, Vec::new());
        }
    }

    fn send(&mut self, plan: Plan, ops: Vec<u64>) {
        let rests = plan.rest.is_some();
        let item = WaitItem { token: self.run.owner.token, waits: plan.waits.clone(), rest: plan.rest };
        let reply = self.run.writes.waits.send(&self.run.owner, item);
        self.asking = Some(Asking { waits: plan.waits, ops, rests, reply });
        self.ask_again = None;
    }

    /// Polls the call under way; `Some` ends the drive.
    fn poll_asking(&mut self, cx: &mut Context<'_>) -> Option<Driven> {
        let asking = self.asking.as_mut()?;
        let Poll::Ready(reply) = Pin::new(&mut asking.reply).poll(cx) else { return None };
        let asked = self.asking.take()?;
        self.settle(&asked, reply.unwrap_or(Err(FencedError::ClaimLost)))
    }

    /// Sets and polls the timer for asking again; true when it is time.
    fn poll_ask_again(&mut self, cx: &mut Context<'_>) -> bool {
        if self.asking.is_some() || lock(&self.run.waits).is_empty() {
            self.ask_again = None;
            return false;
        }
        let (run, poll_interval) = (&self.run, self.poll_interval);
        let timer = self.ask_again.get_or_insert_with(|| {
            let at = lock(&run.waits).ask_again_at(Instant::now(), poll_interval);
            Box::pin(tokio::time::sleep_until(at))
        });
        timer.as_mut().poll(cx).is_ready()
    }
}

impl Future for Drive {
    type Output = Driven;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Driven> {
        let this = &mut *self;
        this.run.owner.driver.register(cx.waker());
        this.woken.driver.register(cx.waker());
        if this.run.owner.stopped().is_some() {
            return Poll::Ready(Driven::Over);
        }
        if let Some(driven) = this.poll_asking(cx) {
            return Poll::Ready(driven);
        }
        // While the store decides whether the run rests, the body stands still.
        if !this.resting() && this.body_is_woken() {
            let polled = this.poll_body();
            if lock(&this.run.waits).too_many {
                return Poll::Ready(Driven::Done(Err(too_many_waits())));
            }
            if let Poll::Ready(result) = polled {
                return Poll::Ready(Driven::Done(result));
            }
            if this.run.owner.stopped().is_some() {
                return Poll::Ready(Driven::Over);
            }
        }
        if this.asking.is_none() && !this.body_is_woken() && this.poll_turn(cx) {
            this.ask();
        }
        if this.poll_ask_again(cx) {
            this.ask_again();
        }
        // A call that was just sent has to know whom to wake; if it is answered already, there is more to do.
        let asked = this.asking.is_some();
        if let Some(driven) = this.poll_asking(cx) {
            return Poll::Ready(driven);
        }
        if asked && this.asking.is_none() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Drives a body to its end under the watch of `interrupt`; `None` when that came first.
pub(crate) async fn until<I: Future<Output = ()>>(drive: Drive, interrupt: I) -> Option<Driven> {
    let interrupt = pin!(interrupt);
    tokio::select! {
        biased;
        driven = drive => Some(driven),
        () = interrupt => None,
    }
}
