//! Hints: what is worth telling, once the lock is released.

use durable_core::model::Timestamp;
use durable_core::store::Hint;

use crate::state::News;

/// The hints that follow from what a verb has done, given when the queue was next due before and is now.
pub(crate) fn hints(news: News, before: Option<Timestamp>, after: Option<Timestamp>) -> Vec<Hint> {
    let earlier = after.filter(|after| before.is_none_or(|before| *after < before));
    let ready = news.ready.then_some(Hint::Work { next_due: None });
    let due = earlier.map(|due| Hint::Work { next_due: Some(due) });
    ready.into_iter().chain(due).chain(news.ended.into_iter().map(Hint::Ended)).collect()
}
