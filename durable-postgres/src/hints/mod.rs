//! Hints: told after the commit, to the handles of this pool at once and to everybody else by the server.
//!
//! They are whispers. What cannot be sent is dropped, what makes no sense is passed over, and polling finds everything.

mod listener;
mod sender;
mod word;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use durable_core::model::QueueName;
use durable_core::store::{HintHub, Hints, Told};
use futures::StreamExt;
use sqlx::Postgres;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use sender::Sender;
use word::Origin;

/// How long the listening connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the hints of one pool's handles come together. A clone is the same.
#[derive(Clone)]
pub(crate) struct Hinter(Arc<Shared>);

struct Shared {
    /// Whether anything is sent or listened to.
    is_on: bool,
    /// Tells the handles of this pool.
    hub: HintHub,
    sender: Sender,
    /// The connection that listens, beside the pool; when it is closed, so are the streams.
    listening: PgPool,
    listener: Mutex<Option<JoinHandle<()>>>,
}

impl Hinter {
    /// Listens in the database of a pool, once somebody asks for hints.
    pub(crate) fn new(pool: &PgPool, is_on: bool) -> Self {
        let listening = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(pool.connect_options().as_ref().clone());
        let (hub, sender) = (HintHub::new(), Sender::new(Origin::new()));
        Self(Arc::new(Shared { is_on, hub, sender, listening, listener: Mutex::default() }))
    }

    /// Whether anything is sent or listened to; otherwise everybody polls.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_on
    }

    /// Tells what is committed.
    pub(crate) fn tell(&self, pool: &PgPool, told: Told) {
        if self.0.is_on && !told.is_empty() {
            self.0.hub.tell_all(&told);
            self.0.sender.send(pool, told);
        }
    }

    /// The hints about one queue, until the store is closed.
    pub(crate) fn hints(&self, queue: QueueName) -> Hints {
        self.listen();
        let closed = self.0.listening.close_event();
        self.0.hub.listen(queue).take_until(closed).boxed()
    }

    /// Makes sure that somebody listens to the server.
    fn listen(&self) {
        // Without a runtime nothing could be received, either.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut listener = self.0.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let has_ended = listener.as_ref().is_none_or(JoinHandle::is_finished);
        if self.0.is_on && has_ended {
            let (hub, own) = (self.0.hub.clone(), self.0.sender.origin());
            *listener = Some(runtime.spawn(listener::run(self.0.listening.clone(), hub, own)));
        }
    }

    /// Ends the streams and the connection that listens.
    pub(crate) async fn close(&self) {
        self.0.listening.close().await;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // It is closed from here on; nobody has to wait for it.
        drop(self.listening.close());
    }
}

impl fmt::Debug for Hinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hinter").field("is_on", &self.0.is_on).finish_non_exhaustive()
    }
}

/// The statement that tells.
fn notify(told: &Told, origin: Origin) -> sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments> {
    sqlx::query(include_str!("../sql/signals/notify.sql")).bind(word::words(told, origin))
}
