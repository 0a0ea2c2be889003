//! Random calls of a worker: what needs a claim, and the claims.

use durable_core::model::{
    CancelCause, CheckpointKind, Deadline, EventName, ParentClosePolicy, TaskId, TaskName, Token, WorkerName,
};
use durable_core::store::{
    CancelRequest, ClaimRequest, Effect, EmitRequest, Ending, ExtendItem, ExtendRequest, LoadRequest,
    NewTask, NewWait, ParentLink, Rest, RetryAfter, RetryRequest, RunEnd, SaveItem, SaveRequest,
    SpawnRequest, TickRequest, WaitItem, WaitRequest, WaitSource,
};

use super::pair::{Pair, both};
use super::shown::Answer;
use super::things::Child;
use crate::ctx::steps::{json, key, millis};
use crate::expect::Violation;

impl Pair {
    fn ending(&mut self) -> Ending {
        let wait = millis(self.tape.of_them(0, [15]));
        match self.tape.below(5) {
            0 | 1 => Ending::Complete { result: json("\"done\"") },
            2 => Ending::Fail { failure: json("\"f\""), retry: RetryAfter::Never },
            3 => Ending::Fail { failure: json("\"r\""), retry: RetryAfter::After(wait) },
            _ => Ending::Release { after: wait },
        }
    }

    fn some_ends(&mut self) -> Vec<RunEnd> {
        if self.tape.below(3) == 0 {
            return Vec::new();
        }
        let tokens = self.some_tokens();
        tokens.into_iter().map(|token| RunEnd { token, ending: self.ending() }).collect()
    }

    /// Ends runs and claims; now and then by a call that was made before, unchanged but for the mark of a repeat.
    pub(super) async fn claim(&mut self) -> Result<(), Violation> {
        let before = if self.tape.one_in(8) { self.tape.of_these(&self.things.claims) } else { None };
        let mut request = match before {
            Some(request) => request,
            None => self.new_claim()?,
        };
        request.repeat = self.tape.one_in(8);
        self.things.claims.push(request.clone());
        if let Ok(claimed) = both!(self, claim, request) {
            self.things.tokens.extend(claimed.claims.iter().map(|claim| claim.token));
        }
        Ok(())
    }

    pub(super) fn new_claim(&mut self) -> Result<ClaimRequest, Violation> {
        let ends = self.some_ends();
        let names: &[&str] = self.tape.of_them(&["a", "b"], [&["a", "b"], &["a", "b"], &["a"], &["b"], &[]]);
        let names = names.iter().map(TaskName::new).collect::<Result<Vec<_>, _>>()?;
        let max = self.tape.of_them(1, [0, 2, 3]);
        let worker = WorkerName::new(self.tape.of_them("w", ["v"]))?;
        let (call, lease) = (self.new_call(), self.lease(20, 60)?);
        Ok(ClaimRequest::new(self.queue.clone(), call, worker, names, max, lease).ending(ends))
    }

    pub(super) async fn save(&mut self) -> Result<(), Violation> {
        let mut items = Vec::new();
        for token in self.some_tokens() {
            let (kind, effect) = match self.tape.below(5) {
                0..3 => (CheckpointKind::Step, Effect::None),
                3 => (CheckpointKind::Spawn, Effect::Spawn(self.new_children(token)?)),
                _ => (CheckpointKind::Emit, Effect::Emit(self.new_write()?)),
            };
            let payload = json(self.tape.of_them("1", ["1", "2"]));
            items.push(SaveItem {
                token,
                key: self.step_key()?,
                kind,
                payload,
                took: self.millis(5),
                effect,
            });
        }
        let _ = both!(self, save, SaveRequest::new(self.queue.clone(), items));
        Ok(())
    }

    pub(super) async fn spawn_children(&mut self, token: Token) -> Result<(), Violation> {
        let effect = Effect::Spawn(self.new_children(token)?);
        let (key, kind, payload) = (self.step_key()?, CheckpointKind::Spawn, json("1"));
        let item = SaveItem { token, key, kind, payload, took: millis(0), effect };
        let _ = both!(self, save, SaveRequest::new(self.queue.clone(), vec![item]));
        Ok(())
    }

