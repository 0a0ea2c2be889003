//! What a worker without work costs, as Linux counts it for this process.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// How long a worker idles.
pub(crate) const SPAN: Duration = Duration::from_secs(30);
/// How many ticks the kernel counts in a second.
const TICKS: u64 = 100;

/// What the process has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Of a core's time.
    pub(crate) cpu: Duration,
    /// Resident, in KiB.
    pub(crate) memory: u64,
    /// Bytes that went to the disk.
    pub(crate) written: u64,
}

impl Usage {
    pub(crate) fn now() -> anyhow::Result<Self> {
        let stat = fs::read_to_string("/proc/self/stat")?;
        // What follows the program's name, which may have spaces.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let field = |at: usize| anyhow::Ok(fields.get(at).context("a field is missing")?.parse::<u64>()?);
        let cpu = Duration::from_millis((field(11)? + field(12)?) * 1_000 / TICKS);
        let memory = line("/proc/self/status", "VmRSS:")?;
        Ok(Self { cpu, memory, written: line("/proc/self/io", "write_bytes:")? })
    }
}

/// The figure of a line.
fn line(file: &str, name: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).context("a line is missing")?;
    Ok(line.split_whitespace().next().context("a figure is missing")?.parse()?)
}
