//! What a user may choose.

use std::time::Duration;

/// How to open a [`PostgresStore`](crate::PostgresStore).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// The most connections, but for the one that listens; 10 if not said. A pool of the user's own keeps its own figure.
    pub connections: u32,
    /// How long a call waits for a free connection before it is given up as unavailable; 5 s if not said. A pool of the
    /// user's own keeps its own figure.
    pub acquire_timeout: Duration,
    /// How long a transaction may last, its waiting for locks included, before its connection is given up and the call is
    /// unavailable; 30 s if not said. A server that vanished from the network is noticed by this alone.
    pub answer_within: Duration,
    /// Whether opening makes the tables those of this release; otherwise it only compares them. Yes if not said.
    pub migrate: bool,
    /// Whether a pooler in transaction mode, such as pgbouncer, stands before the server: then nothing is kept in a
    /// session, no statement has a name, and nobody listens. No if not said.
    pub pooler: bool,
    /// Whether a connection of its own listens to hints; otherwise workers poll. Yes if not said.
    pub listen: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 10,
            acquire_timeout: Duration::from_secs(5),
            answer_within: Duration::from_secs(30),
            migrate: true,
            pooler: false,
            listen: true,
        }
    }
}

impl PostgresOptions {
    /// Chooses the most connections.
    pub fn connections(self, connections: u32) -> Self {
        Self { connections, ..self }
    }

    /// Chooses how long a call waits for a free connection.
    pub fn acquire_timeout(self, acquire_timeout: Duration) -> Self {
        Self { acquire_timeout, ..self }
    }

    /// Chooses how long a transaction may last.
    pub fn answer_within(self, answer_within: Duration) -> Self {
        Self { answer_within, ..self }
    }

    /// Chooses whether opening changes the tables.
    pub fn migrate(self, migrate: bool) -> Self {
        Self { migrate, ..self }
    }

    /// Says whether a pooler in transaction mode stands before the server.
    pub fn pooler(self, pooler: bool) -> Self {
        Self { pooler, ..self }
    }

    /// Chooses whether a connection listens to hints.
    pub fn listen(self, listen: bool) -> Self {
        Self { listen, ..self }
    }
}
