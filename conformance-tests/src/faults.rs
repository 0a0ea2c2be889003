//! Faults between a caller and a store: lost requests, lost replies, calls that hang, processes that die.
//!
//! ```
//! use durable_conformance::faults::{Fault, Plan};
//! use durable_core::store::Verb;
//!
//! // The reply to the second claim is lost, and every tenth other call fails somehow.
//! let plan = Plan::new().at(Verb::Claim, 2, Fault::DropReply).random(7, 100, vec![Fault::DropRequest]);
//! assert_eq!(plan.decide(Verb::Claim, 2, 9), Fault::DropReply);
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use durable_core::store::{Store, StoreError, StoreErrorKind, Verb};

use crate::layer::{Call, Layer, Layered};

/// A store whose calls fail as its plan says.
pub type FaultStore = Layered<Faults>;

impl FaultStore {
    /// Puts a plan over `inner`.
    pub fn planned(inner: Arc<dyn Store>, plan: Plan) -> Self {
        Self::new(inner, Faults::new(plan))
    }
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// The request is refused: `Unavailable`, and it surely did not happen.
    DropRequest,
    /// The request is lost on its way: it did not happen, but the caller cannot know.
    LoseRequest,
    /// The reply is lost: it happened, but the caller cannot know.
    DropReply,
    /// The store answers with a fault of this kind, having done nothing.
    Error(StoreErrorKind),
    /// The call never returns, and nothing happens.
    Hang,
    /// The process dies before the call.
    CrashBefore,
    /// The process dies after the call had its effect.
    CrashAfter,
}

/// What calls of a dead process do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dead {
    /// They never return: for the process that asks.
    #[default]
    Hangs,
    /// They are `Unavailable`: for the store's own process.
    Refuses,
}

/// Which call meets which fault.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    by_verb: BTreeMap<(Verb, u64), Fault>,
    by_call: BTreeMap<u64, Fault>,
    random: Option<Random>,
    when_dead: Dead,
}

#[derive(Debug, Clone)]
struct Random {
    seed: u64,
    per_mille: u64,
    faults: Vec<Fault>,
}

impl Plan {
    /// A plan without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `nth` call (from 1) of `verb` meets `fault`.
    pub fn at(mut self, verb: Verb, nth: u64, fault: Fault) -> Self {
        self.by_verb.insert((verb, nth), fault);
        self
    }

    /// The `nth` call (from 1) of all meets `fault`: for sweeps.
    pub fn at_call(mut self, nth: u64, fault: Fault) -> Self {
        self.by_call.insert(nth, fault);
        self
    }

    /// So many of a thousand other calls meet one of `faults`. The same seed gives each call the same fate.
    pub fn random(mut self, seed: u64, per_mille: u64, faults: Vec<Fault>) -> Self {
        self.random = Some(Random { seed, per_mille, faults });
        self
    }

    /// What calls do once a crash has happened.
    pub fn when_dead(mut self, dead: Dead) -> Self {
        self.when_dead = dead;
        self
    }

    /// What happens to the `nth` call of `verb`, which is the `call`th of all.
    pub fn decide(&self, verb: Verb, nth: u64, call: u64) -> Fault {
        let scripted = self.by_verb.get(&(verb, nth)).or_else(|| self.by_call.get(&call));
        match (scripted, &self.random) {
            (Some(fault), _) => *fault,
            (None, Some(random)) => random.decide(verb, nth),
            (None, None) => Fault::Pass,
        }
    }
}

impl Random {
    /// Depends on the seed, the verb and its count alone, so that parallel callers cannot change it.
    fn decide(&self, verb: Verb, nth: u64) -> Fault {
        let draw = scramble(self.seed ^ scramble(nth << 8 | verb as u64));
        if draw % 1_000 >= self.per_mille {
            return Fault::Pass;
        }
        let pick = usize::try_from((draw >> 32) % self.faults.len().max(1) as u64).unwrap_or(0);
        self.faults.get(pick).copied().unwrap_or(Fault::Pass)
    }
}

/// Spreads the bits of a number (`splitmix64`).
pub(crate) fn scramble(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The layer of a [`FaultStore`]; its clones are one, so that a test keeps one to look at and to change.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    plan: Plan,
    calls: u64,
    counts: BTreeMap<Verb, u64>,
    dead: bool,
}