    fn new_children(&mut self, parent: Token) -> Result<Vec<NewTask>, Violation> {
        (0..=self.tape.below(2)).map(|_| self.new_child(parent.task)).collect()
    }

    fn new_child(&mut self, parent: TaskId) -> Result<NewTask, Violation> {
        let mut child = self.new_task()?;
        let on_close = self
            .tape
            .of_them(ParentClosePolicy::Cancel, [ParentClosePolicy::Cancel, ParentClosePolicy::Abandon]);
        self.link(&mut child, parent, on_close)?;
        Ok(child)
    }

    fn link(
        &mut self,
        child: &mut NewTask,
        parent: TaskId,
        on_close: ParentClosePolicy,
    ) -> Result<(), Violation> {
        let join_key = key(&format!("join{}", self.things.children.len()))?;
        child.parent = Some(ParentLink { join_key: join_key.clone(), on_close });
        self.things.children.push(Child { id: child.id, parent, join_key });
        Ok(())
    }

    fn new_wait(&mut self, token: Token) -> Result<NewWait, Violation> {
        let deadline = match self.tape.below(3) {
            0 => None,
            1 => Some(Deadline::After(self.millis(40))),
            _ => Some(Deadline::At(self.clock.now().after(self.millis(40)))),
        };
        let own: Vec<Child> =
            self.things.children.iter().filter(|child| child.parent == token.task).cloned().collect();
        let child = self.tape.of_these(&own);
        let (key, source) = match (self.tape.below(6), child) {
            (0, _) => (self.step_key()?, WaitSource::Time),
            (1..4, Some(child)) => (child.join_key, WaitSource::Child(child.id)),
            // Under a key that is not the child's.
            (4, Some(child)) if self.tape.one_in(4) => (self.step_key()?, WaitSource::Child(child.id)),
            _ => (self.step_key()?, WaitSource::Event(self.event_name()?)),
        };
        Ok(NewWait { key, source, deadline })
    }

    fn wait_item(&mut self, token: Token) -> Result<WaitItem, Violation> {
        let count = self.tape.of_them(1, [0, 1, 2, 3]);
        let waits = (0..count).map(|_| self.new_wait(token)).collect::<Result<Vec<_>, _>>()?;
        if self.tape.one_in(2) {
            return Ok(WaitItem { token, waits, rest: None });
        }
        let mut keys: Vec<_> = waits.iter().map(|wait| wait.key.clone()).collect();
        if self.tape.one_in(3) {
            keys.push(self.step_key()?);
        }
        let need = 1 + u32::try_from(self.tape.below(keys.len())).unwrap_or_default();
        Ok(WaitItem { token, waits, rest: Some(Rest { keys, need }) })
    }

    pub(super) async fn wait(&mut self) -> Result<(), Violation> {
        let tokens = self.some_tokens();
        let items = tokens.into_iter().map(|token| self.wait_item(token)).collect::<Result<Vec<_>, _>>()?;
        let _ = both!(self, wait, WaitRequest::new(self.queue.clone(), items));
        Ok(())
    }

    pub(super) async fn extend(&mut self) -> Result<(), Violation> {
        let mut items = Vec::new();
        for token in self.some_tokens() {
            items.push(ExtendItem { token, lease: self.lease(10, 60)? });
        }
        let _ = both!(self, extend, ExtendRequest::new(self.queue.clone(), items));
        Ok(())
    }

    pub(super) async fn load(&mut self) -> Result<(), Violation> {
        let Some(token) = self.a_token() else { return Ok(()) };
        let (after, limit) = (u64::from(self.tape.small(2)), 1 + self.tape.small(2));
        let _ = both!(self, load, LoadRequest::new(self.queue.clone(), token, after, limit));
        Ok(())
    }

