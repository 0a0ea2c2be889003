//! The one reading of the clock that a verb makes.

use durable_core::model::{Clock, Millis, Timestamp};

/// What the clock showed when the verb began (rule K1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// What is compared, and where leases start: rounded down.
    pub(crate) at: Timestamp,
    /// Where waits start: rounded up, so that none ends early (rule K2).
    pub(crate) up: Timestamp,
}

impl Now {
    /// Reads the clock, once.
    pub(crate) fn read(clock: &Clock) -> Self {
        if let Some(at) = clock.injected() {
            return Self { at, up: at };
        }
        let at = clock.now();
        Self { at, up: at.after(Millis::new(1)) }
    }
}
