//! The suite over the store of the guide, by the guide's own harness.

include!(concat!(env!("OUT_DIR"), "/tests/conformance.rs"));
