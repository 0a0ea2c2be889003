//! Payloads on their way into the store, and out of it.

use async_trait::async_trait;
use durable_core::model::{CancelCause, Payload};
use durable_core::store::{
    CancelAnswer, CancelRequest, ClaimAnswer, ClaimRequest, Effect, EmitAnswer, EmitRequest, Ending,
    EventWrite, NewTask, SaveAnswer, SaveRequest, SpawnAnswer, SpawnRequest, Store, StoreError,
    StoreErrorKind, Verb,
};
use serde_json::{Map, Number, Value};

use super::wrong::{PerItem, Wrong};
use super::{Wrapper, wrapper};

pub(super) const MUTANTS: &[Wrapper] = &[
    wrapper("62", "A script reads payloads and writes them again, as cjson does.", &["PF-1", "PF-2"], |_| {
        Box::new(Everywhere(|text| rewritten(text, cjson)))
    }),
    wrapper("63", "Numbers in payloads go through a float.", &["PF-2"], |_| {
        Box::new(Everywhere(|text| rewritten(text, float)))
    }),
    wrapper("64a", "NULs are stripped from payloads.", &["PF-4"], |_| {
        Box::new(Everywhere(|text| text.replace("\\u0000", "")))
    }),
    wrapper("64b", "A text in a payload ends at its first NUL.", &["PF-4"], |_| {
        Box::new(Everywhere(until_nul))
    }),
    wrapper("68", "A payload of depth 200 is stored and cannot be read again.", &["PF-7"], |_| {
        Box::new(Unreadable)
    }),
    wrapper("69", "Payloads are cut at 64 KiB without a word.", &["PF-8"], |_| {
        Box::new(Everywhere(|text| text.chars().take(1 << 16).collect()))
    }),
    wrapper("105", "The keys of a payload are sorted.", &["PF-6"], |_| {
        Box::new(Everywhere(|text| rewritten(text, |value| value)))
    }),
    wrapper("106", "The reason of a cancellation is cut at 255 bytes.", &["CA-14"], |_| {
        Box::new(ShortReason)
    }),
];

/// Changes the payloads of every slot.
struct Everywhere(fn(&str) -> String);

impl Everywhere {
    fn bend(&self, payload: &mut Payload) {
        *payload = Payload::from_text((self.0)(payload.as_str()));
    }

    fn task(&self, task: &mut NewTask) {
        for payload in [&mut task.params, &mut task.headers, &mut task.policy] {
            self.bend(payload);
        }
    }

    fn event(&self, event: &mut EventWrite) {
        self.bend(&mut event.payload);
        self.bend(&mut event.metadata);
    }
}

#[async_trait]
impl Wrong for Everywhere {
    async fn spawn(&self, right: &dyn Store, mut request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        request.tasks.iter_mut().for_each(|task| self.task(task));
        right.spawn(request).await
    }

    async fn claim(&self, right: &dyn Store, mut request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        for end in &mut request.ends {
            match &mut end.ending {
                Ending::Complete { result: payload } | Ending::Fail { failure: payload, .. } => {
                    self.bend(payload);
                }
                Ending::Release { .. } => {}
            }
        }
        right.claim(request).await
    }

    async fn save(&self, right: &dyn Store, mut request: SaveRequest) -> PerItem<SaveAnswer> {
        for item in &mut request.items {
            self.bend(&mut item.payload);
            match &mut item.effect {
                Effect::Spawn(children) => children.iter_mut().for_each(|child| self.task(child)),
                Effect::Emit(event) => self.event(event),
                Effect::None => {}
            }
        }
        right.save(request).await
    }

    async fn emit(&self, right: &dyn Store, mut request: EmitRequest) -> Result<EmitAnswer, StoreError> {
        self.event(&mut request.event);
        right.emit(request).await
    }
}

/// Cannot read what it claims when that is nested deeply.
struct Unreadable;

#[async_trait]
impl Wrong for Unreadable {
    async fn claim(&self, right: &dyn Store, request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        let answer = right.claim(request).await?;
        let is_deep = |payload: &Payload| payload.as_str().starts_with(&"[".repeat(200));
        if answer.claims.iter().any(|claim| is_deep(&claim.params)) {
            return Err(StoreError::new(StoreErrorKind::Corrupt, Verb::Claim, "recursion limit exceeded"));
        }
        Ok(answer)
    }
}

/// Keeps reasons in a column of 255 bytes.
struct ShortReason;

#[async_trait]
impl Wrong for ShortReason {
    async fn cancel(
        &self,
        right: &dyn Store,
        mut request: CancelRequest,
    ) -> Result<CancelAnswer, StoreError> {
        if let CancelCause::Requested { reason: Some(reason) } = &mut request.cause {
            *reason = reason.chars().take(255).collect();
        }
        right.cancel(request).await
    }
}

/// A text read as JSON, changed and written again; one that cannot be read stays.
fn rewritten(text: &str, change: fn(Value) -> Value) -> String {
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value| change(value).to_string())
}

/// Lua knows one kind of table and one kind of number.
fn cjson(value: Value) -> Value {
    match value {
        Value::Array(items) if items.is_empty() => Value::Object(Map::new()),
        other => below(float(other), cjson),
    }
}

fn float(value: Value) -> Value {
    match value.as_f64().and_then(Number::from_f64) {
        Some(number) => Value::Number(number),
        None => below(value, float),
    }
}

/// Changes what is in a value.
fn below(value: Value, change: fn(Value) -> Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(change).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, change(value))).collect())
        }
        other => other,
    }
}

/// Every text of it ends before its first NUL; the quotes of JSON stay.
fn until_nul(text: &str) -> String {
    let mut parts = text.split("\\u0000");
    let first = parts.next().unwrap_or_default().to_owned();
    match parts.last() {
        Some(rest) => first + rest.get(rest.find('"').unwrap_or(0)..).unwrap_or_default(),
        None => first,
    }
}
