//! What a verb costs does not depend on what else is in the queue.
//!
//! Counted by the server: `CONFIG RESETSTAT`, the call, `INFO commandstats`. One test at a time, since it counts
//! for the whole server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use durable_core::model::{CancelCause, Clock, ManualClock, ParentClosePolicy, QueueName, Timestamp, Token};
use durable_core::store::{
    CancelAnswer, CancelRequest, Checkpoints, Effect, EmitAnswer, Events, NewTask, ParentLink,
    PutQueueRequest, QueueState, Queues, Runs, SaveAnswer, SaveRequest, Tasks, TickRequest, Upkeep,
    WaitAnswer, WaitRequest,
};
use durable_redis::RedisStore;
use support::steps::{
    claim, claim_request, complete, delayed, emit, key, queue, rest_on_event, rest_on_time, save, spawn,
    task, with,
};
use tokio::sync::Mutex;

static ALONE: Mutex<()> = Mutex::const_new(());
const BATCH: u32 = 20;

/// Commands by name, without those that count.
type Commands = BTreeMap<String, u64>;

fn counted(connection: &mut redis::Connection) -> Commands {
    let info: String = redis::cmd("INFO").arg("commandstats").query(connection).unwrap();
    let line = |line: &str| {
        let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let counts = matches!(name, "info" | "config|resetstat" | "evalsha" | "eval" | "ping");
        (!counts).then(|| (name.to_owned(), figures.split(',').next().unwrap().parse().unwrap()))
    };
    info.lines().filter_map(line).collect()
}

/// How long the server took for the script, by its own count.
fn script_time(connection: &mut redis::Connection) -> Duration {
    let info: String = redis::cmd("INFO").arg("commandstats").query(connection).unwrap();
    let figure = |line: &str| -> Option<u64> {
        let script = line.strip_prefix("cmdstat_evalsha:").or_else(|| line.strip_prefix("cmdstat_eval:"))?;
        script.split_once("usec=")?.1.split(',').next()?.parse().ok()
    };
    Duration::from_micros(info.lines().filter_map(figure).sum())
}

