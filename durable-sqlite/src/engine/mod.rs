//! The connections, and the threads that run steps on them.

mod busy;
mod job;
mod lane;
mod link;
mod reader;
mod statement;
mod turn;
mod tx;
mod writer;

use std::path::{Path, PathBuf};

use durable_core::model::{Clock, QueueName};
use durable_core::store::{Hints, StoreError};
use futures::StreamExt;

pub(crate) use busy::patiently;
pub(crate) use job::Step;
pub(crate) use lane::Lane;
pub(crate) use link::Settings;
pub(crate) use statement::{Call, Statement, statement};
pub(crate) use tx::Tx;

use crate::error::OpenError;
use crate::hints::Hinter;
use crate::options::{SqliteOptions, Synchronous};
use crate::url::Place;

/// The lanes of one opened store. The drop of the last clone closes them, the writer's last: it moves the log into the file.
#[derive(Clone)]
pub(crate) struct Engine {
    reader: Lane,
    writer: Lane,
    hinter: Hinter,
    synchronous: Option<Synchronous>,
}

impl Engine {
    /// Opens the connections and brings the tables to the version of this release.
    pub(crate) async fn open(place: Place, options: SqliteOptions) -> Result<Self, OpenError> {
        match place {
            Place::File(path) => Self::open_file(absolute(&path)?, options).await,
            Place::Memory => Self::open_memory(options).await,
        }
    }

    async fn open_file(path: PathBuf, options: SqliteOptions) -> Result<Self, OpenError> {
        let synchronous = Some(options.synchronous);
        let settings = Settings::new(Some(path.clone()), options);
        let (hub, hubs) = std::sync::mpsc::sync_channel(1);
        // The file exists, and so has a canonical path, once the writer has opened it.
        let name_hub = move || {
            let hinter = Hinter::of_file(&path);
            let _ = hub.send(hinter.clone());
            hinter
        };
        let writer = writer::start(settings.clone(), name_hub).await?;
        let hinter = hubs.try_recv().unwrap_or_else(|_| Hinter::alone());
        let reader = reader::start(settings).await?;
        Ok(Self { reader, writer, hinter, synchronous })
    }

    /// One lane for both: the database goes with its only connection.
    async fn open_memory(options: SqliteOptions) -> Result<Self, OpenError> {
        let hinter = Hinter::alone();
        let own = hinter.clone();
        let writer = writer::start(Settings::new(None, options), move || own).await?;
        Ok(Self { reader: writer.clone(), writer, hinter, synchronous: None })
    }

    pub(crate) async fn write<S: Step>(&self, step: S, clock: &Clock) -> Result<S::Answer, StoreError> {
        self.writer.call(step, clock, true).await
    }

    pub(crate) async fn read<S: Step>(&self, step: S, clock: &Clock) -> Result<S::Answer, StoreError> {
        self.reader.call(step, clock, false).await
    }

    /// When a commit reaches the disk; `None` when there is none.
    pub(crate) fn synchronous(&self) -> Option<Synchronous> {
        self.synchronous
    }

    /// The hints about one queue, until the store is closed.
    pub(crate) fn hints(&self, queue: &QueueName) -> Hints {
        self.hinter.listen(queue.clone()).take_until(self.writer.ended()).boxed()
    }

    /// When both threads are at their end.
    #[cfg(test)]
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + use<> {
        let (reader, writer) = (self.reader.ended(), self.writer.ended());
        async move {
            reader.await;
            writer.await;
        }
    }

    /// When the writer's thread is at its end.
    #[cfg(test)]
    pub(crate) fn writer_ended(&self) -> impl Future<Output = ()> + use<> {
        self.writer.ended()
    }

    pub(crate) async fn close(&self) {
        // The writer's connection is the last: it moves the log into the file.
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// The path from the root: it is still right when the process changes its directory, and no path looks like a URI.
fn absolute(path: &Path) -> Result<PathBuf, OpenError> {
    let name = path.file_name().ok_or(OpenError::NotADatabase)?.to_owned();
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize(),
        _ => std::env::current_dir(),
    };
    Ok(directory.map_err(|_| OpenError::NoDirectory)?.join(name))
}
