//! Interleavings: waits beside what ends them, thousands of times, and nobody is left waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use durable_core::store::Durability;

use super::histories::judged;
use super::histories::plan::Dice;
use super::races::{Call, together};
use crate::history::{Client, History, Recorder, check};
use crate::prelude::*;

const GROUP: &str = "interleavings";

/// How many interleavings there are on a store in this process.
const MANY: usize = 10_000;
/// How many there are at least on another one.
const FEW: usize = 200;
/// How many share a history.
const AT_ONCE: usize = 100;
/// How long another store goes on.
const BUDGET: Duration = Duration::from_millis(1_500);
/// How long the waits with a timeout wait: not over while the clock stands.
const TIMEOUT: u64 = 50;

pub(super) const CASES: &[Case] = &[
    case!(
        ev_3_no_wake_up_is_lost_in_any_order,
        ["EV-3", "EV-5", "EV-12", "CH-7"],
        ["W3", "W2", "E1", "T1"],
        [Spawn, Claim, Load, Save, Wait, Emit, Tick, Tasks, Task],
        "A wait that looks first and registers then sleeps for ever if the event comes in between."
    )
    .heavy(),
    case!(
        ev_27_a_thousand_emits_meet_a_thousand_waiters,
        ["EV-27", "EV-6", "CO-4"],
        ["W3", "E2", "E1"],
        [Spawn, Claim, Wait, Emit, Tasks, Task],
        "Locks that are taken in another order by emits than by waits stop both sides, and only under load."
    )
    .heavy(),
];

/// Who waits beside what.
#[derive(Debug, Clone, Copy)]
enum Meeting {
    /// One wait, one emit.
    Emit,
    /// The wait is registered first, and rested on in a second call.
    Register,
    /// One wait, two emits.
    TwoEmits,
    /// Two waits, both needed.
    Both,
    /// Two waits, one needed.
    Either,
    /// The emit is the effect of another task's checkpoint.
    Effect,
    /// A wait with a timeout, an emit, and the end of that time.
    Timeout,
    /// A join, and the child's end.
    Child,
}

const MEETINGS: [Meeting; 8] = [
    Meeting::Emit,
    Meeting::Register,
    Meeting::TwoEmits,
    Meeting::Both,
    Meeting::Either,
    Meeting::Effect,
    Meeting::Timeout,
    Meeting::Child,
];

async fn ev_3_no_wake_up_is_lost_in_any_order(ctx: Ctx) -> Verdict {
    let (seed, started) = (ctx.seed(), Instant::now());
    let goes_on = |met| match ctx.a.capabilities().durability {
        Durability::Process => met < MANY,
        _ => met < FEW || (met < MANY && started.elapsed() < BUDGET),
    };
    let mut met = 0;
    while goes_on(met) {
        let ctx = ctx.another_queue(&format!("from {met}")).await?;
        let history = Meetings::new(&ctx, seed, met).all_meet().await?;
        judged(&history, &[check::all, check::quiescent])?;
        met += AT_ONCE;
    }
    Ok(())
}

/// What meets at once, in one queue.
struct Meetings {
    ctx: Ctx,
    recorder: Arc<Recorder>,
    dice: Dice,
    seed: u64,
}

impl Meetings {
    fn new(ctx: &Ctx, seed: u64, number: usize) -> Self {
        let recorder = Recorder::with_clock(ctx.clock.clone());
        Self { ctx: ctx.clone(), recorder, dice: Dice::new(seed, number as u64), seed }
    }

    /// A client on the handle whose turn it is.
    fn client(&self, name: String) -> Client {
        let store = self.ctx.store().clone();
        let handle = if Arc::ptr_eq(&store, &self.ctx.a) { "a" } else { "b" };
        self.recorder.client(name, handle, store, self.ctx.queue.clone())
    }

    async fn all_meet(mut self) -> Result<History, Violation> {
        let keeper = self.client("keeper".to_owned());
        // Each meeting has a waiter; one more task emits for those that take a task for it.
        let running = spawned_and_claimed(&self.ctx, &keeper, AT_ONCE + 1).await?;
        let mut calls: Vec<Call<()>> = Vec::new();
        for (number, waiter) in running.iter().take(AT_ONCE).enumerate() {
            let meeting = self.dice.of(&MEETINGS).copied().unwrap_or(Meeting::Emit);
            let emitter = running.last().copied().unwrap_or(*waiter);
            self.meet(number, meeting, *waiter, emitter, &mut calls).await?;
        }
        let mover = self.client("mover".to_owned());
        let pauses = (self.dice.below(100), self.dice.below(100));
        calls.push(Box::pin(time_passes(mover, pauses)));
        together(calls).await?;
        // Who was not suspended is still running, and who was is ready.
        keeper.recorder().advance(Duration::from_millis(TIMEOUT)).await;
        keeper.tick(1_000).await?;
        finish(&self.ctx, &keeper, &running, true).await?;
        let (store, queues) = (self.ctx.store().clone(), [self.ctx.queue.clone()]);
        self.recorder.history("EV-3", self.seed, (self.ctx.store_name(), &*store), &queues).await
    }

