//! Events: written, and told to the waits that stand for them.

use super::Records;
use super::record::{Slot, SlotKey, Wait, Written};
use crate::model::EventName;
use crate::store::{EmitAnswer, EventWrite};

impl Records {
    /// Takes in the waits that stand for events: `rows` lists them event by event in the order of `names`, at most one more
    /// than `most` of each and than `in_all`, so that it shows when there are more. Waits of tasks that are not taken in
    /// are left for later.
    pub fn add_standing(
        &mut self,
        names: &[EventName],
        rows: Vec<(SlotKey, Wait)>,
        most: usize,
        in_all: usize,
    ) {
        let cut = rows.len() > in_all;
        let mut last = None;
        for (key, wait) in rows {
            let Some(name) = wait.event().cloned() else { continue };
            last = names.iter().position(|listed| *listed == name);
            let known = self.standing.entry(name.clone()).or_default();
            if known.len() < most && self.tasks.contains_key(&key.0) {
                known.push(key.clone());
                self.add_slot(key, Slot::Standing(wait));
            } else {
                self.crowded.insert(name);
            }
        }
        // The listing was cut: of this event and of those after it nobody knows how many stand.
        if cut {
            self.crowded.extend(names.iter().skip(last.unwrap_or(0)).cloned());
        }
    }

    /// Writes an event and ends the waits that are known to stand for it (rules E1, E2).
    pub fn emit(&mut self, write: &EventWrite, only_if_absent: bool) -> EmitAnswer {
        let at = self.now.at;
        let Some(event) = self.events.get_mut(&write.name) else {
            self.missed = true;
            return EmitAnswer::Kept;
        };
        match &event.written {
            Some(written) if written.id == write.id => return EmitAnswer::Repeated,
            Some(_) if only_if_absent => return EmitAnswer::Kept,
            Some(_) | None => {}
        }
        let (payload, metadata) = (write.payload.clone(), write.metadata.clone());
        event.written = Some(Written { at, id: write.id, payload, metadata });
        event.first_unreached = event.first_unreached.or(Some(at));
        self.wake(&write.name);
        EmitAnswer::Written
    }

    /// Ends the waits that are known to stand for a written event; how many.
    pub fn wake(&mut self, name: &EventName) -> usize {
        self.changes.events.insert(name.clone());
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
