//! Claims: no two at once, no token twice, no attempt for nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::super::data::{Ended, History};
use super::super::facts::{Close, Facts, Fate, Held};
use super::super::lines::claim;
use super::about;
use crate::expect::Violation;

/// `C3`: no token is handed out twice, and each claim of a task has a higher count than those before it.
///
/// # Errors
///
/// The first token that is there twice, or out of order, or that nobody was handed.
pub fn tokens_are_unique(history: &History) -> Result<(), Violation> {
    let facts = Facts::of(history);
    let last: BTreeMap<_, _> = history.last.iter().map(|task| (task.id, task.claims)).collect();
    for (task, claims) in &facts.claims {
        let (mut counts, mut calls) = (BTreeSet::new(), BTreeSet::new());
        for held in claims {
            let token = held.handed.token;
            if !counts.insert(token.claim) || !calls.insert(token.call) {
                let got = format!("the count {} or its call twice", token.claim);
                return Err(about(history, *task, "the tokens of a task", &got, "each once"));
            }
        }
        grows(history, claims)?;
        let handed = u64::try_from(claims.len()).unwrap_or(u64::MAX);
        let highest =
            claims.last().map_or(0, |held| held.handed.token.claim).max(last.get(task).copied().unwrap_or(0));
        if highest != handed && !facts.some_claim_is_unknown {
            let got = format!("{handed} claims handed out, the highest count is {highest}");
            return Err(about(history, *task, "the claims of a task", &got, "each was handed to somebody"));
        }
    }
    Ok(())
}

/// A claim that began when a later one was known already has come too late.
fn grows(history: &History, claims: &[Held<'_>]) -> Result<(), Violation> {
    let mut known: Option<&Held<'_>> = None;
    for held in claims.iter().rev() {
        if let Some(later) = known.filter(|later| later.returned < held.invoked) {
            let (before, after) = (claim(later.handed.token), claim(held.handed.token));
            let got = format!("{before} was handed out before the call of {after} began");
            return Err(about(history, held.handed.token.task, "claim counts", &got, "they grow"));
        }
        known = known.filter(|later| later.returned < held.returned).or(Some(held));
    }
    Ok(())
}

/// `C1`: on the store's time, the intervals of two claims of one task are disjoint.
///
/// A claim lasts until it is closed by its holder, or until its lease ends, and this includes what extended it. The next
/// one, by their counts, starts later.
///
/// # Errors
///
/// The first two claims that overlap.
pub fn intervals_are_disjoint(history: &History) -> Result<(), Violation> {
    let facts = Facts::of(history);
    for (task, claims) in &facts.claims {
        for (one, next) in claims.iter().zip(claims.iter().skip(1)) {
            let until = facts.lease_end(one, next.invoked);
            let closed = facts.close(one.handed.token);
            let was_closed = closed.is_some_and(|deed| deed.operation.invoked < next.returned);
            if next.handed.claimed_at >= until || was_closed {
                continue;
            }
            let got = format!(
                "{} of {} from {:?} until {until:?}, and {} of {} from {:?}",
                claim(one.handed.token),
                one.told.client,
                one.handed.claimed_at,
                claim(next.handed.token),
                next.told.client,
                next.handed.claimed_at
            );
            return Err(about(
                history,
                *task,
                "two claims of one task",
                &got,
                "one ends before the other starts",
            ));
        }
    }
    Ok(())
}

/// `C5`: an attempt is used up by a failure and by a lease that runs out, and by nothing else.
///
/// # Errors
///
/// The first claim with a wrong attempt.
pub fn attempts_are_counted(history: &History) -> Result<(), Violation> {
    let facts = Facts::of(history);
    for (task, claims) in &facts.claims {
        if let Some(first) =
            claims.first().filter(|held| held.handed.token.claim == 1 && held.handed.attempt != 1)
        {
            let got = format!("attempt {}", first.handed.attempt);
            return Err(about(history, *task, "the first claim of a task", &got, "attempt 1"));
        }
        for (one, next) in claims.iter().zip(claims.iter().skip(1)) {
            if next.handed.token.claim != one.handed.token.claim + 1 {
                continue;
            }
            let Some(used) = used(&facts, one) else { continue };
            let (got, wanted) = (next.handed.attempt, one.handed.attempt + used);
            if got != wanted {
                let what = format!("the attempt of {}", claim(next.handed.token));
                return Err(about(history, *task, &what, &got.to_string(), &wanted.to_string()));
            }
        }
    }
    Ok(())
}

/// How many attempts a claim used up, if that is known.
fn used(facts: &Facts<'_>, held: &Held<'_>) -> Option<i32> {
    let Some(close) = facts.close(held.handed.token) else { return Some(1) };
    match close.fate {
        Fate::Closed(Close::Suspended | Close::Ended(Ended::Released(_))) => Some(0),
        Fate::Closed(Close::Ended(Ended::Retrying(_))) => Some(1),
        // Nobody knows; or the task has ended, and then there is no next claim.
        _ => None,
    }
}
