//! Histories made by hand, call by call: each call is answered before the next one, unless said otherwise.

use durable_core::model::{CallId, EmitId, Millis, ParentClosePolicy, TaskId, Timestamp};
use uuid::Uuid;

use super::super::super::data::*;
use crate::expect::Violation;

pub(super) fn task(number: u128) -> TaskId {
    TaskId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn token(number: u128, claim: u64) -> Token {
    Token {
        task: task(number),
        call: CallId::from_uuid(Uuid::from_u128(number << 64 | u128::from(claim))),
        claim,
    }
}

pub(super) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn value(text: &str) -> End {
    End::Value(text.to_owned())
}

pub(super) fn new(number: u128) -> Task {
    Task {
        id: task(number),
        name: "job".to_owned(),
        priority: 0,
        delay: Millis::ZERO,
        max_attempts: None,
        limits: (None, None),
        idempotency: None,
        parent: None,
    }
}

pub(super) struct Sample {
    pub(super) history: History,
    place: u64,
    now: i64,
}

impl Sample {
    /// One that spawns the tasks 1 to `count`, at time 0.
    pub(super) fn of(count: u128) -> Self {
        let history = History {
            form: FORM,
            store: "none".to_owned(),
            case: "by hand".to_owned(),
            seed: 0,
            operations: Vec::new(),
            last: Vec::new(),
        };
        let mut sample = Self { history, place: 0, now: 0 };
        for number in 1..=count {
            let told = Spawned::Tasks(vec![(task(number), true)]);
            sample.call(Action::Spawn { tasks: vec![new(number)], answer: Reply::Is(told) });
        }
        sample
    }

    pub(super) fn at(&mut self, now: i64) -> &mut Self {
        self.now = now;
        self
    }

    pub(super) fn call(&mut self, action: Action) -> &mut Self {
        self.place += 2;
        self.history.operations.push(Operation {
            client: "w".to_owned(),
            handle: "h".to_owned(),
            queue: "q".to_owned(),
            invoked: self.place - 2,
            returned: Some(self.place - 1),
            at: Some(time(self.now)),
            action,
        });
        self
    }

    /// Begins the last call before all others that are not answered by `place`, so that it overlaps them.
    pub(super) fn begun_at(&mut self, place: u64) -> &mut Self {
        self.history.operations.last_mut().unwrap().invoked = place;
        self
    }

    /// A claim with this count and attempt, for a lease of 100.
    pub(super) fn claims(&mut self, token: Token, attempt: i32) -> &mut Self {
        let handed = Handed { token, attempt, claimed_at: time(self.now), expires_at: time(self.now + 100) };
        self.claim_call(token.call, vec![handed], Vec::new(), Vec::new())
    }

    pub(super) fn claims_nothing(&mut self) -> &mut Self {
        let call = CallId::from_uuid(Uuid::from_u128(u128::from(self.place) + (1 << 100)));
        self.claim_call(call, Vec::new(), Vec::new(), Vec::new())
    }

    pub(super) fn ends(&mut self, token: Token, how: Ending, answer: Fenced<Ended>) -> &mut Self {
        let call = CallId::from_uuid(Uuid::from_u128(u128::from(self.place) + (1 << 100)));
        self.claim_call(call, Vec::new(), vec![(token, how)], vec![answer])
    }

    pub(super) fn completes(&mut self, token: Token) -> &mut Self {
        self.ends(token, Ending::Complete("1".to_owned()), Ok(Ended::Completed))
    }

    pub(super) fn releases(&mut self, token: Token) -> &mut Self {
        let due = time(self.now);
        self.ends(token, Ending::Release(Millis::ZERO), Ok(Ended::Released(due)))
    }

    fn claim_call(
        &mut self,
        call: CallId,
        claims: Vec<Handed>,
        ends: Vec<(Token, Ending)>,
        answers: Vec<Fenced<Ended>>,
    ) -> &mut Self {
        let request =
            ClaimOf { call, repeat: false, names: Vec::new(), max: 1, lease: Millis::new(100), ends };
        let now = time(self.now);
        let answer = ClaimedOf { ends: answers, claims, more: false, now, next_due: None };
        self.call(Action::Claim { request, answer: Reply::Is(answer) })
    }

    pub(super) fn saves(&mut self, token: Token, key: &str, payload: &str) -> &mut Self {
        let until = time(self.now + 100);
        self.save_call(token, key, payload, Reply::Is(Ok(Saved::Stored(until))))
    }

    pub(super) fn save_call(
        &mut self,
        token: Token,
        key: &str,
        payload: &str,
        answer: Reply<Fenced<Saved>>,
    ) -> &mut Self {
        let (key, payload) = (key.to_owned(), payload.to_owned());
        let item = Saving { token, key, payload, children: Vec::new(), event: None };
        self.call(Action::Save { item, answer })
    }

    /// Spawns task `child` under a claim; it joins under `join`.
    pub(super) fn spawns(&mut self, token: Token, child: u128) -> &mut Self {
        let parent = Some(("join".to_owned(), ParentClosePolicy::Cancel));
        let children = vec![Task { parent, ..new(child) }];
        let (key, payload) = ("spawn".to_owned(), "[]".to_owned());
        let item = Saving { token, key, payload, children, event: None };
        let until = time(self.now + 100);
        self.call(Action::Save { item, answer: Reply::Is(Ok(Saved::Stored(until))) })
    }

    pub(super) fn loads(&mut self, token: Token, stored: &[(&str, End)]) -> &mut Self {
        let page = Page { checkpoints: checkpoints(stored), more: false };
        self.call(Action::Load { token, after: 0, answer: Reply::Is(Ok(page)) })
    }

    /// Waits under `k`, with a timeout, and rests on it.
    pub(super) fn waits(
        &mut self,
        token: Token,
        source: Source,
        timeout: Option<u32>,
        answer: Waited,
    ) -> &mut Self {
        let deadline = timeout.map(|count| Deadline::After(Millis::new(count)));
        let (waits, rest) = (vec![("k".to_owned(), source, deadline)], Some((vec!["k".to_owned()], 1)));
        self.call(Action::Wait { item: Rests { token, waits, rest }, answer: Reply::Is(Ok(answer)) })
    }

    pub(super) fn emits(&mut self, payload: &str) -> &mut Self {
        let id = EmitId::from_uuid(Uuid::from_u128(u128::from(self.place)));
        let event = Event { id, name: "e".to_owned(), payload: payload.to_owned() };
        let answer = Reply::Is(Emitted::Written);
        self.call(Action::Emit { event, only_if_absent: false, answer })
    }

    pub(super) fn cancels(&mut self, number: u128) -> &mut Self {
        self.call(Action::Cancel { task: task(number), answer: Reply::Is(Cancelled::Cancelled) })
    }

    pub(super) fn looks(&mut self, number: u128, state: State) -> &mut Self {
        self.call(Action::Outcome { task: task(number), answer: Reply::Is(state) })
    }

    /// What the store shows of a task at last.
    pub(super) fn last(
        &mut self,
        number: u128,
        state: State,
        claims: u64,
        stored: &[(&str, End)],
    ) -> &mut Self {
        let (id, checkpoints) = (task(number), checkpoints(stored));
        let last = LastTask { id, state, attempt: 1, claims, checkpoints, waits: Vec::new() };
        self.history.last.push(last);
        self
    }

    /// The last task still waits for `k`.
    pub(super) fn still_waits(&mut self) -> &mut Self {
        self.history.last.last_mut().unwrap().waits.push("k".to_owned());
        self
    }

    /// The check finds nothing.
    pub(super) fn passes(&self, check: fn(&History) -> Result<(), Violation>) {
        if let Err(violation) = check(&self.history) {
            panic!("{violation}");
        }
    }

    /// The check finds this.
    pub(super) fn fails(&self, check: fn(&History) -> Result<(), Violation>, found: &str) {
        let violation = check(&self.history).unwrap_err().to_string();
        assert!(violation.contains(found), "{violation}");
    }
}

pub(super) fn completed() -> State {
    State::Ended(value("1"))
}

pub(super) fn live(word: &str) -> State {
    State::Live(word.to_owned())
}

fn checkpoints(stored: &[(&str, End)]) -> Vec<Stored> {
    let numbered = stored.iter().zip(1..);
    numbered.map(|((key, end), order)| Stored { key: (*key).to_owned(), end: end.clone(), order }).collect()
}
