//! Cursors: where a listing goes on. One of another listing, or of another store, is refused.

use durable_core::store::{Cursor, StoreError, Verb};

use crate::reply::invalid;

/// What is listed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Listing {
    Queues,
    Tasks,
    Events,
    History,
}

impl Listing {
    const fn verb(self) -> Verb {
        match self {
            Self::Queues => Verb::ListQueues,
            Self::Tasks => Verb::Tasks,
            Self::Events => Verb::Events,
            Self::History => Verb::Task,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Queues => "queues after ",
            Self::Tasks => "tasks after ",
            Self::Events => "events after ",
            Self::History => "history after ",
        }
    }

    /// The cursor to what follows `key`.
    pub(crate) fn after(self, key: &str) -> Cursor {
        Cursor(format!("{}{key}", self.prefix()))
    }

    /// The key that a cursor follows; `None` from the start.
    pub(crate) fn read<T, E>(
        self,
        cursor: Option<&Cursor>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let Some(Cursor(text)) = cursor else { return Ok(None) };
        let key = text.strip_prefix(self.prefix()).and_then(|key| parse(key).ok());
        key.map(Some).ok_or_else(|| invalid(self.verb(), "cursor", "this store did not give it"))
    }
}

#[cfg(test)]
mod tests {
    use durable_core::model::EventName;

    use super::*;

    #[test]
    fn a_cursor_of_another_listing_is_invalid() {
        let cursor = Listing::Events.after("tasks after x");
        let read = |listing: Listing| listing.read(Some(&cursor), |name| EventName::new(name));
        assert_eq!(read(Listing::Events).unwrap().unwrap().as_str(), "tasks after x");
        assert!(read(Listing::Queues).is_err());
        assert!(Listing::History.read(Some(&Cursor("history after x".into())), str::parse::<u64>).is_err());
    }
}
