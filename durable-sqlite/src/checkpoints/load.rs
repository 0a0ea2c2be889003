//! Reads the checkpoints of a claimed task.

use durable_core::model::{CallId, EndState};
use durable_core::store::{
    CheckpointPage, FencedError, LoadRequest, Room, StoreError, StoreErrorKind, Verb, bounded,
};
use durable_core::transition::{Flaw, State, state_of};
use futures::TryStreamExt;
use sqlx::sqlite::SqliteRow;

use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::records::{decoded, limit};
use crate::rows::{checkpoint, count, get, text, time};

const FENCE: Statement = statement!("checkpoints/load_fence.sql");
const LOAD: Statement = statement!("checkpoints/load.sql");

/// The verb.
pub(super) struct Load(pub(super) LoadRequest);

impl Step for Load {
    const VERB: Verb = Verb::Load;
    type Answer = Result<CheckpointPage, FencedError>;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Self::Answer, Fault> {
        let row = tx.row(FENCE.bind(self.0.queue.as_str()).bind(self.0.token.task.to_string())).await?;
        let Some(row) = row else { return Ok(Err(FencedError::ClaimLost)) };
        match self.fence(tx, &row) {
            Ok(Ok(seq)) => Ok(Ok(self.page(tx, seq).await?)),
            Ok(Err(refused)) => Ok(Err(refused)),
            Err(flaw) => Ok(Err(StoreError::new(StoreErrorKind::Corrupt, Verb::Load, flaw).into())),
        }
    }
}

impl Load {
    /// The place of the task, if the token may read it (rule C3).
    fn fence(&self, tx: &mut Tx<'_, '_>, row: &SqliteRow) -> Result<Result<i64, FencedError>, Flaw> {
        let call: Option<CallId> = text(row, "call")?;
        let newest = call == Some(self.0.token.call) && count(row, "claims")? == self.0.token.claim;
        let holds = time(row, "expires_at")?.is_some_and(|at| tx.now().at < at);
        Ok(match state_of(get(row, "state")?, get(row, "why")?)? {
            State::Running if newest && holds => Ok(get(row, "seq")?),
            State::Ended(EndState::Cancelled) if newest => Err(FencedError::Cancelled),
            _ => Err(FencedError::ClaimLost),
        })
    }

    /// The rows come one by one, so that few more of them are in memory than the page has room for.
    async fn page(&self, tx: &mut Tx<'_, '_>, seq: i64) -> Result<CheckpointPage, Fault> {
        let most = bounded(self.0.limit);
        let mut rows = sqlx::query(LOAD.alone)
            .bind(seq)
            .bind(i64::try_from(self.0.after).unwrap_or(i64::MAX))
            .bind(limit(most + 1))
            .fetch(tx.connection().await?);
        let mut page = CheckpointPage { checkpoints: Vec::new(), more: false };
        let mut room = Room::default();
        while let Some(row) = rows.try_next().await? {
            let stored = decoded(checkpoint(&row))?;
            if page.checkpoints.len() == most || !room.takes(stored.end.bytes()) {
                page.more = true;
                break;
            }
            page.checkpoints.push(stored);
        }
        Ok(page)
    }
}
