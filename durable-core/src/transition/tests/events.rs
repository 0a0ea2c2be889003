//! Events, written and told.

use super::*;
use crate::store::EmitAnswer;

/// A record with two waiters at rest on `paid`, of which so many are known.
fn two_waiters(now: Timestamp, most: usize, in_all: usize) -> (Records, [TaskRecord; 2]) {
    let tasks = [resting(1, None), resting(1, None)];
    let mut records = records(now, tasks.clone());
    records.add_event(EventRecord::unwritten(paid()));
    let wait = |task: &TaskRecord| ((task.id, key("event")), rested(task, WaitSource::Event(paid()), None));
    let rows = tasks.iter().map(wait).take(in_all.saturating_add(1)).collect();
    records.add_standing(&[paid()], rows, most, in_all);
    (records, tasks)
}

fn first_unreached(records: &Records) -> Option<Timestamp> {
    let [event] = *records.changed_events().collect::<Vec<_>>() else { panic!("one event") };
    event.first_unreached
}

#[test]
fn e1_the_last_write_wins() {
    let mut records = records(at(10), []);
    records.add_event(written(at(5), "1"));
    assert_eq!(records.emit(&write("2"), false), EmitAnswer::Written);
    let [event] = *records.changed_events().collect::<Vec<_>>() else { panic!("one event") };
    let last = event.written.as_ref().unwrap();
    assert_eq!((last.payload.as_str(), last.at), ("2", at(10)));
}

#[test]
fn e1_only_if_absent_keeps_the_first() {
    let mut records = records(at(10), []);
    records.add_event(written(at(5), "1"));
    assert_eq!(records.emit(&write("2"), true), EmitAnswer::Kept);
    assert_untouched(&records);
    records.add_event(EventRecord::unwritten(paid()));
    assert_eq!(records.emit(&write("2"), true), EmitAnswer::Written);
}

#[test]
fn e1_repeating_the_last_emit_changes_nothing() {
    let mut records = records(at(10), []);
    records.add_event(EventRecord::unwritten(paid()));
    let emit = write("1");
    assert_eq!(records.emit(&emit, false), EmitAnswer::Written);
    assert_eq!(records.emit(&emit, false), EmitAnswer::Repeated);
    assert_eq!(records.emit(&emit, true), EmitAnswer::Repeated);
    assert_eq!(records.emit(&write("1"), false), EmitAnswer::Written);
}

#[test]
fn e2_one_emit_wakes_every_waiter() {
    let (mut records, tasks) = two_waiters(at(10), 10, 10);
    records.emit(&write("7"), false);
    for task in &tasks {
        assert_eq!(ends(&records, task.id), [("event", &value("7"), at(10))]);
        assert_eq!(now_is(&records, task).state, State::Pending);
        // Nobody held the task meanwhile.
        assert!(checkpoints(&records, task.id).iter().all(|stored| stored.worker.is_none()));
    }
    assert_eq!(first_unreached(&records), None);
}

#[test]
fn e2_an_event_with_more_waits_than_are_known_is_waking() {
    for (most, in_all) in [(1, 10), (10, 1)] {
        let (mut records, tasks) = two_waiters(at(10), most, in_all);
        records.emit(&write("7"), false);
        let woken = tasks.iter().filter(|task| !now_is(&records, task).is_resting()).count();
        assert_eq!(first_unreached(&records), Some(at(10)), "{most} of {in_all}");
        assert!(woken >= 1, "{most} of {in_all}");
    }
}

#[test]
fn e2_a_waiter_that_another_holds_is_left_for_later() {
    let (held, free) = (resting(1, None), resting(1, None));
    let mut records = records(at(10), [free.clone()]);
    records.add_event(written(at(5), "1"));
    let wait = |task: &TaskRecord| ((task.id, key("event")), rested(task, WaitSource::Event(paid()), None));
    records.add_standing(&[paid()], vec![wait(&held), wait(&free)], 10, 10);
    records.emit(&write("7"), false);
    assert_eq!(ends(&records, free.id), [("event", &value("7"), at(10))]);
    assert_eq!(first_unreached(&records), Some(at(10)));
}

#[test]
fn e2_a_later_batch_gets_the_payload_of_then_and_is_judged_by_the_first_write_that_missed_it() {
    let waking = EventRecord { first_unreached: Some(at(20)), ..written(at(40), "2") };
    for (deadline, end, time) in [
        (None, value("2"), at(20)),
        (Some(at(21)), value("2"), at(20)),
        (Some(at(20)), End::Timeout, at(20)),
        (Some(at(10)), End::Timeout, at(10)),
    ] {
        let task = resting(1, deadline);
        let mut records = records(at(50), [task.clone()]);
        records.add_event(waking.clone());
        stand(&mut records, task.id, "event", rested(&task, WaitSource::Event(paid()), deadline));
        assert_eq!(records.wake(&paid()), 1);
        assert_eq!(ends(&records, task.id), [("event", &end, time)]);
        assert_eq!(first_unreached(&records), None);
    }
}

#[test]
fn e2_writing_again_keeps_when_a_wait_was_first_missed() {
    let mut records = records(at(50), []);
    records.add_event(EventRecord { first_unreached: Some(at(20)), ..written(at(20), "1") });
    let absent = resting(1, None);
    stand(&mut records, absent.id, "event", rested(&absent, WaitSource::Event(paid()), None));
    records.emit(&write("2"), false);
    assert_eq!(first_unreached(&records), Some(at(20)));
}

#[test]
fn e2_a_cut_listing_leaves_every_event_after_the_cut_waking() {
    let names = ["a", "b", "c"].map(|text| EventName::new(text).unwrap());
    let [a, b, c] = names.clone();
    let task = resting(2, None);
    let mut records = records(at(10), [task.clone()]);
    let wait = |name: &EventName| {
        ((task.id, key(name.as_str())), rested(&task, WaitSource::Event(name.clone()), None))
    };
    records.add_standing(&names, vec![wait(&a), wait(&b)], 10, 1);
    for name in &names {
        records.add_event(EventRecord::unwritten(name.clone()));
        records.emit(&EventWrite { name: name.clone(), ..write("7") }, false);
    }
    let waking = records.changed_events().filter(|event| event.first_unreached.is_some());
    assert_eq!(waking.map(|event| event.name.clone()).collect::<Vec<_>>(), [b, c]);
}

#[test]
fn e1_an_event_that_nobody_has_read_makes_the_verb_begin_again() {
    let mut records = records(at(10), []);
    records.emit(&write("1"), false);
    assert!(records.is_stale());
}
