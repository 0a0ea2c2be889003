//! The store: one connection, one key prefix, one clock.

use std::fmt;
use std::time::Duration;

use durable_core::model::{Clock, QueueName};
use durable_core::store::{StoreError, Verb};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::args::Args;
use crate::error::{OpenError, classify};
use crate::keys::{Keys, is_prefix};
use crate::reply::Reply;
use crate::script::Script;

/// How to open a [`RedisStore`].
#[derive(Debug, Clone)]
pub struct RedisOptions {
    prefix: String,
    clock: Clock,
    answer_within: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self { prefix: "durable:".to_owned(), clock: Clock::Own, answer_within: Duration::from_secs(10) }
    }
}

impl RedisOptions {
    /// Puts every key under this prefix, which may have no braces: stores with other prefixes share nothing.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Takes the time from this clock in place of the server's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Gives a call up as unavailable after so long; 10 s if not said.
    pub fn answer_within(mut self, limit: Duration) -> Self {
        self.answer_within = limit;
        self
    }
}

/// A [`Store`](durable_core::store::Store) in Redis. Clones share one connection.
#[derive(Clone)]
pub struct RedisStore {
    connection: ConnectionManager,
    prefix: String,
    clock: Clock,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Connects to the server at `url` (`redis://host:port`).
    ///
    /// # Errors
    ///
    /// When the prefix is refused, the address is none, or nobody answers there.
    pub async fn open(url: &str, options: RedisOptions) -> Result<Self, OpenError> {
        if !is_prefix(&options.prefix) {
            return Err(OpenError::Prefix);
        }
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(options.answer_within))
            .set_connection_timeout(Some(options.answer_within));
        let client = redis::Client::open(url).map_err(|error| OpenError::Connection(error.into()))?;
        let connection = ConnectionManager::new_with_config(client, config)
            .await
            .map_err(|error| OpenError::Connection(error.into()))?;
        Ok(Self { connection, prefix: options.prefix, clock: options.clock })
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Runs one plain command.
    pub(crate) async fn plain(&self, verb: Verb, command: &redis::Cmd) -> Result<redis::Value, StoreError> {
        command.query_async(&mut self.connection.clone()).await.map_err(|error| classify(verb, error))
    }

    /// The arguments of a call that happens now.
    pub(crate) fn args<'a>(&self) -> Args<'a> {
        Args::at(self.clock.injected())
    }

    /// Runs a verb's script on a queue; the status word of the answer with what follows it.
    pub(crate) async fn run(
        &self,
        verb: Verb,
        script: &Script,
        queue: &QueueName,
        args: &Args<'_>,
    ) -> Result<(String, Reply), StoreError> {
        let keys = Keys::new(&self.prefix, queue);
        // A clone is a handle on the same connection.
        let answer = script.run(&mut self.connection.clone(), &keys, args).await;
        let mut reply = Reply::new(verb, answer.map_err(|error| classify(verb, error))?)?;
        let status = reply.text()?;
        if status == "moving" {
            return Err(StoreError::unavailable(verb, "the queue's slot is moving", false));
        }
        Ok((status, reply))
    }
}
