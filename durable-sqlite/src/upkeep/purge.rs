//! Removes what is old: garbage of earlier calls, then tasks, then events.

use std::collections::BTreeSet;

use durable_core::model::Timestamp;
use durable_core::store::{PurgeAnswer, PurgeRequest, Verb, bounded};
use durable_core::transition::{State, state_columns};

use crate::engine::{Step, Tx};
use crate::error::Fault;
use crate::queues::require_queue;
use crate::records::limit;
use crate::rows::json;

/// The verb.
pub(super) struct Purge(pub(super) PurgeRequest);

impl Step for Purge {
    const VERB: Verb = Verb::Purge;
    type Answer = PurgeAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<PurgeAnswer, Fault> {
        require_queue(tx, &self.0.queue, Verb::Purge).await?;
        let until = tx.now().at.before(self.0.age);
        let mut left = bounded(self.0.limit);
        self.sweep(tx, &mut left).await?;
        let tasks = self.purge_tasks(tx, until, left).await?;
        left = left.saturating_sub(tasks);
        self.sweep(tx, &mut left).await?;
        let events = if self.0.events { self.purge_events(tx, until, left).await? } else { 0 };
        let purged = u64::try_from(tasks + events).unwrap_or(u64::MAX);
        Ok(PurgeAnswer { purged, more: self.is_more(tx, until).await? })
    }
}

impl Purge {
    fn states(&self) -> String {
        let states: BTreeSet<i16> =
            self.0.states.iter().map(|state| state_columns(State::Ended(*state)).0).collect();
        json(&states.into_iter().collect::<Vec<_>>())
    }

    /// Removes history of garbage.
    async fn sweep(&self, tx: &mut Tx<'_>, left: &mut usize) -> Result<(), Fault> {
        if *left == 0 {
            return Ok(());
        }
        let rows: Vec<(i64, i64)> = sqlx::query_as(include_str!("../sql/upkeep/purge_garbage.sql"))
            .bind(self.0.queue.as_str())
            .bind(limit(*left))
            .fetch_all(tx.connection())
            .await?;
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(include_str!("../sql/upkeep/purge_history.sql"))
            .bind(self.0.queue.as_str())
            .bind(json(&rows))
            .execute(tx.connection())
            .await?;
        *left = left.saturating_sub(rows.len());
        Ok(())
    }

    /// From here on the tasks are not found.
    async fn purge_tasks(&self, tx: &mut Tx<'_>, until: Timestamp, left: usize) -> Result<usize, Fault> {
        if left == 0 {
            return Ok(0);
        }
        let tasks: Vec<i64> = sqlx::query_scalar(include_str!("../sql/upkeep/purge_pick.sql"))
            .bind(self.0.queue.as_str())
            .bind(self.states())
            .bind(until.as_millis())
            .bind(limit(left))
            .fetch_all(tx.connection())
            .await?;
        if !tasks.is_empty() {
            sqlx::query(include_str!("../sql/upkeep/purge_tasks.sql"))
                .bind(self.0.queue.as_str())
                .bind(json(&tasks))
                .execute(tx.connection())
                .await?;
        }
        Ok(tasks.len())
    }

    async fn purge_events(&self, tx: &mut Tx<'_>, until: Timestamp, left: usize) -> Result<usize, Fault> {
        let names: Vec<String> = sqlx::query_scalar(include_str!("../sql/upkeep/purge_events.sql"))
            .bind(self.0.queue.as_str())
            .bind(until.as_millis())
            .bind(limit(left))
            .fetch_all(tx.connection())
            .await?;
        if !names.is_empty() {
            sqlx::query(include_str!("../sql/upkeep/drop_events.sql"))
                .bind(self.0.queue.as_str())
                .bind(json(&names))
                .execute(tx.connection())
                .await?;
        }
        Ok(names.len())
    }

    async fn is_more(&self, tx: &mut Tx<'_>, until: Timestamp) -> Result<bool, Fault> {
        let more = sqlx::query_scalar(include_str!("../sql/upkeep/purge_more.sql"))
            .bind(self.0.queue.as_str())
            .bind(self.states())
            .bind(until.as_millis())
            .bind(self.0.events)
            .fetch_one(tx.connection())
            .await?;
        Ok(more)
    }
}
