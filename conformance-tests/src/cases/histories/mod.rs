//! Histories: workers in parallel on several handles, and everything that they were told is checked afterwards.

mod crew;
mod judge;
mod pace;
pub(super) mod plan;
mod worker;

use self::crew::{Beside, Crew};
pub(super) use self::judge::judged;
use self::plan::{Dice, Mix, Plan, Script, Step};
use crate::history::{History, Recorder, check};
use crate::prelude::*;

const GROUP: &str = "histories";

pub(super) const CASES: &[Case] = &[
    case!(
        cl_5_workers_in_parallel_run_each_task_once,
        ["CL-5", "CL-6", "CL-10", "SP-1"],
        ["C1", "C3", "F1"],
        [Spawn, Claim, Save, Extend, Counts, Tasks, Task],
        "Thirty-two workers in many processes are the usual case, and each task is theirs once."
    )
    .heavy(),
    case!(
        co_3_leases_that_run_out_under_the_workers_cost_attempts_alone,
        ["CO-3", "CL-5", "CL-10", "CL-24"],
        ["C1", "C3", "C4", "C5", "P1"],
        [Spawn, Claim, Load, Save, Extend, Tick, Counts, Tasks, Task],
        "A worker that is too slow must be told so by every write, and what it stored in time must stay."
    )
    .heavy(),
    case!(
        co_3_everything_at_once_comes_to_rest,
        ["CO-3", "EV-5", "EV-12", "CH-7", "CA-10"],
        ["W2", "W3", "T1", "T2", "T3", "E2", "P1"],
        [Spawn, Claim, Load, Save, Extend, Wait, Emit, Cancel, Outcome, Tick, Counts, Tasks, Task],
        "Sleeps, events, children, failures and cancellations meet in every application, and no task may hang."
    )
    .heavy(),
    case!(
        co_3_lost_replies_under_load_change_nothing,
        ["CO-3", "CL-32", "AM-2", "EV-24"],
        ["C7", "F1", "W3", "P1"],
        [Spawn, Claim, Load, Save, Extend, Wait, Emit, Cancel, Outcome, Tick, Counts, Tasks, Task],
        "Networks lose replies when there is most to do, and every worker then says the same again."
    )
    .heavy(),
    case!(
        cl_9_no_ready_task_is_overtaken_for_long,
        ["CL-9", "CO-8"],
        ["C2"],
        [Spawn, Claim, Load, Save, Tick, Counts, Tasks, Task],
        "A task that is always passed over never runs, and no error ever says so."
    )
    .heavy(),
    case!(
        co_8_a_hot_queue_starves_no_cold_one,
        ["CO-8", "QU-9"],
        ["C2", "U1"],
        [Spawn, Claim, Save, Extend, Tick, Counts, Tasks, Task],
        "One tenant that retries for ever must not stop the others that share the store."
    )
    .heavy(),
];

/// So many tasks that save, extend their lease, and complete.
fn plain_tasks(seed: u64, count: u64) -> Result<Script, Violation> {
    let mut script = Script::new();
    for number in 0..count {
        let mut dice = Dice::new(seed, number);
        let steps =
            (0..dice.below(3)).map(|_| if dice.one_in(4) { Step::Extend } else { Step::Save }).collect();
        let plan = Plan::new(steps)?;
        script.insert(plan.id(), plan);
    }
    Ok(script)
}

async fn cl_5_workers_in_parallel_run_each_task_once(ctx: Ctx) -> Verdict {
    for (workers, tasks) in [(2, 40), (8, 80), (32, 128)] {
        let ctx = ctx.another_queue(&format!("q{workers}")).await?;
        let crew = Crew::of(&ctx, "CL-5", workers);
        let history = crew.works(&ctx, plain_tasks(crew.seed, tasks)?, Vec::new()).await?;
        judged(&history, &[check::all, check::quiescent, check::executed_once])?;
    }
    Ok(())
}

async fn co_3_leases_that_run_out_under_the_workers_cost_attempts_alone(ctx: Ctx) -> Verdict {
    let crew = Crew { lease: 40, batch: 6, moves: true, ..Crew::of(&ctx, "CO-3 leases", 8) };
    let mut script = Script::new();
    for number in 0..90 {
        let mut dice = Dice::new(crew.seed, number);
        let steps = (0..dice.small(4)).map(|_| match dice.below(6) {
            0 => Step::Extend,
            1 => Step::Fail(dice.below(20)),
            2 => Step::Release(dice.below(20)),
            _ => Step::Save,
        });
        let mut plan = Plan::new(steps.collect())?;
        plan.task.max_attempts = if number % 4 == 0 { Some(3) } else { None };
        script.insert(plan.id(), plan);
    }
    let history = crew.works(&ctx, script, Vec::new()).await?;
    judged(&history, &[check::all, check::quiescent])
}

