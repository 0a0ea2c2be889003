//! The keys of one queue share one hash tag, whatever the queue's name is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

// The keys as the store spells them: a private module, and no reason to publish it.
#[allow(unreachable_pub, dead_code, reason = "the test needs a part of it")]
#[path = "../src/keys.rs"]
mod keys;

use durable_core::model::QueueName;
use keys::{Keys, is_prefix};

fn tag(name: &str) -> String {
    let keys = Keys::new("p:", &QueueName::new(name).unwrap()).fixed();
    let tags: Vec<&str> =
        keys.iter().map(|key| &key[key.find('{').unwrap() + 1..key.find('}').unwrap()]).collect();
    assert!(tags.iter().all(|tag| *tag == tags[0] && !tag.is_empty()), "{keys:?}");
    tags[0].to_owned()
}

#[test]
fn n1_no_queue_name_breaks_the_hash_tag() {
    for name in ["{", "}", "}x{", "{}", "a:b", "🦀", " ", "%", "%7D"] {
        assert!(tag(name).bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'%'), "{name}");
    }
}

#[test]
fn n1_no_two_queue_names_share_keys() {
    assert_ne!(tag("%7D"), tag("}"));
    assert_ne!(tag("Ä"), tag("ä"));
    assert_eq!(tag("a}"), "a%7D");
}

#[test]
fn a_prefix_with_braces_is_refused() {
    assert!(is_prefix("durable:"));
    assert!(!is_prefix("a{b}"));
}
