//! Makes edits in a source.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::edit::Edit;

type Owned<'a> = (&'a str, &'a Edit);

/// Makes all edits of a file, each of which has a mutant.
pub(crate) fn apply(file: &str, source: &str, edits: &[Owned<'_>]) -> Result<String, String> {
    let mut places: BTreeMap<(usize, usize), Vec<Owned<'_>>> = BTreeMap::new();
    let mut misfits = Vec::new();
    for (mutant, edit) in edits {
        match place(source, edit) {
            Ok(place) => places.entry((place.start, place.end)).or_default().push((mutant, edit)),
            Err(why) => misfits.push(format!("mutant {mutant:?}: its edit of {file} {why}")),
        }
    }
    if !misfits.is_empty() {
        return Err(misfits.join("\n"));
    }
    let (mut edited, mut done) = (String::with_capacity(source.len() * 2), 0);
    for ((start, end), here) in places {
        let untouched = source.get(done..start).ok_or_else(|| {
            format!("mutants {:?}: their edits of {file} overlap with one before", mutants(&here))
        })?;
        edited.push_str(untouched);
        edited.push_str(&chosen(source.get(start..end).unwrap_or_default(), &here)?);
        done = end;
    }
    edited.push_str(source.get(done..).unwrap_or_default());
    Ok(edited)
}

/// Where the marked part of an edit stands in the source.
fn place(source: &str, edit: &Edit) -> Result<Range<usize>, String> {
    let marked = edit.find.split_once('⟦').and_then(|(before, rest)| Some((before, rest.split_once('⟧')?)));
    let Some((before, (marked, after))) = marked else { return Err("has no mark ⟦…⟧".into()) };
    let text = format!("{before}{marked}{after}");
    let found: Vec<_> = source.match_indices(&text).map(|(at, _)| at).collect();
    match found[..] {
        [at] => Ok(at + before.len()..at + before.len() + marked.len()),
        _ => Err(format!("fits {} times, not once: {text}", found.len())),
    }
}

fn mutants<'a>(here: &[Owned<'a>]) -> Vec<&'a str> {
    here.iter().map(|(mutant, _)| *mutant).collect()
}

/// What stands at a place in the end: a choice between what was there and what mutants have there.
fn chosen(original: &str, here: &[Owned<'_>]) -> Result<String, String> {
    for (mutant, edit) in here {
        if edit.verbatim && !edit.with.contains(&format!("\"{mutant}\"")) && !mutant.is_empty() {
            return Err(format!("mutant {mutant}: what stands verbatim does not ask for it: {}", edit.with));
        }
    }
    if original.is_empty() {
        return Ok(here.iter().map(|(mutant, edit)| besides(mutant, edit)).collect());
    }
    if let [(_, edit)] = here
        && edit.verbatim
    {
        return Ok(edit.with.to_owned());
    }
    if here.iter().any(|(_, edit)| edit.verbatim) {
        return Err(format!("mutants {:?}: one stands verbatim where others are, too", mutants(here)));
    }
    let mut choices: Vec<_> = here
        .iter()
        .map(|(mutant, edit)| format!("if crate::mutation::is(\"{mutant}\") {{ {} }}", edit.with))
        .collect();
    choices.push(format!("{{ {original} }}"));
    let choice = choices.join(" else ");
    let is_statement = original.ends_with([';', '}']);
    Ok(if is_statement { choice } else { format!("({choice})") })
}

/// What a mutant does besides.
fn besides(mutant: &str, edit: &Edit) -> String {
    if edit.verbatim {
        return edit.with.to_owned();
    }
    format!("if crate::mutation::is(\"{mutant}\") {{ {} }} ", edit.with)
}
