//! Makes the calls of a worker: what needs a claim, and the claims.

use durable_core::model::{
    CheckpointKind, Deadline, EventName, Lease, ParentClosePolicy, TaskId, TaskName, Token, WorkerName,
};
use durable_core::store::{
    self, ClaimRequest, ExtendItem, ExtendRequest, LoadRequest, NewTask, NewWait, ParentLink, RetryAfter,
    RunEnd, SaveItem, SaveRequest, WaitItem, WaitRequest, WaitSource,
};

use super::op::{
    Claim, Effect, End, Ending, Extend, Held, Job, Name, Names, Rest, Save, Source, Until, Wait, Waits,
};
use super::pair::{Pair, both};
use super::picks::{Child, Request, event_name, payload, step_key, task_name};
use super::shown::Answer;
use crate::ctx::steps::{json, key, lease, millis};
use crate::expect::Violation;

impl Pair {
    /// Ends runs and claims.
    pub(super) async fn claim(&mut self, claim: &Claim) -> Result<(), Violation> {
        let ends = self.things.batch(&claim.ends, |end: &End| end.claim);
        let ends = ends.into_iter().map(|(token, end)| {
            self.meets("claim", token.task);
            RunEnd { token, ending: ending(end.ending) }
        });
        let ends = ends.collect();
        let names: &[Name] = match claim.names {
            Names::Both => &[Name::A, Name::B],
            Names::A => &[Name::A],
            Names::B => &[Name::B],
            Names::None => &[],
        };
        let names = names.iter().map(|name| task_name(*name)).collect::<Result<Vec<_>, _>>()?;
        let mut request = self.claim_request(
            names,
            claim.max.into(),
            lease(claim.lease.max(1).into())?,
            claim.other_worker,
        )?;
        request.repeat = claim.repeat;
        self.ask(Request::Claim(request.ending(ends))).await
    }

    pub(super) fn claim_request(
        &mut self,
        names: Vec<TaskName>,
        max: u32,
        lease: Lease,
        other_worker: bool,
    ) -> Result<ClaimRequest, Violation> {
        let worker = WorkerName::new(if other_worker { "v" } else { "w" })?;
        Ok(ClaimRequest::new(self.queue.clone(), self.things.new_call(), worker, names, max, lease))
    }

    pub(super) async fn save(&mut self, items: &[Save]) -> Result<(), Violation> {
        let batch = self.things.batch(items, |item| item.claim);
        let items = batch.into_iter().map(|(token, item)| self.save_item(token, &item));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        self.ask(Request::Save(SaveRequest::new(self.queue.clone(), items))).await
    }

    fn save_item(&mut self, token: Token, item: &Save) -> Result<SaveItem, Violation> {
        self.meets("save", token.task);
        let (kind, effect) = match &item.effect {
            Effect::None => (CheckpointKind::Step, store::Effect::None),
            Effect::Spawn(jobs) => {
                let children = jobs.iter().map(|job| self.new_child(token.task, *job));
                (CheckpointKind::Spawn, store::Effect::Spawn(children.collect::<Result<Vec<_>, _>>()?))
            }
            Effect::Emit(emit) => (CheckpointKind::Emit, store::Effect::Emit(self.things.new_write(*emit)?)),
        };
        let (key, payload) = (step_key(item.key)?, payload(item.payload));
        Ok(SaveItem { token, key, kind, payload, took: millis(item.took.into()), effect })
    }

    fn new_child(&mut self, parent: TaskId, job: Job) -> Result<NewTask, Violation> {
        let mut child = self.things.new_task(job)?;
        let join_key = key(&format!("join{}", self.things.children.len()))?;
        let on_close = if job.abandoned { ParentClosePolicy::Abandon } else { ParentClosePolicy::Cancel };
        child.parent = Some(ParentLink { join_key: join_key.clone(), on_close });
        self.things.children.push(Child { id: child.id, parent, join_key });
        Ok(child)
    }

    pub(super) async fn wait(&mut self, items: &[Waits]) -> Result<(), Violation> {
        let batch = self.things.batch(items, |item| item.claim);
        let items = batch.into_iter().map(|(token, item)| self.wait_item(token, &item));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        self.ask(Request::Wait(WaitRequest::new(self.queue.clone(), items))).await
    }

    fn wait_item(&mut self, token: Token, item: &Waits) -> Result<WaitItem, Violation> {
        self.meets("wait", token.task);
        let waits = item.on.iter().filter_map(|wait| self.new_wait(token, *wait).transpose());
        let waits = waits.collect::<Result<Vec<_>, _>>()?;
        let rest = item.rest.map(|rest| rest_on(&waits, rest)).transpose()?;
        Ok(WaitItem { token, waits, rest })
    }

