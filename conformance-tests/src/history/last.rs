//! What a store shows of a queue when all clients are done.

use durable_core::model::QueueName;
use durable_core::store::{HistoryEntry, Store, StoreError, TaskDetail, TaskRequest, TasksRequest};

use futures::{StreamExt, TryStreamExt};

use super::data::LastTask;
use super::translate::{state, stored};
use crate::snapshot::read_task;

/// How many tasks are read at a time.
const AT_A_TIME: usize = 8;

/// Every task of a queue, with its checkpoints and waits.
pub(super) async fn last(store: &dyn Store, queue: &QueueName) -> Result<Vec<LastTask>, StoreError> {
    let (mut shown, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.tasks(TasksRequest::new(queue.clone(), cursor)).await?;
        let reads = page.items.into_iter().map(|view| one(store, TaskRequest::new(queue.clone(), view.id)));
        let read: Vec<_> = futures::stream::iter(reads).buffered(AT_A_TIME).try_collect().await?;
        shown.extend(read.into_iter().flatten());
        cursor = page.next;
        if cursor.is_none() {
            return Ok(shown);
        }
    }
}

async fn one(store: &dyn Store, request: TaskRequest) -> Result<Option<LastTask>, StoreError> {
    let (detail, entries) = read_task(store, request).await?;
    Ok(detail.map(|detail| task(&detail, entries)))
}

fn task(detail: &TaskDetail, entries: Vec<HistoryEntry>) -> LastTask {
    let checkpoints = entries.into_iter().filter_map(|entry| match entry {
        HistoryEntry::Checkpoint { checkpoint, aside: false } => Some(stored(&checkpoint)),
        _ => None,
    });
    LastTask {
        id: detail.task.id,
        state: state(&detail.task),
        attempt: detail.task.attempt,
        claims: detail.task.claims,
        checkpoints: checkpoints.collect(),
        waits: detail.waits.iter().map(|wait| wait.key.as_str().to_owned()).collect(),
    }
}
