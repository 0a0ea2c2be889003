//! Ends runs, does what is due, and takes pending tasks.
//!
//! One call reads, another writes, takes and looks what is left: only what is due or spreads costs more.

use durable_core::model::Timestamp;
use durable_core::store::{
    ClaimAnswer, ClaimRequest, EndAnswer, FencedError, MAX_SPREAD, QueueState, StoreError, Verb,
};
use durable_core::transition::{Flaw, queue_state_of_number};
use sqlx::sqlite::SqliteRow;

use super::take::{Take, take};
use crate::cascade::cascade;
use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::records::{Work, decoded, listed};
use crate::rows::{get, time};
use crate::upkeep::do_due;

const LOOK: Statement = statement!("runs/claim_look.sql", "shared/tasks_read.sql", "shared/joins_read.sql");

/// The verb.
pub(super) struct ClaimTasks(pub(super) ClaimRequest);

/// What the verb knows before it takes. What the ends change of what is due does no harm: at most, nothing is found.
struct Look {
    state: QueueState,
    due: Option<Timestamp>,
    held_until: Option<Timestamp>,
}

impl Step for ClaimTasks {
    const VERB: Verb = Verb::Claim;
    type Answer = ClaimAnswer;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<ClaimAnswer, Fault> {
        let request = &self.0;
        let (look, mut work) = self.read(tx).await?;
        let now = tx.now().at;
        let mut budget = MAX_SPREAD;
        let ends = self.end_runs(tx, &mut work, &mut budget).await?;
        let Some(mut look) = look else {
            if ends.is_empty() {
                return Err(StoreError::queue_not_found(Verb::Claim).into());
            }
            return Ok(ClaimAnswer { ends, claims: Vec::new(), more: false, now, next_due: None });
        };
        let is_due = look.due.is_some_and(|due| due <= now);
        let may_lose = look.held_until.is_some() && !ends.is_empty();
        if is_due || may_lose || work.records.has_closing() || !work.records.closing_above().is_empty() {
            self.spread(tx, &mut work, &mut budget).await?;
            work = Work::new(Verb::Claim, &request.queue, tx.now());
            // What a repeated call holds is what is left of it now.
            if look.held_until.is_some() {
                let (again, _) = self.read(tx).await?;
                look.held_until = again.and_then(|again| again.held_until);
            }
        }
        let held = look.held_until.is_some_and(|until| now < until);
        let open = look.state == QueueState::Open;
        let taken = take(tx, request, work, self.what(held, open), &mut budget).await?;
        let more = taken.more && open;
        let next_due = if taken.marks { Some(now) } else { taken.next_due };
        Ok(ClaimAnswer { ends, claims: taken.claims, more, now, next_due })
    }
}

impl ClaimTasks {
    /// Reads what the verb has to know, with the tasks of the ends.
    async fn read(&self, tx: &mut Tx<'_, '_>) -> Result<(Option<Look>, Work<'_>), Fault> {
        let ids = self.0.ends.iter().map(|end| end.token.task);
        let call = LOOK.bind(self.0.queue.as_str()).bind(listed(ids)).bind(true);
        let mut sets = tx.sets(call.bind(self.0.call.to_string())).await?.into_iter();
        let look = decoded(sets.next().unwrap_or_default().first().map(look).transpose())?;
        let mut work = Work::new(Verb::Claim, &self.0.queue, tx.now());
        work.add_tasks_with_slots(sets.as_slice())?;
        Ok((look, work))
    }

    /// Ends the runs one by one: what an end cancels is not ended by the next (rule C8).
    async fn end_runs<'q>(
        &'q self,
        tx: &mut Tx<'_, '_>,
        work: &mut Work<'q>,
        budget: &mut usize,
    ) -> Result<Vec<Result<EndAnswer, FencedError>>, Fault> {
        let mut answers = Vec::with_capacity(self.0.ends.len());
        for end in &self.0.ends {
            if work.records.has_closing() {
                work.write(tx).await?;
                cascade(tx, Verb::Claim, &self.0.queue, work.records.take_closing(), budget).await?;
                (_, *work) = self.read(tx).await?;
            }
            answers.push(work.records.end_run(end));
        }
        Ok(answers)
    }

    /// Writes the ends, with what follows from them and what is due.
    async fn spread(
        &self,
        tx: &mut Tx<'_, '_>,
        work: &mut Work<'_>,
        budget: &mut usize,
    ) -> Result<(), Fault> {
        work.write(tx).await?;
        cascade(tx, Verb::Claim, &self.0.queue, work.records.take_closing(), budget).await?;
        do_due(tx, Verb::Claim, &self.0.queue, self.0.most_due(), budget).await?;
        Ok(())
    }

    fn what(&self, held: bool, open: bool) -> Take {
        if held {
            return Take::Held;
        }
        Take::New { most: if self.0.repeat || !open { 0 } else { self.0.most() } }
    }
}

fn look(row: &SqliteRow) -> Result<Look, Flaw> {
    let state = queue_state_of_number(get(row, "state")?);
    Ok(Look { state, due: time(row, "due")?, held_until: time(row, "held_until")? })
}
