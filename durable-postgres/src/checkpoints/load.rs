//! Reads the checkpoints of a claimed task: one statement, hence one snapshot.

use durable_core::model::EndState;
use durable_core::store::{CheckpointPage, FencedError, LoadRequest, MAX_BYTES, Verb};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::{Fault, corrupt};
use crate::rows::{State, checkpoint};
use crate::store::PostgresStore;
use crate::upkeep::bounded;

/// The verb.
pub(super) async fn load(
    store: &PostgresStore,
    request: &LoadRequest,
) -> Result<CheckpointPage, FencedError> {
    let fault = |error| FencedError::Fault(Fault::Sql(error).into_store(Verb::Load, false));
    let limit = bounded(request.limit);
    let claim = i64::try_from(request.token.claim).map_err(|_| FencedError::ClaimLost)?;
    let rows = sqlx::query(include_str!("../sql/checkpoints/load.sql"))
        .bind(request.queue.as_str())
        .bind(store.injected())
        .bind(request.token.task.as_uuid())
        .bind(request.token.call.as_uuid())
        .bind(claim)
        .bind(i64::try_from(request.after).unwrap_or(i64::MAX))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(i64::try_from(MAX_BYTES).unwrap_or(i64::MAX))
        .fetch_all(&store.pool)
        .await
        .map_err(fault)?;
    fence(rows.first()).map_err(fault)??;
    let mut checkpoints = Vec::with_capacity(rows.len());
    for row in &rows {
        let order: Option<i64> = row.try_get("ord").map_err(fault)?;
        if order.is_some() {
            checkpoints.push(checkpoint(row).map_err(fault)?.map_err(|what| corrupt(Verb::Load, what))?);
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
    let state = State::read(row.try_get("state")?, row.try_get("why")?);
    Ok(match state {
        Err(what) => Err(corrupt(Verb::Load, what).into()),
        Ok(State::Ended(EndState::Cancelled)) if newest => Err(FencedError::Cancelled),
        Ok(State::Running) if newest && holds => Ok(()),
        Ok(_) => Err(FencedError::ClaimLost),
    })
}
