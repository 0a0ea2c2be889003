//! Removes what is old: garbage of earlier calls, then tasks, then events.

use std::collections::BTreeSet;

use durable_core::model::Timestamp;
use durable_core::store::{PurgeAnswer, PurgeRequest, Verb, bounded};
use durable_core::transition::{State, state_columns};

use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::queues::require_queue;
use crate::records::{decoded, limit};
use crate::rows::{get, json};

const GARBAGE: Statement = statement!("upkeep/purge_garbage.sql");
const HISTORY: Statement = statement!("upkeep/purge_history.sql");
const PICK: Statement = statement!("upkeep/purge_pick.sql");
const TASKS: Statement = statement!("upkeep/purge_tasks.sql");
const EVENTS: Statement = statement!("upkeep/purge_events.sql");
const DROP: Statement = statement!("upkeep/drop_events.sql");
const MORE: Statement = statement!("upkeep/purge_more.sql");

/// The verb.
pub(super) struct Purge(pub(super) PurgeRequest);

impl Step for Purge {
    const VERB: Verb = Verb::Purge;
    type Answer = PurgeAnswer;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<PurgeAnswer, Fault> {
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
    async fn sweep(&self, tx: &mut Tx<'_, '_>, left: &mut usize) -> Result<(), Fault> {
        if *left == 0 {
            return Ok(());
        }
        let rows = tx.rows(GARBAGE.bind(self.0.queue.as_str()).bind(limit(*left))).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let place = |row| Ok((get::<i64>(row, "task")?, get::<i64>(row, "ord")?));
        let places: Vec<_> = decoded(rows.iter().map(place).collect())?;
        tx.sets(HISTORY.bind(self.0.queue.as_str()).bind(json(&places))).await?;
        *left = left.saturating_sub(rows.len());
        Ok(())
    }

    /// From here on the tasks are not found.
    async fn purge_tasks(&self, tx: &mut Tx<'_, '_>, until: Timestamp, left: usize) -> Result<usize, Fault> {
        if left == 0 {
            return Ok(0);
        }
        let call = PICK.bind(self.0.queue.as_str()).bind(self.states()).bind(until.as_millis());
        let rows = tx.rows(call.bind(limit(left))).await?;
        let tasks: Vec<i64> = decoded(rows.iter().map(|row| get(row, "seq")).collect())?;
        if !tasks.is_empty() {
            tx.sets(TASKS.bind(self.0.queue.as_str()).bind(json(&tasks))).await?;
        }
        Ok(tasks.len())
    }

    async fn purge_events(&self, tx: &mut Tx<'_, '_>, until: Timestamp, left: usize) -> Result<usize, Fault> {
        let call = EVENTS.bind(self.0.queue.as_str()).bind(until.as_millis()).bind(limit(left));
        let rows = tx.rows(call).await?;
        let names: Vec<String> = decoded(rows.iter().map(|row| get(row, "name")).collect())?;
        if !names.is_empty() {
            tx.sets(DROP.bind(self.0.queue.as_str()).bind(json(&names))).await?;
        }
        Ok(names.len())
    }

    async fn is_more(&self, tx: &mut Tx<'_, '_>, until: Timestamp) -> Result<bool, Fault> {
        let call = MORE.bind(self.0.queue.as_str()).bind(self.states()).bind(until.as_millis());
        let row = tx.row(call.bind(self.0.events)).await?.ok_or(Fault::Flaw("more"))?;
        decoded(get(&row, "more"))
    }
}
