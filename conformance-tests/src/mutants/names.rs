//! Names on their way into the store.

use std::str::FromStr;

use async_trait::async_trait;
use durable_core::model::QueueName;
use durable_core::store::{
    ClaimAnswer, ClaimRequest, Effect, EmitAnswer, EmitRequest, PutQueueAnswer, PutQueueRequest, SaveAnswer,
    SaveRequest, SpawnAnswer, SpawnRequest, Store, StoreError, WaitAnswer, WaitRequest, WaitSource,
};

use super::wrong::{PerItem, Wrong};
use super::{Wrapper, wrapper};

pub(super) const MUTANTS: &[Wrapper] = &[
    wrapper("65a", "Names are composed (NFC).", &["NM-2"], |_| all(composed)),
    wrapper("65b", "Names are folded to lower case.", &["NM-2"], |_| all(str::to_lowercase)),
    wrapper("66", "Names are cut at 63 bytes.", &["NM-3", "QU-10"], |_| all(|name| cut(name, 63))),
    wrapper("101", "Checkpoint keys are cut at 255 bytes, like names.", &["NM-3"], |_| {
        only(Slot::Step, |key| cut(key, 255))
    }),
    wrapper("102", "Worker names lose their accents.", &["NM-1"], |_| only(Slot::Worker, ascii)),
    wrapper("103", "Idempotency keys are trimmed.", &["NM-1", "SP-12"], |_| {
        only(Slot::Idempotency, |key| key.trim().to_owned())
    }),
    wrapper("104", "Task names are patterns: an underscore is any character.", &["NM-1"], |_| {
        only(Slot::Task, |name| name.replace('.', "_"))
    }),
];

/// The names that requests carry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Queue,
    Task,
    Event,
    Idempotency,
    Worker,
    Step,
}

/// Changes the names of one slot, or of all.
struct Names {
    only: Option<Slot>,
    change: fn(&str) -> String,
}

fn all(change: fn(&str) -> String) -> Box<dyn Wrong> {
    Box::new(Names { only: None, change })
}

fn only(slot: Slot, change: fn(&str) -> String) -> Box<dyn Wrong> {
    Box::new(Names { only: Some(slot), change })
}

/// Composes the one pair that the suite uses; a real store would know them all.
fn composed(name: &str) -> String {
    name.replace("e\u{301}", "\u{e9}")
}

fn ascii(name: &str) -> String {
    name.replace('\u{e9}', "e").replace('\u{301}', "")
}

/// Cuts a text at so many bytes, or before the character that would not fit.
fn cut(text: &str, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

impl Names {
    /// Changes a name, unless nothing would be left of it.
    fn bend<N: FromStr + AsRef<str>>(&self, slot: Slot, name: &mut N) {
        if self.only.is_none_or(|only| only == slot)
            && let Ok(changed) = (self.change)(name.as_ref()).parse()
        {
            *name = changed;
        }
    }

    fn queue(&self, queue: &mut QueueName) {
        self.bend(Slot::Queue, queue);
    }
}

#[async_trait]
impl Wrong for Names {
    async fn put_queue(
        &self,
        right: &dyn Store,
        mut request: PutQueueRequest,
    ) -> Result<PutQueueAnswer, StoreError> {
        self.queue(&mut request.queue);
        right.put_queue(request).await
    }

    async fn spawn(&self, right: &dyn Store, mut request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        self.queue(&mut request.queue);
        for task in &mut request.tasks {
            self.bend(Slot::Task, &mut task.name);
            if let Some(wanted) = &mut task.idempotency {
                self.bend(Slot::Idempotency, &mut wanted.key);
            }
        }
        right.spawn(request).await
    }

    async fn claim(&self, right: &dyn Store, mut request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        self.queue(&mut request.queue);
        self.bend(Slot::Worker, &mut request.worker);
        for name in &mut request.names {
            self.bend(Slot::Task, name);
        }
        right.claim(request).await
    }

    async fn wait(&self, right: &dyn Store, mut request: WaitRequest) -> PerItem<WaitAnswer> {
        self.queue(&mut request.queue);
        for item in &mut request.items {
            for wait in &mut item.waits {
                self.bend(Slot::Step, &mut wait.key);
                if let WaitSource::Event(name) = &mut wait.source {
                    self.bend(Slot::Event, name);
                }
            }
            for key in item.rest.iter_mut().flat_map(|rest| &mut rest.keys) {
                self.bend(Slot::Step, key);
            }
        }
        right.wait(request).await
    }

    async fn save(&self, right: &dyn Store, mut request: SaveRequest) -> PerItem<SaveAnswer> {
        self.queue(&mut request.queue);
        for item in &mut request.items {
            self.bend(Slot::Step, &mut item.key);
            match &mut item.effect {
                Effect::Emit(event) => self.bend(Slot::Event, &mut event.name),
                Effect::Spawn(children) => {
                    for child in children {
                        self.bend(Slot::Task, &mut child.name);
                    }
                }
                Effect::None => {}
            }
        }
        right.save(request).await
    }

    async fn emit(&self, right: &dyn Store, mut request: EmitRequest) -> Result<EmitAnswer, StoreError> {
        self.queue(&mut request.queue);
        self.bend(Slot::Event, &mut request.event.name);
        right.emit(request).await
    }
}
