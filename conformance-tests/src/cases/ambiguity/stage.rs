//! A scene on two queues of one name: in one a fault strikes, in the other everything is simply done once.

use std::sync::Arc;
use std::time::Duration;

use durable_core::store::StoreError;

use super::call::Call;
use super::scenes::SCENES;
use super::script::{Scene, Script, Step};
use crate::faults::{Fault, FaultStore, Faults, Plan};
use crate::prelude::*;
use crate::snapshot::Snapshot;

/// What a call may take that no lock stands in the way of.
const SOON: Duration = Duration::from_secs(10);

/// Two namespaces with one clock.
pub(super) struct House {
    world: Ctx,
    twin: Ctx,
}

impl House {
    pub(super) async fn open(world: &Ctx) -> Result<Self, Violation> {
        Ok(Self { world: world.clone(), twin: world.elsewhere().await? })
    }

    /// Wants the invariants to hold in the end, in both.
    pub(super) async fn is_whole(&self) -> Verdict {
        self.world.is_whole().await?;
        self.twin.is_whole().await
    }

    /// Writes down anew every scene that the store has the verbs for, each on a queue named after it and `how`.
    pub(super) fn stages(&self, how: &str) -> Result<Vec<Stage>, Violation> {
        let mut stages = Vec::new();
        for (name, write) in SCENES {
            let queue = QueueName::new(format!("{name}, {how}"))?;
            let mut script = Script::new(&queue);
            write(&mut script)?;
            let scene = script.scene()?;
            if scene.calls().all(|call| self.world.has(call.verb())) {
                let (world, twin) = (self.world.on(&queue), self.twin.on(&queue));
                stages.push(Stage { world, twin, scene });
            }
        }
        Ok(stages)
    }
}

/// One scene, in both places.
pub(super) struct Stage {
    /// Where the fault strikes.
    pub(super) world: Ctx,
    twin: Ctx,
    pub(super) scene: Scene,
}

impl Stage {
    /// What the stage is called in a report.
    pub(super) fn name(&self) -> &str {
        self.world.queue.as_str()
    }

    /// Plays what comes before the call in doubt.
    pub(super) async fn before(&self) -> Verdict {
        let stores = [self.world.store(), self.twin.store()];
        self.plays(&self.scene.before, stores).await
    }

    /// Plays what comes after it, in the world through `store`. Then both show the same.
    pub(super) async fn after(&self, store: &Arc<dyn Store>) -> Verdict {
        self.plays(&self.scene.after, [store, self.twin.store()]).await?;
        self.alike("in the end").await
    }

    async fn plays(&self, steps: &[Step], [world, twin]: [&Arc<dyn Store>; 2]) -> Verdict {
        for step in steps {
            match step {
                Step::Passes(count) => self.world.advance(*count),
                Step::Call(call) => {
                    let (answer, wanted) = (call.on(world).await?, call.on(twin).await?);
                    let what = format!("{}: {} on the way", self.name(), call.verb());
                    same(&what, &answer, &wanted)?;
                    holds(&what, !answer.contains("Err("), &answer, "an answer, no refusal")?;
                }
            }
        }
        Ok(())
    }

    /// Makes the call once in the twin, and gives the answer.
    pub(super) async fn once(&self) -> Result<String, Violation> {
        let answer = self.scene.call.on(self.twin.store()).await?;
        holds(self.name(), !answer.contains("Err("), &answer, "an answer, no refusal")?;
        Ok(answer)
    }

    /// Wants both to show the same.
    pub(super) async fn alike(&self, when: &str) -> Verdict {
        let (world, twin) = (self.world.snapshot().await?, self.twin.snapshot().await?);
        match twin.difference(&world) {
            None => Ok(()),
            Some((part, got, wanted)) => {
                Err(Violation::new(self.what(&format!("{part} {when}")), got, wanted))
            }
        }
    }

    /// What the twin shows.
    pub(super) async fn seen_in_the_twin(&self) -> Result<Snapshot, Violation> {
        self.twin.snapshot().await
    }

    /// Makes the call in doubt as its caller makes it again, on either handle: each time with the right answer.
    pub(super) async fn again(&self, first: &str) -> Verdict {
        let call = self.scene.call.again();
        if !call.moves_a_lease() {
            self.world.advance(1);
        }
        for store in [&self.world.b, &self.world.a] {
            let answer = soon(self.name(), call.on(store)).await??;
            same(&self.what("the answer again"), &answer.as_str(), &self.scene.again.after(first))?;
            self.alike("after it was asked for again").await?;
        }
        Ok(())
    }

    pub(super) fn what(&self, what: &str) -> String {
        format!("{}: {what}", self.name())
    }
}

/// A handle on which the first call meets its fate.
pub(super) fn with_fate(store: &Arc<dyn Store>, fault: Fault) -> (Arc<dyn Store>, Faults) {
    let faults = Faults::new(Plan::new().at_call(1, fault));
    (Arc::new(FaultStore::new(store.clone(), faults.clone())), faults)
}

/// Wants a call that failed on its way to have left it open whether it happened, or not.
pub(super) fn unanswered(
    what: &str,
    answer: &Result<String, StoreError>,
    may_have_happened: bool,
) -> Verdict {
    let right = matches!(answer, Err(error)
        if error.kind == StoreErrorKind::Unavailable && error.may_have_happened == may_have_happened);
    holds(what, right, answer, "no answer")
}

/// Wants a call to return.
pub(super) async fn soon<T>(what: &str, call: impl Future<Output = T>) -> Result<T, Violation> {
    let returned = tokio::time::timeout(SOON, call).await;
    returned.map_err(|_| Violation::new(what, format!("no answer within {SOON:?}"), "an answer"))
}

/// Makes a call twice at one moment, on both handles.
pub(super) async fn twice_at_once(ctx: &Ctx, one: &Call, other: &Call) -> Result<[String; 2], Violation> {
    let start = |call: &Call, store: &Arc<dyn Store>| {
        let (call, store) = (call.clone(), store.clone());
        tokio::spawn(async move { call.on(&store).await })
    };
    let both = [start(one, &ctx.a), start(other, &ctx.b)];
    let mut answers = Vec::new();
    for call in both {
        let ended = soon("two calls at once", call).await?;
        answers.push(ended.map_err(|panic| Violation::new("a call", panic.to_string(), "no panic"))??);
    }
    <[String; 2]>::try_from(answers)
        .map_err(|answers| Violation::new("answers", format!("{answers:?}"), "two"))
}
