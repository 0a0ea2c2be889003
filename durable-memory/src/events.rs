//! Events: emit, and the waking of those that wait.

use durable_core::model::{CheckpointKind, End, EventName, Now, StepKey, Timestamp};
use durable_core::store::{EmitAnswer, EmitRequest, EventWrite, StoreError, Verb};

use crate::moves::settle;
use crate::spread::Spread;
use crate::state::{Event, Queue, State};
use crate::task::Draft;

/// Writes an event and ends the waits for it.
pub(crate) fn emit(state: &mut State, now: Now, request: EmitRequest) -> Result<EmitAnswer, StoreError> {
    let queue = state.queue_mut(&request.queue, Verb::Emit)?;
    if request.only_if_absent {
        match queue.events.get(&request.event.name) {
            Some(event) if event.id != request.event.id => return Ok(EmitAnswer::Kept),
            _ => {}
        }
    }
    Ok(write(queue, now.at, request.event, &mut Spread::first_step()))
}

/// Writes an event, unless this was its last write already, and ends as many of its waits as the spread allows; while
/// some still stand, it is *waking* (rule E2).
pub(crate) fn write(queue: &mut Queue, now: Timestamp, write: EventWrite, spread: &mut Spread) -> EmitAnswer {
    let EventWrite { name, payload, metadata, id } = write;
    let before = queue.events.get(&name);
    if before.is_some_and(|event| event.id == id) {
        return EmitAnswer::Repeated;
    }
    let unreached = before.and_then(|event| event.first_unreached).unwrap_or(now);
    let first_unreached = queue.index.waits.contains_key(&name).then_some(unreached);
    queue.put_event(&name, Some(Event { payload, metadata, id, written_at: now, first_unreached }));
    wake(queue, now, &name, spread);
    EmitAnswer::Written
}

/// Ends the waits for an event that exists; tells how many.
pub(crate) fn wake(queue: &mut Queue, now: Timestamp, name: &EventName, spread: &mut Spread) -> u32 {
    let mut woken = 0;
    while let Some((task, key)) = queue.index.first_wait(name) {
        if !spread.take() || !settle(queue, now, task, &key) {
            break;
        }
        woken += 1;
    }
    woken
}

impl Event {
    /// The end of a wait that comes after the write.
    pub(crate) fn value(&self, key: StepKey, now: Timestamp) -> Draft {
        Draft {
            key,
            kind: CheckpointKind::Event,
            end: End::Value(self.payload.clone()),
            started_at: now,
            ended_at: self.written_at,
        }
    }
}
