//! Messages on a socket: a length and so many bytes.

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

pub(crate) struct Reader(BufReader<OwnedReadHalf>);

impl Reader {
    pub(crate) fn new(socket: OwnedReadHalf) -> Self {
        Self(BufReader::new(socket))
    }

    /// The next message; `None` when the other end is gone.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        let length = self.0.read_u32_le().await.ok()?;
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.0.read_exact(&mut bytes).await.ok()?;
        Some(bytes)
    }
}

/// Writes what comes, until nothing comes any more or the other end is gone.
pub(crate) async fn write_all(mut socket: OwnedWriteHalf, mut messages: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = messages.recv().await {
        let Ok(length) = u32::try_from(bytes.len()) else { return };
        if socket.write_u32_le(length).await.is_err() || socket.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
