//! What a claim gives out.

use std::collections::BTreeSet;

use durable_core::model::{TaskId, TaskName, Timestamp, Token};
use durable_core::store::{Claim, ClaimRequest, MAX_BYTES, Verb};
use durable_core::transition::{Flaw, earliest};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::Fault;
use crate::rows::{Decoded, count, flaw, moment, number, payload, task_id, time};
use crate::transaction::Tx;
use crate::work::{Parents, Time, Work, cascade, lock_tasks};

/// What was taken, and what is left.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) claims: Vec<Claim>,
    pub(super) more: bool,
    pub(super) next_due: Option<Timestamp>,
}

/// Takes pending tasks.
pub(super) struct Take<'a> {
    pub(super) request: &'a ClaimRequest,
    pub(super) time: Time,
    pub(super) most: usize,
}

/// Where a task stands among the pending ones.
pub(super) type Place = (std::cmp::Reverse<i16>, Option<Timestamp>, TaskId);

/// How many more candidates are looked at than are taken: as many may be held by others.
pub(super) const SPARE: usize = 32;
/// How often the candidates are widened when too many of them are held by others.
const ROUNDS: usize = 3;

impl Take<'_> {
    pub(super) async fn run(&self, tx: &mut Tx<'_>, budget: &mut usize) -> Result<Taken, Fault> {
        let mut taken = Taken::default();
        let mut placed = Vec::new();
        let mut corrupt = Vec::new();
        let mut candidates = 2 * self.most + SPARE;
        for round in 0..ROUNDS {
            let left = self.most.saturating_sub(placed.len() + corrupt.len());
            let rows = self.take(tx, left, candidates, round == 0).await?;
            let Some(first) = rows.first() else { break };
            if round == 0 && first.try_get("held")? {
                return held(tx, self.request, self.time.parameter().unwrap_or(0), true).await;
            }
            let seen: i64 = first.try_get("candidates")?;
            let seen = usize::try_from(seen).unwrap_or(0);
            taken.next_due = earliest(taken.next_due, time(first, "next_due")?);
            let before = placed.len() + corrupt.len();
            for row in &rows {
                self.sort(row, &mut placed, &mut corrupt, &mut taken.next_due)?;
            }
            let got = placed.len() + corrupt.len() - before;
            taken.more = seen > got;
            // What was free and is not taken has no room among the bytes.
            let free: i64 = first.try_get("locked")?;
            if usize::try_from(free) != Ok(got) || got == left || seen < candidates {
                break;
            }
            candidates = candidates.saturating_mul(8);
        }
        self.fail_corrupt(tx, &corrupt, budget).await?;
        placed.sort_by_key(|(place, _)| *place);
        taken.claims = placed.into_iter().map(|(_, claim)| claim).collect();
        Ok(taken)
    }

    async fn take(
        &self,
        tx: &mut Tx<'_>,
        most: usize,
        candidates: usize,
        first: bool,
    ) -> Result<Vec<PgRow>, Fault> {
        let request = self.request;
        Ok(tx
            .query(include_str!("../sql/runs/claim_take.sql"))
            .bind(request.queue.as_str())
            .bind(names(request))
            .bind(self.time.parameter())
            .bind(number(most))
            .bind(number(candidates))
            .bind(request.call.as_uuid())
            .bind(request.worker.as_str())
            .bind(request.lease.millis().as_i64())
            .bind(number(MAX_BYTES))
            .bind(first)
            .fetch_all(&mut **tx)
            .await?)
    }

    /// Puts a row where it belongs.
    fn sort(
        &self,
        row: &PgRow,
        placed: &mut Vec<(Place, Claim)>,
        corrupt: &mut Vec<(TaskId, Flaw)>,
        next_due: &mut Option<Timestamp>,
    ) -> Result<(), Fault> {
        let Some(id) = task_id(row, "id")? else { return Ok(()) };
        match claim(self.request, row)? {
            Ok((place, claim)) => {
                *next_due = earliest(*next_due, time(row, "due")?);
                placed.push((place, claim));
            }
            Err(what) => corrupt.push((id, what)),
        }
        Ok(())
    }

    /// What cannot be decoded fails alone (rule C6).
    ///
    /// Its parent is locked after it, against the order of locks; a deadlock that comes of it is begun again.
    async fn fail_corrupt(
        &self,
        tx: &mut Tx<'_>,
        corrupt: &[(TaskId, Flaw)],
        budget: &mut usize,
    ) -> Result<(), Fault> {
        if corrupt.is_empty() {
            return Ok(());
        }
        let queue = self.request.queue.as_str();
        let ids: Vec<TaskId> = corrupt.iter().map(|(id, _)| *id).collect();
        let locked = lock_tasks(tx, queue, &ids, Parents::Too).await?;
        let mut work = Work::read(tx, Verb::Claim, queue, self.time, &locked).await?;
        let keys = work.records.join_keys(ids);
        work.read_slots(tx, keys).await?;
        for (id, what) in corrupt {
            work.records.fail_corrupt(*id, what);
        }
        let closing = work.flush(tx).await?;
        cascade(tx, Verb::Claim, queue, self.time, closing, budget).await?;
        Ok(())
    }
}

