//! Checkpoint keys: the same for everybody, whatever features of `serde_json` are switched on. This file is run once
//! more with `arbitrary_precision` and `preserve_order`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;

use durable_core::model::{canonical_hash, checkpoint_key};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
struct Reading {
    unit: &'static str,
    value: f32,
    count: u64,
    nested: HashMap<&'static str, Vec<f64>>,
}

fn reading() -> Reading {
    let nested = HashMap::from([("z", vec![1e2, -0.0]), ("a", vec![0.1]), ("ä", vec![])]);
    Reading { unit: "°C", value: 0.1, count: u64::MAX, nested }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// What the params must look like before they are hashed.
#[track_caller]
fn assert_hashes_as(params: &impl Serialize, canonical: &str) {
    let expected = blake3::hash(canonical.as_bytes()).to_hex();
    assert_eq!(canonical_hash(params).unwrap(), expected.as_str(), "not hashed as {canonical}");
}

#[test]
fn keys_do_not_depend_on_serde_json_features() {
    assert_hashes_as(
        &reading(),
        r#"{"count":18446744073709551615,"nested":{"a":[0.1],"z":[100.0,-0.0],"ä":[]},"unit":"°C","value":0.1}"#,
    );
    assert_hashes_as(&value("1e2"), "100.0");
    assert_hashes_as(&value("-0"), "-0.0");
    assert_hashes_as(&value(r#"{"b":1,"a":{"d":2,"c":3}}"#), r#"{"a":{"c":3,"d":2},"b":1}"#);
    assert_hashes_as(
        &json!({"max": u64::MAX, "min": i64::MIN, "f": 0.5}),
        r#"{"f":0.5,"max":18446744073709551615,"min":-9223372036854775808}"#,
    );
}

#[test]
fn keys_match_the_published_vectors() {
    let hash = canonical_hash("my_string_data").unwrap();
    assert_eq!(
        checkpoint_key("", "my_step", &hash, 1).unwrap().as_str(),
        "my_step-f3c75b4ef2b1412ee609c4a60004408b4f9d168ddc48e36d80418617c00fbc48"
    );
    let map = json!({"second_key": "new_second_value", "first_key": "first_value"});
    assert_eq!(
        checkpoint_key("", "my_map_step", &canonical_hash(&map).unwrap(), 1).unwrap().as_str(),
        "my_map_step-3b522428f7afb6db8bfadc8f32e02922e45a479ba417fe218f639d72e3b22021"
    );
}

#[test]
fn object_keys_are_sorted_by_their_utf8_bytes() {
    assert_hashes_as(
        &json!({"\u{10ffff}": 1, "\u{e000}": 2, "\u{0}": "\n\""}),
        "{\"\\u0000\":\"\\n\\\"\",\"\u{e000}\":2,\"\u{10ffff}\":1}",
    );
}
