//! The line of progress on stderr.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::figures::Figures;

/// Shows the figures now and then until it is [done](Progress::done) or dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    figures: Figures,
    orders: usize,
    ticker: JoinHandle<()>,
}

impl Progress {
    pub(crate) fn start(orders: usize, figures: Figures) -> Self {
        let every = Duration::from_millis(if stderr().is_terminal() { 100 } else { 500 });
        let shown = figures.clone();
        let ticker = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            loop {
                ticks.tick().await;
                show(shown.orders_done(), orders, shown.runs(), false);
            }
        });
        Self { figures, orders, ticker }
    }

    /// Shows the last figures: all orders have ended.
    pub(crate) async fn done(mut self) {
        self.ticker.abort();
        // It has stopped when this returns, whatever it returns.
        let _ = (&mut self.ticker).await;
        show(self.orders, self.orders, self.figures.runs(), true);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ticker.abort();
    }
}

/// On a terminal one line that changes, elsewhere a line each time.
fn show(done: usize, orders: usize, (runs, failed): (u32, u32), last: bool) {
    let terminal = stderr().is_terminal();
    let (start, end) = (if terminal { "\r" } else { "" }, if terminal && !last { "" } else { "\n" });
    let line = format!("{start}{done} of {orders} orders done, {runs} runs, {failed} of them failed{end}");
    // Progress that cannot be shown is no reason to stop.
    let _ = stderr().write_all(line.as_bytes());
}
