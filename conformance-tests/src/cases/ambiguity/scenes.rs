//! Every verb that writes, in the situations in which it writes most.
//!
//! What comes after the call in doubt is what makes a late copy of it dangerous, as far as the contract promises that it
//! does no harm. It promises nothing where a verb sets what another call may set again: a queue's state, a queue that was
//! dropped, a task that failed once more, an event that was written again by somebody else, a task that was purged, a claim
//! call under which nothing is held any more.

use durable_core::store::PurgeAnswer;

use super::call::{Call, shown};
use super::script::{Again, Script};
use crate::prelude::*;

type Write = fn(&mut Script) -> Verdict;

macro_rules! scenes {
    ($($scene:ident),* $(,)?) => {
        /// The name of each scene, and how it is written down.
        pub(super) const SCENES: &[(&str, Write)] = &[$((stringify!($scene), $scene)),*];
    };
}

scenes![
    put_queue_creates,
    put_queue_pauses,
    drop_queue,
    spawn,
    spawn_with_a_key,
    cancel_closes_children,
    cancel_tells_the_parent,
    retry,
    retry_from_a_step,
    claim_takes,
    claim_takes_one_of_two,
    claim_takes_what_expired,
    claim_completes_a_child,
    claim_completes_a_parent,
    claim_fails_an_attempt,
    claim_fails_for_good,
    claim_releases,
    claim_ends_and_takes,
    extend,
    wait_registers,
    wait_suspends,
    wait_is_met,
    save_a_step,
    save_spawns,
    save_emits,
    emit,
    emit_only_if_absent,
    tick,
    purge,
];

fn put_queue_creates(script: &mut Script) -> Verdict {
    script.doubts(script.put(QueueState::Open), Again::says(PutQueueAnswer::Unchanged));
    script.runs()?;
    Ok(())
}

fn put_queue_pauses(script: &mut Script) -> Verdict {
    script.opens();
    let token = script.runs()?;
    script.doubts(script.put(QueueState::Paused), Again::says(PutQueueAnswer::Unchanged));
    script.ends(token, complete())
}

fn drop_queue(script: &mut Script) -> Verdict {
    script.opens();
    let drop_it = Call::DropQueue(DropQueueRequest::new(script.queue.clone()));
    script.doubts(drop_it, Again::says(DropQueueAnswer::NotFound));
    script.call(Call::PutQueue(PutQueueRequest::new(QueueName::new("another")?, QueueState::Open)));
    Ok(())
}

/// A spawn in doubt, after which the first task runs to its end.
fn doubts_spawn(script: &mut Script, tasks: Vec<NewTask>) -> Verdict {
    let known = tasks.iter().map(|task| Spawned { task: task.id, created: false }).collect();
    let first = some("a task", tasks.first())?.id;
    script.doubts(script.spawn(tasks), Again::says(SpawnAnswer::Spawned(known)));
    let token = script.claims(first)?;
    script.ends(token, complete())
}

fn spawn(script: &mut Script) -> Verdict {
    script.opens();
    let tasks = vec![job()?, job_with(|task| task.delay = millis(500))?, named("other")?];
    doubts_spawn(script, tasks)
}

fn spawn_with_a_key(script: &mut Script) -> Verdict {
    script.opens();
    let task = keyed("once", "f")?;
    doubts_spawn(script, vec![task])
}

/// A running parent with a sleeping child and a pending one.
fn family(script: &mut Script) -> Result<(Token, TaskId), Violation> {
    script.opens();
    let parent = script.runs()?;
    let sleeper = script.spawns_child(parent, "one")?;
    let token = script.claims(sleeper)?;
    script.call(script.rest_on(token, on_event(&key("k")?, &event("e")?, None)));
    script.spawns_child(parent, "two")?;
    Ok((parent, sleeper))
}

fn cancel_closes_children(script: &mut Script) -> Verdict {
    let (parent, _) = family(script)?;
    let ended = CancelAnswer::Ended { state: EndState::Cancelled, closing: false };
    script.doubts(script.cancel(parent.task), Again::says(ended));
    script.call(script.emit(write(&event("e")?, "1")));
    Ok(())
}

fn cancel_tells_the_parent(script: &mut Script) -> Verdict {
    script.opens();
    let parent = script.runs()?;
    let child = script.spawns_child(parent, "c")?;
    script.call(script.rest_on(parent, on_child(&join_key("c")?, child)));
    let ended = CancelAnswer::Ended { state: EndState::Cancelled, closing: false };
    script.doubts(script.cancel(child), Again::says(ended));
    let parent = script.claims(parent.task)?;
    script.ends(parent, complete())
}

