//! How fast a store is on this machine: `cargo run --release --example bench -- sqlite:target/bench.db memory:`
//!
//! `--only TEXT` leaves out the workloads whose names do not have the text in them. Each line is the median of three rounds, each in a queue of its own. Compare the figures of one run with each other.

mod idle;
mod load;
mod tasks;

use std::time::{Duration, Instant};

use durable::Durable;

use crate::tasks::{Empty, Steps};

/// How often each workload is run.
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut urls: Vec<String> = std::env::args().skip(1).collect();
    let only = match urls.iter().position(|argument| argument == "--only") {
        Some(at) => urls.drain(at..).nth(1).unwrap_or_default(),
        None => String::new(),
    };
    anyhow::ensure!(
        urls.iter().any(|url| url.contains(':')),
        "usage: bench [--only TEXT] URL..., such as sqlite:target/bench.db memory:"
    );
    println!("medians of {ROUNDS} rounds, each in a queue of its own; what is written stays in the store");
    for url in urls {
        let scheme = url.split(':').next().unwrap_or_default().to_owned();
        let bench = Bench { scheme, url, only: only.clone() };
        for clients in [1, 16] {
            let name = format!("spawn, {clients} clients");
            bench.rate(&name, async |durable| load::spawn(durable, clients, 4_000).await).await?;
        }
        bench.rate("spawn, batches of 100", async |durable| load::spawn_many(durable, 20_000).await).await?;
        for slots in [1, 50] {
            let count = if slots == 1 { 2_000 } else { 20_000 };
            let name = format!("empty tasks, {slots} slots");
            bench.rate(&name, async |durable| load::empty(durable, slots, count).await).await?;
        }
        for slots in [1, 10, 50] {
            let name = format!("steps, {slots} slots");
            bench.rate(&name, async |durable| load::steps(durable, slots, slots, 200).await).await?;
        }
        bench
            .latency("spawn to first line, idle worker", async |durable| load::starts(durable, 200).await)
            .await?;
        bench.latency("emit to resumed", async |durable| load::resumes(durable, 200).await).await?;
        bench.idle().await?;
    }
    Ok(())
}

struct Bench {
    scheme: String,
    url: String,
    only: String,
}

impl Bench {
    /// Prints how many things were done in a second.
    async fn rate(
        &self,
        name: &str,
        load: impl AsyncFn(&Durable) -> anyhow::Result<(usize, Duration)>,
    ) -> anyhow::Result<()> {
        if !name.contains(&self.only) {
            return Ok(());
        }
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let (things, took) = load(&self.open().await?).await?;
            rates.push(per_second(things, took));
        }
        rates.sort_by(f64::total_cmp);
        println!("{:8} {name:34} {:>10.0} per s", self.scheme, middle(&rates));
        Ok(())
    }

    /// Prints the middle and the worst hundredth of what single things took.
    async fn latency(
        &self,
        name: &str,
        load: impl AsyncFn(&Durable) -> anyhow::Result<Vec<Duration>>,
    ) -> anyhow::Result<()> {
        if !name.contains(&self.only) {
            return Ok(());
        }
        let mut took: Vec<f64> =
            load(&self.open().await?).await?.iter().map(|took| took.as_secs_f64() * 1e3).collect();
        took.sort_by(f64::total_cmp);
        let worst = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
        println!("{:8} {name:34} {:>10.2} ms p50 {worst:>8.2} ms p99", self.scheme, middle(&took));
        Ok(())
    }

    /// Prints what a worker costs that has nothing to do; the memory is that of the whole process.
    async fn idle(&self) -> anyhow::Result<()> {
        let name = "idle worker";
        if !name.contains(&self.only) || !cfg!(target_os = "linux") {
            return Ok(());
        }
        let worker = load::start(&self.open().await?, 10).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = idle::Usage::now()?;
        tokio::time::sleep(idle::SPAN).await;
        let after = idle::Usage::now()?;
        worker.shutdown().await;
        let share = after.cpu.saturating_sub(before.cpu).as_secs_f64() / idle::SPAN.as_secs_f64() * 100.0;
        let (memory, written) = (after.memory / 1_024, after.written - before.written);
        println!(
            "{:8} {name:34} {share:>10.2} % of a core, {memory} MiB, {written} bytes written",
            self.scheme
        );
        Ok(())
    }

    /// A client of a queue that nobody has used.
    async fn open(&self) -> anyhow::Result<Durable> {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed()?;
        let durable = Durable::builder()
            .store(durable::connect(&self.url).await?)
            .queue_name(format!("bench-{}", since.as_nanos()))
            .register::<Empty>()?
            .register::<Steps>()?
            .build()?;
        durable.create_queue().await?;
        Ok(durable)
    }
}

#[allow(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
fn per_second(things: usize, took: Duration) -> f64 {
    things as f64 / took.as_secs_f64()
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Runs something and says how long it took.
async fn timed(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    work.await?;
    Ok(begun.elapsed())
}
