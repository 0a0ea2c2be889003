//! The answer of a script, read from the front.

use durable_core::model::{Invalid, Payload, Timestamp};
use durable_core::store::{FencedError, StoreError, StoreErrorKind, Verb};
use redis::Value;

/// A list of values of which each is read once, in order.
#[derive(Debug)]
pub(crate) struct Reply {
    verb: Verb,
    values: std::vec::IntoIter<Value>,
}

impl Reply {
    pub(crate) fn new(verb: Verb, value: Value) -> Result<Self, StoreError> {
        match value {
            Value::Array(values) => Ok(Self { verb, values: values.into_iter() }),
            _ => Err(unreadable(verb, "a list")),
        }
    }

    /// An error for what is stored and makes no sense.
    pub(crate) fn unreadable(&self, what: &str) -> StoreError {
        unreadable(self.verb, what)
    }

    fn next(&mut self) -> Value {
        self.values.next().unwrap_or(Value::Nil)
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.option_text()?.ok_or_else(|| self.unreadable("a text"))
    }

    pub(crate) fn option_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.next() {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => {
                String::from_utf8(bytes).map(Some).map_err(|_| self.unreadable("a text in UTF-8"))
            }
            Value::SimpleString(text) => Ok(Some(text)),
            _ => Err(self.unreadable("a text")),
        }
    }

    pub(crate) fn option_int(&mut self) -> Result<Option<i64>, StoreError> {
        match self.next() {
            Value::Nil => Ok(None),
            Value::Int(figure) => Ok(Some(figure)),
            _ => Err(self.unreadable("a figure")),
        }
    }

    /// A figure of any smaller type.
    pub(crate) fn int<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        let figure = self.option_int()?.ok_or_else(|| self.unreadable("a figure"))?;
        T::try_from(figure).map_err(|_| self.unreadable("a figure within its bounds"))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.int::<i64>()? == 1)
    }

    pub(crate) fn option_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.option_int()?.map(Timestamp::from_millis))
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.int().map(Timestamp::from_millis)
    }

    pub(crate) fn payload(&mut self) -> Result<Payload, StoreError> {
        self.text().map(Payload::from_text)
    }

    /// A text that is parsed or checked.
    pub(crate) fn parse<T, E>(
        &mut self,
        what: &str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        parse(self.text()?).map_err(|_| self.unreadable(what))
    }

    /// The same for one that may be absent.
    pub(crate) fn parse_option<T, E>(
        &mut self,
        what: &str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let Some(text) = self.option_text()? else { return Ok(None) };
        parse(text).map(Some).map_err(|_| self.unreadable(what))
    }

    /// A list within the list.
    pub(crate) fn nested(&mut self) -> Result<Self, StoreError> {
        let value = self.next();
        Self::new(self.verb, value)
    }

    /// A list within the list that may be absent.
    pub(crate) fn option_nested(&mut self) -> Result<Option<Self>, StoreError> {
        match self.next() {
            Value::Nil => Ok(None),
            value => Self::new(self.verb, value).map(Some),
        }
    }

    /// A list of lists, each read by `read`.
    pub(crate) fn list<T, E: From<StoreError>>(
        &mut self,
        mut read: impl FnMut(Self) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let inner = self.nested()?;
        let verb = inner.verb;
        inner.values.map(|value| read(Self::new(verb, value)?)).collect()
    }

    /// The answers of a batch, one for each item: `read` gets the status word and what follows it.
    pub(crate) fn batch<T>(
        &mut self,
        read: impl Fn(&str, &mut Self) -> Result<T, StoreError>,
    ) -> Result<Vec<Result<T, FencedError>>, StoreError> {
        self.list(|mut item| {
            let status = item.text()?;
            Ok(match fenced(&status, item.verb) {
                Some(error) => Err(error),
                None => read(&status, &mut item).map_err(FencedError::Fault),
            })
        })
    }
}

/// What a status word refuses, if it does.
pub(crate) fn fenced(status: &str, verb: Verb) -> Option<FencedError> {
    match status {
        "lost" | "no_queue" => Some(FencedError::ClaimLost),
        "cancelled" => Some(FencedError::Cancelled),
        "corrupt" => Some(corrupt(verb).into()),
        _ => None,
    }
}

/// A stored record cannot be decoded.
pub(crate) fn corrupt(verb: Verb) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, verb, "a stored record cannot be decoded")
}

/// `ClaimLost` for each of so many items: their queue does not exist.
pub(crate) fn all_lost<T>(count: usize) -> Vec<Result<T, FencedError>> {
    (0..count).map(|_| Err(FencedError::ClaimLost)).collect()
}

/// A request that has no meaning.
pub(crate) fn invalid(verb: Verb, what: &'static str, problem: impl Into<String>) -> StoreError {
    StoreError::invalid(verb, &Invalid::new(what, problem))
}

fn unreadable(verb: Verb, what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, verb, format!("the answer lacks {what}"))
}
