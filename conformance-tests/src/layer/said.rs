//! What a request asks for, in a few words, for the report of a failure: the tasks, keys and names, and no payload.

use std::fmt::{Display, Write};

use durable_core::model::{Deadline, Millis, Token};
use durable_core::store::{
    CancelRequest, ClaimRequest, CountsRequest, DropQueueRequest, Effect, EmitRequest, Ending, EventsRequest,
    ExtendRequest, ListQueuesRequest, LoadRequest, NewTask, NewWait, OutcomeRequest, PurgeRequest,
    PutQueueRequest, RetryAfter, RetryRequest, SaveItem, SaveRequest, SpawnRequest, TaskRequest,
    TasksRequest, TickRequest, WaitItem, WaitRequest, WaitSource,
};

/// So many items of a batch are said; of the others, how many they are.
const SAID: usize = 3;

/// A request that says what it asks for.
pub(super) trait Said {
    /// In a few words; empty when the verb says it all.
    fn said(&self) -> String;
}

macro_rules! said {
    ($($request:ty: $self:ident => $said:expr;)*) => {
        $(impl Said for $request {
            fn said(&$self) -> String {
                $said
            }
        })*
    };
}

said! {
    PutQueueRequest: self => format!("{} {:?}", self.queue, self.state);
    DropQueueRequest: self => self.queue.to_string();
    ListQueuesRequest: self => String::new();
    SpawnRequest: self => batch(&self.tasks, new_task);
    CancelRequest: self => self.task.to_string();
    RetryRequest: self => format!("{} +{}{}", self.task, self.attempts, opt(" from ", self.from.as_ref()));
    OutcomeRequest: self => self.task.to_string();
    ClaimRequest: self => claim(self);
    ExtendRequest: self => batch(&self.items, |item| token(item.token));
    WaitRequest: self => batch(&self.items, wait);
    LoadRequest: self => format!("{} after {}", token(self.token), self.after);
    SaveRequest: self => batch(&self.items, save);
    EmitRequest: self => format!("{}{}", self.event.name, if self.only_if_absent { " if absent" } else { "" });
    TickRequest: self => format!("limit {}", self.limit);
    PurgeRequest: self => format!("{:?} older than {}, limit {}", self.states, span(self.age), self.limit);
    TaskRequest: self => self.task.to_string();
    TasksRequest: self => self.state.map_or_else(String::new, |state| format!("{state:?}"));
    EventsRequest: self => String::new();
    CountsRequest: self => String::new();
}

fn batch<T>(items: &[T], say: impl Fn(&T) -> String) -> String {
    let mut said = items.iter().take(SAID).map(say).collect::<Vec<_>>().join(", ");
    if items.len() > SAID {
        // Writing to a string cannot fail.
        let _ = write!(said, ", and {} more", items.len() - SAID);
    }
    said
}

fn opt(before: &str, value: Option<impl Display>) -> String {
    value.map_or_else(String::new, |value| format!("{before}{value}"))
}

fn span(millis: Millis) -> String {
    format!("{} ms", millis.as_i64())
}

fn token(token: Token) -> String {
    format!("{}#{}", token.task, token.claim)
}

fn new_task(task: &NewTask) -> String {
    format!("{} {}{}", task.id, task.name, opt(" key ", task.idempotency.as_ref().map(|it| &it.key)))
}

fn claim(request: &ClaimRequest) -> String {
    let again = if request.repeat { " again" } else { "" };
    let ends = batch(&request.ends, |end| format!("{} {}", token(end.token), ending(&end.ending)));
    let ends = if ends.is_empty() { ends } else { format!(" ending {ends}") };
    format!("max {}{again}{ends}", request.max)
}

fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Complete { .. } => "completed".to_owned(),
        Ending::Fail { retry: RetryAfter::Never, .. } => "failed for good".to_owned(),
        Ending::Fail { retry: RetryAfter::After(after), .. } => {
            format!("failed, again after {}", span(*after))
        }
        Ending::Release { after } => format!("released, again after {}", span(*after)),
    }
}

