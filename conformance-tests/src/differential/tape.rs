//! The numbers that a call is made of: drawn from a seed, or played again, perhaps with some of them zero.

/// xorshift64*: the same numbers for the same seed, for ever.
#[derive(Debug)]
struct Random(u64);

impl Random {
    /// The numbers of one call: it is the same whatever calls come before it.
    fn of(seed: u64, call: usize) -> Self {
        let call = u64::try_from(call).unwrap_or(u64::MAX);
        let mut random =
            Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ call.wrapping_mul(0xD1B5_4A32_D192_ED03) | 1);
        // Neighbouring seeds begin alike.
        for _ in 0..4 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u16 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let [high, low, ..] = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes();
        u16::from_be_bytes([high, low])
    }
}

/// The choices of one call. The first of each choice's things is the simplest: a number that is missing is zero.
#[derive(Debug, Default)]
pub(super) struct Tape {
    random: Option<Random>,
    drawn: Vec<u16>,
    next: usize,
}

impl Tape {
    /// New numbers.
    pub(super) fn new(seed: u64, call: usize) -> Self {
        Self { random: Some(Random::of(seed, call)), ..Self::default() }
    }

    /// These numbers.
    pub(super) fn of(drawn: &[u16]) -> Self {
        Self { drawn: drawn.to_vec(), ..Self::default() }
    }

    /// What was drawn.
    pub(super) fn into_drawn(self) -> Vec<u16> {
        self.drawn
    }

    /// A number below `bound`; zero when there is none.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        if let Some(random) = &mut self.random {
            self.drawn.push(random.next());
        }
        let number = self.drawn.get(self.next).copied().unwrap_or_default();
        self.next += 1;
        usize::from(number).checked_rem(bound).unwrap_or_default()
    }

    /// A number below `bound`.
    pub(super) fn small(&mut self, bound: u16) -> u32 {
        u32::try_from(self.below(usize::from(bound))).unwrap_or_default()
    }

    /// Yes once in `bound` times.
    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) + 1 == bound
    }

    /// One of these; `None` only of nothing.
    pub(super) fn of_these<T: Clone>(&mut self, things: &[T]) -> Option<T> {
        let which = self.below(things.len());
        things.get(which).cloned()
    }

    /// The first, or one of the others.
    pub(super) fn of_them<T: Copy, const N: usize>(&mut self, first: T, others: [T; N]) -> T {
        match self.below(N + 1) {
            0 => first,
            which => others.get(which - 1).copied().unwrap_or(first),
        }
    }
}
