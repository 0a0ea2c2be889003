//! Faults between a caller and a store: lost requests, lost replies, copies that come now or late, calls that are late,
//! hang or are dropped on their way, processes that die.
//!
//! ```
//! use durable_conformance::faults::{Fault, Plan};
//! use durable_core::store::Verb;
//!
//! // The reply to the second claim is lost, and every tenth other call fails somehow.
//! let plan = Plan::new().at(Verb::Claim, 2, Fault::DropReply).random(7, 100, vec![Fault::DropRequest]);
//! assert_eq!(plan.decide(Verb::Claim, 2, 9), Fault::DropReply);
//! ```
//!
//! Over any store:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use durable_conformance::faults::{Fault, FaultStore, Plan};
//! use durable_core::model::QueueName;
//! use durable_core::store::{PutQueueAnswer, PutQueueRequest, QueueState, Queues, Verb};
//! use durable_memory::MemoryStore;
//!
//! let plan = Plan::new().at(Verb::PutQueue, 1, Fault::DropReply).at(Verb::PutQueue, 2, Fault::DuplicateNow);
//! let store = FaultStore::planned(Arc::new(MemoryStore::new()), plan);
//! let put = PutQueueRequest::new(QueueName::new("orders")?, QueueState::Open);
//! // It happened, but its caller cannot know: it asks again, and this time the request reaches the store twice.
//! assert!(store.put_queue(put.clone()).await.is_err_and(|error| error.may_have_happened));
//! assert_eq!(store.put_queue(put).await?, PutQueueAnswer::Unchanged);
//! # Ok(())
//! # }
//! ```

pub(crate) mod plan;

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use durable_core::store::{Store, StoreError, StoreErrorKind, Verb};
use futures::future::{BoxFuture, join};
use tokio::sync::Notify;

use crate::layer::{Call, Layer, Layered, Made};

pub use plan::Plan;

/// A store whose calls fail as its plan says.
pub type FaultStore = Layered<Faults>;

impl FaultStore {
    /// Puts a plan over `inner`.
    pub fn planned(inner: Arc<dyn Store>, plan: Plan) -> Self {
        Self::new(inner, Faults::new(plan))
    }
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// The request is refused: `Unavailable`, and it surely did not happen.
    DropRequest,
    /// The request is lost on its way: it did not happen, but the caller cannot know.
    LoseRequest,
    /// The reply is lost: it happened, but the caller cannot know.
    DropReply,
    /// The request is late: others run so many times before it reaches the store.
    Delay(u32),
    /// The reply is late: others run so many times before it reaches the caller.
    DelayReply(u32),
    /// The request is on its way until [`Faults::release`].
    Hold,
    /// The request reaches the store twice at once; one of the two answers is the caller's.
    DuplicateNow,
    /// The request reaches the store once more, after so many further calls: when the last of them, or a later one,
    /// has been answered.
    DuplicateLate(u64),
    /// The call is dropped after so many polls: it may have happened. One that needs fewer passes.
    CancelAt(u32),
    /// The store answers with a fault of this kind, having done nothing.
    Error(StoreErrorKind),
    /// The call never returns, and nothing happens.
    Hang,
    /// The process dies before the call.
    CrashBefore,
    /// The process dies after the call had its effect.
    CrashAfter,
}

/// What calls of a dead process do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dead {
    /// They never return: for the process that asks.
    #[default]
    Hangs,
    /// They are `Unavailable`: for the store's own process.
    Refuses,
}

/// The layer of a [`FaultStore`]; its clones are one, so that a test keeps one to look at and to change.
#[derive(Clone)]
pub struct Faults(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    holds: Notify,
    released: Notify,
}

#[derive(Default)]
struct State {
    plan: Plan,
    calls: u64,
    counts: BTreeMap<Verb, u64>,
    held: usize,
    late: Vec<Late>,
    dead: bool,
}

/// A copy of a request that is on its way.
struct Late {
    /// The call with which it arrives.
    with: u64,
    copy: BoxFuture<'static, ()>,
}

impl Faults {
    /// Follows `plan`.
    pub fn new(plan: Plan) -> Self {
        let state = Mutex::new(State { plan, ..State::default() });
        Self(Arc::new(Shared { state, holds: Notify::new(), released: Notify::new() }))
    }

