//! Runs: what a worker does with claims.

use async_trait::async_trait;
use durable_core::model::{CallId, Deadline, Millis, QueueName, TaskName, Timestamp, Token};
use durable_core::store::{
    Claim, ClaimAnswer, ClaimRequest, EndAnswer, Ending, ExtendItem, ExtendRequest, FencedError, MetWait,
    NewWait, RetryAfter, RunEnd, Runs, StoreError, Verb, WaitAnswer, WaitItem, WaitRequest, WaitSource,
};

use crate::RedisStore;
use crate::args::Args;
use crate::decode::end;
use crate::reply::{Reply, all_lost, invalid};
use crate::script::{Script, script};

static CLAIM: Script = script!("runs/claim");
static EXTEND: Script = script!("runs/extend");
static SPOIL: Script = script!("runs/spoil");
static WAIT: Script = script!("runs/wait");

fn run_end<'a>(args: Args<'a>, item: &'a RunEnd) -> Args<'a> {
    let args = args.token(&item.token);
    match &item.ending {
        Ending::Complete { result } => args.text("complete").text(result.as_str()).text(""),
        Ending::Fail { failure, retry } => {
            let after = match retry {
                RetryAfter::After(wait) => Some(wait.as_i64()),
                RetryAfter::Never => None,
            };
            args.text("fail").text(failure.as_str()).option_int(after)
        }
        Ending::Release { after } => args.text("release").text("").int(after.as_i64()),
    }
}

fn ended(status: &str, reply: &mut Reply) -> Result<EndAnswer, StoreError> {
    match status {
        "completed" => Ok(EndAnswer::Completed),
        "failed" => Ok(EndAnswer::Failed),
        "retrying" => Ok(EndAnswer::Retrying { due: reply.time()? }),
        "released" => Ok(EndAnswer::Released { due: reply.time()? }),
        _ => Err(reply.unreadable("a known status")),
    }
}

fn handed_out(mut reply: Reply, call: CallId) -> Result<(Token, Result<Claim, StoreError>), StoreError> {
    let token = Token { task: reply.task_id()?, call, claim: reply.int()? };
    Ok((token, claimed(token, reply)))
}

fn claimed(token: Token, mut reply: Reply) -> Result<Claim, StoreError> {
    Ok(Claim {
        token,
        name: reply.parse("a task name", TaskName::new)?,
        params: reply.payload()?,
        headers: reply.payload()?,
        policy: reply.payload()?,
        parent: reply.option_task_id()?,
        attempt: reply.int()?,
        max_attempts: reply.max_attempts()?,
        claimed_at: reply.time()?,
        expires_at: reply.time()?,
        checkpoints: reply.int()?,
    })
}

fn new_wait<'a>(args: Args<'a>, wait: &'a NewWait) -> Args<'a> {
    let args = args.text(wait.key.as_str());
    let args = match &wait.source {
        WaitSource::Event(name) => args.text("event").text(name.as_str()),
        WaitSource::Child(task) => args.text("child").owned(task.to_string()),
        WaitSource::Time => args.text("time").text(""),
    };
    match wait.deadline {
        Some(Deadline::After(wait)) => args.text("after").int(Millis::as_i64(wait)),
        Some(Deadline::At(moment)) => args.text("at").int(moment.as_millis()),
        None => args.text("").text(""),
    }
}

fn wait_item<'a>(args: Args<'a>, item: &'a WaitItem) -> Args<'a> {
    let (need, keys) = item.rest.as_ref().map_or((0, &[][..]), |rest| (rest.need, &rest.keys[..]));
    args.token(&item.token)
        .list(&item.waits, new_wait)
        .flag(item.rest.is_some())
        .int(need.into())
        .list(keys, |args, key| args.text(key.as_str()))
}

fn met(mut reply: Reply) -> Result<MetWait, StoreError> {
    Ok(MetWait { key: reply.step_key()?, end: end(&mut reply.nested()?)?, at: reply.time()? })
}

fn waited(status: &str, reply: &mut Reply) -> Result<WaitAnswer, StoreError> {
    match status {
        "registered" => Ok(WaitAnswer::Registered),
        "suspended" => Ok(WaitAnswer::Suspended),
        "met" => reply.list(met).map(WaitAnswer::Met),
        "invalid" => Err(invalid(Verb::Wait, "wait", reply.text()?)),
        "no_child" => Err(no_child()),
        _ => Err(reply.unreadable("a known status")),
    }
}

fn no_child() -> StoreError {
    let problem = "a wait for a task that is not this task's child under this key";
    StoreError::new(durable_core::store::StoreErrorKind::NotFound, Verb::Wait, problem)
}

fn extend_item<'a>(args: Args<'a>, item: &'a ExtendItem) -> Args<'a> {
    args.token(&item.token).int(item.lease.millis().as_i64())
}

impl RedisStore {
    /// The claims that can be decoded. Every other task fails for that alone (rule C6), or if that cannot be said to
    /// the server now, when its lease has run out.
    async fn decodable(
        &self,
        queue: &QueueName,
        handed: Vec<(Token, Result<Claim, StoreError>)>,
    ) -> Vec<Claim> {
        let mut claims = Vec::with_capacity(handed.len());
        for (token, claim) in handed {
            if let Ok(claim) = claim {
                claims.push(claim);
            } else {
                let args = self.args().token(&token).text("payload");
                let _ = self.run(Verb::Claim, &SPOIL, queue, &args).await;
            }
        }
        claims
    }

    async fn end_and_claim(&self, request: &ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        let args = self
            .args()
            .owned(request.call.to_string())
            .flag(request.repeat)
            .text(request.worker.as_str())
            .int(request.lease.millis().as_i64())
            .int(request.max.into())
            .list(&request.names, |args, name| args.text(name.as_str()))
            .list(&request.ends, run_end);
        let (status, mut reply) = self.run(Verb::Claim, &CLAIM, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" if request.ends.is_empty() => Err(StoreError::queue_not_found(Verb::Claim)),
            "no_queue" => Ok(ClaimAnswer {
                now: reply.time()?,
                ends: all_lost(request.ends.len()),
                claims: Vec::new(),
                more: false,
                next_due: None,
            }),
            "ok" => {
                let now = reply.time()?;
                let ends = reply.batch(ended)?;
                let handed = reply.list(|one| handed_out(one, request.call))?;
                let (more, next_due) = (reply.flag()?, reply.option_time()?);
                let claims = self.decodable(&request.queue, handed).await;
                Ok(ClaimAnswer { now, ends, claims, more, next_due })
            }
            _ => Err(reply.unreadable("a known status")),
        }
    }
}

#[async_trait]
impl Runs for RedisStore {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        request.check()?;
        self.end_and_claim(&request).await
    }

    async fn extend(
        &self,
        request: ExtendRequest,
    ) -> Result<Vec<Result<Timestamp, FencedError>>, StoreError> {
        request.check()?;
        let args = self.args().list(&request.items, extend_item);
        let (status, mut reply) = self.run(Verb::Extend, &EXTEND, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Ok(all_lost(request.items.len())),
            "ok" => reply.batch(|_, item| item.time()),
            _ => Err(reply.unreadable("a known status")),
        }
    }

    async fn wait(&self, request: WaitRequest) -> Result<Vec<Result<WaitAnswer, FencedError>>, StoreError> {
        request.check()?;
        let args = self.args().list(&request.items, wait_item);
        let (status, mut reply) = self.run(Verb::Wait, &WAIT, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Ok(all_lost(request.items.len())),
            "ok" => reply.batch(waited),
            _ => Err(reply.unreadable("a known status")),
        }
    }
}