    /// The calls of one meeting.
    async fn meet(
        &mut self,
        number: usize,
        meeting: Meeting,
        waiter: Token,
        emitter: Token,
        calls: &mut Vec<Call<()>>,
    ) -> Verdict {
        let (one, two) = (event(&format!("e{number}"))?, event(&format!("f{number}"))?);
        let (k, l) = (key("k")?, key("l")?);
        let emits: Vec<&EventName> = match meeting {
            Meeting::Emit | Meeting::Register | Meeting::Timeout => vec![&one],
            Meeting::TwoEmits => vec![&one, &one],
            Meeting::Both | Meeting::Either => vec![&one, &two],
            Meeting::Effect | Meeting::Child => vec![],
        };
        for (which, name) in emits.into_iter().enumerate() {
            let (client, pause) = (self.client(format!("emitter {number}.{which}")), self.dice.below(40));
            let request =
                EmitRequest::new(self.ctx.queue.clone(), write(name, &format!("\"{number}.{which}\"")));
            calls.push(Box::pin(async move {
                yields(pause).await;
                client.emit(request).await?;
                Ok(())
            }));
        }
        let timeout = matches!(meeting, Meeting::Timeout).then_some(TIMEOUT);
        let mut waits = vec![on_event(&k, &one, timeout)];
        let mut need = 1;
        match meeting {
            Meeting::Both | Meeting::Either => {
                waits.push(on_event(&l, &two, None));
                need = if matches!(meeting, Meeting::Both) { 2 } else { 1 };
            }
            Meeting::Effect => {
                let item = emitting(
                    emitter,
                    &key(&format!("emit {number}"))?,
                    write(&one, &format!("\"{number}\"")),
                );
                calls.push(self.saves(number, item));
            }
            Meeting::Child => {
                waits = vec![on_child(&join_key("c")?, self.child_ends(number, waiter, calls).await?)];
            }
            _ => {}
        }
        let (client, pause) = (self.client(format!("waiter {number}")), self.dice.below(40));
        let registers = matches!(meeting, Meeting::Register);
        calls.push(Box::pin(waits_for(client, pause, waiter, waits, need, registers)));
        Ok(())
    }

    fn saves(&mut self, number: usize, item: SaveItem) -> Call<()> {
        let (client, pause) = (self.client(format!("saver {number}")), self.dice.below(40));
        Box::pin(async move {
            yields(pause).await;
            client.save(item).await??;
            Ok(())
        })
    }

    /// A running child of the waiter, and the call that ends it.
    async fn child_ends(
        &mut self,
        number: usize,
        parent: Token,
        calls: &mut Vec<Call<()>>,
    ) -> Result<TaskId, Violation> {
        let client = self.client(format!("child {number}"));
        let child = child("c", ParentClosePolicy::Cancel)?;
        let id = child.id;
        client.save(spawning(parent, &key("spawn")?, vec![child])).await??;
        let claim = one("the claims", client.claim(self.ctx.claim_request(1)?).await?.claims)?;
        let (pause, ctx) = (self.dice.below(40), self.ctx.clone());
        calls.push(Box::pin(async move {
            yields(pause).await;
            ends(&ctx, &client, vec![claim.token]).await
        }));
        Ok(id)
    }
}

async fn yields(times: u64) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// The timeouts come, and a little later somebody sees to them.
async fn time_passes(client: Client, (before, after): (u64, u64)) -> Verdict {
    yields(before).await;
    client.recorder().advance(Duration::from_millis(TIMEOUT)).await;
    yields(after).await;
    client.tick(1_000).await?;
    Ok(())
}

/// Registers and rests, in one call or in two.
async fn waits_for(
    client: Client,
    pause: u64,
    token: Token,
    waits: Vec<NewWait>,
    need: u32,
    registers: bool,
) -> Verdict {
    yields(pause).await;
    let keys: Vec<_> = waits.iter().map(|wait| wait.key.clone()).collect();
    let mut rests = WaitItem { token, waits, rest: Some(rest(&keys.iter().collect::<Vec<_>>(), need)) };
    if registers {
        client.wait(WaitItem { rest: None, ..rests.clone() }).await??;
        rests.waits.clear();
    }
    client.wait(rests).await??;
    Ok(())
}

/// So many running tasks.
async fn spawned_and_claimed(ctx: &Ctx, client: &Client, count: usize) -> Result<Vec<Token>, Violation> {
    let tasks = (0..count).map(|_| job()).collect::<Result<Vec<_>, _>>()?;
    client.spawn(SpawnRequest::new(ctx.queue.clone(), tasks)).await?;
    let mut running = Vec::new();
    while running.len() < count {
        let most = u32::try_from(count - running.len()).unwrap_or(u32::MAX);
        let claims = client.claim(ctx.claim_request(most)?).await?.claims;
        holds("the claims", !claims.is_empty(), running.len(), "all of the tasks")?;
        running.extend(claims.into_iter().map(|claim| claim.token));
    }
    Ok(running)
}

