//! Crashes: a worker dies before or after each of its calls, and the next one finishes the work.

use std::sync::Arc;

use durable_core::store::StoreError;

use crate::faults::{Dead, Fault, FaultStore, Faults, Plan};
use crate::prelude::*;

const GROUP: &str = "crash";

pub(super) const CASES: &[Case] = &[
    case!(
        cx_1_a_worker_may_die_at_any_call,
        ["CX-1", "CX-3", "CX-4", "CX-6"],
        ["F1"],
        [Spawn, Claim, Save, Load, Wait, Tick, Outcome, Events, Task],
        "Whatever is half done when a process dies, the rest must be able to finish."
    ),
    case!(
        f2_workers_get_through_a_bad_connection,
        ["AM-1", "AM-2", "CO-3", "CX-7"],
        ["F2", "F1", "C7"],
        [Spawn, Claim, Save, Load, Wait, Tick, Outcome, Task],
        "A worker repeats each call unchanged until it is answered, and everything is done once."
    ),
];

/// One process: it makes its calls on a store of its own, and repeats what was not answered.
struct Process {
    ctx: Ctx,
    store: Arc<dyn Store>,
    /// It gives up when a call is not answered: then it is dead.
    dies: bool,
}

/// Why a process stopped.
enum Stop {
    Dead,
    Broken(Violation),
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Broken(violation)
    }
}

/// Makes a call until it is answered.
macro_rules! answered {
    ($process:expr, $call:expr) => {
        loop {
            match $call.await {
                Ok(answer) => break answer,
                Err(error) => $process.unanswered(error)?,
            }
        }
    };
}

impl Process {
    fn unanswered(&self, error: StoreError) -> Result<(), Stop> {
        match error.kind {
            StoreErrorKind::Unavailable if self.dies => Err(Stop::Dead),
            StoreErrorKind::Unavailable => Ok(()),
            _ => Err(Violation::from(error).into()),
        }
    }

    /// Works until nothing is ready or due any more.
    async fn works(&self) -> Result<(), Stop> {
        let ctx = &self.ctx;
        for _ in 0..1_000 {
            let request = ctx.claim_request(1)?;
            let mut repeated = false;
            let answer = loop {
                let call = if repeated { request.clone().repeated() } else { request.clone() };
                match self.store.claim(call).await {
                    Ok(answer) => break answer,
                    Err(error) => self.unanswered(error)?,
                }
                repeated = true;
            };
            for claim in &answer.claims {
                self.run(claim).await?;
            }
            if answer.claims.is_empty() && !repeated {
                match answer.next_due {
                    Some(due) if due > ctx.now() => ctx.clock.set(due),
                    Some(_) => {
                        answered!(self, self.store.tick(TickRequest::new(ctx.queue.clone(), 10)));
                    }
                    None => return Ok(()),
                }
            }
        }
        Err(Violation::new("a worker", "a thousand claims", "an end of the work").into())
    }

