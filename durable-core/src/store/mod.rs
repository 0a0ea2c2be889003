//! The contract between core and a store: 21 verbs, split by who calls them.
//!
//! Core owns the meaning, a store owns atomic transitions. A verb is one atomic step, linearizable per task and
//! per event. A request carries everything that was decided; a store compares, applies and answers with what
//! the caller must do next. Requests are built by core through their constructors; answers are plain data.
//!
//! # Contract
//!
//! Rules for every verb, beside those it states itself:
//!
//! - Times are the store's (`K1`): one reading of its clock decides everything in a verb, taken once the verb has
//!   whatever it has to wait for. A thing is due or expired if and only if `now >= t`.
//! - A call whose future is dropped runs to its end or not at all, and leaves no lock, no transaction and no connection
//!   that the next call would stumble over.
//! - A verb on a queue that does not exist is [`StoreErrorKind::NotFound`] and creates nothing; a fenced one answers
//!   [`FencedError::ClaimLost`] for every item.
//! - No verb touches more than [`MAX_RECORDS`] records. What spreads further is a mark (*closing*, *waking*,
//!   *garbage*) that [`Upkeep::tick`] and [`Upkeep::purge`] work off.
//! - Names and payloads come out as they went in (`N1`, `N2`); a store looks into no payload.
//! - Every call may be repeated unchanged, at once or late, without a second effect (`C7`).
//! - An error says whether the write surely did not happen ([`StoreError::may_have_happened`]).

mod checkpoints;
mod error;
mod events;
mod hub;
mod inspect;
mod limits;
mod paging;
mod queues;
mod runs;
mod signals;
mod tasks;
mod told;
mod upkeep;

pub use checkpoints::{CheckpointPage, Checkpoints, Effect, LoadRequest, SaveAnswer, SaveItem, SaveRequest};
pub use error::{FencedError, StoreError, StoreErrorKind, Verb};
pub use events::{EmitAnswer, EmitRequest, EventWrite, Events};
pub use hub::HintHub;
pub use inspect::{
    Counts, CountsRequest, EventView, EventsRequest, HistoryEntry, Inspect, RestView, RunView, TaskDetail,
    TaskRequest, TaskView, TasksRequest, WaitView,
};
pub use limits::{Room, bounded};
pub use paging::Paging;
pub use queues::{
    DropQueueAnswer, DropQueueRequest, ListQueuesRequest, PutQueueAnswer, PutQueueRequest, QueueState,
    QueueView, Queues,
};
pub use runs::{
    Claim, ClaimAnswer, ClaimRequest, EndAnswer, Ending, ExtendItem, ExtendRequest, MetWait, NewWait, Rest,
    RetryAfter, RunEnd, Runs, WaitAnswer, WaitItem, WaitRequest, WaitSource,
};
pub use signals::{Capabilities, Durability, Hint, HintScope, Hints, Signals};
pub use tasks::{
    CancelAnswer, CancelRequest, Idempotency, NewTask, Outcome, OutcomeRequest, ParentLink, RetryAnswer,
    RetryRequest, SpawnAnswer, SpawnRequest, Spawned, Tasks,
};
pub use told::Told;
pub use upkeep::{ExpiredRun, PurgeAnswer, PurgeRequest, TickAnswer, TickRequest, Upkeep};

/// The most bytes of payload that core puts into one batch, and that a store puts into one page; a single record may
/// be larger.
pub const MAX_BYTES: usize = 8 << 20;
/// The most records that one verb touches, and the most items of one batch.
pub const MAX_RECORDS: usize = 1_000;
/// The most records that the first step of something that spreads touches; `tick` does the rest.
pub const MAX_SPREAD: usize = 500;

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, at most as many as asked for. A page may be short, or empty, and still have a next one.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<Cursor>,
}

/// Where a page starts. Only the store that gave it understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Everything a store can do: the sum of the roles, by blanket implementation.
///
/// Object safe: core holds an `Arc<dyn Store>`.
pub trait Store:
    Queues + Tasks + Runs + Checkpoints + Events + Upkeep + Signals + Inspect + std::fmt::Debug
{
}

impl<S> Store for S where
    S: Queues + Tasks + Runs + Checkpoints + Events + Upkeep + Signals + Inspect + std::fmt::Debug + ?Sized
{
}
