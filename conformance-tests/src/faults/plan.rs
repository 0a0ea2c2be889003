//! Which call meets which fault.

use std::collections::BTreeMap;

use durable_core::store::Verb;

use super::{Dead, Fault};

/// Which call meets which fault.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    by_verb: BTreeMap<(Verb, u64), Fault>,
    by_call: BTreeMap<u64, Fault>,
    random: Option<Random>,
    pub(super) when_dead: Dead,
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

    /// Every other call meets `fault`.
    pub fn always(self, fault: Fault) -> Self {
        self.random(0, 1_000, vec![fault])
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
