//! Tasks: what a client does.

use async_trait::async_trait;
use durable_core::model::{End, Millis, ParentClosePolicy, StepKey};
use durable_core::store::{
    CancelAnswer, CancelRequest, NewTask, Outcome, OutcomeRequest, RetryAnswer, RetryRequest, SpawnAnswer,
    SpawnRequest, Spawned, StoreError, Tasks, Verb,
};

use crate::RedisStore;
use crate::args::Args;
use crate::decode::{cause_words, end, end_state};
use crate::reply::{corrupt, invalid};
use crate::script::{Script, script};

static SPAWN: Script = script!("tasks/spawn");
static CANCEL: Script = script!("tasks/cancel");
static RETRY: Script = script!("tasks/retry");
static OUTCOME: Script = script!("tasks/outcome");

/// Writes a new task as `args.new_task` reads it.
pub(crate) fn new_task<'a>(args: Args<'a>, task: &'a NewTask) -> Args<'a> {
    let parent = task.parent.as_ref();
    let on_close = parent.map(|link| match link.on_close {
        ParentClosePolicy::Cancel => "cancel",
        ParentClosePolicy::Abandon => "abandon",
    });
    let idempotency = task.idempotency.as_ref();
    args.owned(task.id.to_string())
        .text(task.name.as_str())
        .text(task.params.as_str())
        .text(task.headers.as_str())
        .text(task.policy.as_str())
        .int(task.priority.into())
        .option_int(task.max_attempts.map(i64::from))
        .int(task.delay.as_i64())
        .option_int(task.max_pending.map(Millis::as_i64))
        .option_int(task.max_running.map(Millis::as_i64))
        .option(idempotency.map(|known| known.key.as_str()))
        .option(idempotency.map(|known| known.fingerprint.as_str()))
        .option(parent.map(|link| link.join_key.as_str()))
        .option(on_close)
}

#[async_trait]
impl Tasks for RedisStore {
    async fn spawn(&self, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        request.check()?;
        let args = self.args().list(&request.tasks, new_task);
        let (status, mut reply) = self.run(Verb::Spawn, &SPAWN, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Err(StoreError::queue_not_found(Verb::Spawn)),
            "sealed" => Ok(SpawnAnswer::QueueClosed),
            "conflict" => Ok(SpawnAnswer::Conflict { index: reply.int()?, existing: reply.task_id()? }),
            "ok" => reply
                .list(|mut one| Ok(Spawned { task: one.task_id()?, created: one.flag()? }))
                .map(SpawnAnswer::Spawned),
            _ => Err(reply.unreadable("a known status")),
        }
    }

    async fn cancel(&self, request: CancelRequest) -> Result<CancelAnswer, StoreError> {
        let (cause, reason) = cause_words(&request.cause);
        let args =
            self.args().owned(request.task.to_string()).text(cause).flag(reason.is_some()).option(reason);
        let (status, mut reply) = self.run(Verb::Cancel, &CANCEL, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Err(StoreError::queue_not_found(Verb::Cancel)),
            "not_found" => Ok(CancelAnswer::NotFound),
            "corrupt" => Err(corrupt(Verb::Cancel)),
            "ended" => Ok(CancelAnswer::Ended {
                state: reply.parse("an end state", |word| end_state(&word))?,
                closing: reply.flag()?,
            }),
            "cancelled" => Ok(CancelAnswer::Cancelled { closing: reply.flag()? }),
            _ => Err(reply.unreadable("a known status")),
        }
    }

    async fn retry(&self, request: RetryRequest) -> Result<RetryAnswer, StoreError> {
        request.check()?;
        let from = request.from.as_ref().map(StepKey::as_str);
        let args = self.args().owned(request.task.to_string()).int(request.attempts.into()).option(from);
        let (status, mut reply) = self.run(Verb::Retry, &RETRY, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Err(StoreError::queue_not_found(Verb::Retry)),
            "not_found" => Ok(RetryAnswer::NotFound),
            "corrupt" => Err(corrupt(Verb::Retry)),
            "live" => Ok(RetryAnswer::Live),
            "ended" => Ok(RetryAnswer::Ended(reply.parse("an end state", |word| end_state(&word))?)),
            "closing" => Ok(RetryAnswer::Closing),
            "unknown" => Err(invalid(Verb::Retry, "from", "the task has no such checkpoint")),
            "reopened" => Ok(RetryAnswer::Reopened),
            _ => Err(reply.unreadable("a known status")),
        }
    }

    async fn outcome(&self, request: OutcomeRequest) -> Result<Outcome, StoreError> {
        let args = self.args().owned(request.task.to_string());
        let (status, mut reply) = self.run(Verb::Outcome, &OUTCOME, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Err(StoreError::queue_not_found(Verb::Outcome)),
            "not_found" => Ok(Outcome::NotFound),
            "corrupt" => Err(corrupt(Verb::Outcome)),
            "live" => Ok(Outcome::Live),
            "ended" => match end(&mut reply.nested()?)? {
                End::Value(result) => Ok(Outcome::Completed(result)),
                End::Failed(failure) => Ok(Outcome::Failed(failure)),
                End::Cancelled(cause) => Ok(Outcome::Cancelled(cause)),
                End::Timeout => Err(reply.unreadable("a task's end")),
            },
            _ => Err(reply.unreadable("a known status")),
        }
    }
}