fn wait(item: &WaitItem) -> String {
    let waits = batch(&item.waits, new_wait);
    let rest =
        item.rest.as_ref().map(|rest| format!("{} of {}", rest.need, batch(&rest.keys, ToString::to_string)));
    format!(
        "{}{}{}",
        token(item.token),
        opt(" on ", (!waits.is_empty()).then_some(waits)),
        opt(" rests on ", rest)
    )
}

fn new_wait(wait: &NewWait) -> String {
    let source = match &wait.source {
        WaitSource::Event(name) => format!("event {name}"),
        WaitSource::Child(child) => format!("child {child}"),
        WaitSource::Time => "time".to_owned(),
    };
    let until = wait.deadline.map(|deadline| match deadline {
        Deadline::After(after) => span(after),
        Deadline::At(at) => at.to_string(),
    });
    format!("{}={source}{}", wait.key, opt(" within ", until))
}

fn save(item: &SaveItem) -> String {
    let effect = match &item.effect {
        Effect::None => String::new(),
        Effect::Spawn(children) => format!(" spawning {}", batch(children, new_task)),
        Effect::Emit(event) => format!(" emitting {}", event.name),
    };
    format!("{} {}{effect}", token(item.token), item.key)
}

/// Short names for the tasks of some calls: `t1` in place of an id that nobody can tell from another.
#[derive(Debug)]
pub(crate) struct ShortNames(Vec<String>);

impl ShortNames {
    /// Names the tasks that are said in `calls`, in the order in which they come.
    pub(crate) fn of(calls: &[String]) -> Self {
        let mut seen: Vec<String> = Vec::new();
        for word in calls.iter().flat_map(|call| call.split(|letter: char| !is_of_id(letter))) {
            if word.len() == TEXT && word.parse::<uuid::Uuid>().is_ok() && !seen.iter().any(|id| id == word) {
                seen.push(word.to_owned());
            }
        }
        Self(seen)
    }

    /// The same text with the short names.
    pub(crate) fn in_text(&self, text: &str) -> String {
        let named =
            |text: String, (place, id): (usize, &String)| text.replace(id, &format!("t{}", place + 1));
        self.0.iter().enumerate().fold(text.to_owned(), named)
    }
}

/// The length of an id as text.
const TEXT: usize = 36;

fn is_of_id(letter: char) -> bool {
    letter.is_ascii_hexdigit() || letter == '-'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctx::steps::{LEASE, child, complete, job, key, lease, on_child, on_time, rest, spawning};
    use crate::expect::Violation;
    use durable_core::model::{CallId, ParentClosePolicy, QueueName, WorkerName};
    use durable_core::store::RunEnd;

    #[test]
    fn requests_say_what_they_ask_for_with_short_names_of_tasks() -> Result<(), Violation> {
        let (queue, task) = (QueueName::new("q")?, job()?);
        let claimed = Token { task: task.id, call: CallId::new(), claim: 2 };
        let child = child("c", ParentClosePolicy::Cancel)?;
        let (timer, join) = (key("timer")?, key("$child:c")?);
        let waits = vec![on_time(&timer, 10), on_child(&join, child.id)];
        let wait = WaitItem { token: claimed, waits, rest: Some(rest(&[&timer, &join], 1)) };
        let end = RunEnd { token: claimed, ending: complete() };
        let claim =
            ClaimRequest::new(queue.clone(), CallId::new(), WorkerName::new("w")?, vec![], 5, lease(LEASE)?);
        let lines = [
            SpawnRequest::new(queue.clone(), vec![task]).said(),
            SaveRequest::new(queue.clone(), vec![spawning(claimed, &key("$spawn")?, vec![child])]).said(),
            WaitRequest::new(queue.clone(), vec![wait]).said(),
            claim.ending(vec![end]).said(),
            SpawnRequest::new(queue, (0..5).map(|_| job()).collect::<Result<_, _>>()?).said(),
        ];
        let names = ShortNames::of(&lines);
        let said = lines.each_ref().map(|line| names.in_text(line));
        assert_eq!(
            said,
            [
                "t1 job",
                "t1#2 $spawn spawning t2 job",
                "t1#2 on timer=time within 10 ms, $child:c=child t2 rests on 1 of timer, $child:c",
                "max 5 ending t1#2 completed",
                "t3 job, t4 job, t5 job, and 2 more",
            ]
        );
        Ok(())
    }
}
