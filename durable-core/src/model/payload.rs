//! Payloads: JSON text that no store looks into (rule N2).

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The deepest nesting of a payload that can be read again.
pub const MAX_DEPTH: usize = 127;

/// JSON text. A store keeps the bytes as they are; only core reads them.
///
/// `Debug` shows the size alone, so that a payload never reaches a log by accident.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(Arc<str>);

/// As a string, its text: for stores that keep their records by serde. Nothing of it is parsed (rule N2).
impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from_text)
    }
}

/// Why a value is no payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The value has no JSON form.
    #[error("cannot be written as JSON: {0}")]
    Unwritable(String),
    /// The JSON is not of the type that was asked for.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Nested deeper than [`MAX_DEPTH`]: it could not be read again.
    #[error("nested {depth} levels deep, the limit is {MAX_DEPTH}")]
    TooDeep {
        /// The depth found.
        depth: usize,
    },
    /// Larger than the client's limit.
    #[error("{bytes} bytes of JSON, the limit is {limit}")]
    TooLarge {
        /// The size found, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}

impl Payload {
    /// Writes a value as JSON, refusing what is larger than `limit` bytes or too deep to be read again.
    ///
    /// # Errors
    ///
    /// [`PayloadError`]; nothing was written anywhere.
    pub fn of<T: Serialize + ?Sized>(value: &T, limit: usize) -> Result<Self, PayloadError> {
        let text = serde_json::to_string(value).map_err(|e| PayloadError::Unwritable(e.to_string()))?;
        if text.len() > limit {
            return Err(PayloadError::TooLarge { bytes: text.len(), limit });
        }
        let depth = depth(&text);
        if depth > MAX_DEPTH {
            return Err(PayloadError::TooDeep { depth });
        }
        Ok(Self(text.into()))
    }

    /// Takes JSON text as it is: for stores that read it back, and for tests.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How long the text is.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Reads the value.
    ///
    /// # Errors
    ///
    /// When the JSON is not of this type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// How deep the arrays and objects of JSON text are nested.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> serde_json::Value {
        (0..depth).fold(serde_json::Value::Null, |inner, _| serde_json::Value::Array(vec![inner]))
    }

    #[test]
    fn n2_what_could_not_be_read_again_is_refused() {
        let deepest = Payload::of(&nested(127), 1 << 20).unwrap();
        assert_eq!(deepest.read::<serde_json::Value>().unwrap(), nested(127));
        assert_eq!(Payload::of(&nested(128), 1 << 20), Err(PayloadError::TooDeep { depth: 128 }));
    }

    #[test]
    fn floats_come_back_to_the_last_bit() {
        let mut float = 0.1_f64;
        for _ in 0..10_000 {
            float = (float * 1.000_700_1 + 0.000_013_7).fract();
            let again: f64 = Payload::of(&float, 100).unwrap().read().unwrap();
            assert_eq!(again.to_bits(), float.to_bits(), "{float}");
        }
    }

    #[test]
    fn n2_brackets_in_strings_are_no_depth() {
        assert_eq!(depth(r#"{"a\"[[[[":"]]\\","b":[1]}"#), 2);
    }

    #[test]
    fn n2_what_is_too_large_is_refused() {
        assert!(Payload::of("12345678", 10).is_ok());
        assert_eq!(Payload::of("123456789", 10), Err(PayloadError::TooLarge { bytes: 11, limit: 10 }));
    }

    #[test]
    fn a_payload_does_not_show_itself() {
        assert_eq!(format!("{:?}", Payload::from_text("\"secret\"")), "Payload(8 bytes)");
    }
}