/// A task that failed for good, with two steps.
fn failed(script: &mut Script) -> Result<TaskId, Violation> {
    script.opens();
    let token = script.runs()?;
    script.call(script.save(step(token, &key("one")?, "1")));
    script.call(script.save(step(token, &key("two")?, "2")));
    script.ends(token, fail_for_good())?;
    Ok(token.task)
}

fn doubts_retry(script: &mut Script, from: Option<StepKey>) -> Verdict {
    let task = failed(script)?;
    let retry = Call::Retry(RetryRequest::new(script.queue.clone(), task, 2, from));
    script.doubts(retry, Again::says(RetryAnswer::Live));
    script.claims(task)?;
    Ok(())
}

fn retry(script: &mut Script) -> Verdict {
    doubts_retry(script, None)
}

fn retry_from_a_step(script: &mut Script) -> Verdict {
    doubts_retry(script, Some(key("two")?))
}

fn claim_takes(script: &mut Script) -> Verdict {
    script.opens();
    let (first, second) = (script.spawns()?, script.spawns()?);
    let request = script.claim(2)?;
    let tokens = [script.token(&request, first), script.token(&request, second)];
    script.doubts_with_one_answer(Call::Claim(request));
    script.call(script.save(step(tokens[0], &key("s")?, "1")));
    script.ends(tokens[1], complete())
}

fn claim_takes_one_of_two(script: &mut Script) -> Verdict {
    script.opens();
    let (first, _) = (script.spawns()?, script.spawns()?);
    let request = script.claim(1)?;
    let token = script.token(&request, first);
    script.doubts_with_one_answer(Call::Claim(request));
    script.call(script.save(step(token, &key("s")?, "1")));
    Ok(())
}

fn claim_takes_what_expired(script: &mut Script) -> Verdict {
    script.opens();
    let task = script.runs()?.task;
    script.passes(LEASE);
    let request = script.claim(1)?;
    let token = script.token(&request, task);
    script.doubts_with_one_answer(Call::Claim(request));
    script.ends(token, complete())
}

fn claim_completes_a_child(script: &mut Script) -> Verdict {
    script.opens();
    let parent = script.runs()?;
    let child = script.spawns_child(parent, "c")?;
    script.call(script.rest_on(parent, on_child(&join_key("c")?, child)));
    let token = script.claims(child)?;
    script.doubts_with_one_answer(script.end(token, complete())?);
    let parent = script.claims(parent.task)?;
    script.ends(parent, complete())
}

fn claim_completes_a_parent(script: &mut Script) -> Verdict {
    let (parent, _) = family(script)?;
    script.doubts_with_one_answer(script.end(parent, complete())?);
    script.call(script.emit(write(&event("e")?, "1")));
    Ok(())
}

fn claim_fails_an_attempt(script: &mut Script) -> Verdict {
    script.opens();
    let token = script.runs()?;
    script.doubts_with_one_answer(script.end(token, fail_after(50))?);
    script.passes(50);
    script.claims(token.task)?;
    Ok(())
}

fn claim_fails_for_good(script: &mut Script) -> Verdict {
    let (parent, _) = family(script)?;
    script.doubts_with_one_answer(script.end(parent, fail_for_good())?);
    script.call(Call::Retry(RetryRequest::new(script.queue.clone(), parent.task, 1, None)));
    script.claims(parent.task)?;
    Ok(())
}

fn claim_releases(script: &mut Script) -> Verdict {
    script.opens();
    let token = script.runs()?;
    script.doubts_with_one_answer(script.end(token, release(0))?);
    script.claims(token.task)?;
    Ok(())
}

fn claim_ends_and_takes(script: &mut Script) -> Verdict {
    script.opens();
    let token = script.runs()?;
    let next = script.spawns()?;
    let request = script.claim(1)?.ending(vec![RunEnd { token, ending: complete() }]);
    let held = script.token(&request, next);
    script.doubts_with_one_answer(Call::Claim(request));
    script.call(script.save(step(held, &key("s")?, "1")));
    Ok(())
}

fn extend(script: &mut Script) -> Verdict {
    script.opens();
    let token = script.runs()?;
    let item = ExtendItem { token, lease: lease(3 * LEASE)? };
    script.doubts_with_one_answer(Call::Extend(ExtendRequest::new(script.queue.clone(), vec![item])));
    script.ends(token, release(0))?;
    script.claims(token.task)?;
    Ok(())
}

fn wait_registers(script: &mut Script) -> Verdict {
    script.opens();
    let token = script.runs()?;
    let waits = vec![on_event(&key("k")?, &event("e")?, Some(500)), on_time(&key("t")?, 100)];
    script.doubts_with_one_answer(script.wait(token, waits, None));
    script.call(script.emit(write(&event("e")?, "1")));
    script.call(script.emit(write(&event("e")?, "2")));
    Ok(())
}