    /// Runs one claim: the parent when it has no parent, else the child.
    async fn run(&self, claim: &Claim) -> Result<(), Stop> {
        let load = LoadRequest::new(self.ctx.queue.clone(), claim.token, 0, 100);
        let loaded = loop {
            match self.store.load(load.clone()).await {
                Ok(page) => break page.checkpoints,
                Err(durable_core::store::FencedError::Fault(error)) => self.unanswered(error)?,
                Err(refused) => return Err(Violation::from(refused).into()),
            }
        };
        let stored = |name: &str| loaded.iter().any(|stored| stored.key.as_str() == name);
        for item in items(claim)? {
            if !stored(item.key.as_str()) {
                let save = SaveRequest::new(self.ctx.queue.clone(), vec![item]);
                let answers = answered!(self, self.store.save(save.clone()));
                one("the answers", answers)?.map_err(Violation::from)?;
            }
        }
        if claim.parent.is_none() && !self.rests(claim.token, child_of(claim.token.task)).await? {
            return Ok(());
        }
        let result = json(if claim.parent.is_none() { r#""parent""# } else { r#""child""# });
        let end = RunEnd { token: claim.token, ending: Ending::Complete { result } };
        let end = self.ctx.claim_request(0)?.ending(vec![end]);
        let answers = answered!(self, self.store.claim(end.clone())).ends;
        same(
            "the end of a run",
            &one("the answers", answers)?.map_err(Refusal::from),
            &Ok(EndAnswer::Completed),
        )?;
        Ok(())
    }

    /// Rests on a timer, an event and the child; `true` when all have ended.
    async fn rests(&self, token: Token, child: TaskId) -> Result<bool, Stop> {
        let (timer, emitted, join) = (key("timer")?, key("emitted")?, join_key("c")?);
        let waits =
            vec![on_time(&timer, 100), on_event(&emitted, &event("e")?, None), on_child(&join, child)];
        let item = WaitItem { token, waits, rest: Some(rest(&[&timer, &emitted, &join], 3)) };
        let wait = WaitRequest::new(self.ctx.queue.clone(), vec![item]);
        let answers = answered!(self, self.store.wait(wait.clone()));
        let answer = one("the answers", answers)?.map_err(Violation::from)?;
        Ok(answer != WaitAnswer::Suspended)
    }
}

/// The child of a parent: the same for every process that spawns it.
fn child_of(parent: TaskId) -> TaskId {
    let mut bytes = *parent.as_uuid().as_bytes();
    bytes.reverse();
    TaskId::from_uuid(uuid::Uuid::from_bytes(bytes))
}

/// What the run of a claim stores, in order.
fn items(claim: &Claim) -> Result<Vec<SaveItem>, Violation> {
    let token = claim.token;
    if claim.parent.is_some() {
        return Ok(vec![step(token, &key("c1")?, "1")]);
    }
    let mut child = child("c", ParentClosePolicy::Cancel)?;
    child.id = child_of(token.task);
    let emitted = EventWrite { id: EmitId::from_uuid(token.task.as_uuid()), ..write(&event("e")?, "7") };
    Ok(vec![
        step(token, &key("s1")?, "1"),
        spawning(token, &key("$spawn:c")?, vec![child]),
        emitting(token, &key("$emit:e")?, emitted),
    ])
}

/// What must be left in the end, whatever happened on the way.
async fn all_is_done(ctx: &Ctx, parent: TaskId, when: &str) -> Verdict {
    let child = child_of(parent);
    for (task, result) in [(parent, r#""parent""#), (child, r#""child""#)] {
        let outcome = ctx.outcome(task).await?;
        same(&format!("the outcome, {when}"), &outcome, &Outcome::Completed(json(result)))?;
    }
    let history = ctx.detail(parent).await?.history.items.into_iter();
    let mut stored: Vec<_> = history
        .filter_map(|entry| match entry {
            HistoryEntry::Checkpoint { checkpoint, .. } => Some((checkpoint.key.to_string(), checkpoint.end)),
            HistoryEntry::Run(_) => None,
        })
        .collect();
    stored.sort_by(|left, right| left.0.cmp(&right.0));
    let wanted = [
        ("$child:c", value(r#""child""#)),
        ("$emit:e", value("null")),
        ("$spawn:c", value("[]")),
        ("emitted", value("7")),
        ("s1", value("1")),
        ("timer", End::Timeout),
    ];
    let wanted = wanted.map(|(key, end)| (key.to_owned(), end)).to_vec();
    same(&format!("the checkpoints, {when}"), &stored, &wanted)
}

async fn cx_1_a_worker_may_die_at_any_call(ctx: Ctx) -> Verdict {
    let mut call = 1;
    loop {
        let mut reached = false;
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let when = format!("after a crash, {fault:?} call {call}");
            let on = ctx.another_queue(&when).await?;
            let parent = on.spawn_one().await?;
            let faults = Faults::new(Plan::new().at_call(call, fault).when_dead(Dead::Refuses));
            let store: Arc<dyn Store> = Arc::new(FaultStore::new(on.a.clone(), faults.clone()));
            let first = Process { ctx: on.clone(), store, dies: true };
            match first.works().await {
                Ok(()) | Err(Stop::Dead) => {}
                Err(Stop::Broken(violation)) => return Err(violation),
            }
            reached |= faults.is_dead();
            on.advance(LEASE);
            let second = Process { ctx: on.clone(), store: on.b.clone(), dies: true };
            if let Err(Stop::Broken(violation)) = second.works().await {
                return Err(violation);
            }
            all_is_done(&on, parent, &when).await?;
            let events = on.store().events(EventsRequest::new(on.queue.clone(), None)).await?.items;
            same(&format!("the events, {when}"), &events.len(), &1)?;
            let attempt = on.view(parent).await?.attempt;
            holds("the attempts", attempt <= 2, attempt, "one, or two after the crash")?;
        }
        if !reached {
            break;
        }
        call += 1;
    }
    on_the_way(&ctx, call).await
}

/// The sweep went through all the calls of a whole run, and a tick finds nothing left to do.
async fn on_the_way(ctx: &Ctx, calls: u64) -> Verdict {
    holds("how many calls the sweep went through", calls > 12, calls, "more than a dozen")?;
    same("what is left to do", &ctx.tick().await?, &TickAnswer::default())
}

async fn f2_workers_get_through_a_bad_connection(ctx: Ctx) -> Verdict {
    let mut parents = Vec::new();
    for _ in 0..10 {
        parents.push(ctx.spawn_one().await?);
    }
    let bad = vec![Fault::DropRequest, Fault::LoseRequest, Fault::DropReply];
    for seed in 1..=2 {
        let faults = Faults::new(Plan::new().random(seed, 400, bad.clone()));
        let store: Arc<dyn Store> = Arc::new(FaultStore::new(ctx.store().clone(), faults.clone()));
        let process = Process { ctx: ctx.clone(), store, dies: false };
        if let Err(Stop::Broken(violation)) = process.works().await {
            return Err(violation);
        }
        holds("the calls", faults.calls() > 2, faults.calls(), "some")?;
    }
    same("what is left to do", &ctx.tick().await?, &TickAnswer::default())?;
    for parent in parents {
        all_is_done(&ctx, parent, "over a bad connection").await?;
        for task in [parent, child_of(parent)] {
            let view = ctx.view(task).await?;
            same("the attempts", &view.attempt, &1)?;
        }
    }
    Ok(())
}
