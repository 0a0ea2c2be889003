//! Removes what is old: garbage of earlier calls, then tasks, then events.

use durable_core::store::{MAX_RECORDS, PurgeAnswer, PurgeRequest, StoreError, Verb, bounded};
use durable_core::transition::{State, state_columns};
use sqlx::Row;

use crate::error::Fault;
use crate::rows::{count, number};
use crate::transaction::{Step, Tx};

/// The verb, with the time if it is injected.
pub(super) struct Purge {
    pub(super) request: PurgeRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Purge {
    const VERB: Verb = Verb::Purge;
    type Answer = PurgeAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<PurgeAnswer, Fault> {
        let queue = self.request.queue.as_str();
        let look = tx
            .query(include_str!("../sql/upkeep/tick_look.sql"))
            .bind(queue)
            .bind(self.injected)
            .fetch_one(&mut **tx)
            .await?;
        let state: Option<i16> = look.try_get("state")?;
        state.ok_or_else(|| StoreError::queue_not_found(Verb::Purge))?;
        let now: i64 = look.try_get("now")?;
        let until = now.saturating_sub(self.request.age.as_i64());
        let mut left = number(bounded(self.request.limit));
        sweep(tx, queue, &mut left).await?;
        let mut purged = self.mark_tasks(tx, until, left).await?;
        left = left.saturating_sub(number(purged));
        sweep(tx, queue, &mut left).await?;
        if self.request.events && left > 0 {
            purged += self.purge_events(tx, now, until, left).await?;
        }
        let more = tx
            .query(include_str!("../sql/upkeep/purge_more.sql"))
            .bind(queue)
            .bind(self.states())
            .bind(until)
            .bind(self.request.events)
            .fetch_one(&mut **tx)
            .await?;
        Ok(PurgeAnswer { purged, more: more.try_get("more")? })
    }
}

impl Purge {
    fn states(&self) -> Vec<i16> {
        let mut states: Vec<i16> =
            self.request.states.iter().map(|state| state_columns(State::Ended(*state)).0).collect();
        states.sort_unstable();
        states.dedup();
        states
    }

    /// From here on the tasks are not found.
    async fn mark_tasks(&self, tx: &mut Tx<'_>, until: i64, left: i64) -> Result<u64, Fault> {
        if left == 0 {
            return Ok(0);
        }
        let row = tx
            .query(include_str!("../sql/upkeep/purge_mark.sql"))
            .bind(self.request.queue.as_str())
            .bind(self.states())
            .bind(until)
            .bind(left)
            .fetch_one(&mut **tx)
            .await?;
        Ok(count(row.try_get("marked")?))
    }

    /// Placeholders that nobody waits on go as well, uncounted: they are no events.
    async fn purge_events(&self, tx: &mut Tx<'_>, now: i64, until: i64, left: i64) -> Result<u64, Fault> {
        let queue = self.request.queue.as_str();
        let rows = tx
            .query(include_str!("../sql/upkeep/purge_events_lock.sql"))
            .bind(queue)
            .bind(until)
            .bind(left)
            .fetch_all(&mut **tx)
            .await?;
        let names: Vec<String> = rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
        if names.is_empty() {
            return Ok(0);
        }
        let gone = tx
            .query(include_str!("../sql/upkeep/purge_events.sql"))
            .bind(queue)
            .bind(names)
            .bind(now)
            .fetch_all(&mut **tx)
            .await?;
        let placeholders: Vec<bool> =
            gone.iter().map(|row| row.try_get("placeholder")).collect::<Result<_, _>>()?;
        Ok(placeholders.iter().fold(0, |count, placeholder| count + u64::from(!placeholder)))
    }
}

/// Removes garbage: history, which is counted, and the tasks of which none is left, which are counted already.
async fn sweep(tx: &mut Tx<'_>, queue: &str, left: &mut i64) -> Result<(), Fault> {
    if *left > 0 {
        let gone = tx
            .query(include_str!("../sql/upkeep/purge_history.sql"))
            .bind(queue)
            .bind(*left)
            .execute(&mut **tx)
            .await?;
        *left = left.saturating_sub(number(gone.rows_affected()));
    }
    tx.query(include_str!("../sql/upkeep/purge_tasks.sql"))
        .bind(queue)
        .bind(number(MAX_RECORDS))
        .execute(&mut **tx)
        .await?;
    Ok(())
}
