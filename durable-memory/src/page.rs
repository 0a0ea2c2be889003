//! Pages and their cursors.

use std::ops::Bound;

use durable_core::model::Invalid;
use durable_core::store::{Cursor, MAX_RECORDS, Page, StoreError, Verb};

/// What is listed. A cursor of one listing means nothing to another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Listing {
    Queues,
    Tasks,
    Events,
    History,
}

impl Listing {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Queues => "queue:",
            Self::Tasks => "task:",
            Self::Events => "event:",
            Self::History => "order:",
        }
    }
}

/// A limit as it is obeyed: from 1 to the most that one verb touches.
pub(crate) fn bounded(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(MAX_RECORDS).clamp(1, MAX_RECORDS)
}

/// Where a listing starts: after the key that the cursor names.
pub(crate) fn after<K>(
    cursor: Option<&Cursor>,
    listing: Listing,
    verb: Verb,
    read: impl FnOnce(&str) -> Option<K>,
) -> Result<Bound<K>, StoreError> {
    let Some(cursor) = cursor else { return Ok(Bound::Unbounded) };
    let key = cursor.0.strip_prefix(listing.prefix()).and_then(read);
    let invalid = || StoreError::invalid(verb, &Invalid::new("cursor", "this store did not give it"));
    key.map(Bound::Excluded).ok_or_else(invalid)
}

/// A page of what passes the filter, from at most [`MAX_RECORDS`] entries.
pub(crate) fn page<T>(
    entries: impl Iterator<Item = T>,
    limit: usize,
    listing: Listing,
    filter: impl Fn(&T) -> bool,
    key: impl Fn(&T) -> String,
) -> Page<T> {
    let mut entries = entries.peekable();
    let mut items = Vec::new();
    let mut last = None;
    for entry in entries.by_ref().take(MAX_RECORDS) {
        last = Some(key(&entry));
        if filter(&entry) {
            items.push(entry);
        }
        if items.len() == limit {
            break;
        }
    }
    let more = entries.peek().is_some();
    let cursor = |key: String| Cursor(format!("{}{key}", listing.prefix()));
    Page { items, next: last.filter(|_| more).map(cursor) }
}
