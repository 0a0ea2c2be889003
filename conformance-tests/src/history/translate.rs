//! From the store's requests and answers to what a history keeps of them.

use durable_core::model::{self, Checkpoint, EndState, Failure, TaskState};
use durable_core::store::{
    CancelAnswer, CheckpointPage, ClaimAnswer, ClaimRequest, Effect, EmitAnswer, EndAnswer, EventWrite,
    FencedError, NewTask, Outcome, RetryAfter, SaveAnswer, SaveItem, SpawnAnswer, StoreError, TaskView,
    TickAnswer, WaitAnswer, WaitItem, WaitSource,
};

use super::data::{
    Cancelled, ClaimOf, ClaimedOf, Deadline, Emitted, End, Ended, Ending, Event, Fenced, Handed, Page,
    Refused, Reply, Rests, Saved, Saving, Source, Spawned, State, Stored, Task, Ticked, Token, Waited,
};

/// The answer of a call that is not fenced.
pub(super) fn fault<T, U>(answer: &Result<T, StoreError>, of: impl FnOnce(&T) -> U) -> Reply<U> {
    match answer {
        Ok(answer) => Reply::Is(of(answer)),
        Err(error) => unanswered(error),
    }
}

fn unanswered<U>(error: &StoreError) -> Reply<U> {
    if error.may_have_happened { Reply::Unknown } else { Reply::Failed }
}

/// The answer to one fenced item.
pub(super) fn fenced<T, U>(
    answer: &Result<Result<T, FencedError>, StoreError>,
    of: impl FnOnce(&T) -> U,
) -> Reply<Fenced<U>> {
    match answer {
        Ok(Err(FencedError::Fault(error))) | Err(error) if error.may_have_happened => Reply::Unknown,
        Ok(Ok(answer)) => Reply::Is(Ok(of(answer))),
        Ok(Err(error)) => Reply::Is(Err(refused(error))),
        Err(_) => Reply::Failed,
    }
}

fn refused(error: &FencedError) -> Refused {
    match error {
        FencedError::ClaimLost => Refused::ClaimLost,
        FencedError::Cancelled => Refused::Cancelled,
        FencedError::Fault(_) => Refused::Fault,
    }
}

pub(super) fn token(token: model::Token) -> Token {
    Token { task: token.task, call: token.call, claim: token.claim }
}

pub(super) fn task(task: &NewTask) -> Task {
    let text =
        |key: &durable_core::store::Idempotency| (key.key.as_str().to_owned(), key.fingerprint.clone());
    Task {
        id: task.id,
        name: task.name.as_str().to_owned(),
        priority: task.priority,
        delay: task.delay,
        max_attempts: task.max_attempts,
        limits: (task.max_pending, task.max_running),
        idempotency: task.idempotency.as_ref().map(text),
        parent: task.parent.as_ref().map(|link| (link.join_key.as_str().to_owned(), link.on_close)),
    }
}

pub(super) fn spawned(answer: &SpawnAnswer) -> Spawned {
    match answer {
        SpawnAnswer::Spawned(tasks) => {
            Spawned::Tasks(tasks.iter().map(|spawned| (spawned.task, spawned.created)).collect())
        }
        SpawnAnswer::Conflict { existing, .. } => Spawned::Conflict(*existing),
        SpawnAnswer::QueueClosed => Spawned::QueueClosed,
    }
}

pub(super) fn claim(request: &ClaimRequest) -> ClaimOf {
    let ends = request.ends.iter().map(|end| (token(end.token), ending(&end.ending)));
    ClaimOf {
        call: request.call,
        repeat: request.repeat,
        names: request.names.iter().map(|name| name.as_str().to_owned()).collect(),
        max: request.max,
        lease: request.lease.millis(),
        ends: ends.collect(),
    }
}

fn ending(ending: &durable_core::store::Ending) -> Ending {
    use durable_core::store::Ending::{Complete, Fail, Release};
    match ending {
        Complete { result } => Ending::Complete(result.as_str().to_owned()),
        Fail { failure, retry } => {
            let after = match retry {
                RetryAfter::After(wait) => Some(*wait),
                RetryAfter::Never => None,
            };
            Ending::Fail(failure.as_str().to_owned(), after)
        }
        Release { after } => Ending::Release(*after),
    }
}

pub(super) fn claimed(answer: &ClaimAnswer) -> ClaimedOf {
    let ended = |end: &Result<EndAnswer, FencedError>| end.as_ref().map(|end| ended(*end)).map_err(refused);
    let handed = |claim: &durable_core::store::Claim| Handed {
        token: token(claim.token),
        attempt: claim.attempt,
        claimed_at: claim.claimed_at,
        expires_at: claim.expires_at,
    };
    ClaimedOf {
        ends: answer.ends.iter().map(ended).collect(),
        claims: answer.claims.iter().map(handed).collect(),
        more: answer.more,
        now: answer.now,
        next_due: answer.next_due,
    }
}

fn ended(answer: EndAnswer) -> Ended {
    match answer {
        EndAnswer::Completed => Ended::Completed,
        EndAnswer::Failed => Ended::Failed,
        EndAnswer::Retrying { due } => Ended::Retrying(due),
        EndAnswer::Released { due } => Ended::Released(due),
    }
}

