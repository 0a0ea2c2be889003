//! Requests and answers as people can read them: short names for ids, and nothing that says nothing.

use super::picks::Things;
use crate::expect::Violation;

/// What says nothing: every request has it, or nearly every one.
const USUAL: [&str; 5] = [
    "queue: \"q\"",
    "params: Payload(4 bytes)",
    "headers: Payload(2 bytes)",
    "metadata: Payload(2 bytes)",
    "policy: Payload(4 bytes)",
];
/// Fields that end so say nothing either.
const EMPTY: [&str; 5] = [": None", ": false", ": 0", ": []", ": Millis(0)"];
/// An answer that is longer is shown where it differs.
const LONG: usize = 400;
/// How many fields are shown before the first that differs.
const BEFORE: usize = 3;
/// How much of a line is shown.
const SHOWN: usize = 1_500;

/// Short names for ids.
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    pub(super) fn of(things: &Things) -> Self {
        let tasks = things.tasks.iter().enumerate().map(|(i, id)| (format!("TaskId({id})"), format!("t{i}")));
        let calls = things.calls.iter().enumerate().map(|(i, id)| (format!("CallId({id})"), format!("c{i}")));
        let emits = things.emits.iter().enumerate().map(|(i, id)| (format!("EmitId({id})"), format!("e{i}")));
        Self(tasks.chain(calls).chain(emits).collect())
    }

    /// The text with these names, and without what says nothing.
    pub(super) fn shorten(&self, text: &str) -> String {
        let named = |text: String, (long, short): &(String, String)| text.replace(long, short);
        cut(&lean(&tokens(&self.0.iter().fold(text.to_owned(), named))))
    }

    /// The same of what is otherwise, and of a long answer the place alone.
    pub(super) fn shorten_all(&self, violation: &Violation) -> Violation {
        let named = |text: &str| {
            let named = |text: String, (long, short): &(String, String)| text.replace(long, short);
            lean(&tokens(&self.0.iter().fold(text.to_owned(), named)))
        };
        let (got, wanted) = (named(&violation.got), named(&violation.wanted));
        let (got, wanted) =
            if got.len().max(wanted.len()) > LONG { place(&got, &wanted) } else { (got, wanted) };
        Violation::new(named(&violation.what), cut(&got), cut(&wanted))
    }
}

/// `t0/c0#1` in place of the token's fields.
fn tokens(text: &str) -> String {
    let mut parts = text.split("Token { task: ");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (token, rest) = part.split_once(" }").unwrap_or((part, ""));
        short += &token.replace(", call: ", "/").replace(", claim: ", "#");
        short += rest;
    }
    short
}

/// Leaves out fields that say nothing, but for some of the first and the last of a record.
fn lean(text: &str) -> String {
    let says = |field: &&str| field.contains('{') || !EMPTY.iter().any(|end| field.ends_with(end));
    let fields: Vec<&str> = text.split(", ").filter(|field| !USUAL.contains(field)).filter(says).collect();
    let first = |text: String, usual: &&str| text.replace(&format!("{{ {usual}, "), "{ ");
    USUAL.iter().fold(fields.join(", "), first)
}

/// Two long texts from shortly before the first field that differs to the last; and how they begin.
fn place(got: &str, wanted: &str) -> (String, String) {
    let (one, other): (Vec<&str>, Vec<&str>) = (got.split(", ").collect(), wanted.split(", ").collect());
    let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let ends = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    let ends = ends.min(one.len().min(other.len()) - same);
    (middle(&one, same, ends), middle(&other, same, ends))
}

fn middle(fields: &[&str], same: usize, ends: usize) -> String {
    let from = same.saturating_sub(BEFORE);
    // One more, to show where something is missing.
    let ends = ends.saturating_sub(1);
    let shown = fields.get(from..fields.len() - ends).unwrap_or_default().join(", ");
    let begin = if from > 0 {
        fields.first().map_or_else(String::new, |first| format!("{first}, … "))
    } else {
        String::new()
    };
    format!("{begin}{shown}{}", if ends > 0 { ", …" } else { "" })
}

/// The line, or its begin when it is about a crowd.
fn cut(line: &str) -> String {
    let shown: String = line.chars().take(SHOWN).collect();
    if shown.len() == line.len() { shown } else { format!("{shown} …") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_says_nothing_is_left_out() {
        let text =
            "Spawn { queue: \"q\", tasks: [New { id: t0, delay: Millis(0), parent: None, name: \"a\" }] }";
        assert_eq!(lean(text), "Spawn { tasks: [New { id: t0, name: \"a\" }] }");
    }

    #[test]
    fn a_token_is_a_word() {
        let text = "End { token: Token { task: t0, call: c1, claim: 2 }, ending: Complete }";
        assert_eq!(tokens(text), "End { token: t0/c1#2, ending: Complete }");
    }

    #[test]
    fn of_long_answers_the_place_is_shown_that_differs() {
        let got = "Task { id: t0, a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 }";
        let wanted = "Task { id: t0, a: 1, b: 2, c: 3, d: 4, e: 0, f: 6, g: 7 }";
        let (got, wanted) = place(got, wanted);
        assert_eq!(got, "Task { id: t0, … b: 2, c: 3, d: 4, e: 5, f: 6, …");
        assert_eq!(wanted, "Task { id: t0, … b: 2, c: 3, d: 4, e: 0, f: 6, …");
    }
}
