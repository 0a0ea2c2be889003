//! Tells how a task ended.

use durable_core::model::End;
use durable_core::store::{Outcome, OutcomeRequest, StoreError, Verb};
use durable_core::transition::{Flaw, State, state_of};
use sqlx::sqlite::SqliteRow;

use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::records::decoded;
use crate::rows::{end, get};

const OUTCOME: Statement = statement!("tasks/outcome.sql");

/// The verb.
pub(super) struct ReadOutcome(pub(super) OutcomeRequest);

impl Step for ReadOutcome {
    const VERB: Verb = Verb::Outcome;
    type Answer = Outcome;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Outcome, Fault> {
        let row = tx.row(OUTCOME.bind(self.0.queue.as_str()).bind(self.0.task.to_string())).await?;
        let row = row.ok_or_else(|| StoreError::queue_not_found(Verb::Outcome))?;
        decoded(outcome(&row))
    }
}

fn outcome(row: &SqliteRow) -> Result<Outcome, Flaw> {
    let Some(state) = get(row, "state")? else { return Ok(Outcome::NotFound) };
    let State::Ended(_) = state_of(state, get(row, "why")?)? else { return Ok(Outcome::Live) };
    match end(row)?.ok_or("end_kind")?.end()? {
        End::Value(result) => Ok(Outcome::Completed(result)),
        End::Failed(failure) => Ok(Outcome::Failed(failure)),
        End::Cancelled(cause) => Ok(Outcome::Cancelled(cause)),
        End::Timeout => Err("end_kind"),
    }
}
