//! Payloads in the file: the bytes that went in, as text, in every slot (SQ-8).

use durable_core::model::{ParentClosePolicy, StepKey};
use durable_core::store::{
    Effect, EmitRequest, Ending, EventWrite, Events, ParentLink, RetryAfter, SaveItem,
};
use sqlx::{Row, SqliteConnection};

use super::desk::{Desk, Place, job, json, step, write};

/// What functions on JSON are known to cut, to round or to refuse.
fn payloads() -> Vec<String> {
    let mut texts: Vec<String> = [
        r#""a\u0000b""#,
        r#"{"\u0000":"\u0000"}"#,
        "18446744073709551615",
        "9007199254740993",
        "-0.0",
        "1e2",
        "1e400",
        r#""\ud800""#,
        r#"{"b":1,"a":2,"a":3}"#,
        " [ 1 , 2 ] ",
        "\"🦀 \u{2028}\u{feff}\"",
        "[]",
        "{}",
    ]
    .map(str::to_owned)
    .into();
    texts.push(format!("{}{}", "[".repeat(1_000), "]".repeat(1_000)));
    texts.push(format!("\"{}\"", "x".repeat(1 << 20)));
    texts
}

/// Where a payload stands in the file.
const SLOTS: [&str; 11] = [
    "select params from durable_inputs i join durable_tasks t on t.seq = i.task and t.name = 'job'",
    "select headers from durable_inputs i join durable_tasks t on t.seq = i.task and t.name = 'job'",
    "select policy from durable_inputs i join durable_tasks t on t.seq = i.task and t.name = 'job'",
    "select params from durable_inputs i join durable_tasks t on t.seq = i.task and t.name = 'child'",
    "select headers from durable_inputs i join durable_tasks t on t.seq = i.task and t.name = 'child'",
    "select end_text from durable_history where key = 'step'",
    "select end_text from durable_history where key = 'join'",
    "select end_text from durable_history where kind = 100",
    "select end_text from durable_tasks where name = 'child'",
    "select payload from durable_events",
    "select metadata from durable_events",
];

/// Puts a payload into every slot.
async fn fill(desk: &Desk, text: &str) {
    let mut task = job("job");
    (task.params, task.headers, task.policy) = (json(text), json(text), json(text));
    desk.spawn(task).await.unwrap();
    let token = desk.claim("job", 1).await.unwrap()[0].token;
    desk.save(token, "step", text).await.unwrap();
    let mut child = job("child");
    (child.params, child.headers) = (json(text), json(text));
    let join_key = StepKey::new("join").unwrap();
    child.parent = Some(ParentLink { join_key, on_close: ParentClosePolicy::Cancel });
    let spawning = SaveItem { effect: Effect::Spawn(vec![child]), ..step(token, "$spawn", "[]") };
    desk.save_item(spawning).await.unwrap();
    let child = desk.claim("child", 1).await.unwrap()[0].token;
    desk.end(child, Ending::Complete { result: json(text) }).await.unwrap();
    let event = EventWrite { metadata: json(text), ..write("e", text) };
    desk.store.emit(EmitRequest::new(desk.queue.clone(), event)).await.unwrap();
    let retry = RetryAfter::After(durable_core::model::Millis::ZERO);
    desk.end(token, Ending::Fail { failure: json(text), retry }).await.unwrap();
}

async fn stored(looking: &mut SqliteConnection, slot: &'static str) -> Vec<(String, Vec<u8>)> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "select typeof(it), cast(it as blob) from (select ({slot}) as it)"
    )));
    let rows = rows.fetch_all(looking).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn sq8_every_payload_is_in_the_file_byte_for_byte() {
    for text in payloads() {
        let place = Place::new();
        let desk = place.open().await;
        fill(&desk, &text).await;
        let mut looking = place.connect().await;
        for slot in SLOTS {
            let stored = stored(&mut looking, slot).await;
            let is_there = stored == [("text".to_owned(), text.clone().into_bytes())];
            let head: String = text.chars().take(30).collect();
            assert!(is_there, "{head} has changed in: {slot}");
        }
    }
}
