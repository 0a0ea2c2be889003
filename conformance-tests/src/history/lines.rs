//! The calls about one task or one event, as lines that people read.

use std::fmt::Write as _;

use durable_core::model::{TaskId, Timestamp};

use super::data::{Action, Ending, Fenced, History, Operation, Reply, Rests, Saving, Token, Waited};

/// The most lines of an extract: its first ones and, more often of interest, its last.
const SHOWN: (usize, usize) = (6, 22);

/// A task in a few letters.
pub(super) fn short(task: TaskId) -> String {
    let text = task.to_string();
    let letters = text.len().saturating_sub(8);
    format!("…{}", text.get(letters..).unwrap_or(&text))
}

/// A claim in a few letters.
pub(super) fn claim(token: Token) -> String {
    format!("{}#{}", short(token.task), token.claim)
}

impl History {
    /// The calls about a task, and those about an event if one is named.
    pub(super) fn extract(&self, task: Option<TaskId>, event: Option<&str>) -> String {
        let start = self.operations.iter().find_map(|operation| operation.at);
        let line = |operation| about(operation, task, event).map(|what| line(operation, start, &what));
        let lines: Vec<_> = self.operations.iter().filter_map(line).collect();
        let (first, last) = SHOWN;
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            if number < first || number + last >= lines.len() {
                // Writing into a string cannot fail.
                let _ = write!(text, "\n         {line}");
            } else if number == first {
                let _ = write!(text, "\n         … {} more", lines.len() - first - last);
            }
        }
        text
    }
}

fn line(operation: &Operation, start: Option<Timestamp>, what: &str) -> String {
    let returned = operation.returned.map_or_else(|| "?".to_owned(), |place| place.to_string());
    let since = |(start, at): (Timestamp, Timestamp)| format!(" +{}ms", at.since(start).as_i64());
    let at = start.zip(operation.at).map_or_else(String::new, since);
    format!("{}-{returned}{at} {} on {}: {what}", operation.invoked, operation.client, operation.handle)
}

/// What a call did with the task or the event, if anything.
fn about(operation: &Operation, task: Option<TaskId>, event: Option<&str>) -> Option<String> {
    let is = |other: TaskId| Some(other) == task;
    match &operation.action {
        Action::Spawn { tasks, answer } => tasks
            .iter()
            .any(|new| is(new.id))
            .then(|| format!("spawn → {}", reply(answer, |_| "done".into()))),
        Action::Claim { request, answer } => claimed(request, answer, is),
        Action::Extend { token, answer, .. } => {
            is(token.task).then(|| format!("extend {} → {}", claim(*token), item(answer)))
        }
        Action::Wait { item, answer } => (is(item.token.task) || names(item, event))
            .then(|| format!("wait {} {} → {}", claim(item.token), rests(item), waited(answer))),
        Action::Load { token, answer, .. } => is(token.task).then(|| {
            let loaded = reply(answer, |page| match page {
                Ok(page) => format!("{} checkpoints", page.checkpoints.len()),
                Err(refused) => format!("{refused:?}"),
            });
            format!("load {} → {loaded}", claim(*token))
        }),
        Action::Save { item: saving, answer } => {
            let emits = event.is_some() && saving.event.as_ref().map(|event| event.name.as_str()) == event;
            let spawns = saving.children.iter().any(|child| is(child.id));
            (is(saving.token.task) || emits || spawns)
                .then(|| format!("save {} → {}", saves(saving), item(answer)))
        }
        Action::Emit { event: write, answer, .. } => (Some(write.name.as_str()) == event)
            .then(|| format!("emit {} = {} → {}", write.name, write.payload, debug(answer))),
        Action::Cancel { task, answer } => is(*task).then(|| format!("cancel → {}", debug(answer))),
        Action::Outcome { task, answer } => is(*task).then(|| format!("outcome → {}", debug(answer))),
        Action::Tick { answer, .. } => match answer {
            Reply::Is(ticked) if ticked.expired.iter().any(|(expired, _)| is(*expired)) => {
                Some("tick → its lease ran out".to_owned())
            }
            _ => None,
        },
    }
}

fn claimed(
    request: &super::data::ClaimOf,
    answer: &Reply<super::data::ClaimedOf>,
    is: impl Fn(TaskId) -> bool,
) -> Option<String> {
    let mut told = Vec::new();
    for (number, (token, how)) in request.ends.iter().enumerate() {
        if is(token.task) {
            let ended = reply(answer, |answer| match answer.ends.get(number) {
                Some(Ok(ended)) => format!("{ended:?}"),
                Some(Err(refused)) => format!("{refused:?}"),
                None => "no answer".to_owned(),
            });
            told.push(format!("{} {} → {ended}", ending(how), claim(*token)));
        }
    }
    if let Reply::Is(answer) = answer {
        for handed in answer.claims.iter().filter(|handed| is(handed.token.task)) {
            told.push(format!(
                "claim → {} by call {}, attempt {}, for {}ms",
                claim(handed.token),
                request.call,
                handed.attempt,
                handed.expires_at.since(handed.claimed_at).as_i64()
            ));
        }
    }
    (!told.is_empty()).then(|| told.join(", "))
}

fn names(item: &Rests, event: Option<&str>) -> bool {
    let of = |source: &super::data::Source| match source {
        super::data::Source::Event(name) => Some(name.as_str()) == event,
        _ => false,
    };
    event.is_some() && item.waits.iter().any(|(_, source, _)| of(source))
}

fn ending(ending: &Ending) -> &'static str {
    match ending {
        Ending::Complete(_) => "complete",
        Ending::Fail(_, Some(_)) => "fail",
        Ending::Fail(_, None) => "fail for good",
        Ending::Release(_) => "release",
    }
}

fn rests(item: &Rests) -> String {
    let waits: Vec<_> = item.waits.iter().map(|(key, source, _)| format!("{key} on {source:?}")).collect();
    let rest =
        item.rest.as_ref().map_or_else(String::new, |(keys, need)| format!(", rest on {need} of {keys:?}"));
    format!("{}{rest}", waits.join(", "))
}

fn saves(item: &Saving) -> String {
    let children = item.children.iter().map(|child| format!(", spawn {}", short(child.id)));
    let event = item.event.as_ref().map(|event| format!(", emit {}", event.name));
    let effects: String = children.chain(event).collect();
    format!("{} {} = {}{effects}", claim(item.token), item.key, item.payload)
}

fn waited(answer: &Reply<Fenced<Waited>>) -> String {
    reply(answer, |waited| match waited {
        Ok(Waited::Met(met)) => {
            let ends: Vec<_> = met.iter().map(|(key, end, _)| format!("{key} = {end:?}")).collect();
            format!("met {}", ends.join(", "))
        }
        Ok(other) => format!("{other:?}"),
        Err(refused) => format!("{refused:?}"),
    })
}

fn item<T: std::fmt::Debug>(answer: &Reply<Fenced<T>>) -> String {
    reply(answer, |item| match item {
        Ok(done) => format!("{done:?}"),
        Err(refused) => format!("{refused:?}"),
    })
}

fn debug<T: std::fmt::Debug>(answer: &Reply<T>) -> String {
    reply(answer, |answer| format!("{answer:?}"))
}

fn reply<T>(answer: &Reply<T>, of: impl FnOnce(&T) -> String) -> String {
    match answer {
        Reply::Unknown => "no answer".to_owned(),
        Reply::Failed => "did not happen".to_owned(),
        Reply::Is(answer) => of(answer),
    }
}
