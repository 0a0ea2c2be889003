//! Extend leases.

use durable_core::model::{Now, Timestamp};
use durable_core::store::{ExtendItem, ExtendRequest, FencedError, StoreError};

use crate::batch::lost;
use crate::fence::fence;
use crate::moves::lease_until;
use crate::state::{Queue, State};

/// Extends leases, never shortening one (rule C4).
pub(crate) fn extend(
    state: &mut State,
    now: Now,
    request: &ExtendRequest,
) -> Result<Vec<Result<Timestamp, FencedError>>, StoreError> {
    request.check()?;
    let Some(queue) = state.queues.get_mut(&request.queue) else { return Ok(lost(request.items.len())) };
    Ok(request.items.iter().map(|item| one(queue, now, item)).collect())
}

fn one(queue: &mut Queue, now: Now, item: &ExtendItem) -> Result<Timestamp, FencedError> {
    let (_, hold) = fence(queue, now.at, &item.token)?;
    let until = hold.expires_at.max(now.at.after(item.lease.millis()));
    lease_until(queue, item.token.task, until);
    Ok(until)
}
