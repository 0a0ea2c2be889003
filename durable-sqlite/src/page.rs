//! Pages and their cursors.

use durable_core::model::Invalid;
use durable_core::store::{Cursor, MAX_RECORDS, Page, Room, StoreError, Verb, bounded};

/// A page that is being filled: bounded by entries and by bytes of payload, with one entry at least, and by what it examines.
pub(crate) struct Paging<T> {
    items: Vec<T>,
    limit: usize,
    room: Room,
    seen: usize,
    last: Option<String>,
    full: bool,
}

impl<T> Paging<T> {
    pub(crate) fn new(limit: u32) -> Self {
        let room = Room::default();
        Self { items: Vec::new(), limit: bounded(limit), room, seen: 0, last: None, full: false }
    }

    /// The most entries.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes what was examined, if it is wanted, with its bytes of payload; `false` when the page is full.
    pub(crate) fn take(&mut self, cursor: String, wanted: Option<T>, bytes: usize) -> bool {
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
    pub(crate) fn end(self) -> Page<T> {
        Page { items: self.items, next: self.last.filter(|_| self.full).map(Cursor) }
    }
}

/// What a cursor of this listing stands after; nothing for the start. One of another listing means nothing.
pub(crate) fn after<'a>(
    cursor: Option<&'a Cursor>,
    listing: &'static str,
    verb: Verb,
) -> Result<&'a str, StoreError> {
    let Some(cursor) = cursor else { return Ok("") };
    cursor.0.strip_prefix(listing).filter(|after| !after.is_empty()).ok_or_else(|| unknown_cursor(verb))
}

/// The fault of a cursor that this store did not give.
pub(crate) fn unknown_cursor(verb: Verb) -> StoreError {
    StoreError::invalid(verb, &Invalid::new("cursor", "this store did not give it"))
}
