//! What a claim gives out.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use durable_core::model::{TaskId, TaskName, Timestamp, Token};
use durable_core::store::{Claim, ClaimRequest, MAX_BYTES, Verb};
use durable_core::transition::Flaw;
use sqlx::sqlite::SqliteRow;

use crate::cascade::cascade;
use crate::engine::{Statement, Tx, statement};
use crate::error::Fault;
use crate::records::{Work, decoded, limit};
use crate::rows::{self, count, get, payload, text, time};

const TAKE: Statement = statement!("shared/flush.sql", "runs/claim_take.sql", "runs/claim_tail.sql");
const HOLD: Statement = statement!("shared/flush.sql", "runs/claim_held.sql", "runs/claim_tail.sql");

/// What a claim is to give out.
pub(super) enum Take {
    /// What a repeated call still holds.
    Held,
    /// At most so many pending tasks.
    New { most: usize },
}

/// What was taken, and what is left when the claim is done.
pub(super) struct Taken {
    pub(super) claims: Vec<Claim>,
    pub(super) more: bool,
    pub(super) marks: bool,
    pub(super) next_due: Option<Timestamp>,
}

/// Where a task stands among the pending ones.
type Place = (Reverse<i16>, Option<Timestamp>, TaskId);

/// Tasks that cannot be decoded, and what of them.
type Corrupt = Vec<(TaskId, Flaw)>;

/// Writes what a claim has changed so far, and gives out tasks.
pub(super) async fn take(
    tx: &mut Tx<'_, '_>,
    request: &ClaimRequest,
    work: Work<'_>,
    what: Take,
    budget: &mut usize,
) -> Result<Taken, Fault> {
    let (statement, most) = match what {
        Take::Held => (HOLD, 0),
        Take::New { most } => (TAKE, most),
    };
    let call = work
        .changes(statement)
        .bind(names(request))
        .bind(tx.now().at.as_millis())
        .bind(limit(most))
        .bind(request.call.to_string())
        .bind(request.worker.as_str())
        .bind(request.lease.millis().as_i64())
        .bind(limit(MAX_BYTES));
    let mut sets = tx.last(call).await?;
    work.tell(tx);
    let tail = sets.pop().unwrap_or_default();
    let (claims, corrupt) = sorted(request, &sets.pop().unwrap_or_default())?;
    let tail = tail.first().ok_or(Fault::Flaw("more"))?;
    // One of a repeated call fails when its lease runs out.
    if matches!(what, Take::New { .. }) {
        fail_corrupt(tx, request, corrupt, budget).await?;
    }
    decoded(taken(tail, claims))
}

fn taken(tail: &SqliteRow, claims: Vec<Claim>) -> Result<Taken, Flaw> {
    let (more, marks) = (get(tail, "more")?, get(tail, "marks")?);
    Ok(Taken { claims, more, marks, next_due: time(tail, "next_due")? })
}

/// What cannot be decoded fails alone (rule C6).
async fn fail_corrupt(
    tx: &mut Tx<'_, '_>,
    request: &ClaimRequest,
    corrupt: Corrupt,
    budget: &mut usize,
) -> Result<(), Fault> {
    if corrupt.is_empty() {
        return Ok(());
    }
    let ids = corrupt.iter().map(|(id, _)| *id);
    let mut work = Work::read_with_joins(tx, Verb::Claim, &request.queue, ids).await?;
    for (id, flaw) in &corrupt {
        work.records.fail_corrupt(*id, flaw);
    }
    work.write(tx).await?;
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
