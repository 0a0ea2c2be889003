//! An order desk: one durable task for each order of a file, and a table of what became of them.
//!
//! `cargo run --example quickstart` needs no server. The tasks are in `tasks.rs`; start reading there.

mod args;
mod desk;
mod effects;
mod figures;
mod money;
mod orders;
mod progress;
mod table;
mod tasks;

use std::fmt::Display;
use std::io::{self, Write as _, stderr, stdout};
use std::process::ExitCode;
use std::time::Duration;

use durable::{Durable, RetryStrategy, WorkerOptions};

use crate::args::{Command, Options};
use crate::effects::Effects;
use crate::figures::Figures;
use crate::orders::Trouble;
use crate::progress::Progress;
use crate::table::{Row, Table};
use crate::tasks::{PackOrder, ProcessOrder, ReserveLine};

/// How long after a failed attempt comes the next.
const RETRY: RetryStrategy = RetryStrategy::Fixed { base_delay: Duration::from_millis(200) };

/// How long a task stays with a process that has died. Every stored step starts it anew.
const LEASE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let (code, error) = match args::parse(std::env::args_os().skip(1)) {
        Err(error) => (2, Some(error)),
        Ok(Command::Help) => (0, print(args::HELP).err().map(Into::into)),
        Ok(Command::Run(options)) => match run(options).await {
            Ok(all_well) => (u8::from(!all_well), None),
            Err(error) => (1, Some(error)),
        },
    };
    if let Some(error) = error {
        // There is nobody left to tell when this fails.
        let _ = writeln!(stderr(), "error: {error:#}");
    }
    ExitCode::from(code)
}

/// Runs all orders; false when one of them was neither completed nor refunded.
async fn run(options: Options) -> anyhow::Result<bool> {
    let orders = orders::read(&options.data)?;
    let desk = Durable::builder()
        .store(durable::connect(&options.store).await?)
        .queue_name("orders")
        .default_retry_strategy(RETRY)
        .register::<ProcessOrder>()?
        .register::<ReserveLine>()?
        .register::<PackOrder>()?
        .build_with_state(Effects::default())?;
    desk.create_queue().await?;

    let figures = Figures::default();
    let on_run = Some(figures.observer());
    let options = WorkerOptions { concurrency: 16, lease: LEASE, on_run, ..Default::default() };
    let worker = desk.start_worker(options).await?;
    let tasks = desk::spawn(&desk, &orders).await?;
    let unpacked = orders.iter().zip(&tasks).filter(|(order, _)| order.trouble == Some(Trouble::NeverPacked));
    let unpacked = unpacked.map(|(_, task)| *task).collect();
    let progress = Progress::start(orders.len(), unpacked, figures.clone());
    desk::wait(&desk, &tasks).await?;
    progress.done().await;
    worker.shutdown().await;

    let mut rows = Vec::with_capacity(orders.len());
    for (order, task) in orders.iter().zip(tasks) {
        rows.push(desk::row(&desk, order, task, &figures).await?);
    }
    print(Table(&rows))?;
    Ok(rows.iter().all(Row::is_good))
}

/// Prints to stdout. A reader that has seen enough, such as `head -1`, is no error.
fn print(text: impl Display) -> io::Result<()> {
    match write!(stdout(), "{text}").and_then(|()| stdout().flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}
