//! Reads the checkpoints of a claimed task: one statement, hence one snapshot.

use durable_core::model::EndState;
use durable_core::store::{CheckpointPage, FencedError, HistoryEntry, LoadRequest, MAX_BYTES, Verb, bounded};
use durable_core::transition::{State, state_of};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::{Fault, corrupt};
use crate::rows::{entry, number};
use crate::store::PostgresStore;

/// The verb.
pub(super) async fn load(
    store: &PostgresStore,
    request: &LoadRequest,
) -> Result<CheckpointPage, FencedError> {
    let fault = |error| FencedError::Fault(Fault::Sql(error).into_store(Verb::Load, false));
    let claim = i64::try_from(request.token.claim).map_err(|_| FencedError::ClaimLost)?;
    let rows = sqlx::query(include_str!("../sql/checkpoints/load.sql"))
        .bind(request.queue.as_str())
        .bind(store.injected())
        .bind(request.token.task.as_uuid())
        .bind(request.token.call.as_uuid())
        .bind(claim)
        .bind(number(request.after))
        .bind(number(bounded(request.limit)))
        .bind(number(MAX_BYTES))
        .fetch_all(&store.pool)
        .await
        .map_err(fault)?;
    fence(rows.first()).map_err(fault)??;
    let mut checkpoints = Vec::with_capacity(rows.len());
    for row in &rows {
        let order: Option<i64> = row.try_get("ord").map_err(fault)?;
        if order.is_none() {
            continue;
        }
        match entry(row, false).map_err(fault)?.map_err(|what| corrupt(Verb::Load, what))? {
            HistoryEntry::Checkpoint { checkpoint, .. } => checkpoints.push(checkpoint),
            HistoryEntry::Run(_) => {}
        }
    }
    let more = match rows.last() {
        Some(last) => last.try_get::<Option<bool>, _>("more").map_err(fault)?.unwrap_or(false),
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
