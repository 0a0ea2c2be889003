//! The order of emits: one, and every reader sees it.

use std::collections::BTreeMap;

use super::races::{Call, together};
use crate::prelude::*;

const GROUP: &str = "order";

/// How often the race is run.
const ROUNDS: usize = 4;

pub(super) const CASES: &[Case] = &[case!(
    ev_5_emits_have_one_order_that_every_reader_sees,
    ["EV-5", "CO-2"],
    ["E1"],
    [Spawn, Claim, Wait, Emit, Events],
    "Two readers who saw two orders of one event cannot both be right."
)];

/// What one reader saw, each value once for as long as it stood.
type Seen = Vec<String>;

fn sees(seen: &mut Seen, payload: &Payload) {
    if seen.last().is_none_or(|last| last != payload.as_str()) {
        seen.push(payload.as_str().to_owned());
    }
}

async fn ev_5_emits_have_one_order_that_every_reader_sees(ctx: Ctx) -> Verdict {
    for round in 0..ROUNDS {
        let name = event(&format!("e{round}"))?;
        let token = ctx.running().await?;
        let mut calls: Vec<Call<Seen>> = vec![
            Box::pin(lists(ctx.over(&ctx.a, &ctx.a), name.clone())),
            Box::pin(lists(ctx.over(&ctx.b, &ctx.b), name.clone())),
            Box::pin(awaits(ctx.clone(), name.clone(), token)),
        ];
        for writer in 0..3 {
            let (ctx, name) = (ctx.clone(), name.clone());
            calls.push(Box::pin(async move {
                for number in 0..6 {
                    ctx.emit(&name, &format!("{writer}{number}")).await?;
                }
                Ok(vec![])
            }));
        }
        let seen = together(calls).await?;
        for reader in &seen {
            in_order(reader)?;
        }
        for (index, reader) in seen.iter().enumerate() {
            for other in seen.iter().skip(index + 1) {
                agree(reader, other)?;
            }
        }
        let last = lists(ctx.clone(), name).await?;
        let ended = last.iter().all(|value| value.ends_with('5'));
        holds("the event at the end", ended, &last, "the last write of one writer")?;
        ctx.complete(token).await?;
    }
    Ok(())
}

/// Looks at an event again and again.
async fn lists(ctx: Ctx, name: EventName) -> Result<Seen, Violation> {
    let mut seen = Vec::new();
    for _ in 0..20 {
        let page = ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?;
        page.items
            .iter()
            .filter(|event| event.name == name)
            .for_each(|event| sees(&mut seen, &event.payload));
    }
    Ok(seen)
}

/// Waits for an event again and again, each time by another key.
async fn awaits(ctx: Ctx, name: EventName, token: Token) -> Result<Seen, Violation> {
    let mut seen = Vec::new();
    for number in 0..20 {
        let wait = on_event(&key(&format!("k{number}"))?, &name, Some(0));
        for met in met_waits(ctx.wait(token, vec![wait], None).await?)? {
            if let End::Value(payload) = &met.end {
                sees(&mut seen, payload);
            }
        }
    }
    Ok(seen)
}

/// No value comes back, and of each writer the later comes later.
fn in_order(seen: &Seen) -> Verdict {
    let mut last: BTreeMap<char, &String> = BTreeMap::new();
    for value in seen {
        let writer = value.chars().next().unwrap_or(' ');
        let later = last.insert(writer, value).is_none_or(|before| before < value);
        holds("what one reader saw", later, seen, "no value again, and no earlier one of the same writer")?;
    }
    Ok(())
}

/// What both have seen, both have seen in the same order.
fn agree(one: &Seen, other: &Seen) -> Verdict {
    let common = |seen: &Seen, beside: &Seen| -> Seen {
        seen.iter().filter(|value| beside.contains(value)).cloned().collect()
    };
    same("the order that two readers saw", &common(one, other), &common(other, one))
}
