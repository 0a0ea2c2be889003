//! The judgement of a history: what fails is written down, to be looked at and checked again.

use crate::history::History;
use crate::prelude::*;

/// Holds a history to checks; a violation names the seed, and the file that the history is in.
pub(crate) fn judged(history: &History, checks: &[impl Fn(&History) -> Verdict]) -> Verdict {
    let verdict = checks.iter().try_for_each(|check| check(history));
    verdict.map_err(|violation| {
        let kept = match history.keep() {
            Ok(file) => format!("kept in {}", file.display()),
            Err(error) => format!("not kept: {error}"),
        };
        let seed = format!("\n         --seed {}, the history is {kept}", history.seed);
        Violation { got: violation.got + &seed, ..violation }
    })
}
