//! What follows from a history at once: who held which claim, and what was done under it.

use std::collections::BTreeMap;

use durable_core::model::{CallId, TaskId, Timestamp};

use super::data::{Action, ClaimOf, ClaimedOf, Ended, Fenced, Handed, History, Operation, Refused, Reply};
use super::data::{Saved, Token, Waited};

/// One claim that somebody was handed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) handed: &'a Handed,
    /// The call that told of it first.
    pub(super) told: &'a Operation,
    /// When the call that claimed it began: a repeat tells of it later.
    pub(super) invoked: u64,
    pub(super) returned: u64,
}

/// One thing asked for under a claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deed<'a> {
    pub(super) operation: &'a Operation,
    pub(super) token: Token,
    pub(super) fate: Fate,
}

/// What came of a deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody knows; it may have closed the claim.
    Unknown { may_close: bool },
    /// It was refused.
    Refused(Refused),
    /// It was done, and the claim stays; its lease ends then, if the answer says so.
    Done { until: Option<Timestamp> },
    /// It was done, and the claim is over.
    Closed(Close),
}

/// How a claim was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    Ended(Ended),
    Suspended,
}

/// Claims and deeds of a history.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// The claims of each task, by their count.
    pub(super) claims: BTreeMap<TaskId, Vec<Held<'a>>>,
    /// What was done under each, in order.
    pub(super) deeds: BTreeMap<Token, Vec<Deed<'a>>>,
    /// Some claim call may have claimed what nobody was told of.
    pub(super) some_claim_is_unknown: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut facts =
            Self { claims: BTreeMap::new(), deeds: BTreeMap::new(), some_claim_is_unknown: false };
        let mut calls: BTreeMap<CallId, Called> = BTreeMap::new();
        for operation in &history.operations {
            match &operation.action {
                Action::Claim { request, answer } => {
                    let called = calls.entry(request.call).or_insert_with(|| Called::new(operation));
                    called.answers(operation, request, answer);
                    facts.claim(operation, called.invoked, request, answer);
                }
                action => facts.under_a_claim(operation, action),
            }
        }
        facts.some_claim_is_unknown = calls.values().any(|called| called.is_unknown);
        for held in facts.claims.values_mut() {
            held.sort_by_key(|held| held.handed.token.claim);
        }
        facts
    }

    fn claim(
        &mut self,
        operation: &'a Operation,
        invoked: u64,
        request: &'a ClaimOf,
        answer: &'a Reply<ClaimedOf>,
    ) {
        match answer {
            Reply::Failed => {}
            Reply::Unknown => {
                for (token, _) in &request.ends {
                    self.deed(operation, *token, Fate::Unknown { may_close: true });
                }
            }
            Reply::Is(answer) => {
                for ((token, _), ended) in request.ends.iter().zip(&answer.ends) {
                    self.deed(operation, *token, closed(*ended));
                }
                let returned = operation.returned.unwrap_or(u64::MAX);
                for handed in &answer.claims {
                    let held = Held { handed, told: operation, invoked, returned };
                    self.handed(held, request.repeat);
                }
            }
        }
    }

    fn handed(&mut self, held: Held<'a>, is_repeat: bool) {
        let claims = self.claims.entry(held.handed.token.task).or_default();
        // A repeat tells once more of what is held.
        let is_known = claims.iter().any(|known| known.handed.token == held.handed.token);
        if !(is_repeat && is_known) {
            claims.push(held);
        }
    }

    fn under_a_claim(&mut self, operation: &'a Operation, action: &'a Action) {
        match action {
            Action::Extend { token, answer, .. } => {
                self.item(operation, *token, answer, false, |until| Fate::Done { until: Some(*until) });
            }
            Action::Load { token, answer, .. } => {
                self.item(operation, *token, answer, false, |_| Fate::Done { until: None });
            }
            Action::Save { item, answer } => {
                self.item(operation, item.token, answer, false, |saved| match saved {
                    Saved::Stored(until) => Fate::Done { until: Some(*until) },
                    Saved::Conflict(_) | Saved::QueueClosed => Fate::Done { until: None },
                });
            }
            Action::Wait { item, answer } => {
                self.item(operation, item.token, answer, item.rest.is_some(), |waited| match waited {
                    Waited::Suspended => Fate::Closed(Close::Suspended),
                    Waited::Met(_) | Waited::Registered => Fate::Done { until: None },
                });
            }
            _ => {}
        }
    }

    fn item<T>(
        &mut self,
        operation: &'a Operation,
        token: Token,
        answer: &Reply<Fenced<T>>,
        may_close: bool,
        of: impl FnOnce(&T) -> Fate,
    ) {
        match answer {
            Reply::Failed => {}
            Reply::Unknown => self.deed(operation, token, Fate::Unknown { may_close }),
            Reply::Is(Ok(answer)) => self.deed(operation, token, of(answer)),
            Reply::Is(Err(refused)) => self.deed(operation, token, Fate::Refused(*refused)),
        }
    }

    fn deed(&mut self, operation: &'a Operation, token: Token, fate: Fate) {
        self.deeds.entry(token).or_default().push(Deed { operation, token, fate });
    }

    /// What was done under a claim.
    pub(super) fn under(&self, token: Token) -> &[Deed<'a>] {
        self.deeds.get(&token).map_or(&[], Vec::as_slice)
    }

    /// The first deed that closed a claim, or may have.
    pub(super) fn close(&self, token: Token) -> Option<&Deed<'a>> {
        self.under(token)
            .iter()
            .find(|deed| matches!(deed.fate, Fate::Closed(_) | Fate::Unknown { may_close: true }))
    }

    /// When a lease ended, as far as answers say that came before a place in the order.
    pub(super) fn lease_end(&self, held: &Held<'_>, before: u64) -> Timestamp {
        let extended = self.under(held.handed.token).iter().filter_map(|deed| match deed.fate {
            Fate::Done { until } if deed.operation.returned.is_some_and(|place| place < before) => until,
            _ => None,
        });
        extended.fold(held.handed.expires_at, Ord::max)
    }
}

/// One claim call with its repeats.
#[derive(Debug)]
struct Called {
    invoked: u64,
    at: Option<Timestamp>,
    is_unknown: bool,
}

impl Called {
    fn new(operation: &Operation) -> Self {
        Self { invoked: operation.invoked, at: operation.at, is_unknown: false }
    }

    /// An answer tells of everything that the call has claimed, if that is held still.
    fn answers(&mut self, operation: &Operation, request: &ClaimOf, answer: &Reply<ClaimedOf>) {
        let is_held = self.at.zip(operation.at).is_some_and(|(first, now)| now < first.after(request.lease));
        match answer {
            Reply::Unknown => self.is_unknown = true,
            Reply::Is(_) if is_held => self.is_unknown = false,
            Reply::Is(_) | Reply::Failed => {}
        }
    }
}

fn closed(ended: Fenced<Ended>) -> Fate {
    match ended {
        Ok(ended) => Fate::Closed(Close::Ended(ended)),
        Err(refused) => Fate::Refused(refused),
    }
}
