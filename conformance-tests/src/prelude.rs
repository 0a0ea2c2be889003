//! What every file of cases uses.

pub(crate) use durable_core::model::{
    CallId, CancelCause, Checkpoint, CheckpointKind, Deadline, EmitId, End, EndState, EventName, Failure,
    IdempotencyKey, Millis, ParentClosePolicy, Payload, QueueName, StepKey, TaskId, TaskName, TaskState,
    Timestamp, Token, WorkerName,
};
pub(crate) use durable_core::store::{
    CancelAnswer, CancelRequest, Claim, ClaimRequest, Counts, CountsRequest, Cursor, DropQueueAnswer,
    DropQueueRequest, EmitAnswer, EmitRequest, EndAnswer, Ending, EventView, EventWrite, EventsRequest,
    ExtendItem, ExtendRequest, HistoryEntry, Idempotency, ListQueuesRequest, LoadRequest, MetWait, NewTask,
    NewWait, Outcome, OutcomeRequest, PurgeRequest, PutQueueAnswer, PutQueueRequest, QueueState, QueueView,
    Rest, RestView, RetryAfter, RetryAnswer, RetryRequest, RunEnd, RunView, SaveAnswer, SaveItem,
    SaveRequest, SpawnAnswer, SpawnRequest, Spawned, Store, StoreErrorKind, TaskRequest, TaskView,
    TasksRequest, TickAnswer, TickRequest, Verb, WaitAnswer, WaitItem, WaitRequest, WaitView,
};

pub(crate) use crate::ctx::Ctx;
pub(crate) use crate::ctx::steps::*;
pub(crate) use crate::expect::{Fenced, Refusal, Violation, fault, holds, one, same, some};
pub(crate) use crate::level::{Capability, Hook};
pub(crate) use crate::registry::{Case, Verdict, case};
