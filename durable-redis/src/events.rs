//! Events: what anybody emits.

use async_trait::async_trait;
use durable_core::store::{EmitAnswer, EmitRequest, EventWrite, Events, StoreError, Verb};

use crate::RedisStore;
use crate::args::Args;
use crate::script::{Script, script};

static EMIT: Script = script!("events/emit");

/// Writes an event as `args.event` reads it.
pub(crate) fn event<'a>(args: Args<'a>, event: &'a EventWrite) -> Args<'a> {
    args.text(event.name.as_str())
        .text(event.payload.as_str())
        .text(event.metadata.as_str())
        .owned(event.id.to_string())
}

#[async_trait]
impl Events for RedisStore {
    async fn emit(&self, request: EmitRequest) -> Result<EmitAnswer, StoreError> {
        let args = event(self.args(), &request.event).flag(request.only_if_absent);
        let (status, reply) = self.run(Verb::Emit, &EMIT, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Err(StoreError::queue_not_found(Verb::Emit)),
            "written" => Ok(EmitAnswer::Written),
            "kept" => Ok(EmitAnswer::Kept),
            "repeated" => Ok(EmitAnswer::Repeated),
            _ => Err(reply.unreadable("a known status")),
        }
    }
}