impl Faults {
    /// Follows `plan`.
    pub fn new(plan: Plan) -> Self {
        Self(Arc::new(Mutex::new(State { plan, ..State::default() })))
    }

    /// Follows `plan` from now on; what was counted stays.
    pub fn follow(&self, plan: Plan) {
        self.state().plan = plan;
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// How many calls of `verb` there were.
    pub fn count(&self, verb: Verb) -> u64 {
        self.state().counts.get(&verb).copied().unwrap_or(0)
    }

    /// Kills the process: no call gets through from now on, and none that is on its way returns.
    pub fn kill(&self) {
        self.state().dead = true;
    }

    /// Starts the process again. Calls that hang go on hanging.
    pub fn revive(&self) {
        self.state().dead = false;
    }

    /// The process is dead.
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, verb: Verb) -> Fault {
        let mut state = self.state();
        state.calls += 1;
        let nth = state.counts.entry(verb).or_default();
        *nth += 1;
        let nth = *nth;
        state.plan.decide(verb, nth, state.calls)
    }

    /// What a call of a dead process comes to.
    async fn dead_end<T>(&self, verb: Verb, may_have_happened: bool) -> Result<T, StoreError> {
        let when_dead = self.state().plan.when_dead;
        match when_dead {
            Dead::Hangs => std::future::pending().await,
            Dead::Refuses => Err(StoreError::unavailable(verb, "the process is dead", may_have_happened)),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().fmt(f)
    }
}

impl Layer for Faults {
    type Ticket = (Verb, Fault);

    async fn before(&self, call: Call) -> Result<Self::Ticket, StoreError> {
        let verb = call.verb;
        let fault = self.decide(verb);
        if self.is_dead() {
            return self.dead_end(verb, false).await;
        }
        match fault {
            Fault::Pass | Fault::DropReply | Fault::CrashAfter => Ok((verb, fault)),
            Fault::DropRequest => Err(StoreError::unavailable(verb, "the request was refused", false)),
            Fault::LoseRequest => Err(StoreError::unavailable(verb, "the request was lost", true)),
            Fault::Error(kind) => Err(StoreError::new(kind, verb, "a planned fault")),
            Fault::Hang => std::future::pending().await,
            Fault::CrashBefore => {
                self.kill();
                self.dead_end(verb, false).await
            }
        }
    }

    async fn after(&self, (verb, fault): Self::Ticket) -> Result<(), StoreError> {
        if fault == Fault::CrashAfter {
            self.kill();
        }
        if self.is_dead() {
            return self.dead_end(verb, true).await;
        }
        match fault {
            Fault::DropReply => Err(StoreError::unavailable(verb, "the reply was lost", true)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_comes_before_chance_and_the_verb_before_the_call() {
        let plan = Plan::new().at(Verb::Emit, 2, Fault::Hang).at_call(5, Fault::DropReply).random(
            1,
            1_000,
            vec![Fault::DropRequest],
        );
        assert_eq!(plan.decide(Verb::Emit, 2, 5), Fault::Hang);
        assert_eq!(plan.decide(Verb::Emit, 3, 5), Fault::DropReply);
        assert_eq!(plan.decide(Verb::Emit, 3, 6), Fault::DropRequest);
    }

    #[test]
    fn chance_has_its_rate_and_repeats_with_its_seed() {
        let plan = Plan::new().random(42, 250, vec![Fault::DropRequest, Fault::DropReply]);
        let fates = |plan: &Plan| (1..=4_000).map(|n| plan.decide(Verb::Save, n, n)).collect::<Vec<_>>();
        let count = |fault| fates(&plan).into_iter().filter(|fate| *fate == fault).count();
        assert_eq!(fates(&plan), fates(&plan.clone()));
        assert!((400..600).contains(&count(Fault::DropRequest)), "{}", count(Fault::DropRequest));
        assert!((400..600).contains(&count(Fault::DropReply)), "{}", count(Fault::DropReply));
    }

    #[test]
    fn without_faults_to_choose_from_chance_passes() {
        assert_eq!(Plan::new().random(1, 1_000, vec![]).decide(Verb::Tick, 1, 1), Fault::Pass);
    }
}
