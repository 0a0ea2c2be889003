//! Tells how a task ended.

use durable_core::model::End;
use durable_core::store::{Outcome, OutcomeRequest, StoreError, Verb};
use durable_core::transition::{Flaw, State, state_of};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::{Fault, corrupt};
use crate::rows::{Decoded, end_columns};
use crate::transaction::{Mode, Step, Tx};

/// The verb.
pub(super) struct Ask {
    pub(super) request: OutcomeRequest,
}

impl Step for Ask {
    const VERB: Verb = Verb::Outcome;
    const MODE: Mode = Mode::Read;
    type Answer = Outcome;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome, Fault> {
        let row = tx
            .query(include_str!("../sql/tasks/outcome.sql"))
            .bind(self.request.queue.as_str())
            .bind(self.request.task.as_uuid())
            .fetch_optional(&mut **tx)
            .await?;
        let row = row.ok_or_else(|| StoreError::queue_not_found(Verb::Outcome))?;
        Ok(read(&row)?.map_err(|what| corrupt(Verb::Outcome, what))?)
    }
}

fn read(row: &PgRow) -> Decoded<Outcome> {
    let state: Option<i16> = row.try_get("state")?;
    let Some(state) = state else { return Ok(Ok(Outcome::NotFound)) };
    let (state, end) = (state_of(state, row.try_get("why")?), end_columns(row)?);
    Ok(state.and_then(|state| match (state, end) {
        (State::Ended(_), None) => Err("end_kind"),
        (State::Ended(_), Some(end)) => end.end().and_then(ended),
        _ => Ok(Outcome::Live),
    }))
}

fn ended(end: End) -> Result<Outcome, Flaw> {
    match end {
        End::Value(result) => Ok(Outcome::Completed(result)),
        End::Failed(failure) => Ok(Outcome::Failed(failure)),
        End::Cancelled(cause) => Ok(Outcome::Cancelled(cause)),
        End::Timeout => Err("end_kind"),
    }
}
