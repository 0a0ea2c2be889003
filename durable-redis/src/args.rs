//! The arguments of a script, in the order that `lua/lib/args.lua` reads them.

use std::borrow::Cow;

use durable_core::model::{Timestamp, Token};

/// A flat list of texts. An absent value is an empty one: no name and no payload is empty.
#[derive(Debug)]
pub(crate) struct Args<'a>(Vec<Cow<'a, str>>);

impl<'a> Args<'a> {
    /// Starts with the time to use; `None` for the server's own.
    pub(crate) fn at(now: Option<Timestamp>) -> Self {
        Self(Vec::new()).option_int(now.map(Timestamp::as_millis))
    }

    pub(crate) fn text(mut self, text: &'a str) -> Self {
        self.0.push(Cow::Borrowed(text));
        self
    }

    pub(crate) fn owned(mut self, text: String) -> Self {
        self.0.push(Cow::Owned(text));
        self
    }

    pub(crate) fn option(self, text: Option<&'a str>) -> Self {
        self.text(text.unwrap_or_default())
    }

    pub(crate) fn int(self, figure: i64) -> Self {
        self.owned(figure.to_string())
    }

    pub(crate) fn option_int(self, figure: Option<i64>) -> Self {
        match figure {
            Some(figure) => self.int(figure),
            None => self.text(""),
        }
    }

    pub(crate) fn flag(self, flag: bool) -> Self {
        self.text(if flag { "1" } else { "0" })
    }

    pub(crate) fn token(self, token: &Token) -> Self {
        self.owned(token.task.to_string()).owned(token.call.to_string()).owned(token.claim.to_string())
    }

    /// A count and the items.
    pub(crate) fn list<T>(self, items: &'a [T], write: impl Fn(Self, &'a T) -> Self) -> Self {
        let counted = self.owned(items.len().to_string());
        items.iter().fold(counted, write)
    }

    pub(crate) fn as_slice(&self) -> &[Cow<'a, str>] {
        &self.0
    }
}
