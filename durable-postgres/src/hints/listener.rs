//! Listens to what others send, by a connection of its own that comes back.

use std::time::Duration;

use durable_core::store::HintHub;
use sqlx::postgres::{PgListener, PgPool};

use super::word::{self, Origin};

/// The channel; it is of one database.
const CHANNEL: &str = "durable";
/// How soon a lost connection is made again, and how soon at most while that fails.
const SOON: Duration = Duration::from_millis(50);
const LATE: Duration = Duration::from_secs(10);

/// Passes on what others tell, until the connection is closed for good.
pub(super) async fn run(listening: PgPool, hub: HintHub, own: Origin) {
    let _ = listening.close_event().do_until(listen(&listening, &hub, own)).await;
}

async fn listen(listening: &PgPool, hub: &HintHub, own: Origin) {
    let mut pause = SOON;
    loop {
        match connect(listening).await {
            Ok(mut listener) => {
                pause = SOON;
                // Until now nobody listened.
                hub.tell_missed();
                while let Ok(Some(heard)) = listener.try_recv().await {
                    pass_on(hub, own, heard.payload());
                }
                tracing::debug!("the connection that listens is lost");
            }
            Err(error) => tracing::debug!(%error, "nobody listens to hints"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LATE);
    }
}

async fn connect(listening: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(listening).await?;
    // A new one tells that something was missed; a connection made in the back would not.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Anybody may send anything on the channel.
fn pass_on(hub: &HintHub, own: Origin, payload: &str) {
    match word::read(payload) {
        // What was sent from here was told here before.
        Some((origin, ..)) if origin == own => {}
        Some((_, queue, hints)) => hints.into_iter().for_each(|hint| hub.tell(queue.clone(), hint)),
        None => tracing::debug!("a notification makes no sense"),
    }
}
