//! What every store refuses alike before it looks at a record, and how much it takes at once.

use super::{
    ClaimAnswer, ClaimRequest, Effect, ExtendRequest, FencedError, MAX_BYTES, MAX_RECORDS, RetryRequest,
    SaveItem, SaveRequest, SpawnRequest, StoreError, Verb, WaitItem, WaitRequest,
};
use crate::model::{Invalid, Timestamp};

/// The least that a claim does of what is due.
const LEAST_DUE: usize = 100;

/// A limit as it is obeyed: from 1 to the most that one verb touches.
pub fn bounded(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(MAX_RECORDS).clamp(1, MAX_RECORDS)
}

/// The bytes that a page still takes.
#[derive(Debug, Default)]
pub struct Room {
    used: Option<usize>,
}

impl Room {
    /// Takes a record of this many bytes if it fits; the first one always does.
    pub fn takes(&mut self, size: usize) -> bool {
        let used = self.used.map_or(size, |used| used.saturating_add(size));
        let fits = self.used.is_none() || used <= MAX_BYTES;
        if fits {
            self.used = Some(used);
        }
        fits
    }
}

/// Refuses a request for more records than one verb touches.
fn at_most(verb: Verb, records: usize) -> Result<(), StoreError> {
    if records <= MAX_RECORDS {
        return Ok(());
    }
    let problem = format!("it touches {records} records, the limit is {MAX_RECORDS}");
    Err(StoreError::invalid(verb, &Invalid::new("request", problem)))
}

fn invalid(verb: Verb, what: &'static str, problem: &str) -> Result<(), StoreError> {
    Err(StoreError::invalid(verb, &Invalid::new(what, problem)))
}

impl SpawnRequest {
    /// Refuses a request that has no meaning.
    ///
    /// # Errors
    ///
    /// `Invalid` for too many tasks, and for children: only a save spawns them.
    pub fn check(&self) -> Result<(), StoreError> {
        at_most(Verb::Spawn, self.tasks.len())?;
        if self.tasks.iter().any(|task| task.parent.is_some()) {
            return invalid(Verb::Spawn, "task", "only a save spawns children");
        }
        Ok(())
    }
}

impl RetryRequest {
    /// Refuses a request that has no meaning.
    ///
    /// # Errors
    ///
    /// `Invalid` when it adds no attempt.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.attempts < 1 {
            return invalid(Verb::Retry, "attempts", "at least one has to be added");
        }
        Ok(())
    }
}

impl ClaimRequest {
    /// Refuses a request that has no meaning.
    ///
    /// # Errors
    ///
    /// `Invalid` for too many ends.
    pub fn check(&self) -> Result<(), StoreError> {
        at_most(Verb::Claim, self.ends.len())
    }

    /// The most tasks to take beside the ends.
    pub fn most(&self) -> usize {
        let left = MAX_RECORDS.saturating_sub(self.ends.len());
        usize::try_from(self.max).unwrap_or(MAX_RECORDS).min(left)
    }

    /// The most things that are due to do before that: more than are taken, and some however few are.
    pub fn most_due(&self) -> usize {
        self.most().saturating_mul(2).clamp(LEAST_DUE, MAX_RECORDS)
    }

    /// The answer when the queue does not exist: the runs to end are lost with it.
    ///
    /// # Errors
    ///
    /// `NotFound` without ends.
    pub fn without_queue(&self, now: Timestamp) -> Result<ClaimAnswer, StoreError> {
        if self.ends.is_empty() {
            return Err(StoreError::queue_not_found(Verb::Claim));
        }
        let ends = self.ends.iter().map(|_| Err(FencedError::ClaimLost)).collect();
        Ok(ClaimAnswer { ends, claims: Vec::new(), more: false, now, next_due: None })
    }
}

impl ExtendRequest {
    /// Refuses a request that has no meaning.
    ///
    /// # Errors
    ///
    /// `Invalid` for too many items.
    pub fn check(&self) -> Result<(), StoreError> {
        at_most(Verb::Extend, self.items.len())
    }
}

impl WaitRequest {
    /// Refuses a request that has no meaning.
    ///
    /// # Errors
    ///
    /// `Invalid` for too many items, waits and keys.
    pub fn check(&self) -> Result<(), StoreError> {
        let named = |item: &WaitItem| item.waits.len() + item.rest.as_ref().map_or(0, |rest| rest.keys.len());
        at_most(Verb::Wait, self.items.iter().map(named).sum::<usize>().max(self.items.len()))
    }
}

impl SaveRequest {
    /// Refuses a request that has no meaning.
    ///
    /// # Errors
    ///
    /// `Invalid` for too many checkpoints with their children.
    pub fn check(&self) -> Result<(), StoreError> {
        let records = |item: &SaveItem| match &item.effect {
            Effect::Spawn(children) => 1 + children.len(),
            Effect::None | Effect::Emit(_) => 1,
        };
        at_most(Verb::Save, self.items.iter().map(records).sum())
    }
}
