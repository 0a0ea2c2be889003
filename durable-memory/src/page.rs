//! Pages and their cursors.

use std::ops::Bound;

use durable_core::model::Invalid;
use durable_core::store::{Cursor, MAX_RECORDS, Page, Room, StoreError, Verb, bounded};

/// What is listed in pages.
pub(crate) trait Listed {
    /// What its cursors begin with: one of another listing means nothing.
    const CURSOR: &'static str;

    /// Its key in the listing, as a cursor spells it.
    fn key(&self) -> String;

    /// Its bytes of payload.
    fn size(&self) -> usize;
}

/// Where a listing starts: after the key that the cursor names.
pub(crate) fn after<T: Listed, K>(
    cursor: Option<&Cursor>,
    verb: Verb,
    read: impl FnOnce(&str) -> Option<K>,
) -> Result<Bound<K>, StoreError> {
    let Some(cursor) = cursor else { return Ok(Bound::Unbounded) };
    let key = cursor.0.strip_prefix(T::CURSOR).and_then(read);
    let invalid = || StoreError::invalid(verb, &Invalid::new("cursor", "this store did not give it"));
    key.map(Bound::Excluded).ok_or_else(invalid)
}

/// A page of what is wanted: it examines at most [`MAX_RECORDS`] entries, and has at most `limit` of them and
/// [`MAX_BYTES`](durable_core::store::MAX_BYTES) of payload, but one at least.
pub(crate) fn page<T: Listed>(
    entries: impl Iterator<Item = T>,
    limit: u32,
    wanted: impl Fn(&T) -> bool,
) -> Page<T> {
    let limit = bounded(limit);
    let mut entries = entries.peekable();
    let mut room = Room::default();
    let mut items = Vec::new();
    let mut last = None;
    for _ in 0..MAX_RECORDS {
        let fits = |entry: &T| items.len() < limit && (!wanted(entry) || room.takes(entry.size()));
        let Some(entry) = entries.next_if(fits) else { break };
        last = Some(entry.key());
        if wanted(&entry) {
            items.push(entry);
        }
    }
    let more = entries.peek().is_some();
    let cursor = |key: String| Cursor(format!("{}{key}", T::CURSOR));
    Page { items, next: last.filter(|_| more).map(cursor) }
}
