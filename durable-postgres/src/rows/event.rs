//! Events.

use durable_core::model::{EmitId, EventName, Payload};
use durable_core::transition::{EventRecord, Written};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{Decoded, time};

/// Reads an event, be it a placeholder.
pub(crate) fn event(row: &PgRow) -> Decoded<EventRecord> {
    let name: String = row.try_get("name")?;
    let (written, first_unreached) = (written(row)?, time(row, "first_unreached")?);
    Ok(EventName::new(name).map(|name| EventRecord { name, written, first_unreached }).map_err(|_| "name"))
}

/// Reads the last write of an event. One that is not whole is none.
pub(crate) fn written(row: &PgRow) -> Result<Option<Written>, sqlx::Error> {
    let at = time(row, "written_at")?;
    let payload: Option<String> = row.try_get("payload")?;
    let metadata: Option<String> = row.try_get("metadata")?;
    let id: Option<Uuid> = row.try_get("id")?;
    Ok(at.zip(id).zip(payload.zip(metadata)).map(|((at, id), (payload, metadata))| Written {
        at,
        id: EmitId::from_uuid(id),
        payload: Payload::from_text(payload),
        metadata: Payload::from_text(metadata),
    }))
}