    /// Follows `plan` from now on; what was counted stays.
    pub fn follow(&self, plan: Plan) {
        self.state().plan = plan;
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// How many calls of `verb` there were.
    pub fn count(&self, verb: Verb) -> u64 {
        self.state().counts.get(&verb).copied().unwrap_or(0)
    }

    /// How many calls are held on their way.
    pub fn held(&self) -> usize {
        self.state().held
    }

    /// Waits until a call is held on its way.
    pub async fn until_held(&self) {
        loop {
            let holds = self.0.holds.notified();
            if self.held() > 0 {
                return;
            }
            holds.await;
        }
    }

    /// Lets the calls go on that are held on their way.
    pub fn release(&self) {
        self.0.released.notify_waiters();
    }

    /// How many copies are still on their way.
    pub fn late(&self) -> usize {
        self.state().late.len()
    }

    /// Kills the process: no call gets through from now on, and none that is on its way returns.
    pub fn kill(&self) {
        self.state().dead = true;
    }

    /// Starts the process again. Calls that hang go on hanging.
    pub fn revive(&self) {
        self.state().dead = false;
    }

    /// The process is dead.
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meets(&self, verb: Verb) -> Met {
        let mut state = self.state();
        state.calls += 1;
        let call = state.calls;
        let nth = state.counts.entry(verb).or_default();
        *nth += 1;
        let nth = *nth;
        Met { verb, call, fault: state.plan.decide(verb, nth, call) }
    }

    async fn holds(&self) {
        let released = self.0.released.notified();
        let held = Held::new(self);
        released.await;
        drop(held);
    }

    /// Lets the copies arrive that come with this call.
    async fn late_copies(&self, call: u64) {
        let (due, on_their_way) = {
            let mut state = self.state();
            let late = std::mem::take(&mut state.late);
            late.into_iter().partition::<Vec<_>, _>(|late| late.with <= call)
        };
        self.state().late.extend(on_their_way);
        for late in due {
            late.copy.await;
        }
    }

    /// What a call of a dead process comes to.
    async fn dead_end<T>(&self, verb: Verb, may_have_happened: bool) -> Result<T, StoreError> {
        let when_dead = self.state().plan.when_dead;
        match when_dead {
            Dead::Hangs => std::future::pending().await,
            Dead::Refuses => Err(StoreError::unavailable(verb, "the process is dead", may_have_happened)),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Faults")
            .field("plan", &state.plan)
            .field("counts", &state.counts)
            .field("held", &state.held)
            .field("late", &state.late.len())
            .field("dead", &state.dead)
            .finish_non_exhaustive()
    }
}

/// A call that is held; it is no longer when this is dropped.
struct Held<'a>(&'a Faults);

impl<'a> Held<'a> {
    fn new(faults: &'a Faults) -> Self {
        faults.state().held += 1;
        faults.0.holds.notify_waiters();
        Self(faults)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.state().held -= 1;
    }
}

/// A call and the fault that it meets.
#[derive(Debug)]
pub struct Met {
    verb: Verb,
    call: u64,
    fault: Fault,
}

impl Layer for Faults {
    type Ticket = Met;

    async fn before(&self, call: Call) -> Result<Met, StoreError> {
        let met = self.meets(call.verb);
        if self.is_dead() {
            return self.dead_end(met.verb, false).await;
        }
        match met.fault {
            Fault::DropRequest => {
                return Err(StoreError::unavailable(met.verb, "the request was refused", false));
            }
            Fault::LoseRequest => {
                return Err(StoreError::unavailable(met.verb, "the request was lost", true));
            }
            Fault::Error(kind) => return Err(StoreError::new(kind, met.verb, "a planned fault")),
            Fault::Hang => std::future::pending().await,
            Fault::CrashBefore => self.kill(),
            Fault::Delay(times) => others_run(times).await,
            Fault::Hold => self.holds().await,
            _ => {}
        }
        if self.is_dead() { self.dead_end(met.verb, false).await } else { Ok(met) }
    }

    async fn drive<F: Made>(
        &self,
        met: &mut Met,
        make: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<F::Output, StoreError> {
        match met.fault {
            Fault::DuplicateNow => Ok(join(make(), make()).await.0),
            Fault::DuplicateLate(further) => {
                let copy = make();
                let copy = Box::pin(async move { drop(copy.await) });
                self.state().late.push(Late { with: met.call + further, copy });
                Ok(make().await)
            }
            Fault::CancelAt(polls) => {
                let answer = polled(polls, make()).await;
                answer.ok_or_else(|| StoreError::unavailable(met.verb, "the call was dropped", true))
            }
            _ => Ok(make().await),
        }
    }

    async fn after(&self, met: Met) -> Result<(), StoreError> {
        self.late_copies(met.call).await;
        match met.fault {
            Fault::CrashAfter => self.kill(),
            Fault::DelayReply(times) => others_run(times).await,
            _ => {}
        }
        if self.is_dead() {
            return self.dead_end(met.verb, true).await;
        }
        match met.fault {
            Fault::DropReply => Err(StoreError::unavailable(met.verb, "the reply was lost", true)),
            _ => Ok(()),
        }
    }
}

async fn others_run(times: u32) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// Polls a call at most so often; `None` when it is dropped.
pub(crate) async fn polled<T>(polls: u32, call: impl Future<Output = T>) -> Option<T> {
    let (mut call, mut left) = (pin!(call), polls);
    poll_fn(|context| {
        let Some(later) = left.checked_sub(1) else { return Poll::Ready(None) };
        left = later;
        match call.as_mut().poll(context) {
            Poll::Pending if left > 0 => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
        }
    })
    .await
}
