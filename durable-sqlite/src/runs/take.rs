//! What a claim gives out.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use durable_core::model::{TaskId, TaskName, Timestamp, Token};
use durable_core::store::{Claim, ClaimRequest, MAX_BYTES, Verb};
use durable_core::transition::Flaw;
use sqlx::sqlite::SqliteRow;

use crate::cascade::cascade;
use crate::engine::Tx;
use crate::error::Fault;
use crate::records::{Parents, Work, decoded, limit};
use crate::rows::{self, count, get, payload, text, time};

/// What is left when the claim is done.
pub(super) struct Tail {
    pub(super) more: bool,
    pub(super) marks: bool,
    pub(super) next_due: Option<Timestamp>,
}

/// Where a task stands among the pending ones.
type Place = (Reverse<i16>, Option<Timestamp>, TaskId);

/// Tasks that cannot be decoded, and what of them.
type Corrupt = Vec<(TaskId, Flaw)>;

/// Takes pending tasks.
pub(super) async fn take(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    most: usize,
    budget: &mut usize,
) -> Result<Vec<Claim>, Fault> {
    let now = tx.now().at.as_millis();
    let rows = sqlx::query(include_str!("../sql/runs/claim_take.sql"))
        .bind(request.queue.as_str())
        .bind(names(request))
        .bind(now)
        .bind(limit(most))
        .bind(request.call.to_string())
        .bind(request.worker.as_str())
        .bind(request.lease.millis().as_i64())
        .bind(limit(MAX_BYTES))
        .fetch_all(tx.connection())
        .await?;
    let (claims, corrupt) = sorted(request, &rows)?;
    fail_corrupt(tx, request, corrupt, budget).await?;
    Ok(claims)
}

/// The tasks that a repeated call still holds.
pub(super) async fn held(tx: &mut Tx<'_>, request: &ClaimRequest) -> Result<Vec<Claim>, Fault> {
    let now = tx.now().at.as_millis();
    let rows = sqlx::query(include_str!("../sql/runs/claim_held.sql"))
        .bind(request.queue.as_str())
        .bind(request.call.to_string())
        .bind(now)
        .fetch_all(tx.connection())
        .await?;
    // One that cannot be decoded fails when its lease runs out.
    Ok(sorted(request, &rows)?.0)
}

/// What there is besides what was taken.
pub(super) async fn tail(tx: &mut Tx<'_>, request: &ClaimRequest) -> Result<Tail, Fault> {
    let row = sqlx::query(include_str!("../sql/runs/claim_tail.sql"))
        .bind(request.queue.as_str())
        .bind(names(request))
        .fetch_one(tx.connection())
        .await?;
    let tail = || {
        Ok(Tail { more: get(&row, "more")?, marks: get(&row, "marks")?, next_due: time(&row, "next_due")? })
    };
    decoded(tail())
}

/// What cannot be decoded fails alone (rule C6).
async fn fail_corrupt(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    corrupt: Corrupt,
    budget: &mut usize,
) -> Result<(), Fault> {
    if corrupt.is_empty() {
        return Ok(());
    }
    let ids = || corrupt.iter().map(|(id, _)| *id);
    let mut work = Work::read(tx, Verb::Claim, &request.queue, ids(), Parents::Too).await?;
    work.read_joins(tx, ids()).await?;
    for (id, flaw) in &corrupt {
        work.records.fail_corrupt(*id, flaw);
    }
    work.flush(tx).await?;
    cascade(tx, Verb::Claim, &request.queue, work.records.take_closing(), budget).await?;
    Ok(())
}

/// Claims in the order of their places, and the tasks that cannot be decoded.
fn sorted(request: &ClaimRequest, rows: &[SqliteRow]) -> Result<(Vec<Claim>, Corrupt), Fault> {
    let mut placed = Vec::with_capacity(rows.len());
    let mut corrupt = Vec::new();
    for row in rows {
        let id = decoded(text(row, "id").and_then(|id| id.ok_or("id")))?;
        match claim(request, id, row) {
            Ok(claim) => placed.push(claim),
            Err(flaw) => corrupt.push((id, flaw)),
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    Ok((placed.into_iter().map(|(_, claim)| claim).collect(), corrupt))
}

fn claim(request: &ClaimRequest, task: TaskId, row: &SqliteRow) -> Result<(Place, Claim), Flaw> {
    let attempt: i32 = get(row, "attempt")?;
    if attempt < 1 {
        return Err("attempt");
    }
    let claim = Claim {
        token: Token { task, call: request.call, claim: count(row, "claims")? },
        name: text(row, "name")?.ok_or("name")?,
        params: payload(row, "params")?,
        headers: payload(row, "headers")?,
        policy: payload(row, "policy")?,
        parent: text(row, "parent")?,
        attempt,
        max_attempts: get(row, "max_attempts")?,
        claimed_at: time(row, "claimed_at")?.ok_or("claimed_at")?,
        expires_at: time(row, "expires_at")?.ok_or("expires_at")?,
        checkpoints: count(row, "checkpoints")?,
    };
    Ok(((Reverse(get(row, "priority")?), time(row, "available_at")?, task), claim))
}

/// Each name once.
fn names(request: &ClaimRequest) -> String {
    let names: BTreeSet<&str> = request.names.iter().map(TaskName::as_str).collect();
    rows::json(&names.into_iter().collect::<Vec<_>>())
}