fn wait_suspends(script: &mut Script) -> Verdict {
    script.opens();
    let token = script.runs()?;
    script.doubts_with_one_answer(script.rest_on(token, on_event(&key("k")?, &event("e")?, Some(500))));
    script.call(script.emit(write(&event("e")?, "1")));
    script.claims(token.task)?;
    Ok(())
}

fn wait_is_met(script: &mut Script) -> Verdict {
    script.opens();
    let token = script.runs()?;
    script.call(script.emit(write(&event("e")?, "1")));
    script.doubts_with_one_answer(script.rest_on(token, on_event(&key("k")?, &event("e")?, None)));
    script.call(script.emit(write(&event("e")?, "2")));
    Ok(())
}

fn save_a_step(script: &mut Script) -> Verdict {
    script.opens();
    let token = script.runs()?;
    script.passes(10);
    script.doubts_with_one_answer(script.save(step(token, &key("s")?, "1")));
    script.call(script.save(step(token, &key("s2")?, "2")));
    Ok(())
}

fn save_spawns(script: &mut Script) -> Verdict {
    script.opens();
    let parent = script.runs()?;
    let children = vec![child("c", ParentClosePolicy::Cancel)?, child("d", ParentClosePolicy::Abandon)?];
    let first = some("a child", children.first())?.id;
    script.doubts_with_one_answer(script.save(spawning(parent, &key("$spawn")?, children)));
    let token = script.claims(first)?;
    script.ends(token, complete())
}

/// Two tasks that rest on one event.
fn two_wait(script: &mut Script) -> Result<[Token; 2], Violation> {
    let tokens = [script.runs()?, script.runs()?];
    for token in tokens {
        script.call(script.rest_on(token, on_event(&key("k")?, &event("e")?, None)));
    }
    Ok(tokens)
}

fn save_emits(script: &mut Script) -> Verdict {
    script.opens();
    let [waiter, _] = two_wait(script)?;
    let token = script.runs()?;
    script.doubts_with_one_answer(script.save(emitting(token, &key("$emit")?, write(&event("e")?, "1"))));
    script.call(script.emit(write(&event("e")?, "2")));
    script.claims(waiter.task)?;
    Ok(())
}

fn emit(script: &mut Script) -> Verdict {
    script.opens();
    let [waiter, _] = two_wait(script)?;
    script.doubts(script.emit(write(&event("e")?, "1")), Again::says(EmitAnswer::Repeated));
    let token = script.claims(waiter.task)?;
    script.call(script.rest_on(token, on_event(&key("l")?, &event("f")?, None)));
    Ok(())
}

fn emit_only_if_absent(script: &mut Script) -> Verdict {
    script.opens();
    let [waiter, _] = two_wait(script)?;
    let request = EmitRequest::new(script.queue.clone(), write(&event("e")?, "1")).only_if_absent();
    script.doubts(Call::Emit(request), Again::says(EmitAnswer::Repeated));
    script.claims(waiter.task)?;
    Ok(())
}

/// A lease that is over, a delay, a deadline and a limit.
fn tick(script: &mut Script) -> Verdict {
    script.opens();
    let expired = script.runs()?;
    let waiter = script.runs()?;
    script.call(script.rest_on(waiter, on_event(&key("k")?, &event("e")?, Some(500))));
    let delayed = job_with(|task| task.delay = millis(400))?;
    let limited = job_with(|task| (task.delay, task.max_pending) = (millis(2 * LEASE), Some(millis(300))))?;
    script.call(script.spawn(vec![delayed, limited]));
    script.passes(LEASE);
    script.doubts(script.tick(), Again::Nothing(shown(TickAnswer::default())));
    let request = script.claim(3)?;
    let token = script.token(&request, expired.task);
    script.call(Call::Claim(request));
    script.ends(token, complete())
}

/// A parent that rests on nothing yet, the end of its child, a failed task and an event.
fn purge(script: &mut Script) -> Verdict {
    script.opens();
    let parent = script.runs()?;
    let child = script.spawns_child(parent, "c")?;
    let child = script.claims(child)?;
    script.ends(child, complete())?;
    let other = script.runs()?;
    script.ends(other, fail_for_good())?;
    script.call(script.emit(write(&event("e")?, "1")));
    let nothing = PurgeAnswer { purged: 0, more: false };
    script.doubts(script.purge(), Again::Nothing(shown(nothing)));
    script.call(script.rest_on(parent, on_event(&key("k")?, &event("e")?, None)));
    Ok(())
}
