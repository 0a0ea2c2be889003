//! Queues: create, change, drop and list.

use durable_core::model::QueueName;
use durable_core::store::{
    DropQueueAnswer, DropQueueRequest, ListQueuesRequest, Page, PutQueueAnswer, PutQueueRequest, QueueState,
    QueueView, StoreError, Verb,
};

use crate::page::{Listing, after, bounded, page};
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
    let from =
        after(request.cursor.as_ref(), Listing::Queues, Verb::ListQueues, |text| QueueName::new(text).ok())?;
    let queues = state.queues.range((from, std::ops::Bound::Unbounded));
    let view = |(name, queue): (&QueueName, &Queue)| QueueView { name: name.clone(), state: queue.state };
    Ok(page(
        queues.map(view),
        bounded(request.limit),
        Listing::Queues,
        |_| true,
        |view| view.name.to_string(),
    ))
}
