//! How requests and answers cross from one process to the other: field by field, both ends being one program.

#![allow(clippy::expect_used, reason = "what this very program has written it can read")]

use durable_core::store::Verb;

/// What can be written to the other process and read there.
pub(crate) trait Wire: Sized {
    fn put(&self, to: &mut Vec<u8>);
    fn take(from: &mut &[u8]) -> Self;
}

pub(crate) fn sent(what: &impl Wire) -> Vec<u8> {
    let mut bytes = Vec::new();
    what.put(&mut bytes);
    bytes
}

pub(crate) fn received<T: Wire>(mut bytes: &[u8]) -> T {
    T::take(&mut bytes)
}

fn take_bytes<'a>(from: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = from.split_at_checked(count).expect("a whole message");
    *from = rest;
    taken
}

macro_rules! figures {
    ($($figure:ty),*) => {
        $(impl Wire for $figure {
            fn put(&self, to: &mut Vec<u8>) {
                to.extend(self.to_le_bytes());
            }

            fn take(from: &mut &[u8]) -> Self {
                let bytes = take_bytes(from, size_of::<Self>());
                Self::from_le_bytes(bytes.try_into().expect("as many bytes as it has"))
            }
        })*
    };
}

figures!(u8, u32, u64, u128, i16, i32, i64, usize);

impl Wire for () {
    fn put(&self, _: &mut Vec<u8>) {}

    fn take(_: &mut &[u8]) -> Self {}
}

impl Wire for bool {
    fn put(&self, to: &mut Vec<u8>) {
        u8::from(*self).put(to);
    }

    fn take(from: &mut &[u8]) -> Self {
        u8::take(from) == 1
    }
}

impl Wire for String {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        to.extend(self.as_bytes());
    }

    fn take(from: &mut &[u8]) -> Self {
        let length = usize::take(from);
        Self::from_utf8(take_bytes(from, length).to_vec()).expect("text")
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.len().put(to);
        for item in self {
            item.put(to);
        }
    }

    fn take(from: &mut &[u8]) -> Self {
        (0..usize::take(from)).map(|_| T::take(from)).collect()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        if let Some(some) = self {
            some.put(to);
        }
    }

    fn take(from: &mut &[u8]) -> Self {
        bool::take(from).then(|| T::take(from))
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_ok().put(to);
        match self {
            Ok(answer) => answer.put(to),
            Err(error) => error.put(to),
        }
    }

    fn take(from: &mut &[u8]) -> Self {
        if bool::take(from) { Ok(T::take(from)) } else { Err(E::take(from)) }
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
        self.1.put(to);
    }

    fn take(from: &mut &[u8]) -> Self {
        (A::take(from), B::take(from))
    }
}

impl Wire for Verb {
    fn put(&self, to: &mut Vec<u8>) {
        Self::ALL.iter().position(|verb| verb == self).expect("one of all").put(to);
    }

    fn take(from: &mut &[u8]) -> Self {
        *Self::ALL.get(usize::take(from)).expect("one of all")
    }
}
