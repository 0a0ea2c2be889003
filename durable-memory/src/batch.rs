//! What the batches of fenced items share.

use durable_core::model::Invalid;
use durable_core::store::{FencedError, StoreError, Verb};

/// The answers when the queue is gone: every claim is lost.
pub(crate) fn lost<T>(items: usize) -> Vec<Result<T, FencedError>> {
    (0..items).map(|_| Err(FencedError::ClaimLost)).collect()
}

/// A fault of one item that has no meaning.
pub(crate) fn invalid(verb: Verb, what: &'static str, problem: &str) -> FencedError {
    FencedError::Fault(StoreError::invalid(verb, &Invalid::new(what, problem)))
}