/// Completes runs, in one call.
async fn ends(ctx: &Ctx, client: &Client, tokens: Vec<Token>) -> Verdict {
    let ends = tokens.into_iter().map(|token| RunEnd { token, ending: complete() }).collect();
    client.claim(ctx.claim_request(0)?.ending(ends)).await?;
    Ok(())
}

/// Completes who was woken, after a look at what is stored for each, and who is still running.
async fn finish(ctx: &Ctx, client: &Client, running: &[Token], looks: bool) -> Verdict {
    loop {
        let claims = client.claim(ctx.claim_request(500)?).await?.claims;
        let woken: Vec<_> = claims.iter().map(|claim| claim.token).collect();
        for token in woken.iter().filter(|_| looks) {
            client.load(LoadRequest::new(ctx.queue.clone(), *token, 0, 100)).await?;
        }
        if woken.is_empty() {
            break;
        }
        ends(ctx, client, woken).await?;
    }
    // Who was suspended is refused here, and rightly so.
    ends(ctx, client, running.to_vec()).await
}

/// How many emits, and how many waiters, there are.
const CROWD: usize = 1_000;
/// How many names they share.
const NAMES: usize = 100;
/// How many emit, and how many wait, at a time.
const HANDS: usize = 8;

async fn ev_27_a_thousand_emits_meet_a_thousand_waiters(ctx: Ctx) -> Verdict {
    let seed = ctx.seed();
    let meetings = Meetings::new(&ctx, seed, 0);
    let keeper = meetings.client("keeper".to_owned());
    let (running, started) = (spawned_and_claimed(&ctx, &keeper, CROWD).await?, Instant::now());
    let names = (0..NAMES).map(|name| event(&format!("e{name}"))).collect::<Result<Vec<_>, _>>()?;
    let (first, others) = running.split_at(CROWD / 10);
    together(wait_calls(&meetings, first, &names, 0)).await?;
    // A store for which that took long gets a quarter of the crowd.
    let many = if started.elapsed() < BUDGET / 10 { CROWD } else { CROWD / 4 };
    // One half rests when the emits begin, the other half comes while they go on.
    let (early, late) = others.split_at(many / 2 - first.len());
    together(wait_calls(&meetings, early, &names, HANDS)).await?;
    let late: Vec<_> = late.iter().copied().take(many / 2).collect();
    let mut calls = wait_calls(&meetings, &late, &names, 2 * HANDS);
    for hand in 0..HANDS {
        let emitter = meetings.client(format!("emitter {hand}"));
        let dice = Dice::new(seed, (3 * HANDS + hand) as u64);
        let writes = emits_of(hand, many / HANDS, &names, dice);
        calls.push(Box::pin(emits_all(emitter, writes)));
    }
    together(calls).await?;
    finish(&ctx, &keeper, &running, false).await?;
    let (store, queues) = (ctx.store().clone(), [ctx.queue.clone()]);
    let history = meetings.recorder.history("EV-27", seed, (ctx.store_name(), &*store), &queues).await?;
    judged(&history, &[check::all, check::quiescent])
}

/// Several hands, each with its share of runs to wait for.
fn wait_calls(meetings: &Meetings, runs: &[Token], names: &[EventName], from: usize) -> Vec<Call<()>> {
    let hand = |hand: usize| {
        let waiter = meetings.client(format!("waiter {hand}"));
        let mine: Vec<_> = runs.iter().copied().skip(hand).step_by(HANDS).collect();
        let dice = Dice::new(meetings.seed, (from + hand) as u64);
        Box::pin(waits_for_any(waiter, mine, names.to_vec(), dice)) as Call<()>
    };
    (0..HANDS).map(hand).collect()
}

/// Each of these runs rests on one or two of the events.
async fn waits_for_any(client: Client, runs: Vec<Token>, names: Vec<EventName>, mut dice: Dice) -> Verdict {
    for token in runs {
        let mut waits = Vec::new();
        for number in 0..dice.small(2) {
            let Some(name) = dice.of(&names) else { continue };
            waits.push(on_event(&key(&format!("k{number}"))?, name, None));
        }
        let need = u32::try_from(waits.len()).unwrap_or(1);
        waits_for(client.clone(), dice.below(3), token, waits, need, false).await?;
    }
    Ok(())
}

/// The writes of one hand: first its share of the names, so that each is emitted, and then any.
fn emits_of(hand: usize, count: usize, names: &[EventName], mut dice: Dice) -> Vec<EventWrite> {
    let own = names.iter().skip(hand).step_by(HANDS);
    let any = std::iter::repeat_with(|| dice.of(names)).flatten();
    let numbered = own.chain(any).take(count).enumerate();
    numbered.map(|(number, name)| write(name, &format!("\"{hand}.{number}\""))).collect()
}

async fn emits_all(client: Client, writes: Vec<EventWrite>) -> Verdict {
    for event in writes {
        yields(1).await;
        client.emit(EmitRequest::new(client.queue().clone(), event)).await?;
    }
    Ok(())
}
