//! Which mutant the store that runs on this thread is.

use std::cell::Cell;

thread_local! {
    static MUTATION: Cell<&'static str> = const { Cell::new("") };
    static HANDLE: Cell<u64> = const { Cell::new(0) };
}

/// The verb that runs now is one of this mutant. Verbs are synchronous, and each enters anew.
pub(crate) fn enter(mutation: &'static str, handle: u64) {
    MUTATION.set(mutation);
    HANDLE.set(handle);
}

/// The store is this mutant.
pub(crate) fn is(mutation: &str) -> bool {
    MUTATION.get() == mutation
}

/// The handle that the verb was called on.
pub(crate) fn handle() -> u64 {
    HANDLE.get()
}
