//! A worker of the suite's own: it does what the script says of each task that it claims, and believes every answer.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use durable_core::store::{FencedError, StoreError};

use super::crew::Shop;
use super::plan::{Dice, Plan, Step, join_of};
use crate::history::Client;
use crate::prelude::*;

/// How often a call that ends unavailable is repeated.
const REPEATS: usize = 100;

pub(super) struct Worker {
    pub(super) client: Client,
    pub(super) shop: Arc<Shop>,
    pub(super) dice: Dice,
}

/// How a step left its run.
enum Left {
    /// It goes on.
    On,
    /// The claim is over.
    Away,
    /// The run ends so.
    Ends(Ending),
}

impl Worker {
    /// Works until everything is done.
    pub(super) async fn works(mut self) -> Verdict {
        let mut ends = Vec::new();
        while !self.shop.pace.is_done() {
            let beat = self.shop.pace.beat();
            let had_ends = !ends.is_empty();
            let claims = self.claims(std::mem::take(&mut ends)).await?;
            let took = claims.len();
            self.shop.pace.takes(took);
            for claim in claims {
                ends.extend(self.runs(&claim).await?);
                if self.dice.one_in(3) {
                    self.sends(&mut ends).await?;
                }
            }
            if took == 0 && !had_ends {
                self.shop.pace.rests(beat).await;
            }
        }
        self.sends(&mut ends).await
    }

    /// Ends runs with a call that claims nothing.
    async fn sends(&mut self, ends: &mut Vec<RunEnd>) -> Verdict {
        if !ends.is_empty() {
            self.claims_at_most(0, std::mem::take(ends)).await?;
        }
        Ok(())
    }

    async fn claims(&mut self, ends: Vec<RunEnd>) -> Result<Vec<Claim>, Violation> {
        let most = self.dice.small(self.shop.batch);
        self.claims_at_most(most, ends).await
    }

