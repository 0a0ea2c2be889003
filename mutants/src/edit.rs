//! What a mutant of the memory store is: edits of its sources.

/// A memory store that breaks the contract in one way.
#[derive(Debug)]
pub(crate) struct Mutation {
    /// Its number in the catalogue; the project's own count from 101.
    pub(crate) id: &'static str,
    /// How it breaks the contract.
    pub(crate) breaks: &'static str,
    /// The ids of the cases that must find it out.
    pub(crate) killers: &'static [&'static str],
    /// Where it differs; nowhere if it is the harness that does.
    pub(crate) edits: &'static [Edit],
}

/// One place of one file.
#[derive(Debug)]
pub(crate) struct Edit {
    /// The file, below the sources of the memory store.
    pub(crate) file: &'static str,
    /// What stands there, once in the file; what is edited of it is between `⟦` and `⟧`.
    pub(crate) find: &'static str,
    /// What stands there in the mutant.
    pub(crate) with: &'static str,
    /// It decides itself whether the mutant is meant.
    pub(crate) verbatim: bool,
}

/// The mutant has `with` where the store has what is marked in `find`; where nothing is marked, it does `with` besides.
pub(crate) const fn edit(file: &'static str, find: &'static str, with: &'static str) -> Edit {
    Edit { file, find, with, verbatim: false }
}

/// The same for what is no expression and no statement: `with` stands there as it is, and asks itself whether the mutant
/// is meant.
pub(crate) const fn verbatim(file: &'static str, find: &'static str, with: &'static str) -> Edit {
    Edit { file, find, with, verbatim: true }
}
