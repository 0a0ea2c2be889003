//! Pages and their cursors, the same in every store.

use super::{Cursor, MAX_RECORDS, Page, Room, StoreError, Verb, bounded};
use crate::model::Invalid;

/// A page that is being filled: bounded by entries and by bytes of payload, with one entry at least, and by how many it
/// examines.
#[derive(Debug)]
pub struct Paging<T> {
    items: Vec<T>,
    limit: usize,
    room: Room,
    seen: usize,
    last: Option<String>,
    full: bool,
}

impl<T> Paging<T> {
    /// An empty page for at most `limit` entries.
    pub fn new(limit: u32) -> Self {
        let room = Room::default();
        Self { items: Vec::new(), limit: bounded(limit), room, seen: 0, last: None, full: false }
    }

    /// The most entries.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes what was examined, if it is wanted, with its bytes of payload; `false` when the page is full.
    pub fn take(&mut self, cursor: String, wanted: Option<T>, bytes: usize) -> bool {
        let fits = self.seen < MAX_RECORDS
            && self.items.len() < self.limit
            && (wanted.is_none() || self.room.takes(bytes));
        if fits {
            self.items.extend(wanted);
            self.seen += 1;
            self.last = Some(cursor);
        }
        self.full = !fits;
        fits
    }

    /// The page. One that refused a record has a next one.
    pub fn end(self) -> Page<T> {
        Page { items: self.items, next: self.last.filter(|_| self.full).map(Cursor) }
    }
}

impl Cursor {
    /// What a cursor of this listing stands after; nothing for the start.
    ///
    /// # Errors
    ///
    /// `Invalid` for a cursor of another listing.
    pub fn after<'a>(cursor: Option<&'a Self>, listing: &str, verb: Verb) -> Result<&'a str, StoreError> {
        let Some(cursor) = cursor else { return Ok("") };
        let after = cursor.0.strip_prefix(listing).filter(|after| !after.is_empty());
        after.ok_or_else(|| Self::unknown(verb))
    }

    /// The fault of a cursor that the store did not give.
    pub fn unknown(verb: Verb) -> StoreError {
        StoreError::invalid(verb, &Invalid::new("cursor", "this store did not give it"))
    }
}
