//! Pages and their cursors.

use std::ops::Bound;

use durable_core::model::Invalid;
use durable_core::store::{Cursor, MAX_BYTES, MAX_RECORDS, Page, StoreError, Verb};

/// What is listed in pages.
pub(crate) trait Listed {
    /// What its cursors begin with: one of another listing means nothing.
    const CURSOR: &'static str;

    /// Its key in the listing, as a cursor spells it.
    fn key(&self) -> String;

    /// Its bytes of payload.
    fn size(&self) -> usize;
}

/// A limit as it is obeyed: from 1 to the most that one verb touches.
pub(crate) fn bounded(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(MAX_RECORDS).clamp(1, MAX_RECORDS)
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
/// [`MAX_BYTES`] of payload, but one at least.
pub(crate) fn page<T: Listed>(
    entries: impl Iterator<Item = T>,
    limit: u32,
    wanted: impl Fn(&T) -> bool,
) -> Page<T> {
    let limit = bounded(limit);
    let mut entries = entries.peekable();
    let mut room = Room::new();
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

/// The bytes that a page still takes.
#[derive(Debug)]
pub(crate) struct Room {
    used: Option<usize>,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self { used: None }
    }

    /// Takes a record if it fits; the first one always does.
    pub(crate) fn takes(&mut self, size: usize) -> bool {
        let used = self.used.map_or(size, |used| used.saturating_add(size));
        let fits = self.used.is_none() || used <= MAX_BYTES;
        if fits {
            self.used = Some(used);
        }
        fits
    }
}
