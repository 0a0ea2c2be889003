//! Checkpoints: what a task context does.

use async_trait::async_trait;
use durable_core::model::Checkpoint;
use durable_core::store::{
    CheckpointPage, Checkpoints, Effect, FencedError, LoadRequest, SaveAnswer, SaveItem, SaveRequest,
    StoreError, StoreErrorKind, Verb,
};

use crate::RedisStore;
use crate::args::Args;
use crate::decode::{checkpoint, end, kind_word};
use crate::events::event;
use crate::reply::{Reply, all_lost, fenced, invalid};
use crate::script::{Script, script};
use crate::tasks::new_task;

static LOAD: Script = script!("checkpoints/load");
static SAVE: Script = script!("checkpoints/save");

fn save_item<'a>(args: Args<'a>, item: &'a SaveItem) -> Args<'a> {
    let args = args
        .token(&item.token)
        .text(item.key.as_str())
        .text(kind_word(item.kind))
        .text(item.payload.as_str())
        .int(item.took.as_i64());
    match &item.effect {
        Effect::None => args.text("none"),
        Effect::Spawn(children) => args.text("spawn").list(children, new_task),
        Effect::Emit(write) => event(args.text("emit"), write),
    }
}

fn saved(status: &str, reply: &mut Reply) -> Result<SaveAnswer, StoreError> {
    match status {
        "stored" => Ok(SaveAnswer::Stored { expires_at: reply.time()? }),
        "conflict" => Ok(SaveAnswer::Conflict { stored: end(&mut reply.nested()?)? }),
        "key_taken" => {
            let problem = "an idempotency key of a child belongs to another task";
            Err(StoreError::new(StoreErrorKind::Conflict, Verb::Save, problem))
        }
        "no_link" => Err(invalid(Verb::Save, "child", "it has no link to its parent")),
        "sealed" => Ok(SaveAnswer::QueueClosed),
        _ => Err(reply.unreadable("a known status")),
    }
}

fn loaded(mut entry: Reply) -> Result<Checkpoint, StoreError> {
    let order = entry.int()?;
    let mut record = entry.nested()?;
    if record.text()? != "checkpoint" {
        return Err(record.unreadable("a checkpoint"));
    }
    checkpoint(order, &mut record)
}

#[async_trait]
impl Checkpoints for RedisStore {
    async fn load(&self, request: LoadRequest) -> Result<CheckpointPage, FencedError> {
        // Orders stay far below 2^53, and so does what is asked for.
        let after = i64::try_from(request.after).unwrap_or(i64::MAX).min(1 << 53);
        let args = self.args().token(&request.token).int(after).int(request.limit.clamp(1, 1_000).into());
        let (status, mut reply) = self.run(Verb::Load, &LOAD, &request.queue, &args).await?;
        if let Some(error) = fenced(&status, Verb::Load) {
            return Err(error);
        }
        Ok(CheckpointPage { checkpoints: reply.list(loaded)?, more: reply.flag()? })
    }

    async fn save(&self, request: SaveRequest) -> Result<Vec<Result<SaveAnswer, FencedError>>, StoreError> {
        request.check()?;
        let args = self.args().list(&request.items, save_item);
        let (status, mut reply) = self.run(Verb::Save, &SAVE, &request.queue, &args).await?;
        match status.as_str() {
            "no_queue" => Ok(all_lost(request.items.len())),
            "ok" => reply.batch(saved),
            _ => Err(reply.unreadable("a known status")),
        }
    }
}
