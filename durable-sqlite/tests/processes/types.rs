//! Every type of the contract, as it crosses.

#![allow(clippy::expect_used, reason = "what this very program has written it can read")]

use durable_core::model::{
    CallId, CancelCause, Checkpoint, CheckpointKind, Deadline, EmitId, End, EndState, EventName, Failure,
    IdempotencyKey, Lease, Millis, ParentClosePolicy, Payload, QueueName, StepKey, TaskId, TaskName,
    TaskState, Timestamp, Token, WorkerName,
};
use durable_core::store::{
    CancelAnswer, CancelRequest, CheckpointPage, Claim, ClaimAnswer, ClaimRequest, Counts, CountsRequest,
    Cursor, DropQueueAnswer, DropQueueRequest, Effect, EmitAnswer, EmitRequest, EndAnswer, Ending, EventView,
    EventWrite, EventsRequest, ExpiredRun, ExtendItem, ExtendRequest, FencedError, HistoryEntry, Idempotency,
    ListQueuesRequest, LoadRequest, MetWait, NewTask, NewWait, Outcome, OutcomeRequest, Page, ParentLink,
    PurgeAnswer, PurgeRequest, PutQueueAnswer, PutQueueRequest, QueueState, QueueView, Rest, RestView,
    RetryAfter, RetryAnswer, RetryRequest, RunEnd, RunView, SaveAnswer, SaveItem, SaveRequest, SpawnAnswer,
    SpawnRequest, Spawned, StoreError, StoreErrorKind, TaskDetail, TaskRequest, TaskView, TasksRequest,
    TickAnswer, TickRequest, Verb, WaitAnswer, WaitItem, WaitRequest, WaitSource, WaitView,
};
use uuid::Uuid;

use super::remote::Asked;
use super::wire::Wire;

/// As another type that crosses already: how to make the one of the other.
macro_rules! crosses_as {
    ($($type:ty: $other:ty = |$it:ident| $out:expr, |$back:ident| $in:expr;)*) => {
        $(impl Wire for $type {
            fn put(&self, to: &mut Vec<u8>) {
                let $it = self;
                <$other as Wire>::put(&$out, to);
            }

            fn take(bytes: &mut &[u8]) -> Self {
                let $back = <$other as Wire>::take(bytes);
                $in
            }
        })*
    };
}

macro_rules! texts {
    ($($name:ident)*) => {
        crosses_as! { $($name: String = |name| name.as_str().to_owned(), |text| $name::new(text).expect("a name");)* }
    };
}

macro_rules! ids {
    ($($id:ident)*) => {
        crosses_as! { $($id: u128 = |id| id.as_uuid().as_u128(), |id| $id::from_uuid(Uuid::from_u128(id));)* }
    };
}

macro_rules! structs {
    ($($type:ident { $($field:ident),* })*) => {
        $(impl Wire for $type {
            fn put(&self, to: &mut Vec<u8>) {
                $(self.$field.put(to);)*
            }

            fn take(bytes: &mut &[u8]) -> Self {
                Self { $($field: Wire::take(bytes)),* }
            }
        })*
    };
}

/// What has a constructor, and what it does not take.
macro_rules! requests {
    ($($type:ident ($($arg:ident),*) { $($field:ident),* })*) => {
        $(impl Wire for $type {
            fn put(&self, to: &mut Vec<u8>) {
                $(self.$arg.put(to);)*
                $(self.$field.put(to);)*
            }

            #[allow(unused_mut, reason = "some constructors take all")]
            fn take(bytes: &mut &[u8]) -> Self {
                $(let $arg = Wire::take(bytes);)*
                let mut request = Self::new($($arg),*);
                $(request.$field = Wire::take(bytes);)*
                request
            }
        })*
    };
}

macro_rules! enums {
    ($($type:ident { $($number:literal $variant:ident $(($($item:ident),*))? $({ $($field:ident),* })?),* })*) => {
        $(impl Wire for $type {
            fn put(&self, to: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($($item),*))? $({ $($field),* })? => {
                        <u8 as Wire>::put(&$number, to);
                        $($($item.put(to);)*)?
                        $($($field.put(to);)*)?
                    })*
                }
            }

            fn take(bytes: &mut &[u8]) -> Self {
                match u8::take(bytes) {
                    $($number => {
                        $($(let $item = Wire::take(bytes);)*)?
                        $($(let $field = Wire::take(bytes);)*)?
                        Self::$variant $(($($item),*))? $({ $($field),* })?
                    })*
                    number => unreachable!("{number} of {}", stringify!($type)),
                }
            }
        })*
    };
}

texts! { QueueName TaskName EventName IdempotencyKey WorkerName StepKey }
ids! { TaskId CallId EmitId }

crosses_as! {
    Payload: String = |payload| payload.as_str().to_owned(), |text| Payload::from_text(text);
    Cursor: String = |cursor| cursor.0.clone(), |text| Cursor(text);
    Timestamp: i64 = |time| time.as_millis(), |millis| Timestamp::from_millis(millis);
    Millis: i64 = |millis| millis.as_i64(), |millis| Millis::stored(millis).expect("a duration");
    Lease: i64 = |lease| lease.millis().as_i64(), |millis| Lease::stored(millis).expect("a lease");
}

