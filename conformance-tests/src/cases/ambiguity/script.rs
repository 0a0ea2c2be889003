//! A scene, written down before it is played: ids and tokens are known beforehand, so it can be played in two places.

use std::collections::BTreeMap;

use super::call::{Call, shown};
use crate::prelude::*;

/// One thing that happens in a scene.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Call(Call),
    /// So many milliseconds pass.
    Passes(u64),
}

impl Step {
    pub(super) const fn call(&self) -> Option<&Call> {
        match self {
            Self::Call(call) => Some(call),
            Self::Passes(_) => None,
        }
    }
}

/// What a caller hears when it asks again.
#[derive(Debug, Clone)]
pub(super) enum Again {
    /// The first answer.
    Same,
    /// That it is done already.
    Says(String),
    /// That there is nothing left to do. Two that ask at once may share the work.
    Nothing(String),
}

/// A call that is in doubt, with what comes before and after it.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) before: Vec<Step>,
    pub(super) call: Call,
    pub(super) again: Again,
    /// What happens until a late copy of the call arrives; the copy must have no effect then.
    pub(super) after: Vec<Step>,
}

impl Scene {
    /// The calls that it makes.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.before.iter().chain(&self.after).filter_map(Step::call).chain([&self.call])
    }
}

/// Writes down a scene.
pub(super) struct Script {
    pub(super) queue: QueueName,
    claims: BTreeMap<TaskId, u64>,
    before: Vec<Step>,
    in_doubt: Option<(Call, Again)>,
    after: Vec<Step>,
}

impl Script {
    /// A scene on a queue that does not exist yet.
    pub(super) fn new(queue: &QueueName) -> Self {
        Self {
            queue: queue.clone(),
            claims: BTreeMap::new(),
            before: Vec::new(),
            in_doubt: None,
            after: Vec::new(),
        }
    }

    /// The scene; it must have a call in doubt.
    pub(super) fn scene(self) -> Result<Scene, Violation> {
        let (call, again) = some("the call in doubt", self.in_doubt)?;
        Ok(Scene { before: self.before, call, again, after: self.after })
    }

    fn step(&mut self, step: Step) {
        let steps = if self.in_doubt.is_some() { &mut self.after } else { &mut self.before };
        steps.push(step);
    }

    /// Makes a call.
    pub(super) fn call(&mut self, call: Call) {
        self.step(Step::Call(call));
    }

    /// Lets so many milliseconds pass.
    pub(super) fn passes(&mut self, count: u64) {
        self.step(Step::Passes(count));
    }

    /// Makes the call that is in doubt. What is written from here on comes after it, and a little later.
    pub(super) fn doubts(&mut self, call: Call, again: Again) {
        let moves_with_time = call.moves_a_lease();
        self.in_doubt = Some((call, again));
        if !moves_with_time {
            self.passes(1);
        }
    }

    /// The call that is in doubt gives the same answer again.
    pub(super) fn doubts_with_one_answer(&mut self, call: Call) {
        self.doubts(call, Again::Same);
    }

    pub(super) fn put(&self, state: QueueState) -> Call {
        Call::PutQueue(PutQueueRequest::new(self.queue.clone(), state))
    }

    pub(super) fn opens(&mut self) {
        self.call(self.put(QueueState::Open));
    }

    pub(super) fn spawn(&self, tasks: Vec<NewTask>) -> Call {
        Call::Spawn(SpawnRequest::new(self.queue.clone(), tasks))
    }

    /// Spawns one plain task.
    pub(super) fn spawns(&mut self) -> Result<TaskId, Violation> {
        let task = job()?;
        let id = task.id;
        self.call(self.spawn(vec![task]));
        Ok(id)
    }

    /// A claim call that takes at most `max` tasks.
    pub(super) fn claim(&self, max: u32) -> Result<ClaimRequest, Violation> {
        let (worker, names) = (WorkerName::new("worker")?, vec![TaskName::new("job")?]);
        Ok(ClaimRequest::new(self.queue.clone(), CallId::new(), worker, names, max, lease(LEASE)?))
    }

    /// The token that a claim call gives for a task that it takes.
    pub(super) fn token(&mut self, request: &ClaimRequest, task: TaskId) -> Token {
        let claim = self.claims.entry(task).or_default();
        *claim += 1;
        Token { task, call: request.call, claim: *claim }
    }

    /// Claims the task, which is the first one ready.
    pub(super) fn claims(&mut self, task: TaskId) -> Result<Token, Violation> {
        let request = self.claim(1)?;
        let token = self.token(&request, task);
        self.call(Call::Claim(request));
        Ok(token)
    }

    /// Spawns one plain task and claims it.
    pub(super) fn runs(&mut self) -> Result<Token, Violation> {
        let task = self.spawns()?;
        self.claims(task)
    }

    pub(super) fn end(&self, token: Token, ending: Ending) -> Result<Call, Violation> {
        Ok(Call::Claim(self.claim(0)?.ending(vec![RunEnd { token, ending }])))
    }

    pub(super) fn ends(&mut self, token: Token, ending: Ending) -> Verdict {
        let call = self.end(token, ending)?;
        self.call(call);
        Ok(())
    }

    pub(super) fn wait(&self, token: Token, waits: Vec<NewWait>, rest: Option<Rest>) -> Call {
        Call::Wait(WaitRequest::new(self.queue.clone(), vec![WaitItem { token, waits, rest }]))
    }

    /// Waits for one thing and rests on it.
    pub(super) fn rest_on(&self, token: Token, wait: NewWait) -> Call {
        let on = rest(&[&wait.key], 1);
        self.wait(token, vec![wait], Some(on))
    }

    pub(super) fn save(&self, item: SaveItem) -> Call {
        Call::Save(SaveRequest::new(self.queue.clone(), vec![item]))
    }

    /// Spawns a child, which joins under [`join_key`].
    pub(super) fn spawns_child(&mut self, parent: Token, name: &str) -> Result<TaskId, Violation> {
        let child = child(name, ParentClosePolicy::Cancel)?;
        let id = child.id;
        self.call(self.save(spawning(parent, &key(&format!("$spawn:{name}"))?, vec![child])));
        Ok(id)
    }

    pub(super) fn emit(&self, event: EventWrite) -> Call {
        Call::Emit(EmitRequest::new(self.queue.clone(), event))
    }

    pub(super) fn cancel(&self, task: TaskId) -> Call {
        Call::Cancel(CancelRequest::new(self.queue.clone(), task, requested()))
    }

    pub(super) fn tick(&self) -> Call {
        Call::Tick(TickRequest::new(self.queue.clone(), 100))
    }

    /// Removes everything that has ended, events included.
    pub(super) fn purge(&self) -> Call {
        let states = vec![EndState::Completed, EndState::Failed, EndState::Cancelled];
        Call::Purge(PurgeRequest::new(self.queue.clone(), states, Millis::ZERO, 100).with_events())
    }
}

impl Again {
    pub(super) fn says(answer: impl std::fmt::Debug) -> Self {
        Self::Says(shown(answer))
    }

    /// What the caller hears, given the first answer.
    pub(super) fn after<'a>(&'a self, first: &'a str) -> &'a str {
        match self {
            Self::Same => first,
            Self::Says(answer) | Self::Nothing(answer) => answer,
        }
    }
}
