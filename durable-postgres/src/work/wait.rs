//! Waits: how one ends, and what its end does to a task at rest.

use durable_core::model::CheckpointKind;
use uuid::Uuid;

use super::Work;
use crate::rows::{EndRow, Slot, SlotKey, State, Wait, kind_number};

/// How a wait ends.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) end: EndRow,
    pub(crate) at: i64,
}

impl Work {
    /// How a standing wait ends now, if it does: the one place that decides it.
    ///
    /// An event that exists beside a standing wait was written without reaching it.
    fn verdict(&self, wait: &Wait) -> Option<Verdict> {
        let event = wait.event.as_deref().and_then(|name| self.event(name));
        let unreached = event.and_then(|event| event.first_unreached.or(event.written_at));
        match (unreached, wait.deadline) {
            (Some(at), deadline) if deadline.is_none_or(|deadline| deadline > at) => {
                let payload = event.and_then(|event| event.payload.clone());
                Some(Verdict { end: EndRow::value_text(payload), at })
            }
            (Some(_), Some(deadline)) => Some(Verdict { end: EndRow::timeout(), at: deadline }),
            (None, Some(deadline)) if deadline <= self.now => {
                Some(Verdict { end: EndRow::timeout(), at: deadline })
            }
            _ => None,
        }
    }

    /// Ends a standing wait if its event or its time has come; whether it did.
    pub(crate) fn end_if_due(&mut self, key: &SlotKey) -> bool {
        let Slot::Standing(wait) = self.slot(key) else { return false };
        let Some(verdict) = self.verdict(wait) else { return false };
        let (kind, registered_at) = (wait_kind(wait.source), wait.registered_at);
        self.end_slot(key.clone(), kind, verdict.end, registered_at, verdict.at);
        true
    }

    /// Counts the end of a wait towards the rest of its task (rule W3).
    pub(super) fn count_down(&mut self, id: Uuid, wait: &Wait) {
        let now = self.now;
        let Some(task) = self.edit(id) else { return };
        if !task.is_resting() || wait.rests != Some(task.claims) {
            return;
        }
        let need = task.need.unwrap_or(1).saturating_sub(1);
        if need > 0 {
            task.need = Some(need);
            if wait.deadline.is_some() && wait.deadline == task.rest_due {
                self.stale_rests.insert(id);
            }
            return;
        }
        task.need = None;
        task.rest_due = None;
        task.state = State::Pending;
        task.available_at = Some(now);
        self.stale_rests.remove(&id);
    }
}

/// The kind of checkpoint that a wait's end is.
pub(crate) fn wait_kind(source: i16) -> i16 {
    kind_number(match source {
        Wait::EVENT => CheckpointKind::Event,
        Wait::CHILD => CheckpointKind::Child,
        _ => CheckpointKind::Timer,
    })
}