structs! {
    Asked { call, handle, now, verb, body }
    Token { task, call, claim }
    Idempotency { key, fingerprint }
    ParentLink { join_key, on_close }
    Spawned { task, created }
    RunEnd { token, ending }
    ClaimAnswer { ends, claims, more, now, next_due }
    Claim { token, name, params, headers, policy, parent, attempt, max_attempts, claimed_at, expires_at, checkpoints }
    ExtendItem { token, lease }
    WaitItem { token, waits, rest }
    NewWait { key, source, deadline }
    Rest { keys, need }
    MetWait { key, end, at }
    Checkpoint { key, kind, end, order, attempt, worker, started_at, ended_at }
    CheckpointPage { checkpoints, more }
    SaveItem { token, key, kind, payload, took, effect }
    EventWrite { name, payload, metadata, id }
    TickAnswer { started, woken, expired, limited, closed, closing_left, next_due, more }
    ExpiredRun { task, attempt, worker, at }
    PurgeAnswer { purged, more }
    QueueView { name, state }
    TaskView {
        id, name, state, params, headers, policy, priority, attempt, max_attempts, claims, idempotency_key, parent,
        spawned_at, first_started_at, ended_at, available_at, due, lease, rest, closing, result, failure, cancelled
    }
    RestView { keys, need }
    TaskDetail { task, waits, history }
    WaitView { key, source, registered_at, deadline }
    RunView { order, attempt, worker, ended_at, failure }
    EventView { name, payload, metadata, id, written_at, waking }
    Counts { sleeping, pending, running, completed, failed, cancelled, ready }
}

requests! {
    PutQueueRequest(queue, state) {}
    DropQueueRequest(queue) {}
    ListQueuesRequest(cursor, limit) {}
    NewTask(id, name, params) {
        headers, policy, priority, max_attempts, delay, max_pending, max_running, idempotency, parent
    }
    SpawnRequest(queue, tasks) {}
    CancelRequest(queue, task, cause) {}
    RetryRequest(queue, task, attempts, from) {}
    OutcomeRequest(queue, task) {}
    ClaimRequest(queue, call, worker, names, max, lease) { repeat, ends }
    ExtendRequest(queue, items) {}
    WaitRequest(queue, items) {}
    LoadRequest(queue, token, after, limit) {}
    SaveRequest(queue, items) {}
    EmitRequest(queue, event) { only_if_absent }
    TickRequest(queue, limit) {}
    PurgeRequest(queue, states, age, limit) { events }
    TaskRequest(queue, task) { cursor, limit }
    TasksRequest(queue, cursor) { state, name, parent, limit }
    EventsRequest(queue, cursor) { limit }
    CountsRequest(queue) {}
}

enums! {
    QueueState { 0 Open, 1 Paused, 2 Sealed }
    PutQueueAnswer { 0 Created, 1 Changed, 2 Unchanged }
    DropQueueAnswer { 0 Dropped, 1 NotEmpty, 2 NotFound }
    ParentClosePolicy { 0 Cancel, 1 Abandon }
    SpawnAnswer { 0 Spawned(all), 1 Conflict { index, existing }, 2 QueueClosed }
    CancelCause { 0 Requested { reason }, 1 ParentClosed, 2 MaxPendingTime, 3 MaxRunningTime }
    CancelAnswer { 0 Cancelled { closing }, 1 Ended { state, closing }, 2 NotFound }
    RetryAnswer { 0 Reopened, 1 Closing, 2 Live, 3 Ended(state), 4 NotFound }
    Outcome { 0 Live, 1 Completed(result), 2 Failed(failure), 3 Cancelled(cause), 4 NotFound }
    TaskState { 0 Sleeping, 1 Pending, 2 Running, 3 Ended(state) }
    EndState { 0 Completed, 1 Failed, 2 Cancelled }
    Failure { 0 Reported(payload), 1 ClaimTimeout { worker, at }, 2 Corrupt { what } }
    End { 0 Value(payload), 1 Timeout, 2 Failed(failure), 3 Cancelled(cause) }
    CheckpointKind { 0 Step, 1 Value, 2 Spawn, 3 Emit, 4 Select, 5 Timer, 6 Event, 7 Child }
    Ending { 0 Complete { result }, 1 Fail { failure, retry }, 2 Release { after } }
    RetryAfter { 0 After(wait), 1 Never }
    EndAnswer { 0 Completed, 1 Failed, 2 Retrying { due }, 3 Released { due } }
    WaitSource { 0 Event(name), 1 Child(task), 2 Time }
    Deadline { 0 After(wait), 1 At(moment) }
    WaitAnswer { 0 Met(waits), 1 Registered, 2 Suspended }
    Effect { 0 None, 1 Spawn(children), 2 Emit(write) }
    SaveAnswer { 0 Stored { expires_at }, 1 Conflict { stored }, 2 QueueClosed }
    EmitAnswer { 0 Written, 1 Kept, 2 Repeated }
    HistoryEntry { 0 Checkpoint { checkpoint, aside }, 1 Run(run) }
    StoreErrorKind { 0 Unavailable, 1 NotFound, 2 Conflict, 3 Invalid, 4 Corrupt, 5 Unsupported }
    FencedError { 0 ClaimLost, 1 Cancelled, 2 Fault(error) }
}

impl<T: Wire> Wire for Page<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.items.put(to);
        self.next.put(to);
    }

    fn take(bytes: &mut &[u8]) -> Self {
        Self { items: Wire::take(bytes), next: Wire::take(bytes) }
    }
}

/// Without its source, which is the driver's.
impl Wire for StoreError {
    fn put(&self, to: &mut Vec<u8>) {
        self.kind.put(to);
        self.verb.put(to);
        self.context.put(to);
        self.may_have_happened.put(to);
    }

    fn take(bytes: &mut &[u8]) -> Self {
        let (kind, verb) = (Wire::take(bytes), Verb::take(bytes));
        let mut error = Self::new(kind, verb, String::take(bytes));
        error.may_have_happened = Wire::take(bytes);
        error
    }
}
