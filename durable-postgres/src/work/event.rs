//! Events: locked first, written, and told to the waits that stand for them.

use durable_core::store::{EmitAnswer, EventWrite};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Work;
use crate::error::Fault;
use crate::rows::{Event, Slot, SlotKey, Wait};

/// Locks events to write them, after a row for each is there. `names` are sorted.
pub(crate) async fn lock_events(
    tx: &mut PgConnection,
    queue: &str,
    names: &[String],
) -> Result<Vec<Event>, Fault> {
    sqlx::query(include_str!("../sql/shared/events_place.sql"))
        .bind(queue)
        .bind(names)
        .execute(&mut *tx)
        .await?;
    let rows = sqlx::query(include_str!("../sql/shared/events_lock.sql"))
        .bind(queue)
        .bind(names)
        .fetch_all(&mut *tx)
        .await?;
    Ok(rows.iter().map(Event::read).collect::<Result<_, _>>()?)
}

/// The waits that stand for some events: at most `most` for each, and `in_all`.
#[derive(Debug)]
pub(crate) struct EventWaits {
    rows: Vec<(SlotKey, Wait)>,
    most: usize,
    in_all: usize,
}

impl EventWaits {
    /// Reads them; run before the tasks are locked to know them, and again after.
    pub(crate) async fn read(
        tx: &mut PgConnection,
        queue: &str,
        names: &[String],
        most: usize,
        in_all: usize,
    ) -> Result<Self, Fault> {
        let rows = sqlx::query(include_str!("../sql/shared/event_waits.sql"))
            .bind(queue)
            .bind(names)
            .bind(limit(most))
            .bind(limit(in_all))
            .fetch_all(&mut *tx)
            .await?;
        let mut waits = Vec::with_capacity(rows.len());
        for row in &rows {
            let (key, slot) = Slot::read_wait(row)?;
            waits.push((key, slot));
        }
        Ok(Self { rows: waits, most, in_all })
    }

    /// Whose they are.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = Uuid> {
        self.rows.iter().map(|(key, _)| key.0)
    }
}

/// One more than the most, to see that there are more.
fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1)
}

impl Work {
    /// Takes locked events in.
    pub(crate) fn add_events(&mut self, events: Vec<Event>) {
        self.events.extend(events.into_iter().map(|event| (event.name.clone(), event)));
    }

    /// Takes in the waits that stand for locked events, as far as their tasks are locked.
    pub(crate) fn add_standing(&mut self, names: &[String], waits: EventWaits) {
        let EventWaits { rows, most, in_all } = waits;
        let cut = rows.len() > in_all;
        let mut last = None;
        for (key, wait) in rows {
            let Some(name) = wait.event.clone() else { continue };
            let known = self.standing.entry(name.clone()).or_default();
            if known.len() < most && self.tasks.contains_key(&key.0) {
                known.push(key.clone());
                self.add_slot(key, Slot::Standing(wait));
            } else {
                self.crowded.insert(name.clone());
            }
            last = names.iter().position(|listed| *listed == name);
        }
        // The listing was cut: of this event and of those after it nobody knows how many stand.
        if cut {
            self.crowded.extend(names.iter().skip(last.unwrap_or(0)).cloned());
        }
    }

    /// Writes an event and ends the waits that are known to stand for it (rules E1, E2).
    pub(crate) fn emit(&mut self, write: &EventWrite, only_if_absent: bool) -> EmitAnswer {
        let now = self.now;
        let name = write.name.as_str();
        let Some(event) = self.events.get_mut(name) else {
            self.stale = true;
            return EmitAnswer::Kept;
        };
        if event.id == Some(write.id.as_uuid()) {
            return EmitAnswer::Repeated;
        }
        if only_if_absent && event.written_at.is_some() {
            return EmitAnswer::Kept;
        }
        event.written_at = Some(now);
        event.payload = Some(write.payload.as_str().to_owned());
        event.metadata = Some(write.metadata.as_str().to_owned());
        event.id = Some(write.id.as_uuid());
        event.first_unreached = event.first_unreached.or(Some(now));
        self.wake(name);
        EmitAnswer::Written
    }

    /// Ends the waits that are known to stand for a written event; how many.
    pub(crate) fn wake(&mut self, name: &str) -> usize {
        self.changed_events.insert(name.to_owned());
        let standing = self.standing.remove(name).unwrap_or_default();
        let woken = standing.iter().filter(|key| self.end_if_due(key)).count();
        if !self.crowded.contains(name)
            && let Some(event) = self.events.get_mut(name)
        {
            event.first_unreached = None;
        }
        woken
    }
}
