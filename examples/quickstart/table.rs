//! The table at the end.

use std::fmt;

use crate::figures::Steps;
use crate::money::Cents;

/// One order's row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) order: String,
    /// `completed`, `refunded`, `failed` or `cancelled`.
    pub(crate) status: &'static str,
    /// What the order costs, if that can be told.
    pub(crate) total: Option<Cents>,
    pub(crate) attempts: i32,
    pub(crate) steps: Steps,
}

pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

const HEADER: [&str; COLUMNS] = ["order", "status", "total", "attempts", "steps run", "replayed"];
const COLUMNS: usize = 6;
/// What the figures mean.
const LEGEND: &str = "attempts: 2 where the data plan one failure, more after kills; steps run: functions called; \
                      replayed: results found in the store instead, after each wait and each kill";
/// How many columns hold text, to the left; figures go to the right.
const TEXTS: usize = 2;

impl Row {
    /// Whether the order came to one of its two good ends.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.status, "completed" | "refunded")
    }

    fn cells(&self) -> [String; COLUMNS] {
        [
            self.order.clone(),
            self.status.to_owned(),
            self.total.map_or_else(|| "-".to_owned(), |total| total.to_string()),
            self.attempts.to_string(),
            self.steps.run.to_string(),
            self.steps.replayed.to_string(),
        ]
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = HEADER.map(str::to_owned);
        let rows: Vec<_> = self.0.iter().map(Row::cells).collect();
        let mut widths = header.each_ref().map(|cell| cell.chars().count());
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        write_row(f, &header, &widths)?;
        write_row(f, &widths.map(|width| "-".repeat(width)), &widths)?;
        rows.iter().try_for_each(|row| write_row(f, row, &widths))?;
        writeln!(f, "\n{LEGEND}")
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, cells: &[String], widths: &[usize]) -> fmt::Result {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = if column == 0 { "" } else { "  " };
        if column < TEXTS {
            write!(f, "{gap}{cell:<width$}")?;
        } else {
            write!(f, "{gap}{cell:>width$}")?;
        }
    }
    writeln!(f)
}
