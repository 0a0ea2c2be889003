//! The ledger: what was done to the world outside, a line for each time.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;

use crate::say;

/// A file of lines, and the line after which this process kills itself.
#[derive(Debug)]
pub(crate) struct Ledger(Mutex<Book>);

#[derive(Debug)]
struct Book {
    file: File,
    /// How many lines this process wrote.
    written: u32,
    kill_after: Option<NonZeroU32>,
}

impl Ledger {
    /// Opens a ledger, or begins one.
    pub(crate) fn open(path: &Path, kill_after: Option<NonZeroU32>) -> anyhow::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.with_context(|| format!("cannot open the ledger {}", path.display()))?;
        Ok(Self(Mutex::new(Book { file, written: 0, kill_after })))
    }

    /// Forgets all lines.
    pub(crate) fn clear(&self) -> io::Result<()> {
        self.book().file.set_len(0)
    }

    /// Adds a line.
    ///
    /// No fsync: what is written is the kernel's, and stays when the process is killed. Only the end of the whole machine
    /// could take it, and that is not what is shown here.
    pub(crate) fn add(&self, line: &str) -> anyhow::Result<()> {
        // Held until the process is dead, if it is to die, so that the line it dies after is the last.
        let mut book = self.book();
        // Opened to append, and written at once: lines of two processes do not mix.
        book.file.write_all(format!("{line}\n").as_bytes()).context("cannot write to the ledger")?;
        book.written += 1;
        if book.kill_after.is_some_and(|last| last.get() == book.written) {
            say(format_args!("kill -9 after effect {}: run it again, and it goes on", book.written));
            kill_myself()?;
        }
        Ok(())
    }

    /// How many effects are missing to the kill that was asked for, if it has not come.
    pub(crate) fn missing(&self) -> Option<u32> {
        let book = self.book();
        book.kill_after.map(|last| last.get().saturating_sub(book.written))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `kill -9`: nothing is unwound, flushed or stored any more.
#[cfg(unix)]
fn kill_myself() -> io::Result<()> {
    use rustix::process::{Signal, getpid, kill_process};
    Ok(kill_process(getpid(), Signal::KILL)?)
}

#[cfg(not(unix))]
fn kill_myself() -> io::Result<()> {
    std::process::abort()
}
