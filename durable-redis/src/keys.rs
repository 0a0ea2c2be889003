//! Keys: the only place in Rust that spells one. `lua/lib/head.lua` spells those that follow from these.

use std::fmt::Write;

use durable_core::model::QueueName;

/// The fixed keys of one queue, in the order that every script takes them.
///
/// Key layout: `{prefix}{` + encoded queue name + `}:` + role, and for a role with a name `:` + name, verbatim to
/// the end. The braces hold nothing but letters, digits and `-_.%`, so no queue name breaks the hash tag, and what
/// follows has one part alone, so no two names meet.
#[derive(Debug)]
pub(crate) struct Keys {
    base: String,
}

impl Keys {
    /// The roles of the fixed keys. `q` is first: the scripts take the tag from it.
    const FIXED: [&'static str; 10] = ["q", "~never", "d", "x", "y", "n", "m", "v", "i", "k"];

    /// The keys of `queue` under `prefix`.
    pub(crate) fn new(prefix: &str, queue: &QueueName) -> Self {
        Self { base: format!("{prefix}{{{}}}:", encoded(queue.as_str())) }
    }

    /// Every fixed key.
    pub(crate) fn fixed(&self) -> Vec<String> {
        Self::FIXED.iter().map(|role| format!("{}{role}", self.base)).collect()
    }
}

/// The register of queue names. Its tag holds a character that no encoded name has.
pub(crate) fn register(prefix: &str) -> String {
    format!("{prefix}{{~queues}}")
}

/// A prefix must leave the first brace to the hash tag.
pub(crate) fn is_prefix(text: &str) -> bool {
    !text.contains(['{', '}']) && !text.chars().any(char::is_control)
}

/// The name with every byte but letters, digits, `-`, `_` and `.` as `%XX`; no two names give the same.
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
