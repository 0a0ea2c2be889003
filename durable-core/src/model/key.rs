//! Checkpoint keys: `{base}-{hash of the canonical JSON of params}`, numbered when they repeat.

use serde::Serialize;

use super::{Invalid, PayloadError, StepKey};

/// Lower-case blake3 hex of the canonical JSON of `params`.
///
/// Canonical: compact, the keys of every object sorted by their UTF-8 bytes, integers that fit 64 bits as they
/// are and every other number as the shortest `f64`. So the hash depends on no feature of `serde_json` that another
/// crate may switch on: `arbitrary_precision` keeps `1e2` as it was written, `preserve_order` keeps insertion
/// order, and neither reaches a key.
///
/// # Errors
///
/// When `params` have no JSON form or nest too deep.
pub fn canonical_hash<P: Serialize + ?Sized>(params: &P) -> Result<String, PayloadError> {
    let payload = super::Payload::of(params, usize::MAX)?;
    let mut out = String::with_capacity(payload.as_str().len());
    let mut text = Scanner { rest: payload.as_str() };
    text.value(&mut out).ok_or_else(|| PayloadError::Unwritable("params are no valid JSON".into()))?;
    Ok(blake3::hash(out.as_bytes()).to_hex().to_string())
}

/// Spells the key of the `occurrence`th (from 1) use of a base with a params hash.
///
/// # Errors
///
/// `Invalid` when the key is longer than 512 bytes or has a control character.
pub fn checkpoint_key(prefix: &str, base: &str, hash: &str, occurrence: u32) -> Result<StepKey, Invalid> {
    match occurrence {
        0 | 1 => StepKey::new(format!("{prefix}{base}-{hash}")),
        n => StepKey::new(format!("{prefix}{base}-{hash}#{n}")),
    }
}

/// Reads compact JSON, as `serde_json` wrote it, from the front.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn value(&mut self, out: &mut String) -> Option<()> {
        match self.rest.as_bytes().first()? {
            b'{' => self.object(out),
            b'[' => self.array(out),
            b'"' => {
                out.push_str(&recoded(self.string()?)?);
                Some(())
            }
            _ => {
                out.push_str(&number_or_word(self.scalar()?)?);
                Some(())
            }
        }
    }

    fn object(&mut self, out: &mut String) -> Option<()> {
        let mut fields: Vec<(String, String)> = Vec::new();
        self.take('{')?;
        while self.take('}').is_none() {
            if !fields.is_empty() {
                self.take(',')?;
            }
            let key = serde_json::from_str::<String>(self.string()?).ok()?;
            self.take(':')?;
            let mut value = String::new();
            self.value(&mut value)?;
            fields.push((key, value));
        }
        fields.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        out.push('{');
        for (i, (key, value)) in fields.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(&serde_json::to_string(key).ok()?);
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
        Some(())
    }

    fn array(&mut self, out: &mut String) -> Option<()> {
        self.take('[')?;
        out.push('[');
        let mut first = true;
        while self.take(']').is_none() {
            if !first {
                self.take(',')?;
                out.push(',');
            }
            first = false;
            self.value(out)?;
        }
        out.push(']');
        Some(())
    }

    fn take(&mut self, expected: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// A string token, quotes included.
    fn string(&mut self) -> Option<&'a str> {
        self.rest.strip_prefix('"')?;
        let mut escaped = false;
        let close = self.rest.bytes().skip(1).position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        })?;
        self.split(close + 2)
    }

    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Option<&'a str> {
        let end = self.rest.find([',', ']', '}']).unwrap_or(self.rest.len());
        self.split(end)
    }

    fn split(&mut self, at: usize) -> Option<&'a str> {
        let (token, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest;
        Some(token)
    }
}

fn recoded(token: &str) -> Option<String> {
    serde_json::to_string(&serde_json::from_str::<String>(token).ok()?).ok()
}

fn number_or_word(token: &str) -> Option<String> {
    let is_word = matches!(token, "true" | "false" | "null");
    let is_integer = token != "-0" && (token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok());
    if is_word || is_integer {
        return Some(token.to_owned());
    }
    serde_json::to_string(&token.parse::<f64>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn key(base: &str, params: &impl Serialize) -> String {
        checkpoint_key("", base, &canonical_hash(params).unwrap(), 1).unwrap().as_str().to_owned()
    }

    #[test]
    fn keys_match_the_published_vectors() {
        assert_eq!(
            key("my_step", &"my_string_data"),
            "my_step-f3c75b4ef2b1412ee609c4a60004408b4f9d168ddc48e36d80418617c00fbc48"
        );
        let map = HashMap::from([("second_key", "new_second_value"), ("first_key", "first_value")]);
        assert_eq!(
            key("my_map_step", &map),
            "my_map_step-3b522428f7afb6db8bfadc8f32e02922e45a479ba417fe218f639d72e3b22021"
        );
    }

    #[test]
    fn a_repeated_key_is_numbered_from_two() {
        assert_eq!(checkpoint_key("$branch:a/", "s", "h", 1).unwrap().as_str(), "$branch:a/s-h");
        assert_eq!(checkpoint_key("", "s", "h", 2).unwrap().as_str(), "s-h#2");
    }

    #[test]
    fn a_key_has_at_most_512_bytes() {
        assert!(checkpoint_key("", &"s".repeat(447), &"h".repeat(64), 1).is_ok());
        assert!(checkpoint_key("", &"s".repeat(448), &"h".repeat(64), 1).is_err());
    }

    #[test]
    fn numbers_hash_by_value() {
        let hash = |text: &str| {
            let raw = serde_json::from_str::<serde_json::Value>(text).unwrap();
            canonical_hash(&raw).unwrap()
        };
        assert_eq!(hash("1e2"), canonical_hash(&100.0_f64).unwrap());
        assert_eq!(hash("-0"), canonical_hash(&-0.0_f64).unwrap());
        assert_ne!(hash("100"), hash("1e2"));
        assert_ne!(canonical_hash(&u64::MAX).unwrap(), canonical_hash(&(u64::MAX - 1)).unwrap());
    }
}
