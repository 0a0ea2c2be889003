//! Claim: end runs, do what is due, take what is ready.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use durable_core::model::{Now, TaskName, Timestamp, Token};
use durable_core::store::{
    Claim, ClaimAnswer, ClaimRequest, MAX_RECORDS, QueueState, StoreError, TickAnswer, Verb,
};

use super::end::end;
use crate::batch::lost;
use crate::due::{Work, cancel_by_limit, do_due};
use crate::index::Ready;
use crate::spread::Spread;
use crate::state::{Queue, State};
use crate::task::{Hold, Phase, Task};

/// The least that is done of what is due, however little is taken.
const LEAST_DUE: usize = 100;

/// Ends runs, does what is due, and takes pending tasks, in this order.
pub(crate) fn claim(
    state: &mut State,
    now: Now,
    mut request: ClaimRequest,
) -> Result<ClaimAnswer, StoreError> {
    request.check()?;
    let max = request.most();
    let ends = std::mem::take(&mut request.ends);
    let Some(queue) = state.queues.get_mut(&request.queue) else { return without_queue(now, ends.len()) };
    let mut work = Work { done: TickAnswer::default(), spread: Spread::first_step() };

    let ends = ends.into_iter().map(|run| end(queue, now, run, &mut work.spread)).collect();
    do_due(queue, now.at, max.saturating_mul(2).clamp(LEAST_DUE, MAX_RECORDS), &mut work);
    let names: BTreeSet<&TaskName> = request.names.iter().collect();
    let mut claims = held(queue, now.at, &request);
    if claims.is_empty() && !request.repeat && queue.state == QueueState::Open {
        claims = take(queue, now.at, &request, &names, max, &mut work);
    }
    Ok(ClaimAnswer {
        ends,
        claims,
        more: queue.state == QueueState::Open
            && names.iter().any(|name| queue.index.pending.contains_key(*name)),
        now: now.at,
        next_due: queue.next_due(now.at),
    })
}

/// With ends to answer they are lost; without, there is no queue.
fn without_queue(now: Now, ends: usize) -> Result<ClaimAnswer, StoreError> {
    if ends == 0 {
        return Err(StoreError::queue_not_found(Verb::Claim));
    }
    Ok(ClaimAnswer { ends: lost(ends), claims: Vec::new(), more: false, now: now.at, next_due: None })
}

/// What the call holds already (rule C7): then it is a repeat, whatever it says.
fn held(queue: &Queue, now: Timestamp, request: &ClaimRequest) -> Vec<Claim> {
    let tasks = queue.index.held.get(&request.call).into_iter().flatten();
    tasks
        .filter_map(|ready| handed_out(queue.tasks.get(&ready.id)?))
        .filter(|claim| now < claim.expires_at)
        .collect()
}

/// Takes the first ready tasks, merging the names by their heads.
fn take(
    queue: &mut Queue,
    now: Timestamp,
    request: &ClaimRequest,
    names: &BTreeSet<&TaskName>,
    max: usize,
    work: &mut Work,
) -> Vec<Claim> {
    let mut heads: BinaryHeap<Reverse<(Ready, &TaskName)>> =
        names.iter().filter_map(|name| head(queue, name)).map(Reverse).collect();
    let mut claims = Vec::with_capacity(max.min(heads.len()));
    for _ in 0..MAX_RECORDS {
        if claims.len() == max {
            break;
        }
        let Some(Reverse((ready, name))) = heads.pop() else { break };
        if !cancel_by_limit(queue, now, ready.id, work) {
            claims.extend(hold(queue, now, ready, request));
        }
        heads.extend(head(queue, name).map(Reverse));
    }
    claims
}

fn head<'a>(queue: &Queue, name: &'a TaskName) -> Option<(Ready, &'a TaskName)> {
    queue.index.pending.get(name).and_then(BTreeSet::first).map(|ready| (*ready, name))
}

/// Gives a ready task to the call, with a fresh token.
fn hold(queue: &mut Queue, now: Timestamp, ready: Ready, request: &ClaimRequest) -> Option<Claim> {
    let Ready { id, available_at, .. } = ready;
    queue.change(id, |task| {
        task.claims += 1;
        task.newest = Some(request.call);
        task.closed = None;
        task.first_started_at.get_or_insert(now);
        task.phase = Phase::Running(Hold {
            worker: request.worker.clone(),
            lease: request.lease,
            claimed_at: now,
            expires_at: now.after(request.lease.millis()),
            available_at,
        });
        handed_out(task)
    })?
}

/// A running task as its holder gets it.
fn handed_out(task: &Task) -> Option<Claim> {
    let Phase::Running(hold) = &task.phase else { return None };
    Some(Claim {
        token: Token { task: task.id, call: task.newest?, claim: task.claims },
        name: task.name.clone(),
        params: task.params.clone(),
        headers: task.headers.clone(),
        policy: task.policy.clone(),
        parent: task.parent.as_ref().map(|parent| parent.id),
        attempt: task.attempt,
        max_attempts: task.max_attempts,
        claimed_at: hold.claimed_at,
        expires_at: hold.expires_at,
        checkpoints: task.history.loadable(),
    })
}