    /// More children than one step cancels, or more waits than one step ends; and then what meets the mark.
    pub(super) async fn crowd(&mut self) -> Result<(), Violation> {
        if self.things.crowds == 2 {
            return Ok(());
        }
        let Some(token) = self.held_token().await? else { return Ok(()) };
        self.things.crowds += 1;
        if self.things.crowds == 1 { self.many_children(token).await } else { self.many_waits(token).await }
    }

    /// A claim that surely holds for a while; none while nothing is handed out.
    pub(super) async fn held_token(&mut self) -> Result<Option<Token>, Violation> {
        let task = self.new_root()?;
        let _ = both!(self, spawn, SpawnRequest::new(self.queue.clone(), vec![task]));
        let names = ["a", "b"].map(TaskName::new).into_iter().collect::<Result<Vec<_>, _>>()?;
        let (call, worker, lease) = (self.new_call(), WorkerName::new("w")?, self.lease(1_000, 1)?);
        let request = ClaimRequest::new(self.queue.clone(), call, worker, names, 1, lease);
        let claimed = both!(self, claim, request);
        let token = claimed.ok().and_then(|claimed| claimed.claims.first().map(|claim| claim.token));
        self.things.tokens.extend(token);
        Ok(token)
    }

    async fn many_children(&mut self, token: Token) -> Result<(), Violation> {
        let count = 501 + self.tape.below(80);
        let mut children = Vec::new();
        for _ in 0..count {
            let id = TaskId::from_uuid(uuid::Uuid::from_u128(
                (0x7000_8000 << 48) | u128::try_from(self.things.tasks.len() + 1).unwrap_or_default(),
            ));
            self.things.tasks.push(id);
            let mut child = NewTask::new(id, TaskName::new("a")?, json("null"));
            self.link(&mut child, token.task, ParentClosePolicy::Cancel)?;
            children.push(child);
        }
        let (kind, effect) = (CheckpointKind::Spawn, Effect::Spawn(children));
        let item = SaveItem { token, key: key("crowd")?, kind, payload: json("1"), took: millis(0), effect };
        let _ = both!(self, save, SaveRequest::new(self.queue.clone(), vec![item]));
        let cancel =
            CancelRequest::new(self.queue.clone(), token.task, CancelCause::Requested { reason: None });
        if self.tape.one_in(2) {
            let _ = both!(self, cancel, cancel.clone());
        } else {
            let ending = Ending::Fail { failure: json("1"), retry: RetryAfter::Never };
            let (call, worker) = (self.new_call(), WorkerName::new("w")?);
            let request = ClaimRequest::new(self.queue.clone(), call, worker, vec![], 0, self.lease(20, 1)?);
            let _ = both!(self, claim, request.ending(vec![RunEnd { token, ending }]));
        }
        let _ = both!(self, cancel, cancel);
        let _ = both!(self, retry, RetryRequest::new(self.queue.clone(), token.task, 1, None));
        Ok(())
    }

    async fn many_waits(&mut self, token: Token) -> Result<(), Violation> {
        // Its own event: which of the waits of several tasks a step reaches is the store's to say.
        let (event, count) = (EventName::new("crowd")?, 501 + self.tape.below(80));
        let mut waits = Vec::new();
        for number in 0..count {
            let source = WaitSource::Event(event.clone());
            waits.push(NewWait { key: key(&format!("many{number}"))?, source, deadline: None });
        }
        let items = vec![WaitItem { token, waits, rest: None }];
        let _ = both!(self, wait, WaitRequest::new(self.queue.clone(), items));
        for limit in [self.tape.of_them(1_000, [1, 30]), 1_000] {
            let mut write = self.new_write()?;
            write.name = event.clone();
            let _ = both!(self, emit, EmitRequest::new(self.queue.clone(), write));
            self.compare_all().await?;
            let _ = both!(self, tick, TickRequest::new(self.queue.clone(), limit));
        }
        Ok(())
    }
}
