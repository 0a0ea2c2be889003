//! Events, locked first, and the waits that stand for them.

use std::collections::BTreeSet;

use durable_core::model::{EventName, TaskId};
use durable_core::transition::{EventRecord, Wait};
use sqlx::postgres::PgRow;

use super::Work;
use crate::error::Fault;
use crate::rows::{OfTask, event, number, wait};
use crate::transaction::Tx;

/// Makes sure that there is something to lock for each event.
pub(crate) async fn place_events(tx: &mut Tx<'_>, queue: &str, names: &[&str]) -> Result<(), Fault> {
    tx.query(include_str!("../sql/shared/events_place.sql"))
        .bind(queue)
        .bind(names)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Locks events to write them, after a row for each is there. `names` are sorted.
pub(crate) async fn lock_events(
    tx: &mut Tx<'_>,
    queue: &str,
    names: &[EventName],
) -> Result<Vec<EventRecord>, Fault> {
    let names = texts(names);
    place_events(tx, queue, &names).await?;
    let rows = tx
        .query(include_str!("../sql/shared/events_lock.sql"))
        .bind(queue)
        .bind(names)
        .fetch_all(&mut **tx)
        .await?;
    read_events(&rows)
}

/// Reads locked events. One that cannot be decoded is as if another were writing it.
pub(crate) fn read_events(rows: &[PgRow]) -> Result<Vec<EventRecord>, Fault> {
    let events: Vec<_> = rows.iter().map(event).collect::<Result<_, _>>()?;
    Ok(events.into_iter().filter_map(Result::ok).collect())
}

/// The waits that stand for some events: at most `most` for each, and `in_all`.
#[derive(Debug)]
pub(crate) struct EventWaits {
    rows: Vec<OfTask<Wait>>,
    most: usize,
    in_all: usize,
}

impl EventWaits {
    /// Reads them; run before the tasks are locked to know them, and again after.
    pub(crate) async fn read(
        tx: &mut Tx<'_>,
        queue: &str,
        names: &[EventName],
        most: usize,
        in_all: usize,
    ) -> Result<Self, Fault> {
        // One more than the most, to see that there are more.
        let rows = tx
            .query(include_str!("../sql/shared/event_waits.sql"))
            .bind(queue)
            .bind(texts(names))
            .bind(number(most.saturating_add(1)))
            .bind(number(in_all.saturating_add(1)))
            .fetch_all(&mut **tx)
            .await?;
        Ok(Self { rows: rows.iter().map(wait).collect::<Result<_, _>>()?, most, in_all })
    }

    /// Whose they are.
    pub(crate) fn tasks(&self) -> BTreeSet<TaskId> {
        self.rows.iter().map(|(task, _)| *task).collect()
    }
}

fn texts(names: &[EventName]) -> Vec<&str> {
    names.iter().map(EventName::as_str).collect()
}

impl Work {
    /// Takes locked events in.
    pub(crate) fn add_events(&mut self, events: Vec<EventRecord>) {
        for event in events {
            self.records.add_event(event);
        }
    }

    /// Takes in the waits that stand for locked events, as far as their tasks are locked.
    pub(crate) fn add_standing(&mut self, names: &[EventName], waits: EventWaits) {
        let EventWaits { rows, most, in_all } = waits;
        let mut known = Vec::with_capacity(rows.len());
        for (task, wait) in rows {
            match wait {
                Ok((key, wait)) => known.push(((task, key), wait)),
                Err(flaw) => self.records.add_flaw(task, flaw),
            }
        }
        self.records.add_standing(names, known, most, in_all);
    }
}
