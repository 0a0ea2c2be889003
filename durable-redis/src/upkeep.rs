//! Upkeep: what keeps a queue going when nobody else does.

use async_trait::async_trait;
use durable_core::model::TaskState;
use durable_core::store::{
    ExpiredRun, PurgeAnswer, PurgeRequest, StoreError, TickAnswer, TickRequest, Upkeep, Verb,
};

use crate::RedisStore;
use crate::decode::state_word;
use crate::reply::Reply;
use crate::script::{Script, script};

static PURGE: Script = script!("upkeep/purge");
static TICK: Script = script!("upkeep/tick");

fn expired(mut run: Reply) -> Result<ExpiredRun, StoreError> {
    Ok(ExpiredRun { task: run.task_id()?, attempt: run.int()?, worker: run.worker()?, at: run.time()? })
}

#[async_trait]
impl Upkeep for RedisStore {
    async fn tick(&self, request: TickRequest) -> Result<TickAnswer, StoreError> {
        let args = self.args().int(request.limit.clamp(1, 1_000).into());
        let (status, mut reply) = self.run(Verb::Tick, &TICK, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Err(StoreError::queue_not_found(Verb::Tick)),
            "ok" => Ok(TickAnswer {
                started: reply.int()?,
                woken: reply.int()?,
                expired: reply.list(expired)?,
                limited: reply.int()?,
                closed: reply.int()?,
                closing_left: reply.int()?,
                next_due: reply.option_time()?,
                more: reply.flag()?,
            }),
            _ => Err(reply.unreadable("a known status")),
        }
    }

    async fn purge(&self, request: PurgeRequest) -> Result<PurgeAnswer, StoreError> {
        let args = self
            .args()
            .int(request.limit.clamp(1, 1_000).into())
            .int(request.age.as_i64())
            .flag(request.events)
            .list(&request.states, |args, state| args.text(state_word(TaskState::Ended(*state))));
        let (status, mut reply) = self.run(Verb::Purge, &PURGE, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Err(StoreError::queue_not_found(Verb::Purge)),
            "ok" => Ok(PurgeAnswer { purged: reply.int()?, more: reply.flag()? }),
            _ => Err(reply.unreadable("a known status")),
        }
    }
}
