//! Looks for the fewest and simplest calls that still fail.

use std::future::Future;
use std::time::{Duration, Instant};

/// The numbers of one sequence of calls.
pub(super) type Calls = Vec<Vec<u16>>;

/// For how long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Leaves out calls, many at once and then each, and makes numbers zero, as long as `fails` says so.
pub(super) async fn shrink<F: Future<Output = bool>>(calls: Calls, fails: impl Fn(Calls) -> F) -> Calls {
    let until = Instant::now() + PATIENCE;
    let left_out = leave_out(calls, &fails, until).await;
    let simple = simplify(left_out, &fails, until).await;
    leave_out(simple, &fails, until).await
}

async fn leave_out<F: Future<Output = bool>>(
    mut calls: Calls,
    fails: &impl Fn(Calls) -> F,
    until: Instant,
) -> Calls {
    let mut size = calls.len().div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < calls.len() && Instant::now() < until {
            let mut fewer = calls.clone();
            fewer.drain(start..calls.len().min(start + size));
            if fails(fewer.clone()).await {
                calls = fewer;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    calls
}

async fn simplify<F: Future<Output = bool>>(
    mut calls: Calls,
    fails: &impl Fn(Calls) -> F,
    until: Instant,
) -> Calls {
    let places: Vec<(usize, usize)> =
        calls.iter().enumerate().flat_map(|(call, drawn)| (0..drawn.len()).map(move |i| (call, i))).collect();
    for (call, place) in places {
        if Instant::now() > until {
            break;
        }
        let mut simpler = calls.clone();
        match simpler.get_mut(call).and_then(|drawn| drawn.get_mut(place)) {
            None | Some(0) => continue,
            Some(number) => *number = 0,
        }
        if fails(simpler.clone()).await {
            calls = simpler;
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_fewest_calls_with_the_smallest_numbers_are_left() {
        let calls: Calls = (0..100).map(|number| vec![number, 7, number]).collect();
        let has = |calls: &Calls, number: u16| calls.iter().any(|call| call.first() == Some(&number));
        let fails = |calls: Calls| std::future::ready(has(&calls, 23) && has(&calls, 77));
        let shrunk = shrink(calls, fails).await;
        assert_eq!(shrunk, [[23, 0, 0], [77, 0, 0]]);
    }
}