pub(super) fn rests(item: &WaitItem) -> Rests {
    let text = |key: &model::StepKey| key.as_str().to_owned();
    let deadline = |deadline: &model::Deadline| match deadline {
        model::Deadline::After(wait) => Deadline::After(*wait),
        model::Deadline::At(moment) => Deadline::At(*moment),
    };
    let waits = item.waits.iter().map(|wait| {
        let source = match &wait.source {
            WaitSource::Event(name) => Source::Event(name.as_str().to_owned()),
            WaitSource::Child(child) => Source::Child(*child),
            WaitSource::Time => Source::Time,
        };
        (text(&wait.key), source, wait.deadline.as_ref().map(deadline))
    });
    let rest = item.rest.as_ref().map(|rest| (rest.keys.iter().map(text).collect(), rest.need));
    Rests { token: token(item.token), waits: waits.collect(), rest }
}

pub(super) fn waited(answer: &WaitAnswer) -> Waited {
    match answer {
        WaitAnswer::Met(met) => {
            Waited::Met(met.iter().map(|met| (met.key.as_str().to_owned(), end(&met.end), met.at)).collect())
        }
        WaitAnswer::Registered => Waited::Registered,
        WaitAnswer::Suspended => Waited::Suspended,
    }
}

fn end(end: &model::End) -> End {
    match end {
        model::End::Value(payload) => End::Value(payload.as_str().to_owned()),
        model::End::Timeout => End::Timeout,
        model::End::Failed(failure) => failed(failure),
        model::End::Cancelled(_) => End::Cancelled,
    }
}

fn failed(failure: &Failure) -> End {
    match failure {
        Failure::Reported(payload) => End::Failed(Some(payload.as_str().to_owned())),
        Failure::ClaimTimeout { .. } | Failure::Corrupt { .. } => End::Failed(None),
    }
}

pub(super) fn stored(checkpoint: &Checkpoint) -> Stored {
    let (key, order) = (checkpoint.key.as_str().to_owned(), checkpoint.order);
    Stored { key, end: end(&checkpoint.end), order }
}

pub(super) fn loaded(answer: &Result<CheckpointPage, FencedError>) -> Reply<Fenced<Page>> {
    match answer {
        Ok(page) => {
            let checkpoints = page.checkpoints.iter().map(stored).collect();
            Reply::Is(Ok(Page { checkpoints, more: page.more }))
        }
        Err(FencedError::Fault(_)) => Reply::Failed,
        Err(error) => Reply::Is(Err(refused(error))),
    }
}

pub(super) fn saving(item: &SaveItem) -> Saving {
    let (children, emitted) = match &item.effect {
        Effect::None => (Vec::new(), None),
        Effect::Spawn(children) => (children.iter().map(task).collect(), None),
        Effect::Emit(write) => (Vec::new(), Some(event(write))),
    };
    Saving {
        token: token(item.token),
        key: item.key.as_str().to_owned(),
        payload: item.payload.as_str().to_owned(),
        children,
        event: emitted,
    }
}

pub(super) fn saved(answer: &SaveAnswer) -> Saved {
    match answer {
        SaveAnswer::Stored { expires_at } => Saved::Stored(*expires_at),
        SaveAnswer::Conflict { stored } => Saved::Conflict(end(stored)),
        SaveAnswer::QueueClosed => Saved::QueueClosed,
    }
}

pub(super) fn event(write: &EventWrite) -> Event {
    let (name, payload) = (write.name.as_str().to_owned(), write.payload.as_str().to_owned());
    Event { id: write.id, name, payload }
}

pub(super) fn emitted(answer: EmitAnswer) -> Emitted {
    match answer {
        EmitAnswer::Written => Emitted::Written,
        EmitAnswer::Kept => Emitted::Kept,
        EmitAnswer::Repeated => Emitted::Repeated,
    }
}

pub(super) fn cancelled(answer: CancelAnswer) -> Cancelled {
    match answer {
        CancelAnswer::Cancelled { .. } => Cancelled::Cancelled,
        CancelAnswer::Ended { .. } => Cancelled::Ended,
        CancelAnswer::NotFound => Cancelled::NotFound,
    }
}

pub(super) fn outcome(outcome: &Outcome) -> State {
    match outcome {
        Outcome::Live => State::Live("live".to_owned()),
        Outcome::Completed(result) => State::Ended(End::Value(result.as_str().to_owned())),
        Outcome::Failed(failure) => State::Ended(failed(failure)),
        Outcome::Cancelled(_) => State::Ended(End::Cancelled),
        Outcome::NotFound => State::NotFound,
    }
}

pub(super) fn state(view: &TaskView) -> State {
    let live = |word: &str| State::Live(word.to_owned());
    match view.state {
        TaskState::Sleeping => live("sleeping"),
        TaskState::Pending => live("pending"),
        TaskState::Running => live("running"),
        TaskState::Ended(EndState::Completed) => {
            State::Ended(End::Value(view.result.as_ref().map_or("", |result| result.as_str()).to_owned()))
        }
        TaskState::Ended(EndState::Failed) => {
            State::Ended(view.failure.as_ref().map_or(End::Failed(None), failed))
        }
        TaskState::Ended(EndState::Cancelled) => State::Ended(End::Cancelled),
    }
}

pub(super) fn ticked(answer: &TickAnswer) -> Ticked {
    Ticked {
        expired: answer.expired.iter().map(|run| (run.task, run.attempt)).collect(),
        next_due: answer.next_due,
        more: answer.more,
    }
}
