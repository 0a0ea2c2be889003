//! What a case is.

use std::fmt;

use durable_core::store::Verb;
use futures::future::BoxFuture;

use crate::ctx::Ctx;
use crate::expect::Violation;
use crate::level::Capability;

/// How a case ends.
pub(crate) type Verdict = Result<(), Violation>;

type Run = fn(Ctx) -> BoxFuture<'static, Verdict>;

/// One case of the suite.
#[derive(Clone, Copy)]
pub struct Case {
    /// The group: the file it is in.
    pub group: &'static str,
    /// Its name in the group, as printed and filtered.
    pub slug: &'static str,
    /// Its ids in the catalogue; never reused. A case without one is named by its sentence.
    pub ids: &'static [&'static str],
    /// The rules of the contract that it holds the store to.
    pub rules: &'static [&'static str],
    /// The verbs it calls, beside `put_queue`.
    pub needs: &'static [Verb],
    /// Why it matters, in one sentence.
    pub why: &'static str,
    /// It belongs to stores that declare this; without it, it is mandatory.
    pub capability: Option<Capability>,
    /// It moves so many records that the invariants are not checked after each step.
    pub heavy: bool,
    /// It takes as long as it is asked to: the watchdog only sees to it that calls return.
    pub unhurried: bool,
    pub(crate) run: Run,
}

impl Case {
    /// The name that is printed and filtered: `group::slug`.
    pub fn name(&self) -> String {
        format!("{}::{}", self.group, self.slug)
    }

    /// The same case without checks after each step, for cases of scale.
    pub(crate) const fn heavy(self) -> Self {
        Self { heavy: true, ..self }
    }

    /// The same case without a limit to its time, for cases of which more can be asked.
    pub(crate) const fn unhurried(self) -> Self {
        Self { unhurried: true, ..self }
    }

    /// The same case for stores alone that declare `capability`.
    pub(crate) const fn of(self, capability: Capability) -> Self {
        Self { capability: Some(capability), ..self }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// Makes a [`Case`] of a function: `case!(function, [ids], [rules], [verbs], why)`.
macro_rules! case {
    ($function:ident, [$($id:literal),*], [$($rule:literal),+], [$($verb:ident),*], $why:literal) => {
        $crate::registry::Case {
            group: GROUP,
            slug: stringify!($function),
            ids: &[$($id),*],
            rules: &[$($rule),+],
            needs: &[$(durable_core::store::Verb::$verb),*],
            why: $why,
            capability: None,
            heavy: false,
            unhurried: false,
            run: |ctx| Box::pin($function(ctx)),
        }
    };
}
pub(crate) use case;
