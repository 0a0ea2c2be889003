//! The short words: one step of a store each, on the handle whose turn it is.

use durable_core::model::{
    CallId, CancelCause, Checkpoint, CheckpointKind, Deadline, EmitId, End, EventName, IdempotencyKey, Lease,
    Millis, ParentClosePolicy, Payload, StepKey, TaskId, TaskName, Timestamp, Token, WorkerName,
};
use durable_core::store::{
    CancelAnswer, CancelRequest, Claim, ClaimAnswer, ClaimRequest, Effect, EmitAnswer, EmitRequest,
    EndAnswer, Ending, EventWrite, ExtendItem, ExtendRequest, Idempotency, LoadRequest, MetWait, NewTask,
    NewWait, Outcome, OutcomeRequest, ParentLink, PurgeAnswer, PurgeRequest, PutQueueAnswer, PutQueueRequest,
    QueueState, Rest, RetryAfter, RunEnd, SaveAnswer, SaveItem, SaveRequest, SpawnAnswer, SpawnRequest,
    Spawned, TickAnswer, TickRequest, WaitAnswer, WaitItem, WaitRequest, WaitSource,
};

use super::{Ctx, job_name};
use crate::expect::{Fenced, Refusal, Violation, holds, one, same};
use crate::snapshot::Snapshot;

/// The lease of the claims that the short words take, in milliseconds.
pub(crate) const LEASE: u64 = 60_000;

/// JSON text as it is.
pub(crate) fn json(text: &str) -> Payload {
    Payload::from_text(text)
}

/// A checkpoint's key.
pub(crate) fn key(text: &str) -> Result<StepKey, Violation> {
    Ok(StepKey::new(text)?)
}

/// An event's name.
pub(crate) fn event(text: &str) -> Result<EventName, Violation> {
    Ok(EventName::new(text)?)
}

