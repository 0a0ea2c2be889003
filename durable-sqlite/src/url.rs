//! A store's URL: where its data are, and options.

use std::path::PathBuf;
use std::time::Duration;

use durable_core::model::Invalid;

use crate::options::{SqliteOptions, Synchronous};

/// Where the data are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file.
    File(PathBuf),
    /// In a private database in this process's memory.
    Memory,
}

/// Reads a URL; what it says of options is put over `options`.
///
/// No problem repeats a part of the URL: a path may hold a secret, and errors end up in logs.
pub(crate) fn parse(url: &str, options: SqliteOptions) -> Result<(Place, SqliteOptions), Invalid> {
    let rest = without_scheme(url).ok_or_else(|| refused("it does not start with `sqlite:`"))?;
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let options = query.map_or(Ok(options.clone()), |query| with_query(options, query))?;
    Ok((place(path)?, options))
}

/// What follows `sqlite:` or `sqlite://`, so that `sqlite:///a` is the absolute path `/a`.
fn without_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once(':')?;
    scheme.eq_ignore_ascii_case("sqlite").then(|| rest.strip_prefix("//").unwrap_or(rest))
}

fn place(path: &str) -> Result<Place, Invalid> {
    match path {
        ":memory:" => return Ok(Place::Memory),
        "" => return Err(refused("it names no file")),
        _ => {}
    }
    let path = decoded(path).ok_or_else(|| refused("its path is not well encoded"))?;
    if path.contains('\0') { Err(refused("its path has a zero byte")) } else { Ok(Place::File(path.into())) }
}

fn with_query(options: SqliteOptions, query: &str) -> Result<SqliteOptions, Invalid> {
    query.split('&').filter(|pair| !pair.is_empty()).try_fold(options, |options, pair| {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("synchronous", "full") => Ok(options.synchronous(Synchronous::Full)),
            ("synchronous", "normal") => Ok(options.synchronous(Synchronous::Normal)),
            ("synchronous", _) => Err(refused("`synchronous` is `full` or `normal`")),
            ("busy_timeout", millis) => Ok(options.busy_timeout(whole_millis(millis)?)),
            _ => Err(refused("it has a parameter other than `synchronous` and `busy_timeout`")),
        }
    })
}

fn whole_millis(text: &str) -> Result<Duration, Invalid> {
    let millis = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
    let millis = millis.ok_or_else(|| refused("`busy_timeout` is a whole number of milliseconds"))?;
    Ok(Duration::from_millis(millis.into()))
}

/// The text with each `%41` as the byte it stands for; `None` if that is no UTF-8, or the `%` has no two digits.
fn decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

fn refused(problem: &'static str) -> Invalid {
    Invalid::new("sqlite URL", problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (Place, SqliteOptions) {
        parse(url, SqliteOptions::default()).unwrap()
    }

    #[test]
    fn every_spelling_of_a_path_is_read() {
        for (url, path) in [
            ("sqlite:orders.db", "orders.db"),
            ("sqlite://orders.db", "orders.db"),
            ("SQLITE:orders.db", "orders.db"),
            ("sqlite:target/orders.db", "target/orders.db"),
            ("sqlite:/var/orders.db", "/var/orders.db"),
            ("sqlite:///var/orders.db", "/var/orders.db"),
            ("sqlite:a%3Fb%23c%25.db", "a?b#c%.db"),
            ("sqlite:a b:c+d.db", "a b:c+d.db"),
        ] {
            assert_eq!(parsed(url).0, Place::File(path.into()), "{url}");
        }
    }

    #[test]
    fn memory_is_no_file() {
        assert_eq!(parsed("sqlite::memory:").0, Place::Memory);
        assert_eq!(parsed("sqlite://:memory:?synchronous=normal").0, Place::Memory);
    }

    #[test]
    fn parameters_are_put_over_the_options() {
        let (place, options) = parsed("sqlite:a.db?synchronous=normal&busy_timeout=250");
        assert_eq!(place, Place::File("a.db".into()));
        assert_eq!(options.synchronous, Synchronous::Normal);
        assert_eq!(options.busy_timeout, Duration::from_millis(250));
        let given = SqliteOptions::default().synchronous(Synchronous::Normal);
        assert_eq!(parse("sqlite:a.db", given.clone()), Ok((Place::File("a.db".into()), given)));
    }

    #[test]
    fn what_has_no_meaning_is_refused_and_not_repeated() {
        for url in [
            "hunter2.db",
            "postgres://hunter2",
            "sqlite:",
            "sqlite://",
            "sqlite:?synchronous=full",
            "sqlite:hunter2?synchronous=hunter2",
            "sqlite:hunter2?synchronous",
            "sqlite:hunter2?busy_timeout=hunter2",
            "sqlite:hunter2?busy_timeout=+5",
            "sqlite:hunter2?busy_timeout=",
            "sqlite:hunter2?busy_timeout=99999999999",
            "sqlite:hunter2?hunter2=1",
            "sqlite:hunter2?mode=ro",
            "sqlite:hunter2%",
            "sqlite:hunter2%4",
            "sqlite:hunter2%+4",
            "sqlite:hunter2%ff",
            "sqlite:hunter2%00",
        ] {
            let problem = parse(url, SqliteOptions::default()).expect_err(url);
            assert!(!format!("{problem} {problem:?}").contains("hunter2"), "{url} gives {problem}");
        }
    }
}
