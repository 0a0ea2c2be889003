//! The line of progress on stderr.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::Duration;

use durable::TaskId;
use tokio::task::JoinHandle;

use crate::figures::{Figures, Runs};

/// Shows the figures now and then until it is [done](Progress::done) or dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    figures: Figures,
    orders: usize,
    ticker: JoinHandle<()>,
}

impl Progress {
    /// Shows how many of so many orders are done; `unpacked` are those that nobody will pack.
    pub(crate) fn start(orders: usize, unpacked: Vec<TaskId>, figures: Figures) -> Self {
        let every = Duration::from_millis(if stderr().is_terminal() { 100 } else { 500 });
        let counted = figures.clone();
        let ticker = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            let mut shown = String::new();
            loop {
                ticks.tick().await;
                let done = counted.orders_done();
                if done >= orders {
                    // The last line is not ours to show.
                    return;
                }
                let line =
                    line(done, orders, counted.runs()) + &left(orders - done, counted.left_of(&unpacked));
                // Elsewhere than on a terminal each line stays, so none is said twice.
                if line != shown {
                    show(&line, false);
                    shown = line;
                }
            }
        });
        Self { figures, orders, ticker }
    }

    /// Shows the last figures: all orders have ended.
    pub(crate) async fn done(mut self) {
        self.ticker.abort();
        // It has stopped when this returns, whatever it returns.
        let _ = (&mut self.ticker).await;
        show(&line(self.orders, self.orders, self.figures.runs()), true);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ticker.abort();
    }
}

fn line(done: usize, orders: usize, runs: Runs) -> String {
    let Runs { all, retried, failed } = runs;
    let failed = if failed > 0 { format!(", {failed} failed for good") } else { String::new() };
    format!("{done} of {orders} orders done, {all} runs, {retried} retried{failed}")
}

/// What is waited for, once it is nothing but parcels that nobody packs.
fn left(orders: usize, unpacked: usize) -> String {
    if orders == 0 || orders > unpacked {
        return String::new();
    }
    format!("; left: {orders} whose parcel never comes, refunded when their patience ends")
}

/// On a terminal one line that changes, elsewhere a line each time.
fn show(line: &str, last: bool) {
    let line = match (stderr().is_terminal(), last) {
        // What is left of a longer line is erased.
        (true, false) => format!("\r{line}\x1b[K"),
        (true, true) => format!("\r{line}\x1b[K\n"),
        (false, _) => format!("{line}\n"),
    };
    // Progress that cannot be shown is no reason to stop.
    let _ = stderr().write_all(line.as_bytes());
}
