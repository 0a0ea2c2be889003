//! A worker dies before or after each of its calls, and its store with it; another one, over the same file opened anew,
//! finishes the work with the same result (CX-1, CX-3).
//!
//! Who comes later has a clock that is an hour ahead: leases are over and what sleeps is due, so nobody waits.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use durable_conformance::faults::{Dead, Fault, Faults, Plan};
use durable_conformance::layer::Layered;
use durable_core::model::{Clock, Timestamp};
use durable_core::store::Store;
use durable_core::{
    Durable, RetryStrategy, SpawnOptions, Task, TaskContext, TaskError, TaskId, TaskResult, Worker,
    WorkerOptions, async_trait,
};
use durable_sqlite::SqliteStore;

use super::desk::Place;
use super::is_heavy;

const START: Timestamp = Timestamp::from_millis(1_900_000_000_000);
const HOUR: i64 = 3_600_000;
const LONG: Duration = Duration::from_secs(20);
/// How often the step that must not be repeated was done.
type Done = Arc<AtomicUsize>;

/// Steps, children, an event that comes, one that does not, a retry and a sleep.
#[derive(Default)]
struct Golden;

#[async_trait]
impl Task<Done> for Golden {
    fn name(&self) -> Cow<'static, str> {
        "golden".into()
    }

    type Params = ();
    type Output = (u32, u32, u32, u32);

    async fn run(&self, (): (), mut ctx: TaskContext<Done>, _: Done) -> TaskResult<Self::Output> {
        let first: u32 = ctx
            .step("first", (), |(), step| async move {
                step.state.fetch_add(1, Ordering::Relaxed);
                Ok(1)
            })
            .await?;
        let left = ctx.spawn::<Double>("left", 10, SpawnOptions::default()).await?;
        let right = ctx.spawn::<Double>("right", 20, SpawnOptions::default()).await?;
        ctx.emit_event("ready", &first).await?;
        let event: u32 = ctx.await_event("go", None).await?;
        let flaky: u32 = ctx
            .step("flaky", ctx.attempt, |attempt, _| async move {
                if attempt == 1 {
                    anyhow::bail!("once")
                }
                Ok(3)
            })
            .await?;
        ctx.sleep_for("nap", Duration::from_millis(5)).await?;
        let late = ctx.await_event::<u32>("never", Some(Duration::from_millis(5))).await;
        assert!(matches!(late, Err(TaskError::Timeout { .. })), "{late:?}");
        let children: u32 = ctx.join_all(vec![left, right]).await?.into_iter().map(Result::unwrap).sum();
        Ok((first, event, flaky, children))
    }
}

#[derive(Default)]
struct Double;

#[async_trait]
impl Task<Done> for Double {
    fn name(&self) -> Cow<'static, str> {
        "double".into()
    }

    type Params = u32;
    type Output = u32;

    async fn run(&self, n: u32, mut ctx: TaskContext<Done>, _: Done) -> TaskResult<u32> {
        ctx.step("double", n, |n, _| async move { Ok(n * 2) }).await
    }
}

/// Answers the golden task's event.
#[derive(Default)]
struct Answer;

#[async_trait]
impl Task<Done> for Answer {
    fn name(&self) -> Cow<'static, str> {
        "answer".into()
    }

    type Params = ();
    type Output = ();

    async fn run(&self, (): (), mut ctx: TaskContext<Done>, _: Done) -> TaskResult<()> {
        let n: u32 = ctx.await_event("ready", None).await?;
        ctx.emit_event("go", &(n + 100)).await
    }
}

/// A process: a store that it has opened itself, and what it can run.
struct Process {
    client: Durable<Done>,
    faults: Faults,
}

