//! What a claim takes, and what a claim allows (rules C1 to C4).

use durable_core::model::TaskId;
use durable_core::store::{
    Checkpoints, Effect, ExtendItem, ExtendRequest, FencedError, Inspect, LoadRequest, QueueState, Runs,
    SaveAnswer,
};

use super::world::{World, at, complete, lease, ms, name, now, q, release};

#[test]
fn c2_names_are_merged_in_the_one_order() {
    let world = World::new();
    let spawn = |called: &str, priority| {
        let mut task = world.new_task();
        (task.name, task.priority) = (name(called), priority);
        world.spawn_these(vec![task.clone()]);
        task.id
    };
    let low = spawn("a", -1);
    let first = spawn("b", 0);
    let foreign = spawn("c", 9);
    world.set(1_001);
    let high = spawn("b", 5);
    let second = spawn("a", 0);
    let mut call = world.request(4);
    call.names = vec![name("a"), name("b"), name("a"), name("none")];
    let answer = world.run(&call);
    let order: Vec<TaskId> = answer.claims.iter().map(|claim| claim.token.task).collect();
    assert_eq!(order, [high, first, second, low]);
    assert!(!answer.more);
    assert_eq!(world.view(foreign).claims, 0);
}

#[test]
fn c2_a_paused_queue_hands_out_nothing_and_says_so() {
    let world = World::new();
    let token = world.running();
    world.spawn();
    world.put_queue(QueueState::Paused);
    let answer = world.run(&world.request(5));
    assert!(answer.claims.is_empty() && !answer.more);
    world.end(complete(token)).unwrap();
}

#[test]
fn c1_a_clock_that_runs_backwards_gives_no_second_claim() {
    let world = World::new();
    let first = world.running();
    world.set(-5_000);
    assert!(world.claim(5).is_empty());
    world.end(release(first, 100)).unwrap();
    world.set(-4_900);
    let second = world.claim(5)[0];
    assert!(matches!(world.end(complete(first)), Err(FencedError::ClaimLost)));
    world.set(-9_000);
    world.end(complete(second)).unwrap();
}

#[test]
fn c4_extending_never_shortens_and_a_checkpoint_leaves_the_full_lease() {
    let world = World::new();
    world.spawn();
    let mut call = world.request(1);
    call.lease = lease(100);
    let token = world.run(&call).claims[0].token;
    let extend = |millis| {
        let item = ExtendItem { token, lease: lease(millis) };
        now(world.store.extend(ExtendRequest::new(q(), vec![item]))).unwrap().remove(0).unwrap()
    };
    assert_eq!(extend(10), at(1_100));
    assert_eq!(extend(150), at(1_150));
    world.set(1_040);
    let stored = world.save(token, "s", Effect::None).unwrap();
    assert_eq!(stored, SaveAnswer::Stored { expires_at: at(1_150) });
    world.set(1_140);
    let repeated = world.save(token, "s", Effect::None).unwrap();
    assert_eq!(repeated, SaveAnswer::Stored { expires_at: at(1_240) });
    let load = || now(world.store.load(LoadRequest::new(q(), token, 0, 10)));
    world.set(1_239);
    assert_eq!(load().unwrap().checkpoints.len(), 1);
    world.set(1_240);
    assert!(matches!(load(), Err(FencedError::ClaimLost)));
}

#[test]
fn ready_counts_what_a_claim_could_take_now() {
    let world = World::new();
    let mut delayed = world.new_task();
    delayed.delay = ms(10);
    let mut limited = world.new_task();
    limited.max_pending = Some(ms(10));
    world.spawn_these(vec![delayed, limited]);
    let ready = || now(world.store.counts(durable_core::store::CountsRequest::new(q()))).unwrap().ready;
    assert_eq!(ready(), 1);
    world.set(1_010);
    assert_eq!(ready(), 1, "the one has started, the other has passed its limit");
    assert_eq!(world.claim(5).len(), 1);
}
