//! What a transaction has to tell once it is committed.

use std::collections::HashMap;

use super::Hint;
use crate::model::QueueName;

/// Hints to send after a commit: of each queue's work once, with the earliest due time.
#[derive(Debug, Default)]
pub struct Told(HashMap<QueueName, Vec<Hint>>);

impl Told {
    /// Adds a hint.
    pub fn add(&mut self, queue: &QueueName, hint: Hint) {
        let Some(hints) = self.0.get_mut(queue) else {
            self.0.insert(queue.clone(), vec![hint]);
            return;
        };
        let Hint::Work { next_due } = hint else {
            hints.push(hint);
            return;
        };
        let known = hints.iter_mut().find_map(|known| match known {
            Hint::Work { next_due } => Some(next_due),
            Hint::Ended(_) | Hint::Missed => None,
        });
        match known {
            // `None` is now, and so before every time.
            Some(earliest) => *earliest = next_due.min(*earliest),
            // At the front, where the next look for it ends at once.
            None => hints.insert(0, hint),
        }
    }

    /// Adds what another transaction has to tell.
    pub fn append(&mut self, other: Self) {
        for (queue, hints) in other.0 {
            for hint in hints {
                self.add(&queue, hint);
            }
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hints, queue by queue.
    pub fn iter(&self) -> impl Iterator<Item = (&QueueName, &[Hint])> {
        self.0.iter().map(|(queue, hints)| (queue, hints.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{TaskId, Timestamp};

    #[test]
    fn work_is_told_once_with_the_earliest_time() {
        let (queue, ended) = (QueueName::new("q").unwrap(), Hint::Ended(TaskId::new()));
        let due = |millis| Hint::Work { next_due: Some(Timestamp::from_millis(millis)) };
        let mut told = Told::default();
        for hint in [ended.clone(), due(2), due(1), due(3)] {
            told.add(&queue, hint);
        }
        let of_queue = |told: &Told| told.iter().flat_map(|(_, hints)| hints).cloned().collect::<Vec<_>>();
        assert_eq!(of_queue(&told), [due(1), ended.clone()]);
        let mut other = Told::default();
        other.add(&queue, Hint::Work { next_due: None });
        told.append(other);
        assert_eq!(of_queue(&told), [Hint::Work { next_due: None }, ended]);
    }
}
