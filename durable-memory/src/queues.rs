//! Queues: create, change, drop and list.

use std::ops::Bound;

use durable_core::model::QueueName;
use durable_core::store::{
    DropQueueAnswer, DropQueueRequest, ListQueuesRequest, Page, PutQueueAnswer, PutQueueRequest, QueueState,
    QueueView, StoreError, Verb,
};

use crate::page::{Listed, after, page};
use crate::state::{Queue, State};

/// Creates a queue, or sets its state.
pub(crate) fn put_queue(state: &mut State, request: PutQueueRequest) -> PutQueueAnswer {
    match state.queues.get_mut(&request.queue) {
        None => {
            let queue = Queue { state: request.state, ..Queue::default() };
            state.queues.insert(request.queue, queue);
            PutQueueAnswer::Created
        }
        Some(queue) if queue.state == request.state => PutQueueAnswer::Unchanged,
        Some(queue) => {
            queue.state = request.state;
            queue.news.ready = request.state == QueueState::Open && !queue.index.pending.is_empty();
            PutQueueAnswer::Changed
        }
    }
}

/// Drops a queue that has nothing left in it.
pub(crate) fn drop_queue(state: &mut State, request: &DropQueueRequest) -> DropQueueAnswer {
    match state.queues.get(&request.queue) {
        None => DropQueueAnswer::NotFound,
        Some(queue) if !is_empty(queue) => DropQueueAnswer::NotEmpty,
        Some(_) => {
            state.queues.remove(&request.queue);
            DropQueueAnswer::Dropped
        }
    }
}

fn is_empty(queue: &Queue) -> bool {
    queue.tasks.is_empty() && queue.events.is_empty() && queue.garbage.is_empty()
}

/// Lists queues by name.
pub(crate) fn list_queues(state: &State, request: &ListQueuesRequest) -> Result<Page<QueueView>, StoreError> {
    let read = |text: &str| QueueName::new(text).ok();
    let from = after::<QueueView, _>(request.cursor.as_ref(), Verb::ListQueues, read)?;
    let queues = state.queues.range((from, Bound::Unbounded));
    let views = queues.map(|(name, queue)| QueueView { name: name.clone(), state: queue.state });
    Ok(page(views, request.limit, |_| true))
}

impl Listed for QueueView {
    const CURSOR: &'static str = "queue:";

    fn key(&self) -> String {
        self.name.to_string()
    }

    fn size(&self) -> usize {
        0
    }
}
