//! A claim by one statement: it completes runs and takes pending tasks, where nothing else is to be done first.

use std::collections::BTreeSet;

use durable_core::model::TaskId;
use durable_core::store::{ClaimAnswer, EndAnswer, Ending, Hint, MAX_BYTES, RunEnd, Verb};
use durable_core::transition::earliest;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::claim::Claims;
use super::take::{SPARE, claim, names};
use crate::error::{Fault, corrupt};
use crate::rows::{moment, number, task_id, time, uuids};
use crate::transaction::Tx;

impl Claims {
    /// The answer, unless something is due or marked, or an end concerns more than its task's own row.
    pub(super) async fn take_at_once(&self, tx: &mut Tx<'_>) -> Result<Option<ClaimAnswer>, Fault> {
        let request = &self.request;
        let most = request.most();
        let Some(results) = results(&request.ends) else { return Ok(None) };
        if request.repeat || most == 0 || request.names.is_empty() {
            return Ok(None);
        }
        let tokens = || request.ends.iter().map(|end| end.token);
        let rows = tx
            .query(include_str!("../sql/runs/claim_at_once.sql"))
            .bind(request.queue.as_str())
            .bind(names(request))
            .bind(self.injected)
            .bind(number(most))
            .bind(number(2 * most + SPARE))
            .bind(request.call.as_uuid())
            .bind(request.worker.as_str())
            .bind(request.lease.millis().as_i64())
            .bind(number(MAX_BYTES))
            .bind(uuids(request.ends.iter().map(|end| &end.token.task)))
            .bind(tokens().map(|token| token.call.as_uuid()).collect::<Vec<_>>())
            .bind(tokens().map(|token| number(token.claim)).collect::<Vec<_>>())
            .bind(results)
            .fetch_all(&mut **tx)
            .await?;
        match rows.first() {
            Some(first) if first.try_get("done")? => {
                for end in &request.ends {
                    tx.tell(request.queue.as_str(), Hint::Ended(end.token.task));
                }
                Ok(Some(self.answer(&rows, first)?))
            }
            _ => Ok(None),
        }
    }

    fn answer(&self, rows: &[PgRow], first: &PgRow) -> Result<ClaimAnswer, Fault> {
        let mut next_due = time(first, "next_due")?;
        let mut placed = Vec::with_capacity(rows.len());
        for row in rows {
            if task_id(row, "id")?.is_none() {
                continue;
            }
            placed.push(claim(&self.request, row)?.map_err(|what| corrupt(Verb::Claim, what))?);
            next_due = earliest(next_due, time(row, "due")?);
        }
        placed.sort_by_key(|(place, _)| *place);
        let candidates: i64 = first.try_get("candidates")?;
        Ok(ClaimAnswer {
            ends: self.request.ends.iter().map(|_| Ok(EndAnswer::Completed)).collect(),
            more: candidates > number(placed.len()),
            claims: placed.into_iter().map(|(_, claim)| claim).collect(),
            now: moment(first, "now")?,
            next_due,
        })
    }
}

/// What the runs give, if all of them complete and none is named twice.
fn results(ends: &[RunEnd]) -> Option<Vec<&str>> {
    let tasks: BTreeSet<TaskId> = ends.iter().map(|end| end.token.task).collect();
    if tasks.len() < ends.len() {
        return None;
    }
    let results = ends.iter().map(|end| match &end.ending {
        Ending::Complete { result } => Some(result.as_str()),
        Ending::Fail { .. } | Ending::Release { .. } => None,
    });
    results.collect()
}