/// Tasks of every kind, and the calls beside them: each event is emitted, some tasks are cancelled.
fn everything(seed: u64, count: u64) -> Result<(Script, Vec<Beside>), Violation> {
    let events = (0..12).map(|number| event(&format!("e{number}"))).collect::<Result<Vec<_>, _>>()?;
    let mut script = Script::new();
    let first = Plan::new(vec![Step::Extend, Step::Save])?;
    script.insert(first.id(), first);
    for number in 0..count {
        let mut mix = Mix { events: &events, dice: Dice::new(seed, number) };
        let plan = mix.task(2, &mut script)?;
        script.insert(plan.id(), plan);
    }
    let mut dice = Dice::new(seed, count);
    let mut calls: Vec<_> = events.iter().cloned().map(Beside::Emit).collect();
    for (number, task) in (0_u64..).zip(script.keys()) {
        match if number < 2 { number } else { dice.below(6) } {
            0 => calls.push(Beside::Cancel(*task)),
            1 => calls.push(Beside::Look(*task)),
            2 => calls.extend(dice.of(&events).cloned().map(Beside::Emit)),
            _ => {}
        }
    }
    // From the last to the first, each changes its place with one before it.
    for last in (1..calls.len()).rev() {
        calls.swap(last, usize::try_from(dice.below(last as u64 + 1)).unwrap_or_default());
    }
    Ok((script, calls))
}

async fn co_3_everything_at_once_comes_to_rest(ctx: Ctx) -> Verdict {
    let crew = Crew { lease: 2_000, moves: true, ..Crew::of(&ctx, "CO-3 everything", 8) };
    let (script, calls) = everything(crew.seed, 60)?;
    let history = crew.works(&ctx, script, calls).await?;
    judged(&history, &[check::all, check::quiescent])
}

async fn co_3_lost_replies_under_load_change_nothing(ctx: Ctx) -> Verdict {
    let crew = Crew { lost: 150, ..Crew::of(&ctx, "CO-3 lost replies", 6) };
    let (script, calls) = everything(crew.seed, 40)?;
    let history = crew.works(&ctx, script, calls).await?;
    judged(&history, &[check::all, check::quiescent])
}

/// Six workers turn a hot queue over for as long as two others need for a cold one.
async fn co_8_a_hot_queue_starves_no_cold_one(ctx: Ctx) -> Verdict {
    let (hot, cold) = (ctx.another_queue("hot").await?, ctx.another_queue("cold").await?);
    let hot_crew = Crew { moves: true, ..Crew::of(&ctx, "CO-8", 6) };
    let cold_crew = Crew { batch: 1, seed: hot_crew.seed, ..Crew::of(&ctx, "CO-8", 2) };
    let mut script = Script::new();
    for _ in 0..30 {
        let mut plan = Plan::new(vec![Step::Forever])?;
        plan.task.max_attempts = None;
        script.insert(plan.id(), plan);
    }
    let recorder = Recorder::with_clock(ctx.clock.clone());
    let (hot_shop, cold_shop) = (hot_crew.shop(script), cold_crew.shop(plain_tasks(cold_crew.seed, 60)?));
    let cold_work = async {
        let worked = cold_crew.works_in(&cold, &recorder, &cold_shop, Vec::new()).await;
        hot_shop.pace.stops();
        worked
    };
    let (cold_worked, hot_worked) =
        tokio::join!(cold_work, hot_crew.works_in(&hot, &recorder, &hot_shop, Vec::new()));
    cold_worked?;
    hot_worked?;
    let bound = hot_crew.workers * usize::try_from(hot_crew.batch).unwrap_or_default();
    let of_cold = hot_crew.history(&ctx, &recorder, std::slice::from_ref(&cold.queue)).await?;
    judged(&of_cold, &[check::quiescent, check::executed_once])?;
    let of_both = hot_crew.history(&ctx, &recorder, &[hot.queue.clone(), cold.queue.clone()]).await?;
    judged(&of_both, &[check::all])?;
    judged(&of_both, &[|history: &History| check::bypass_is_bounded(history, bound)])
}

/// Fresh tasks of two priorities beside tasks that come back at once, by a failure or handed back.
async fn cl_9_no_ready_task_is_overtaken_for_long(ctx: Ctx) -> Verdict {
    let crew = Crew { moves: true, batch: 2, lease: LEASE, ..Crew::of(&ctx, "CL-9", 8) };
    let mut script = Script::new();
    for number in 0..120_u32 {
        let again = (0..12).map(|turn| if turn % 2 == 0 { Step::Fail(0) } else { Step::Release(0) });
        let mut plan = Plan::new(if number % 6 == 0 { again.collect() } else { vec![Step::Save] })?;
        plan.task.max_attempts = None;
        plan.task.priority = i16::from(number % 10 == 3);
        script.insert(plan.id(), plan);
    }
    let bound = crew.workers * usize::try_from(crew.batch).unwrap_or_default();
    let history = crew.works(&ctx, script, Vec::new()).await?;
    judged(&history, &[check::all, check::quiescent])?;
    judged(&history, &[|history: &History| check::bypass_is_bounded(history, bound)])
}