    fn new_wait(&self, token: Token, wait: Wait) -> Result<Option<NewWait>, Violation> {
        let key = step_key(wait.key)?;
        let (key, source) = match wait.source {
            Source::Time => (key, WaitSource::Time),
            Source::Event(event) => (key, WaitSource::Event(event_name(event)?)),
            Source::Child { which, under_its_key } => match self.things.child(token.task, which) {
                None => return Ok(None),
                Some(child) if under_its_key => (child.join_key, WaitSource::Child(child.id)),
                Some(child) => (key, WaitSource::Child(child.id)),
            },
        };
        let deadline = match wait.until {
            Until::Never => None,
            Until::After(time) => Some(Deadline::After(millis(time.into()))),
            Until::At(time) => Some(Deadline::At(self.clock.now().after(millis(time.into())))),
        };
        Ok(Some(NewWait { key, source, deadline }))
    }

    pub(super) async fn extend(&mut self, items: &[Extend]) -> Result<(), Violation> {
        let mut extended = Vec::new();
        for (token, item) in self.things.batch(items, |item| item.claim) {
            self.meets("extend", token.task);
            extended.push(ExtendItem { token, lease: lease(item.lease.max(1).into())? });
        }
        self.ask(Request::Extend(ExtendRequest::new(self.queue.clone(), extended))).await
    }

    pub(super) async fn load(&mut self, claim: Held, after: u8, limit: u8) -> Result<(), Violation> {
        let Some(token) = self.things.token(claim) else { return Ok(()) };
        self.meets("load", token.task);
        let request = LoadRequest::new(self.queue.clone(), token, after.into(), limit.max(1).into());
        let _ = both!(self, load, request);
        Ok(())
    }

    /// Once: they are slow.
    pub(super) async fn many_children(&mut self, claim: Held, more: u8) -> Result<(), Violation> {
        let token = self.things.token(claim).filter(|_| !self.things.many_children);
        let Some(token) = token else { return Ok(()) };
        self.things.many_children = true;
        let children = (0..501 + usize::from(more)).map(|_| self.new_child(token.task, Job::default()));
        let effect = store::Effect::Spawn(children.collect::<Result<Vec<_>, _>>()?);
        let (key, kind, payload) = (key("many children")?, CheckpointKind::Spawn, json("1"));
        let item = SaveItem { token, key, kind, payload, took: millis(0), effect };
        let _ = both!(self, save, SaveRequest::new(self.queue.clone(), vec![item]));
        Ok(())
    }

    /// Once: which of the waits of several tasks a step reaches is the store's to say.
    pub(super) async fn many_waits(&mut self, claim: Held, more: u8) -> Result<(), Violation> {
        let token = self.things.token(claim).filter(|_| !self.things.many_waits);
        let Some(token) = token else { return Ok(()) };
        self.things.many_waits = true;
        let source = WaitSource::Event(EventName::new("crowd")?);
        let wait = |number| {
            Ok(NewWait { key: key(&format!("many{number}"))?, source: source.clone(), deadline: None })
        };
        let waits = (0..501 + u32::from(more)).map(wait).collect::<Result<Vec<_>, Violation>>()?;
        let items = vec![WaitItem { token, waits, rest: None }];
        let _ = both!(self, wait, WaitRequest::new(self.queue.clone(), items));
        Ok(())
    }
}

fn ending(ending: Ending) -> store::Ending {
    match ending {
        Ending::Complete => store::Ending::Complete { result: json("\"done\"") },
        Ending::FailForGood => store::Ending::Fail { failure: json("\"f\""), retry: RetryAfter::Never },
        Ending::Retry(after) => {
            store::Ending::Fail { failure: json("\"r\""), retry: RetryAfter::After(millis(after.into())) }
        }
        Ending::Release(after) => store::Ending::Release { after: millis(after.into()) },
    }
}

fn rest_on(waits: &[NewWait], rest: Rest) -> Result<store::Rest, Violation> {
    let mut keys: Vec<_> = waits.iter().map(|wait| wait.key.clone()).collect();
    keys.extend(rest.one_more.map(step_key).transpose()?);
    let need = 1 + usize::from(rest.need).checked_rem(keys.len()).unwrap_or_default();
    Ok(store::Rest { keys, need: u32::try_from(need).unwrap_or(u32::MAX) })
}