impl Process {
    async fn start(place: &Place, done: &Done, hours_later: i64) -> Self {
        let clock = Clock::following_tokio(Timestamp::from_millis(START.as_millis() + hours_later * HOUR));
        let store = SqliteStore::open(&place.url()).await.unwrap().with_clock(clock);
        let faults = Faults::new(Plan::new());
        let store: Arc<dyn Store> = Arc::new(Layered::new(Arc::new(store) as Arc<dyn Store>, faults.clone()));
        let builder = Durable::builder::<Done>().store(store).queue_name("orders");
        let builder =
            builder.default_retry_strategy(RetryStrategy::Fixed { base_delay: Duration::from_millis(5) });
        let builder = builder.register_instance(Golden).unwrap().register_instance(Double).unwrap();
        let client = builder.register_instance(Answer).unwrap().build_with_state(done.clone()).unwrap();
        client.create_queue().await.unwrap();
        Self { client, faults }
    }

    async fn work(&self) -> Worker {
        let poll_interval = Duration::from_millis(20);
        let options = WorkerOptions { concurrency: 4, poll_interval, ..WorkerOptions::default() };
        self.client.start_worker(options).await.unwrap()
    }

    async fn spawn_all(&self) -> [TaskId; 2] {
        let golden = self.client.spawn::<Golden>(()).await.unwrap();
        [golden, self.client.spawn::<Answer>(()).await.unwrap()]
    }

    async fn assert_finished(&self, [golden, answer]: [TaskId; 2], context: &str) {
        let result = self.client.wait_for_result(golden, LONG).await.unwrap();
        let output: (u32, u32, u32, u32) =
            result.output().unwrap_or_else(|error| panic!("{context}: {error}: {result:?}"));
        assert_eq!(output, (1, 101, 3, 60), "{context}");
        self.client.wait_for_result(answer, LONG).await.unwrap().output::<()>().unwrap();
        let counts = self.client.counts().await.unwrap();
        let live = counts.sleeping + counts.pending + counts.running;
        assert_eq!((counts.completed, live), (4, 0), "{context}: {counts:?}");
    }
}

/// A worker meets `fault` at its call number `call`; another process finishes. `false` when there were fewer calls.
async fn crash_at(call: u64, fault: Fault) -> bool {
    let (place, done) = (Place::new(), Done::default());
    let doomed = Process::start(&place, &done, 0).await;
    let tasks = doomed.spawn_all().await;
    let before = doomed.faults.calls();
    doomed.faults.follow(Plan::new().at_call(before + call, fault).when_dead(Dead::Hangs));
    let worker = doomed.work().await;
    let looking = Process::start(&place, &done, 0).await;
    let has_died = tokio::select! {
        () = looking.assert_finished(tasks, "undisturbed") => false,
        () = died(&doomed.faults) => true,
    };
    // Everything that this process had open is gone, with what was on its way.
    drop((worker, doomed, looking));
    let fresh = Process::start(&place, &done, 1).await;
    let worker = fresh.work().await;
    fresh.assert_finished(tasks, &format!("{fault:?} at call {call}")).await;
    assert!(done.load(Ordering::Relaxed) <= 1 + usize::from(has_died), "{fault:?} at call {call}");
    drop(worker);
    place.check().await;
    has_died
}

async fn died(faults: &Faults) {
    while !faults.is_dead() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cx_1_a_worker_that_dies_with_its_store_at_any_call_is_replaced_over_the_file() {
    let stride = if is_heavy() { 1 } else { 3 };
    let mut call = 1;
    loop {
        let crashes = (0..4).flat_map(|n| {
            [Fault::CrashBefore, Fault::CrashAfter]
                .map(|fault| tokio::spawn(crash_at(call + n * stride, fault)))
        });
        let mut have_died = Vec::new();
        for crash in crashes.collect::<Vec<_>>() {
            have_died.push(crash.await.unwrap());
        }
        call += 4 * stride;
        if !have_died.contains(&true) {
            break;
        }
    }
    // How many polls there are varies; the calls of the scenario itself are more than these.
    assert!(call > 20, "{call}");
    println!("{call} calls");
}