    async fn claims_at_most(&mut self, most: u32, ends: Vec<RunEnd>) -> Result<Vec<Claim>, Violation> {
        let (queue, worker) = (self.client.queue().clone(), WorkerName::new(self.client.name())?);
        let names = vec![TaskName::new("job")?];
        let plain = ClaimRequest::new(queue, CallId::new(), worker, names, most, lease(self.shop.lease)?);
        let first = plain.ending(ends);
        let mut request = first.clone();
        for _ in 0..REPEATS {
            match self.client.claim(request).await {
                Ok(answer) => return Ok(answer.claims),
                Err(error) if error.kind == StoreErrorKind::Unavailable => request = first.clone().repeated(),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Violation::new("claim", "unavailable, again and again", "an answer"))
    }

    /// Runs a task from where it stopped; gives the end of the run, if it comes to one.
    async fn runs(&mut self, claim: &Claim) -> Result<Option<RunEnd>, Violation> {
        let (shop, token) = (self.shop.clone(), claim.token);
        let Some(plan) = shop.script.get(&token.task) else {
            return Err(Violation::new("a claimed task", token.task.to_string(), "one that was spawned"));
        };
        let Some(stored) = self.loads(claim).await? else { return Ok(None) };
        for (number, step) in plan.steps.iter().enumerate() {
            if self.dice.one_in(2) {
                tokio::task::yield_now().await;
            }
            let left = self.does(token, number, step, &stored).await?;
            self.shop.pace.steps();
            match left {
                Left::On => {}
                Left::Away => return Ok(None),
                Left::Ends(ending) => return Ok(Some(RunEnd { token, ending })),
            }
        }
        Ok(Some(RunEnd { token, ending: ending(plan) }))
    }

    /// The keys that are stored; nothing when the claim is lost.
    async fn loads(&self, claim: &Claim) -> Result<Option<BTreeSet<StepKey>>, Violation> {
        if claim.checkpoints == 0 {
            return Ok(Some(BTreeSet::new()));
        }
        let request = || LoadRequest::new(self.client.queue().clone(), claim.token, 0, 1_000);
        let page = answered(|| async {
            match self.client.load(request()).await {
                Err(FencedError::Fault(error)) => Err(error),
                other => Ok(other),
            }
        });
        let loaded = page.await?.ok().map(|page| page.checkpoints);
        Ok(loaded.map(|checkpoints| checkpoints.into_iter().map(|checkpoint| checkpoint.key).collect()))
    }

    async fn does(
        &mut self,
        token: Token,
        number: usize,
        step: &Step,
        stored: &BTreeSet<StepKey>,
    ) -> Result<Left, Violation> {
        let step_key = key(&format!("s{number}"))?;
        if stored.contains(&step_key) {
            return Ok(Left::On);
        }
        let item = self.item(token, &step_key);
        match step {
            Step::Save => self.saves(item).await,
            Step::Extend => self.extends(token).await,
            Step::Emit(name) => {
                let event = write(name, &self.payload(token, "event"));
                self.saves(emitting(token, &step_key, event)).await
            }
            Step::Child(child) => {
                let child = self.shop.script.get(child).map(|plan| plan.task.clone());
                self.saves(spawning(token, &step_key, child.into_iter().collect())).await
            }
            Step::Sleep(time) => self.waits(token, vec![on_time(&step_key, *time)], 1).await,
            Step::Await(name, timeout) => {
                self.waits(token, vec![on_event(&step_key, name, *timeout)], 1).await
            }
            Step::Events(names, need) => self.awaits(token, number, names, *need).await,
            Step::Join(child) => self.joins(token, *child, stored).await,
            Step::Fail(after) => self.saves_and_ends(item, fail_after(*after)).await,
            Step::Release(after) => self.saves_and_ends(item, release(*after)).await,
            Step::Forever if self.shop.pace.is_done() => Ok(Left::On),
            Step::Forever if token.claim.is_multiple_of(2) => Ok(Left::Ends(fail_after(0))),
            Step::Forever => Ok(Left::Ends(release(0))),
        }
    }

    /// A checkpoint that nobody else writes so.
    fn item(&self, token: Token, step_key: &StepKey) -> SaveItem {
        step(token, step_key, &self.payload(token, step_key.as_str()))
    }

    fn payload(&self, token: Token, what: &str) -> String {
        format!("\"{what} of {}#{} by {}\"", token.task, token.claim, self.client.name())
    }

    async fn saves(&self, item: SaveItem) -> Result<Left, Violation> {
        let has_effect = item.kind != CheckpointKind::Step;
        let saved = answered(|| self.client.save(item.clone())).await?;
        if has_effect {
            self.shop.pace.beats();
        }
        Ok(if saved.is_ok() { Left::On } else { Left::Away })
    }

    async fn saves_and_ends(&self, item: SaveItem, ending: Ending) -> Result<Left, Violation> {
        Ok(match self.saves(item).await? {
            Left::On => Left::Ends(ending),
            left => left,
        })
    }

    async fn extends(&self, token: Token) -> Result<Left, Violation> {
        let item = ExtendItem { token, lease: lease(self.shop.lease)? };
        let extended = answered(|| self.client.extend(item)).await?;
        Ok(if extended.is_ok() { Left::On } else { Left::Away })
    }

    async fn awaits(
        &self,
        token: Token,
        number: usize,
        names: &[EventName],
        need: u32,
    ) -> Result<Left, Violation> {
        let mut waits = Vec::new();
        for (which, name) in names.iter().enumerate() {
            waits.push(on_event(&key(&format!("s{number}:{which}"))?, name, None));
        }
        self.waits(token, waits, need).await
    }

    async fn joins(
        &self,
        token: Token,
        child: TaskId,
        stored: &BTreeSet<StepKey>,
    ) -> Result<Left, Violation> {
        let join = join_of(child)?;
        if stored.contains(&join) {
            return Ok(Left::On);
        }
        self.waits(token, vec![on_child(&join, child)], 1).await
    }

    async fn waits(&self, token: Token, waits: Vec<NewWait>, need: u32) -> Result<Left, Violation> {
        let keys: Vec<_> = waits.iter().map(|wait| &wait.key).collect();
        let item = WaitItem { token, rest: Some(rest(&keys, need)), waits };
        match answered(|| self.client.wait(item.clone())).await? {
            Ok(WaitAnswer::Met(_)) => Ok(Left::On),
            Ok(WaitAnswer::Suspended) | Err(FencedError::ClaimLost | FencedError::Cancelled) => {
                Ok(Left::Away)
            }
            Ok(WaitAnswer::Registered) => {
                Err(Violation::new("wait and rest", "registered", "met or suspended"))
            }
            Err(FencedError::Fault(fault)) => Err(fault.into()),
        }
    }
}

fn ending(plan: &Plan) -> Ending {
    if plan.fails { fail_for_good() } else { complete() }
}

/// Repeats a call unchanged until it is answered.
pub(super) async fn answered<T, F>(mut call: impl FnMut() -> F) -> Result<T, Violation>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for _ in 0..REPEATS {
        match call().await {
            Err(error) if error.kind == StoreErrorKind::Unavailable => {}
            other => return Ok(other?),
        }
    }
    Err(Violation::new("a call", "unavailable, again and again", "an answer"))
}
