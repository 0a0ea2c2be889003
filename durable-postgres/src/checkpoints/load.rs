//! Reads the checkpoints of a claimed task: one statement, hence one snapshot.

use durable_core::model::EndState;
use durable_core::store::{CheckpointPage, FencedError, HistoryEntry, LoadRequest, MAX_BYTES, Verb, bounded};
use durable_core::transition::{State, state_of};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::{Fault, corrupt};
use crate::rows::{entry, number};
use crate::transaction::{Mode, Step, Tx};

/// The verb, with the time if it is injected.
pub(super) struct Load {
    pub(super) request: LoadRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Load {
    const VERB: Verb = Verb::Load;
    const MODE: Mode = Mode::Read;
    type Answer = Result<CheckpointPage, FencedError>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Answer, Fault> {
        let request = &self.request;
        let Ok(claim) = i64::try_from(request.token.claim) else { return Ok(Err(FencedError::ClaimLost)) };
        let rows = tx
            .query(include_str!("../sql/checkpoints/load.sql"))
            .bind(request.queue.as_str())
            .bind(self.injected)
            .bind(request.token.task.as_uuid())
            .bind(request.token.call.as_uuid())
            .bind(claim)
            .bind(number(request.after))
            .bind(number(bounded(request.limit)))
            .bind(number(MAX_BYTES))
            .fetch_all(&mut **tx)
            .await?;
        if let Err(refused) = fence(rows.first())? {
            return Ok(Err(refused));
        }
        Ok(Ok(page(&rows)?))
    }
}

fn page(rows: &[PgRow]) -> Result<CheckpointPage, Fault> {
    let mut checkpoints = Vec::with_capacity(rows.len());
    for row in rows {
        let order: Option<i64> = row.try_get("ord")?;
        if order.is_none() {
            continue;
        }
        match entry(row, false)?.map_err(|what| corrupt(Verb::Load, what))? {
            HistoryEntry::Checkpoint { checkpoint, .. } => checkpoints.push(checkpoint),
            HistoryEntry::Run(_) => {}
        }
    }
    let more = match rows.last() {
        Some(last) => last.try_get::<Option<bool>, _>("more")?.unwrap_or(false),
        None => false,
    };
    Ok(CheckpointPage { checkpoints, more })
}

/// Whether the token may read (rule C3).
fn fence(row: Option<&PgRow>) -> Result<Result<(), FencedError>, sqlx::Error> {
    let Some(row) = row else { return Ok(Err(FencedError::ClaimLost)) };
    let (newest, holds): (bool, bool) = (row.try_get("newest")?, row.try_get("holds")?);
    let state = state_of(row.try_get("state")?, row.try_get("why")?);
    Ok(match state {
        Err(what) => Err(corrupt(Verb::Load, what).into()),
        Ok(State::Ended(EndState::Cancelled)) if newest => Err(FencedError::Cancelled),
        Ok(State::Running) if newest && holds => Ok(()),
        Ok(_) => Err(FencedError::ClaimLost),
    })
}