/// The tasks that a repeated call still holds.
pub(super) async fn held(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    now: i64,
    open: bool,
) -> Result<Taken, Fault> {
    let rows = tx
        .query(include_str!("../sql/runs/claim_held.sql"))
        .bind(request.queue.as_str())
        .bind(request.call.as_uuid())
        .bind(now)
        .fetch_all(&mut **tx)
        .await?;
    let mut placed = Vec::new();
    for row in &rows {
        if let Ok(claim) = claim(request, row)? {
            placed.push(claim);
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    let rest = tail(tx, request, open).await?;
    Ok(Taken { claims: placed.into_iter().map(|(_, claim)| claim).collect(), ..rest })
}

/// What there is when nothing is taken.
pub(super) async fn tail(tx: &mut Tx<'_>, request: &ClaimRequest, open: bool) -> Result<Taken, Fault> {
    let row = tx
        .query(include_str!("../sql/runs/claim_tail.sql"))
        .bind(request.queue.as_str())
        .bind(names(request))
        .fetch_one(&mut **tx)
        .await?;
    let more: bool = row.try_get("more")?;
    Ok(Taken { claims: Vec::new(), more: more && open, next_due: time(&row, "next_due")? })
}

/// The claim that a row is, with its place in the order; or what of it cannot be decoded.
pub(super) fn claim(request: &ClaimRequest, row: &PgRow) -> Decoded<(Place, Claim)> {
    let task = TaskId::from_uuid(row.try_get("id")?);
    let name: String = row.try_get("name")?;
    let attempt: i32 = row.try_get("attempt")?;
    let place = (std::cmp::Reverse(row.try_get("priority")?), time(row, "available_at")?, task);
    if let Some(what) = flaw(&name, attempt) {
        return Ok(Err(what));
    }
    let Ok(name) = TaskName::new(name) else { return Ok(Err("name")) };
    let claim = Claim {
        token: Token { task, call: request.call, claim: count(row.try_get("claims")?) },
        name,
        params: payload(row, "params")?,
        headers: payload(row, "headers")?,
        policy: payload(row, "policy")?,
        parent: task_id(row, "parent")?,
        attempt,
        max_attempts: row.try_get("max_attempts")?,
        claimed_at: moment(row, "claimed_at")?,
        expires_at: moment(row, "expires_at")?,
        checkpoints: count(row.try_get("checkpoints")?),
    };
    Ok(Ok((place, claim)))
}

/// Each name once.
pub(super) fn names(request: &ClaimRequest) -> Vec<&str> {
    request.names.iter().map(TaskName::as_str).collect::<BTreeSet<_>>().into_iter().collect()
}
