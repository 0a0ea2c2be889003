//! Ends runs, does what is due, and takes pending tasks.

use durable_core::store::{
    ClaimAnswer, ClaimRequest, EndAnswer, FencedError, MAX_RECORDS, MAX_SPREAD, QueueState, StoreError, Verb,
};
use durable_core::transition::{Flaw, queue_state_of_number};
use sqlx::sqlite::SqliteRow;

use super::take::{held, tail, take};
use crate::cascade::cascade;
use crate::engine::{Step, Tx};
use crate::error::Fault;
use crate::records::{Parents, Work, decoded};
use crate::rows::get;
use crate::upkeep::do_due;

/// The least that is done of what is due, however little is taken.
const LEAST_DUE: usize = 100;

/// The verb.
pub(super) struct ClaimTasks(pub(super) ClaimRequest);

/// What the verb knows before it takes.
struct Look {
    state: QueueState,
    due: bool,
    held: bool,
}

impl Step for ClaimTasks {
    const VERB: Verb = Verb::Claim;
    type Answer = ClaimAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ClaimAnswer, Fault> {
        let request = &self.0;
        let now = tx.now().at;
        let mut budget = MAX_SPREAD;
        let ends = self.end_runs(tx, &mut budget).await?;
        let Some(look) = self.look(tx).await? else {
            if ends.is_empty() {
                return Err(StoreError::queue_not_found(Verb::Claim).into());
            }
            return Ok(ClaimAnswer { ends, claims: Vec::new(), more: false, now, next_due: None });
        };
        let most = request.most();
        if look.due {
            let things = most.saturating_mul(2).clamp(LEAST_DUE, MAX_RECORDS);
            do_due(tx, Verb::Claim, &request.queue, things, &mut budget).await?;
        }
        let claims = if look.held {
            held(tx, request).await?
        } else if request.repeat || look.state != QueueState::Open || most == 0 || request.names.is_empty() {
            Vec::new()
        } else {
            take(tx, request, most, &mut budget).await?
        };
        let tail = tail(tx, request).await?;
        let more = tail.more && look.state == QueueState::Open;
        let next_due = if tail.marks { Some(now) } else { tail.next_due };
        Ok(ClaimAnswer { ends, claims, more, now, next_due })
    }
}

impl ClaimTasks {
    /// The ends come first, one after another.
    async fn end_runs(
        &self,
        tx: &mut Tx<'_>,
        budget: &mut usize,
    ) -> Result<Vec<Result<EndAnswer, FencedError>>, Fault> {
        let request = &self.0;
        if request.ends.is_empty() {
            return Ok(Vec::new());
        }
        let ids = || request.ends.iter().map(|end| end.token.task);
        let mut work = Work::read(tx, Verb::Claim, &request.queue, ids(), Parents::Too).await?;
        work.read_joins(tx, ids()).await?;
        let answers = request.ends.iter().map(|end| work.records.end_run(end)).collect();
        work.flush(tx).await?;
        cascade(tx, Verb::Claim, &request.queue, work.records.take_closing(), budget).await?;
        Ok(answers)
    }

    async fn look(&self, tx: &mut Tx<'_>) -> Result<Option<Look>, Fault> {
        let now = tx.now().at.as_millis();
        let row = sqlx::query(include_str!("../sql/runs/claim_look.sql"))
            .bind(self.0.queue.as_str())
            .bind(now)
            .bind(self.0.call.to_string())
            .fetch_optional(tx.connection())
            .await?;
        decoded(row.as_ref().map(look).transpose())
    }
}

fn look(row: &SqliteRow) -> Result<Look, Flaw> {
    let state = queue_state_of_number(get(row, "state")?);
    Ok(Look { state, due: get(row, "due")?, held: get(row, "held")? })
}
