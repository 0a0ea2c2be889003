//! How hints are spelled: `<origin> <hint>,<hint>… <queue>`.
//!
//! A hint is `now`, the milliseconds of a due time, or the id of a task that has ended. A later release may write what this
//! one cannot read; it is passed over.

use durable_core::model::{QueueName, TaskId, Timestamp};
use durable_core::store::{Hint, Told};
use uuid::Uuid;

/// The most hints of one payload: with the longest name of a queue they stay below the server's 8,000 bytes.
const MOST: usize = 200;

/// Who sends: the handles of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin(Uuid);

impl Origin {
    /// A pool that nobody else is.
    pub(super) fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

/// The payloads.
pub(super) fn words(told: &Told, origin: Origin) -> Vec<String> {
    let of_queue = |(queue, hints): (&QueueName, &[Hint])| {
        let word = |hints| format!("{} {} {queue}", origin.0.simple(), spell(hints));
        hints.chunks(MOST).map(word).collect::<Vec<_>>()
    };
    told.iter().flat_map(of_queue).collect()
}

fn spell(hints: &[Hint]) -> String {
    let spelled = hints.iter().map(|hint| match hint {
        Hint::Work { next_due: None } | Hint::Missed => "now".to_owned(),
        Hint::Work { next_due: Some(due) } => due.as_millis().to_string(),
        Hint::Ended(task) => task.as_uuid().simple().to_string(),
    });
    spelled.collect::<Vec<_>>().join(",")
}

/// Reads a payload; `None` when it makes no sense.
pub(super) fn read(word: &str) -> Option<(Origin, QueueName, Vec<Hint>)> {
    let mut parts = word.splitn(3, ' ');
    let origin = Uuid::try_parse(parts.next()?).ok()?;
    let hints = parts.next()?.split(',').map(read_hint).collect::<Option<_>>()?;
    Some((Origin(origin), QueueName::new(parts.next()?).ok()?, hints))
}

fn read_hint(text: &str) -> Option<Hint> {
    if text == "now" {
        return Some(Hint::Work { next_due: None });
    }
    if text.len() == 32 {
        return Uuid::try_parse(text).ok().map(|id| Hint::Ended(TaskId::from_uuid(id)));
    }
    let due = text.parse().ok().map(Timestamp::from_millis)?;
    Some(Hint::Work { next_due: Some(due) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server's limit is 8,000 bytes with the end of the string.
    const LIMIT: usize = 7_999;

    #[test]
    fn a_payload_comes_back_whatever_the_queue_is_called_and_however_much_there_is() {
        let long = "ö ".repeat(85);
        let mut told = Told::default();
        let mut expected = Vec::new();
        for name in ["q", "a b,c  d", "now", "é\u{2028} ", &long] {
            let queue = QueueName::new(name).unwrap();
            for hint in [Hint::Work { next_due: Some(Timestamp::from_millis(253_402_300_799_999)) }]
                .into_iter()
                .chain((0..500).map(|_| Hint::Ended(TaskId::new())))
            {
                told.add(&queue, hint.clone());
                expected.push((queue.clone(), hint));
            }
        }
        let origin = Origin::new();
        let words = words(&told, origin);
        assert!(words.iter().all(|word| word.len() <= LIMIT));
        let mut came = Vec::new();
        for word in words {
            let (from, queue, hints) = read(&word).unwrap();
            assert_eq!(from, origin);
            came.extend(hints.into_iter().map(|hint| (queue.clone(), hint)));
        }
        let sorted = |mut all: Vec<(QueueName, Hint)>| {
            all.sort_by_key(|(queue, hint)| (queue.clone(), format!("{hint:?}")));
            all
        };
        assert_eq!(sorted(came), sorted(expected));
    }

    #[test]
    fn what_makes_no_sense_is_none() {
        let nil = Uuid::nil().simple();
        for word in
            ["", "now", "x now q", &format!("{nil} soon q"), &format!("{nil} now"), &format!("{nil} now ")]
        {
            assert_eq!(read(word), None, "{word}");
        }
    }
}
