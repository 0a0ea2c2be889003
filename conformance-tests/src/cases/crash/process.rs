//! A worker's process, written by hand: it makes its calls one after another, so that each of them can be named.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use durable_core::store::{ClaimAnswer, FencedError, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::golden::{BACKOFF, Ledger, Op, Role};
use crate::faults::{Dead, Fault, FaultStore, Faults, Plan};
use crate::prelude::*;

/// One process: it makes its calls on a store of its own, and repeats what was not answered.
#[derive(Clone)]
pub(super) struct Process {
    ctx: Ctx,
    store: Arc<dyn Store>,
    pub(super) faults: Faults,
    ledger: Ledger,
    /// It gives up when a call is not answered: then it is dead.
    dies: bool,
    /// After so many calls it is told to stop.
    told_after: u64,
    /// Its calls are under a claim.
    is_at_work: Arc<AtomicBool>,
    has_ended: Arc<Notify>,
}

/// Why a process stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// It died.
    Dead,
    /// It was told to, and has handed back its claim.
    Told,
    /// Its claim was lost.
    Refused,
    Broken(Violation),
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Broken(violation)
    }
}

/// A claim is done with when its run has ended or rests.
enum Run {
    GoesOn,
    Rests,
}

impl Process {
    /// A process over a handle of `ctx`, with its own faults; it dies of what is not answered.
    pub(super) fn new(ctx: &Ctx, ledger: &Ledger, plan: Plan) -> Self {
        let faults = Faults::new(plan.when_dead(Dead::Refuses));
        let store: Arc<dyn Store> = Arc::new(FaultStore::new(ctx.store().clone(), faults.clone()));
        Self {
            ctx: ctx.clone(),
            store,
            faults,
            ledger: ledger.clone(),
            dies: true,
            told_after: u64::MAX,
            is_at_work: Arc::default(),
            has_ended: Arc::default(),
        }
    }

    /// One that meets `fault` at its call number `call`.
    pub(super) fn with_fault(ctx: &Ctx, ledger: &Ledger, call: u64, fault: Fault) -> Self {
        Self::new(ctx, ledger, Plan::new().at_call(call, fault))
    }

    /// It repeats what was not answered.
    pub(super) fn tireless(self) -> Self {
        Self { dies: false, ..self }
    }

    /// It is told to stop after so many calls.
    pub(super) fn told_after(self, calls: u64) -> Self {
        Self { told_after: calls, ..self }
    }

    fn unanswered(&self, error: StoreError) -> Result<(), Stop> {
        match error.kind {
            StoreErrorKind::Unavailable if self.dies => Err(Stop::Dead),
            StoreErrorKind::Unavailable => Ok(()),
            _ => Err(Violation::from(error).into()),
        }
    }