struct Meter {
    store: RedisStore,
    clock: ManualClock,
    queue: QueueName,
    connection: redis::Connection,
    costs: Vec<(&'static str, Commands)>,
    times: Vec<(&'static str, Duration)>,
}

impl Meter {
    async fn new(prefix: &str) -> Self {
        let clock = ManualClock::starting_at(Timestamp::from_millis(1_700_000_000_000));
        let store = support::store(prefix, Clock::Manual(clock.clone())).await;
        let queue = queue("q");
        store.put_queue(PutQueueRequest::new(queue.clone(), QueueState::Open)).await.unwrap();
        Self { store, clock, queue, connection: support::connect(), costs: Vec::new(), times: Vec::new() }
    }

    /// Half sleeping and half of another name, all before ours by priority and id.
    async fn fill(&self, count: usize) {
        let urgent = |task: NewTask| with(task, |task| task.priority = 100);
        let sleeping = (0..count / 2).map(|_| urgent(delayed("ours", 3_600_000)));
        let foreign = (0..count / 2).map(|_| urgent(task("foreign")));
        spawn(&self.store, &self.queue, sleeping.chain(foreign).collect()).await;
    }

    async fn count<T>(&mut self, what: &'static str, call: impl Future<Output = T>) -> T {
        let () = redis::cmd("CONFIG").arg("RESETSTAT").query(&mut self.connection).unwrap();
        let answer = call.await;
        self.times.push((what, script_time(&mut self.connection)));
        self.costs.push((what, counted(&mut self.connection)));
        answer
    }

    async fn claim(&mut self, what: &'static str) -> Vec<Token> {
        let (store, queue) = (self.store.clone(), self.queue.clone());
        let claims = self.count(what, async { claim(&store, &queue, "ours", BATCH).await }).await;
        assert_eq!(claims.len(), BATCH as usize);
        assert!(claims.iter().all(|claim| claim.name.as_str() == "ours"));
        claims.into_iter().map(|claim| claim.token).collect()
    }

    /// Spawn, claim, rest on an event, emit, claim again, rest on a timer, tick, claim again, complete.
    async fn live(&mut self) {
        let (store, queue) = (self.store.clone(), self.queue.clone());
        let ours: Vec<NewTask> = (0..BATCH).map(|_| task("ours")).collect();
        let ids: Vec<_> = ours.iter().map(|task| task.id).collect();
        spawn(&store, &queue, ours).await;

        let tokens = self.claim("claim").await;
        assert_eq!(tokens.iter().map(|token| token.task).collect::<Vec<_>>(), ids);
        let items = tokens.iter().map(|token| rest_on_event(*token, "w", "e")).collect();
        let answers = self.count("wait", store.wait(WaitRequest::new(queue.clone(), items))).await.unwrap();
        assert!(answers.into_iter().all(|answer| answer.unwrap() == WaitAnswer::Suspended));
        assert_eq!(self.count("emit", store.emit(emit(&queue, "e"))).await.unwrap(), EmitAnswer::Written);

        let tokens = self.claim("claim after emit").await;
        let items = tokens.iter().map(|token| rest_on_time(*token, "t", 1_000)).collect();
        store.wait(WaitRequest::new(queue.clone(), items)).await.unwrap();
        self.clock.advance(Duration::from_secs(1));
        let tick = self.count("tick", store.tick(TickRequest::new(queue.clone(), 1_000))).await.unwrap();
        assert_eq!((tick.woken, tick.more), (BATCH, false));

        let tokens = self.claim("claim after tick").await;
        let answer = self.count("complete", async { complete(&store, &queue, &tokens).await }).await;
        assert!(answer.ends.into_iter().all(|end| end.is_ok()));
        let idle = self.count("idle claim", store.claim(claim_request(&queue, "ours", BATCH))).await.unwrap();
        assert!(idle.claims.is_empty() && !idle.more);
    }
}

async fn costs(prefix: &str, fill: usize) -> Meter {
    let mut meter = Meter::new(prefix).await;
    meter.fill(fill).await;
    meter.live().await;
    meter
}

#[tokio::test]
async fn u4_a_hundred_thousand_others_in_the_queue_cost_no_command_more() {
    let _alone = ALONE.lock().await;
    let few = costs("few:", 100).await;
    let many = costs("many:", 100_000).await;
    for ((what, few), (_, many)) in few.costs.iter().zip(&many.costs) {
        assert_eq!(few, many, "commands of {what}");
        let total: u64 = many.values().sum();
        assert!(total <= 20 + 14 * u64::from(BATCH), "{what} takes {total} commands: {many:?}");
    }
    // Printed with --nocapture, for the page about the trial.
    for (((what, commands), (_, few)), (_, many)) in many.costs.iter().zip(&few.times).zip(&many.times) {
        let total: u64 = commands.values().sum();
        println!("{what:<18} {total:>4} commands {few:>9.1?} of 100 {many:>9.1?} of 100,000  {commands:?}");
    }
    support::remove(&mut support::connect(), "many:");
}

/// A parent with so many children, all in one step.
async fn family(meter: &mut Meter, children: usize) -> Token {
    let (store, queue) = (meter.store.clone(), meter.queue.clone());
    spawn(&store, &queue, vec![task("parent")]).await;
    let token = claim(&store, &queue, "parent", 1).await[0].token;
    let child = |index: usize| {
        let link = ParentLink { join_key: key(&format!("join{index}")), on_close: ParentClosePolicy::Cancel };
        with(task("child"), |task| task.parent = Some(link))
    };
    let item = save(token, "children", Effect::Spawn((0..children).map(child).collect()));
    let request = SaveRequest::new(queue, vec![item]);
    let saved = meter.count("save 999 children", store.save(request)).await.unwrap().remove(0);
    assert!(matches!(saved.unwrap(), SaveAnswer::Stored { .. }));
    token
}

#[tokio::test]
async fn rd_13_the_largest_step_of_a_verb_is_bounded() {
    let _alone = ALONE.lock().await;
    let mut meter = Meter::new("large:").await;
    let (store, queue) = (meter.store.clone(), meter.queue.clone());
    let tasks: Vec<NewTask> = (0..1_000).map(|_| task("ours")).collect();
    meter.count("spawn 1,000", spawn(&store, &queue, tasks)).await;
    let claims = meter.count("claim 1,000", async { claim(&store, &queue, "ours", 1_000).await }).await;
    assert_eq!(claims.len(), 1_000);
    let tokens: Vec<Token> = claims.iter().map(|claim| claim.token).collect();

    let waits = |tokens: &[Token]| {
        let items = tokens.iter().map(|token| rest_on_event(*token, "w", "e")).collect();
        WaitRequest::new(queue.clone(), items)
    };
    let (first, second) = tokens.split_at(500);
    let answers = meter.count("wait 500", store.wait(waits(first))).await.unwrap();
    assert_eq!(answers.len(), 500);
    store.wait(waits(second)).await.unwrap();
    assert_eq!(
        meter.count("emit to 1,000", store.emit(emit(&queue, "e"))).await.unwrap(),
        EmitAnswer::Written
    );
    let tick =
        meter.count("tick 500 woken", store.tick(TickRequest::new(queue.clone(), 1_000))).await.unwrap();
    assert_eq!((tick.woken, tick.more), (500, false));

    claim(&store, &queue, "ours", 1_000).await;
    meter.clock.advance(Duration::from_secs(60));
    let tick =
        meter.count("tick 1,000 expired", store.tick(TickRequest::new(queue.clone(), 1_000))).await.unwrap();
    assert_eq!(tick.expired.len(), 1_000);

    let parent = family(&mut meter, 999).await;
    let cause = CancelCause::Requested { reason: None };
    let cancel = CancelRequest::new(queue.clone(), parent.task, cause);
    let cancelled = meter.count("cancel 500", store.cancel(cancel)).await.unwrap();
    assert_eq!(cancelled, CancelAnswer::Cancelled { closing: true });
    let tick =
        meter.count("tick 499 closed", store.tick(TickRequest::new(queue.clone(), 1_000))).await.unwrap();
    assert_eq!((tick.closed, tick.closing_left, tick.more), (499, 0, false));

    for ((what, commands), (_, time)) in meter.costs.iter().zip(&meter.times) {
        let total: u64 = commands.values().sum();
        assert!(total <= 15_000, "{what} takes {total} commands: {commands:?}");
        println!("{what:<18} {total:>5} commands in {time:>9.1?}  {commands:?}");
    }
    assert_eq!(support::check::problems(&mut support::connect(), "large:").unwrap(), [""; 0]);
}
