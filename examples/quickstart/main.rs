//! An order desk: one durable task for each order of a file, and a table of what became of them.
//!
//! `cargo run --example quickstart` needs no server. Kill it when you like, or by `--kill-after 7`, and run it again.
//! The tasks are in `tasks.rs`; start reading there.

mod args;
mod desk;
mod effects;
mod figures;
#[cfg(feature = "__hide-checkpoints")]
mod forgetful;
mod ledger;
mod money;
mod orders;
mod progress;
mod resumed;
mod table;
mod tasks;

use std::fmt::Display;
use std::fs;
use std::io::{self, Write as _, stderr, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use durable::{Durable, RetryStrategy, TaskId, UNLIMITED_ATTEMPTS, WorkerOptions};

use crate::args::{Command, Options};
use crate::effects::Effects;
use crate::figures::Figures;
use crate::ledger::Ledger;
use crate::orders::{Order, Trouble};
use crate::progress::Progress;
use crate::resumed::Resumed;
use crate::table::{Row, Table};
use crate::tasks::{PackOrder, ProcessOrder, ReserveLine};

/// How long after a failed attempt comes the next.
const RETRY: RetryStrategy = RetryStrategy::Fixed { base_delay: Duration::from_millis(200) };

/// How long a task stays with a process that has died. Every stored step starts it anew.
const LEASE: Duration = Duration::from_secs(2);

/// How many tasks run at once, and so how many effects a kill can come between and their checkpoints.
const SLOTS: usize = 4;

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
        say(format_args!("error: {error:#}"));
    }
    ExitCode::from(code)
}

/// Runs all orders; false when one of them was neither completed nor refunded.
async fn run(options: Options) -> anyhow::Result<bool> {
    let orders = orders::read(&options.data)?;
    let (desk, ledger) = set_up(&options).await?;
    desk::open(&desk, options.reset).await?;
    let spawned = desk::spawn(&desk, &orders).await?;
    let resumed = Resumed::look(&desk, &spawned).await?;
    if resumed.is_nothing() {
        // Lines of other tasks: their store was deleted, or ended with its process.
        ledger.clear()?;
    } else {
        say(&resumed);
    }

    let figures = Figures::default();
    figures.done_before(&resumed.done);
    let tasks: Vec<TaskId> = spawned.into_iter().map(|spawned| spawned.task).collect();
    work(&desk, &orders, &tasks, &figures).await?;
    if let Some(missing) = ledger.missing() {
        say(format_args!("not killed: there were {missing} effects too few for that"));
    }

    let mut rows = Vec::with_capacity(orders.len());
    for (order, task) in orders.iter().zip(tasks) {
        rows.push(desk::row(&desk, order, task, &figures).await?);
    }
    print(Table(&rows))?;
    Ok(rows.iter().all(Row::is_good))
}

/// Opens the store and the ledger.
async fn set_up(options: &Options) -> anyhow::Result<(Durable<Effects>, Arc<Ledger>)> {
    // Cargo may build elsewhere.
    fs::create_dir_all(args::TARGET)?;
    let store = durable::connect(&options.store).await?;
    #[cfg(feature = "__hide-checkpoints")]
    let store = forgetful::over(store);
    let ledger = Arc::new(Ledger::open(&options.ledger(), options.kill_after)?);
    let desk = Durable::builder()
        .store(store)
        .queue_name("orders")
        .default_retry_strategy(RETRY)
        // A kill costs an attempt, and may come as often as it likes.
        .default_max_attempts(UNLIMITED_ATTEMPTS)
        .register::<ProcessOrder>()?
        .register::<ReserveLine>()?
        .register::<PackOrder>()?
        .build_with_state(Effects::new(ledger.clone()))?;
    Ok((desk, ledger))
}

/// Works until all orders have ended.
async fn work(
    desk: &Durable<Effects>,
    orders: &[Order],
    tasks: &[TaskId],
    figures: &Figures,
) -> anyhow::Result<()> {
    let on_run = Some(figures.observer());
    let options = WorkerOptions { concurrency: SLOTS, lease: LEASE, on_run, ..Default::default() };
    let worker = desk.start_worker(options).await?;
    let unpacked = orders.iter().zip(tasks).filter(|(order, _)| order.trouble == Some(Trouble::NeverPacked));
    let unpacked = unpacked.map(|(_, task)| *task).collect();
    let progress = Progress::start(orders.len(), unpacked, figures.clone());
    desk::wait(desk, tasks).await?;
    progress.done().await;
    worker.shutdown().await;
    Ok(())
}

/// Says something on stderr.
fn say(text: impl Display) {
    // There is nobody left to tell when this fails.
    let _ = writeln!(stderr(), "{text}");
}

/// Prints to stdout. A reader that has seen enough, such as `head -1`, is no error.
fn print(text: impl Display) -> io::Result<()> {
    match write!(stdout(), "{text}").and_then(|()| stdout().flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}