/// So many milliseconds.
pub(crate) fn millis(count: u64) -> Millis {
    Millis::new(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A lease of so many milliseconds.
pub(crate) fn lease(count: u64) -> Result<Lease, Violation> {
    Ok(Lease::new(std::time::Duration::from_millis(count))?)
}

/// A wait for an event, with a timeout in milliseconds.
pub(crate) fn on_event(key: &StepKey, name: &EventName, timeout: Option<u64>) -> NewWait {
    let deadline = timeout.map(|count| Deadline::After(millis(count)));
    NewWait { key: key.clone(), source: WaitSource::Event(name.clone()), deadline }
}

/// A wait for time alone.
pub(crate) fn on_time(key: &StepKey, after: u64) -> NewWait {
    NewWait { key: key.clone(), source: WaitSource::Time, deadline: Some(Deadline::After(millis(after))) }
}

/// A wait for a child.
pub(crate) fn on_child(key: &StepKey, child: TaskId) -> NewWait {
    NewWait { key: key.clone(), source: WaitSource::Child(child), deadline: None }
}

/// Rests on `need` of `keys`.
pub(crate) fn rest(keys: &[&StepKey], need: u32) -> Rest {
    Rest { keys: keys.iter().map(|key| (*key).clone()).collect(), need }
}

/// The run completes with `null`.
pub(crate) fn complete() -> Ending {
    Ending::Complete { result: json("null") }
}

/// The attempt fails and is retried after so many milliseconds.
pub(crate) fn fail_after(count: u64) -> Ending {
    Ending::Fail { failure: json(r#""failed""#), retry: RetryAfter::After(millis(count)) }
}

/// The attempt fails, and with it the task.
pub(crate) fn fail_for_good() -> Ending {
    Ending::Fail { failure: json(r#""failed""#), retry: RetryAfter::Never }
}

/// The claim is handed back.
pub(crate) fn release(after: u64) -> Ending {
    Ending::Release { after: millis(after) }
}

/// Somebody asked for a cancellation.
pub(crate) fn requested() -> CancelCause {
    CancelCause::Requested { reason: None }
}

/// A step's checkpoint to save.
pub(crate) fn step(token: Token, key: &StepKey, payload: &str) -> SaveItem {
    SaveItem {
        token,
        key: key.clone(),
        kind: CheckpointKind::Step,
        payload: json(payload),
        took: Millis::ZERO,
        effect: Effect::None,
    }
}

/// A task that the short words claim.
pub(crate) fn job() -> Result<NewTask, Violation> {
    Ok(NewTask::new(TaskId::new(), job_name()?, json("null")))
}

/// The same, with a change.
pub(crate) fn job_with(change: impl FnOnce(&mut NewTask)) -> Result<NewTask, Violation> {
    let mut task = job()?;
    change(&mut task);
    Ok(task)
}

/// A plain task with another name.
pub(crate) fn named(name: &str) -> Result<NewTask, Violation> {
    Ok(NewTask::new(TaskId::new(), TaskName::new(name)?, json("null")))
}

/// The key that a child of [`Ctx::spawn_child`] joins under.
pub(crate) fn join_key(name: &str) -> Result<StepKey, Violation> {
    key(&format!("$child:{name}"))
}

/// A child to spawn, that joins under [`join_key`].
pub(crate) fn child(name: &str, on_close: ParentClosePolicy) -> Result<NewTask, Violation> {
    let join_key = join_key(name)?;
    job_with(|task| task.parent = Some(ParentLink { join_key, on_close }))
}

/// A checkpoint that spawns children.
pub(crate) fn spawning(token: Token, key: &StepKey, children: Vec<NewTask>) -> SaveItem {
    SaveItem { kind: CheckpointKind::Spawn, effect: Effect::Spawn(children), ..step(token, key, "[]") }
}

/// A checkpoint that emits an event.
pub(crate) fn emitting(token: Token, key: &StepKey, event: EventWrite) -> SaveItem {
    SaveItem { kind: CheckpointKind::Emit, effect: Effect::Emit(event), ..step(token, key, "null") }
}

/// One write of an event.
pub(crate) fn write(name: &EventName, payload: &str) -> EventWrite {
    EventWrite { name: name.clone(), payload: json(payload), metadata: json("{}"), id: EmitId::new() }
}

/// A task with an idempotency key.
pub(crate) fn keyed(idempotency_key: &str, fingerprint: &str) -> Result<NewTask, Violation> {
    let key = IdempotencyKey::new(idempotency_key)?;
    job_with(|task| task.idempotency = Some(Idempotency { key, fingerprint: fingerprint.to_owned() }))
}

/// The waits that have ended, when that is the answer.
pub(crate) fn met_waits(answer: WaitAnswer) -> Result<Vec<MetWait>, Violation> {
    match answer {
        WaitAnswer::Met(met) => Ok(met),
        other => Err(Violation::new("wait", format!("{other:?}"), "met")),
    }
}

/// A value as the end of a wait or a checkpoint.
pub(crate) fn value(text: &str) -> End {
    End::Value(json(text))
}

impl Ctx {
    /// Spawns tasks.
    pub(crate) async fn spawn_all(&self, tasks: Vec<NewTask>) -> Result<Vec<Spawned>, Violation> {
        match self.store().spawn(SpawnRequest::new(self.queue.clone(), tasks)).await? {
            SpawnAnswer::Spawned(spawned) => Ok(spawned),
            other => Err(Violation::new("spawn", format!("{other:?}"), "spawned")),
        }
    }

    /// Spawns one task, which must be new.
    pub(crate) async fn spawn(&self, task: NewTask) -> Result<TaskId, Violation> {
        let id = task.id;
        same("spawn", &self.spawn_all(vec![task]).await?, &vec![Spawned { task: id, created: true }])?;
        Ok(id)
    }

    /// Spawns one plain task.
    pub(crate) async fn spawn_one(&self) -> Result<TaskId, Violation> {
        self.spawn(job()?).await
    }

    /// A claim call for the tasks of the short words.
    pub(crate) fn claim_request(&self, max: u32) -> Result<ClaimRequest, Violation> {
        let worker = WorkerName::new("worker")?;
        let names = vec![job_name()?];
        Ok(ClaimRequest::new(self.queue.clone(), CallId::new(), worker, names, max, lease(LEASE)?))
    }

    /// Calls claim.
    pub(crate) async fn claim_with(&self, request: ClaimRequest) -> Result<ClaimAnswer, Violation> {
        Ok(self.store().claim(request).await?)
    }

    /// Claims at most `max` tasks.
    pub(crate) async fn claim(&self, max: u32) -> Result<Vec<Claim>, Violation> {
        Ok(self.claim_with(self.claim_request(max)?).await?.claims)
    }

    /// Claims the one task that is there.
    pub(crate) async fn claim_one(&self) -> Result<Claim, Violation> {
        one("the claims", self.claim(10).await?)
    }

    /// Claims that one task, and it must be this one.
    pub(crate) async fn claim_task(&self, task: TaskId) -> Result<Claim, Violation> {
        let claim = self.claim_one().await?;
        same("the claimed task", &claim.token.task, &task)?;
        Ok(claim)
    }

    /// Wants nothing to be there to claim.
    pub(crate) async fn claims_nothing(&self, what: &str) -> Result<(), Violation> {
        let claims = self.claim(10).await?;
        holds(what, claims.is_empty(), &claims, "no claim")
    }

    /// Spawns one task and claims it.
    pub(crate) async fn running(&self) -> Result<Token, Violation> {
        let task = self.spawn_one().await?;
        Ok(self.claim_task(task).await?.token)
    }

    /// Ends a run, and gives the answer as it is.
    pub(crate) async fn try_end(&self, token: Token, ending: Ending) -> Result<Fenced<EndAnswer>, Violation> {
        let request = self.claim_request(0)?.ending(vec![RunEnd { token, ending }]);
        let answer = self.claim_with(request).await?;
        holds("claims of a call for none", answer.claims.is_empty(), &answer.claims, "none")?;
        Ok(one("the answers to one end", answer.ends)?.map_err(Refusal::from))
    }

    /// Ends a run, which must succeed.
    pub(crate) async fn end(&self, token: Token, ending: Ending) -> Result<EndAnswer, Violation> {
        Ok(self.try_end(token, ending).await??)
    }

    /// Completes a run.
    pub(crate) async fn complete(&self, token: Token) -> Result<(), Violation> {
        same("complete", &self.end(token, complete()).await?, &EndAnswer::Completed)
    }

    /// Calls extend, and gives the answer as it is.
    pub(crate) async fn try_extend(&self, token: Token, by: u64) -> Result<Fenced<Timestamp>, Violation> {
        let item = ExtendItem { token, lease: lease(by)? };
        let answers = self.store().extend(ExtendRequest::new(self.queue.clone(), vec![item])).await?;
        Ok(one("the answers to one extend", answers)?.map_err(Refusal::from))
    }

    /// Calls wait for one run, and gives the answer as it is.
    pub(crate) async fn try_wait(
        &self,
        token: Token,
        waits: Vec<NewWait>,
        rest: Option<Rest>,
    ) -> Result<Fenced<WaitAnswer>, Violation> {
        let item = WaitItem { token, waits, rest };
        let answers = self.store().wait(WaitRequest::new(self.queue.clone(), vec![item])).await?;
        Ok(one("the answers to one wait", answers)?.map_err(Refusal::from))
    }

    /// Calls wait for one run, which must not be refused.
    pub(crate) async fn wait(
        &self,
        token: Token,
        waits: Vec<NewWait>,
        rest: Option<Rest>,
    ) -> Result<WaitAnswer, Violation> {
        Ok(self.try_wait(token, waits, rest).await??)
    }

    /// Registers one wait and rests on it, which must suspend.
    pub(crate) async fn suspend_on(&self, token: Token, wait: NewWait) -> Result<(), Violation> {
        let on = rest(&[&wait.key], 1);
        same("wait and rest", &self.wait(token, vec![wait], Some(on)).await?, &WaitAnswer::Suspended)
    }

    /// Saves one checkpoint, and gives the answer as it is.
    pub(crate) async fn try_save(&self, item: SaveItem) -> Result<Fenced<SaveAnswer>, Violation> {
        let answers = self.store().save(SaveRequest::new(self.queue.clone(), vec![item])).await?;
        Ok(one("the answers to one save", answers)?.map_err(Refusal::from))
    }

    /// Saves one checkpoint, which must be stored; gives the end of the lease.
    pub(crate) async fn save(&self, item: SaveItem) -> Result<Timestamp, Violation> {
        match self.try_save(item).await?? {
            SaveAnswer::Stored { expires_at } => Ok(expires_at),
            other => Err(Violation::new("save", format!("{other:?}"), "stored")),
        }
    }

    /// Loads all checkpoints of a run, and gives the refusal if there is one.
    pub(crate) async fn try_load(&self, token: Token) -> Result<Fenced<Vec<Checkpoint>>, Violation> {
        let (mut loaded, mut after) = (Vec::new(), 0);
        loop {
            let request = LoadRequest::new(self.queue.clone(), token, after, 1_000);
            let page = match self.store().load(request).await {
                Ok(page) => page,
                Err(refused) => return Ok(Err(refused.into())),
            };
            let last = page.checkpoints.last().map(|checkpoint| checkpoint.order);
            loaded.extend(page.checkpoints);
            match last {
                Some(order) if page.more && order > after => after = order,
                _ if page.more => {
                    return Err(Violation::new("a page of checkpoints", "no progress, but more", "progress"));
                }
                _ => return Ok(Ok(loaded)),
            }
        }
    }

    /// Loads all checkpoints of a run.
    pub(crate) async fn load(&self, token: Token) -> Result<Vec<Checkpoint>, Violation> {
        Ok(self.try_load(token).await??)
    }

    /// Emits an event.
    pub(crate) async fn emit(&self, name: &EventName, payload: &str) -> Result<EmitAnswer, Violation> {
        self.emit_write(write(name, payload)).await
    }

    /// Emits an event exactly so.
    pub(crate) async fn emit_write(&self, event: EventWrite) -> Result<EmitAnswer, Violation> {
        Ok(self.store().emit(EmitRequest::new(self.queue.clone(), event)).await?)
    }

    /// Cancels a task on request.
    pub(crate) async fn cancel(&self, task: TaskId) -> Result<CancelAnswer, Violation> {
        Ok(self.store().cancel(CancelRequest::new(self.queue.clone(), task, requested())).await?)
    }

    /// Asks how a task ended.
    pub(crate) async fn outcome(&self, task: TaskId) -> Result<Outcome, Violation> {
        Ok(self.store().outcome(OutcomeRequest::new(self.queue.clone(), task)).await?)
    }

    /// Does what is due, at most a thousand things.
    pub(crate) async fn tick(&self) -> Result<TickAnswer, Violation> {
        Ok(self.store().tick(TickRequest::new(self.queue.clone(), 1_000)).await?)
    }

    /// Removes what ended at least `age` milliseconds ago, events included.
    pub(crate) async fn purge(&self, age: u64) -> Result<PurgeAnswer, Violation> {
        use durable_core::model::EndState::{Cancelled, Completed, Failed};
        let states = vec![Completed, Failed, Cancelled];
        let request = PurgeRequest::new(self.queue.clone(), states, millis(age), 1_000).with_events();
        Ok(self.store().purge(request).await?)
    }

    /// Claims nothing, but asks when something is due next.
    pub(crate) async fn next_due(&self) -> Result<Option<Timestamp>, Violation> {
        Ok(self.claim_with(self.claim_request(0)?).await?.next_due)
    }

    /// Rests on one wait that must have ended.
    pub(crate) async fn met(&self, token: Token, key: &StepKey) -> Result<MetWait, Violation> {
        let met = met_waits(self.wait(token, vec![], Some(rest(&[key], 1))).await?)?;
        let met = one("the ended waits", met)?;
        same("the key of the ended wait", &met.key, key)?;
        Ok(met)
    }

    /// Spawns one child under a claim; it joins under `$child:{name}`.
    pub(crate) async fn spawn_child(
        &self,
        parent: Token,
        name: &str,
        on_close: ParentClosePolicy,
    ) -> Result<TaskId, Violation> {
        let child = child(name, on_close)?;
        let id = child.id;
        self.save(spawning(parent, &key(&format!("$spawn:{name}"))?, vec![child])).await?;
        Ok(id)
    }

    /// Sets the state of the queue.
    pub(crate) async fn put(&self, state: QueueState) -> Result<PutQueueAnswer, Violation> {
        Ok(self.store().put_queue(PutQueueRequest::new(self.queue.clone(), state)).await?)
    }

    /// Wants nothing to have changed since `before`.
    pub(crate) async fn unchanged(&self, before: &Snapshot, what: &str) -> Result<(), Violation> {
        before.unchanged(&self.snapshot().await?, what)
    }
}