    /// Makes a call until it is answered.
    async fn answered<T, F>(&self, make: impl Fn() -> F) -> Result<T, Stop>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            if self.faults.calls() >= self.told_after {
                return Err(Stop::Told);
            }
            match make().await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.unanswered(error)?,
            }
        }
    }

    /// Works until nothing is ready or due any more.
    pub(super) async fn works(&self) -> Result<(), Stop> {
        let ctx = &self.ctx;
        for _ in 0..1_000 {
            let (answer, repeated) = self.claims().await?;
            for claim in &answer.claims {
                self.runs(claim).await?;
            }
            // A repeat is for what was claimed: when it gives nothing, there may still be something to claim.
            if answer.claims.is_empty() && !repeated {
                match answer.next_due {
                    Some(due) if due > ctx.now() => ctx.clock.set(due),
                    Some(_) => {
                        self.answered(|| self.store.tick(TickRequest::new(ctx.queue.clone(), 10))).await?;
                    }
                    None => return Ok(()),
                }
            }
        }
        Err(Violation::new("a worker", "a thousand claims", "an end of the work").into())
    }

    /// Asks for one task. `true` if the answer is that to a repeat.
    async fn claims(&self) -> Result<(ClaimAnswer, bool), Stop> {
        let (request, before) = (self.ctx.claim_request(1)?, self.faults.calls());
        let make = || {
            let is_first = self.faults.calls() == before;
            self.store.claim(if is_first { request.clone() } else { request.clone().repeated() })
        };
        let answer = self.answered(make).await?;
        Ok((answer, self.faults.calls() > before + 1))
    }

    /// Runs one claim. Who is told to stop hands it back.
    async fn runs(&self, claim: &Claim) -> Result<(), Stop> {
        self.is_at_work.store(true, Ordering::Relaxed);
        let run = self.run(claim).await;
        if matches!(run, Err(Stop::Told)) {
            let back = RunEnd { token: claim.token, ending: release(0) };
            let back = self.ctx.claim_request(0)?.ending(vec![back]);
            held(self.store.claim(back).await.map_err(Violation::from)?.ends)?;
        }
        self.is_at_work.store(false, Ordering::Relaxed);
        run
    }

    async fn run(&self, claim: &Claim) -> Result<(), Stop> {
        let (role, token) = (Role::of(claim)?, claim.token);
        let stored = self.loads(token).await?;
        for op in role.body() {
            if let Run::Rests = self.does(*op, claim, &stored).await? {
                return Ok(());
            }
        }
        self.ends(token, Ending::Complete { result: role.payload() }).await
    }

    async fn loads(&self, token: Token) -> Result<Vec<String>, Stop> {
        let make = || async {
            let request = LoadRequest::new(self.ctx.queue.clone(), token, 0, 100);
            match self.store.load(request).await {
                Err(FencedError::Fault(error)) => Err(error),
                answer => Ok(answer),
            }
        };
        let page = self.answered(make).await?.map_err(|_| Stop::Refused)?;
        Ok(page.checkpoints.into_iter().map(|stored| stored.key.to_string()).collect())
    }

    async fn does(&self, op: Op, claim: &Claim, stored: &[String]) -> Result<Run, Stop> {
        let (token, is_stored) = (claim.token, |name: &str| stored.iter().any(|stored| stored == name));
        match op {
            Op::Step(name) if !is_stored(name) => {
                self.ledger.does(name)?;
                self.saves(step(token, &key(name)?, &format!("{name:?}"))).await?;
                self.ledger.stores(name);
            }
            Op::Spawn if !is_stored("$spawn") => {
                let children = Role::CHILDREN.into_iter().map(|role| role.child(token.task));
                self.saves(spawning(token, &key("$spawn")?, children.collect::<Result<_, _>>()?)).await?;
            }
            Op::Emit(name) if !is_stored(&format!("$emit:{name}")) => {
                let id = EmitId::from_uuid(token.task.as_uuid());
                let event = EventWrite { id, ..write(&event(name)?, &format!("{name:?}")) };
                self.saves(emitting(token, &key(&format!("$emit:{name}"))?, event)).await?;
            }
            Op::FailOnce if claim.attempt == 1 => {
                self.ends(token, fail_after(BACKOFF)).await?;
                return Ok(Run::Rests);
            }
            Op::Sleep(name, after) if !is_stored(name) => {
                return self.rests(token, vec![on_time(&key(name)?, after)]).await;
            }
            Op::Await(name, timeout) if !is_stored(name) => {
                return self.rests(token, vec![on_event(&key(name)?, &event(name)?, timeout)]).await;
            }
            Op::Join => {
                let wait = |role: Role| Ok(on_child(&join_key(role.name())?, role.task(token.task)));
                let waits = Role::CHILDREN.into_iter().map(wait).collect::<Result<_, Violation>>()?;
                return self.rests(token, waits).await;
            }
            Op::Heartbeat => self.extends(token).await?,
            _ => {}
        }
        Ok(Run::GoesOn)
    }

    async fn saves(&self, item: SaveItem) -> Result<(), Stop> {
        let request = SaveRequest::new(self.ctx.queue.clone(), vec![item]);
        let answers = self.answered(|| self.store.save(request.clone())).await?;
        held(answers)?;
        Ok(())
    }

    async fn extends(&self, token: Token) -> Result<(), Stop> {
        let item = ExtendItem { token, lease: lease(LEASE)? };
        let request = ExtendRequest::new(self.ctx.queue.clone(), vec![item]);
        let answers = self.answered(|| self.store.extend(request.clone())).await?;
        held(answers)?;
        Ok(())
    }

    /// Waits for all of these.
    async fn rests(&self, token: Token, waits: Vec<NewWait>) -> Result<Run, Stop> {
        let keys: Vec<_> = waits.iter().map(|wait| wait.key.clone()).collect();
        let need = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let item = WaitItem { token, waits, rest: Some(Rest { keys, need }) };
        let request = WaitRequest::new(self.ctx.queue.clone(), vec![item]);
        let answers = self.answered(|| self.store.wait(request.clone())).await?;
        Ok(if held(answers)? == WaitAnswer::Suspended { Run::Rests } else { Run::GoesOn })
    }

    async fn ends(&self, token: Token, ending: Ending) -> Result<(), Stop> {
        let request = self.ctx.claim_request(0)?.ending(vec![RunEnd { token, ending }]);
        let answers = self.answered(|| self.store.claim(request.clone())).await?.ends;
        held(answers)?;
        Ok(())
    }
}

/// The answer under a claim, if that still holds.
fn held<T: std::fmt::Debug>(answers: Vec<Result<T, FencedError>>) -> Result<T, Stop> {
    match one("the answers", answers)? {
        Ok(answer) => Ok(answer),
        Err(FencedError::Fault(error)) => Err(Violation::from(error).into()),
        Err(_) => Err(Stop::Refused),
    }
}

/// A process that runs by itself.
pub(super) struct Started {
    process: Process,
    works: JoinHandle<Result<(), Stop>>,
}

impl Started {
    /// Starts a process, and waits until one of its calls is held or its work has ended.
    pub(super) async fn until_held(process: Process) -> Self {
        let worker = process.clone();
        let works = tokio::spawn(async move {
            let end = worker.works().await;
            worker.has_ended.notify_one();
            end
        });
        tokio::select! {
            () = process.faults.until_held() => {}
            () = process.has_ended.notified() => {}
        }
        Self { process, works }
    }

    /// Its call that is held is under a claim.
    pub(super) fn is_at_work(&self) -> bool {
        self.process.is_at_work.load(Ordering::Relaxed)
    }

    /// Lets it go on to its end.
    pub(super) async fn goes_on(self) -> Result<(), Stop> {
        self.process.faults.release();
        let end = self.works.await;
        end.map_err(|panic| Violation::new("a worker", panic.to_string(), "no panic"))?
    }
}
