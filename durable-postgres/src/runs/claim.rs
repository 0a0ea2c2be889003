//! Ends runs, does what is due, and takes pending tasks.

use durable_core::model::{TaskId, Timestamp};
use durable_core::store::{
    ClaimAnswer, ClaimRequest, EndAnswer, FencedError, MAX_RECORDS, MAX_SPREAD, QueueState, StoreError, Verb,
};
use durable_core::transition::queue_state_of_number;
use sqlx::Row;

use super::take::{Take, held, tail};
use crate::error::Fault;
use crate::transaction::{Step, Tx};
use crate::upkeep::due::do_due;
use crate::work::{Parents, Time, Work, cascade, lock_tasks};

/// The verb, with the time if it is injected.
pub(super) struct Claims {
    pub(super) request: ClaimRequest,
    pub(super) injected: Option<i64>,
}

/// What the verb knows before it takes.
struct Look {
    now: i64,
    state: Option<QueueState>,
    due: bool,
    held: bool,
    marks: bool,
}

impl Step for Claims {
    const VERB: Verb = Verb::Claim;
    type Answer = ClaimAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ClaimAnswer, Fault> {
        let request = &self.request;
        let queue = request.queue.as_str();
        let mut time = Time { injected: self.injected, read: None };
        let mut budget = MAX_SPREAD;
        let ends = self.end_runs(tx, &mut time, &mut budget).await?;
        let look = self.look(tx, time).await?;
        let time = time.at(look.now);
        let now = Timestamp::from_millis(look.now);
        let Some(state) = look.state else {
            if request.ends.is_empty() {
                return Err(StoreError::queue_not_found(Verb::Claim).into());
            }
            return Ok(ClaimAnswer { ends, claims: Vec::new(), more: false, now, next_due: None });
        };
        let max = request.most();
        let (mut marks, mut held_now) = (look.marks, look.held);
        if look.due {
            let most = (2 * max).clamp(100, MAX_RECORDS);
            let (_, spread) = do_due(tx, Verb::Claim, queue, time, most, &mut budget).await?;
            marks |= spread.left > 0;
            // What a repeated call holds is what is left of it now.
            if held_now {
                held_now = self.look(tx, time).await?.held;
            }
        }
        let open = state == QueueState::Open;
        let repeat = request.repeat || held_now;
        let mut taken = if repeat {
            held(tx, request, look.now, open).await?
        } else if open && max > 0 && !request.names.is_empty() {
            Take { request, time, most: max }.run(tx, &mut budget).await?
        } else {
            tail(tx, request, open).await?
        };
        if marks {
            taken.next_due = Some(now);
        }
        Ok(ClaimAnswer { ends, claims: taken.claims, more: taken.more, now, next_due: taken.next_due })
    }

    async fn at_once(&self, tx: &mut Tx<'_>) -> Result<Option<ClaimAnswer>, Fault> {
        self.take_at_once(tx).await
    }
}

impl Claims {
    async fn look(&self, tx: &mut Tx<'_>, time: Time) -> Result<Look, Fault> {
        let row = tx
            .query(include_str!("../sql/runs/claim_look.sql"))
            .bind(self.request.queue.as_str())
            .bind(time.parameter())
            .bind(self.request.call.as_uuid())
            .fetch_one(&mut **tx)
            .await?;
        let state: Option<i16> = row.try_get("state")?;
        Ok(Look {
            now: row.try_get("now")?,
            state: state.map(queue_state_of_number),
            due: row.try_get("due")?,
            held: row.try_get("held")?,
            marks: row.try_get("marks")?,
        })
    }

    /// The ends come first, one after another.
    async fn end_runs(
        &self,
        tx: &mut Tx<'_>,
        time: &mut Time,
        budget: &mut usize,
    ) -> Result<Vec<Result<EndAnswer, FencedError>>, Fault> {
        let request = &self.request;
        if request.ends.is_empty() {
            return Ok(Vec::new());
        }
        let queue = request.queue.as_str();
        let mut answers = Vec::with_capacity(request.ends.len());
        // What an end cancels is not ended by the next (rule C8).
        while let Some(ends) = request.ends.get(answers.len()..).filter(|ends| !ends.is_empty()) {
            let ids: Vec<TaskId> = request.ends.iter().map(|end| end.token.task).collect();
            let locked = lock_tasks(tx, queue, &ids, Parents::Too).await?;
            let mut work = Work::read(tx, Verb::Claim, queue, *time, &locked).await?;
            *time = work.time;
            let keys = work.records.join_keys(ids);
            work.read_slots(tx, keys).await?;
            for end in ends {
                answers.push(work.records.end_run(end));
                if work.records.has_closing() {
                    break;
                }
            }
            let closing = work.flush(tx).await?;
            cascade(tx, Verb::Claim, queue, *time, closing, budget).await?;
        }
        Ok(answers)
    }
}
