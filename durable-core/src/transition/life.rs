//! What becomes of a task by itself: spawned, claimed, reopened, shown.

use super::record::{Flaw, Parent, State, TaskRecord, Why};
use crate::model::{
    CancelCause, End, EndState, Failure, Millis, Now, Payload, StepKey, TaskId, TaskState, Timestamp, Token,
};
use crate::store::{Claim, ClaimRequest, NewTask, Outcome, RestView, RetryAnswer, TaskView};

impl From<State> for TaskState {
    fn from(state: State) -> Self {
        match state {
            State::Sleeping(_) => Self::Sleeping,
            State::Pending => Self::Pending,
            State::Running => Self::Running,
            State::Ended(end) => Self::Ended(end),
        }
    }
}

impl TaskRecord {
    /// A task as it is spawned, with its parent, if it has one, and the number of its ancestors.
    pub fn spawned(task: &NewTask, parent: Option<TaskId>, depth: i32, now: Now) -> Self {
        let (state, available_at) = match task.delay {
            Millis::ZERO => (State::Pending, now.at),
            delay => (State::Sleeping(Why::Start), now.up.after(delay)),
        };
        let link = |id| Some(Parent { id, join_key: task.parent.as_ref()?.join_key.clone() });
        Self {
            id: task.id,
            depth,
            parent: parent.and_then(link),
            max_pending: task.max_pending,
            max_running: task.max_running,
            spawned_at: now.at,
            state,
            available_at: Some(available_at),
            max_attempts: task.max_attempts,
            attempt: 1,
            limit_from: now.at,
            first_started_at: None,
            ended_at: None,
            end: None,
            closing_since: None,
            claims: 0,
            call: None,
            worker: None,
            lease: None,
            expires_at: None,
            closed: None,
            need: None,
            rest_due: None,
            last_order: 0,
            checkpoints: 0,
            has_children: false,
            flaw: None,
        }
    }

    /// Gives a pending task to the call that takes it (rules C2, C3).
    pub fn claim(&mut self, request: &ClaimRequest, now: Now) {
        self.state = State::Running;
        self.claims = self.claims.saturating_add(1);
        self.call = Some(request.call);
        self.worker = Some(request.worker.clone());
        self.lease = Some(request.lease);
        self.expires_at = Some(now.at.after(request.lease.millis()));
        self.closed = None;
        self.first_started_at = self.first_started_at.or(Some(now.at));
    }

    /// A running task as its holder gets it, with what it was spawned as; `None` while nobody holds it.
    pub fn held(&self, task: NewTask, claimed_at: Timestamp) -> Option<Claim> {
        self.holder()?;
        Some(Claim {
            token: Token { task: self.id, call: self.call?, claim: self.claims },
            name: task.name,
            params: task.params,
            headers: task.headers,
            policy: task.policy,
            parent: self.parent.as_ref().map(|parent| parent.id),
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            claimed_at,
            expires_at: self.expires_at?,
            checkpoints: self.checkpoints,
        })
    }

    /// Reopens a task that has failed, if it may be (rule T5). What is set aside of its history, and that nothing closes it
    /// any more when its parent has ended, is left to the store.
    pub fn reopen(&mut self, attempts: i32, now: Now) -> RetryAnswer {
        match self.state {
            State::Ended(EndState::Failed) if self.closing_since.is_some() => return RetryAnswer::Closing,
            State::Ended(EndState::Failed) => {}
            State::Ended(state) => return RetryAnswer::Ended(state),
            State::Sleeping(_) | State::Pending | State::Running => return RetryAnswer::Live,
        }
        self.state = State::Pending;
        self.available_at = Some(now.at);
        self.attempt = self.attempt.saturating_add(1);
        self.max_attempts = self.max_attempts.map(|max| max.saturating_add(attempts));
        self.limit_from = now.at;
        self.first_started_at = None;
        self.ended_at = None;
        self.end = None;
        RetryAnswer::Reopened
    }

    /// By how much the number of ready tasks grows when what of it is due is done: for `counts`. So many of the waits that
    /// it rests on are due.
    pub fn gain(&self, now: Now, due_waits: u32) -> i64 {
        if self.is_live() && self.limit().is_some_and(|(at, _)| at <= now.at) {
            return if self.state == State::Pending { -1 } else { 0 };
        }
        let has_come = |at: Option<Timestamp>| at.is_some_and(|at| at <= now.at);
        i64::from(match self.state {
            State::Sleeping(Why::Start | Why::Retry) => has_come(self.available_at),
            State::Sleeping(Why::Rest) => self.need.is_some_and(|need| need <= due_waits),
            State::Running => has_come(self.expires_at) && self.has_attempts_left(),
            State::Pending | State::Ended(_) => false,
        })
    }

    /// How it ended.
    ///
    /// # Errors
    ///
    /// The part that has no meaning.
    pub fn outcome(&self) -> Result<Outcome, Flaw> {
        if self.is_live() {
            return Ok(Outcome::Live);
        }
        match self.end.clone() {
            Some(End::Value(result)) => Ok(Outcome::Completed(result)),
            Some(End::Failed(failure)) => Ok(Outcome::Failed(failure)),
            Some(End::Cancelled(cause)) => Ok(Outcome::Cancelled(cause)),
            Some(End::Timeout) | None => Err("end"),
        }
    }

    /// The task as people see it, with what it was spawned as, and the keys of the waits that it rests on.
    pub fn view(&self, task: NewTask, rests_on: Vec<StepKey>) -> TaskView {
        let (result, failure, cancelled) = self.ends();
        TaskView {
            id: self.id,
            name: task.name,
            state: self.state.into(),
            params: task.params,
            headers: task.headers,
            policy: task.policy,
            priority: task.priority,
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            claims: self.claims,
            idempotency_key: task.idempotency.map(|own| own.key),
            parent: self.parent.as_ref().map(|parent| parent.id),
            spawned_at: self.spawned_at,
            first_started_at: self.first_started_at,
            ended_at: self.ended_at,
            available_at: self.available_at.filter(|_| self.state == State::Pending),
            due: self.due(),
            lease: self.holder().cloned().zip(self.expires_at),
            rest: self.need.filter(|_| self.is_resting()).map(|need| RestView { keys: rests_on, need }),
            closing: self.closing_since.is_some(),
            result,
            failure,
            cancelled,
        }
    }

    fn ends(&self) -> (Option<Payload>, Option<Failure>, Option<CancelCause>) {
        match self.end.clone().filter(|_| !self.is_live()) {
            Some(End::Value(result)) => (Some(result), None, None),
            Some(End::Failed(failure)) => (None, Some(failure), None),
            Some(End::Cancelled(cause)) => (None, None, Some(cause)),
            Some(End::Timeout) | None => (None, None, None),
        }
    }
}
