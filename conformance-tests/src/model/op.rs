//! The calls of a sequence, as data: what is made, shrunk, stored and replayed. Each can be made at any time: numbers name
//! things modulo how many there are, and what refers to nothing is left out.

use serde::{Deserialize, Serialize};

/// One call and who makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Call {
    pub(super) on: On,
    pub(super) op: Op,
}

/// The handles that get a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum On {
    #[default]
    A,
    B,
    /// A third handle, which is opened for this call.
    New,
    /// Both, one after the other.
    AThenB,
    BThenA,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Op {
    /// The clock moves on by so many milliseconds.
    Later(u8),
    /// The clock moves back.
    Earlier(u8),
    /// The clock moves to a moment at which something is due, or so many milliseconds beside it.
    Due {
        which: u8,
        beside: i8,
    },
    Spawn(Vec<Job>),
    Claim(Claim),
    Save(Vec<Save>),
    Wait(Vec<Waits>),
    Extend(Vec<Extend>),
    Load {
        claim: Held,
        after: u8,
        limit: u8,
    },
    Emit {
        event: Emit,
        only_if_absent: bool,
    },
    /// An earlier call, unchanged; 0 is the last one.
    Again(u8),
    Tick {
        limit: u16,
    },
    Cancel {
        task: Task,
        says_why: bool,
    },
    Outcome(Task),
    Retry {
        task: Task,
        attempts: u8,
        from: Option<u8>,
    },
    Purge {
        states: Ended,
        age: u16,
        limit: u16,
        events: bool,
    },
    Put(Queue),
    /// Drops the queue, perhaps after everything in it was cancelled and purged.
    Drop {
        emptied: bool,
    },
    /// More children than one step cancels.
    ManyChildren {
        claim: Held,
        more: u8,
    },
    /// More waits than one step ends, for an event of their own.
    ManyWaits {
        claim: Held,
        more: u8,
    },
    /// Compares what inspection shows.
    Look,
}

/// A task to spawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Job {
    /// The first part of its id: the order of ids is not that of their making.
    pub(super) group: u8,
    pub(super) name: Name,
    pub(super) priority: i16,
    pub(super) attempts: Option<u8>,
    pub(super) delay: u8,
    pub(super) max_pending: Option<u8>,
    pub(super) max_running: Option<u8>,
    /// The idempotency key, unless it is a child.
    pub(super) key: Option<Key>,
    /// As a child, it outlives its parent.
    pub(super) abandoned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Name {
    #[default]
    A,
    B,
}

/// An idempotency key, and whether it comes with the parameters that it always has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) name: Name,
    pub(super) other_params: bool,
}

/// One of the tasks that there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Task {
    Any(u8),
    /// One that has ended.
    Ended(u8),
    /// One that failed.
    Failed(u8),
    /// One that has live children.
    Parent(u8),
}

/// One of the claims that there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Held {
    /// The newest claim of a task that is running.
    Live(u8),
    /// The newest claim of a task that is not running any more.
    Last(u8),
    /// Mostly a stale one.
    Any(u8),
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Claim {
    pub(super) ends: Vec<End>,
    pub(super) names: Names,
    pub(super) max: u8,
    pub(super) other_worker: bool,
    pub(super) lease: u16,
    /// Marked as a repeat.
    pub(super) repeat: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Names {
    #[default]
    Both,
    A,
    B,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) claim: Held,
    pub(super) ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ending {
    Complete,
    FailForGood,
    Retry(u8),
    Release(u8),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Save {
    pub(super) claim: Held,
    pub(super) key: u8,
    pub(super) payload: u8,
    pub(super) took: u8,
    pub(super) effect: Effect,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Effect {
    None,
    Spawn(Vec<Job>),
    Emit(Emit),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Emit {
    pub(super) event: Event,
    pub(super) payload: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Event {
    E,
    F,
    G,
    /// The one that many wait for.
    Crowd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extend {
    pub(super) claim: Held,
    pub(super) lease: u8,
}

/// The waits of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waits {
    pub(super) claim: Held,
    pub(super) on: Vec<Wait>,
    pub(super) rest: Option<Rest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wait {
    pub(super) key: u8,
    pub(super) source: Source,
    pub(super) until: Until,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Source {
    Event(Event),
    Time,
    /// One of the task's own children, mostly under the key that is the child's.
    Child {
        which: u8,
        under_its_key: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Until {
    Never,
    After(u8),
    At(u8),
}

/// Rests on the waits of the call, and perhaps on one more key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rest {
    pub(super) one_more: Option<u8>,
    pub(super) need: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ended {
    All,
    Completed,
    Others,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Queue {
    Open,
    Paused,
    Sealed,
}
