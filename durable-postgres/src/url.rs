//! A store's URL: where the server is, as libpq spells it, and this store's own parameters.

use std::str::FromStr;
use std::time::Duration;

use durable_core::model::Invalid;
use sqlx::postgres::PgConnectOptions;

use crate::options::PostgresOptions;

/// The parameters that the driver knows. One that it does not know it would log, with its value.
const OF_THE_DRIVER: [&str; 19] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
    // With a name in brackets.
    "options[",
];

/// Reads a URL; what it says of options is put over `options`.
///
/// No problem repeats a part of the URL: it has a password in it, and errors end up in logs.
pub(crate) fn parse(
    url: &str,
    options: PostgresOptions,
) -> Result<(PgConnectOptions, PostgresOptions), Invalid> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("postgres" | "postgresql")) {
        return Err(refused("it does not start with `postgres://`"));
    }
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let mut options = options;
    let mut of_the_driver = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if OF_THE_DRIVER.contains(&name) || name.starts_with("options[") {
            of_the_driver.push(pair);
        } else {
            options = with_parameter(options, name, value)?;
        }
    }
    let server = PgConnectOptions::from_str(&format!("{place}?{}", of_the_driver.join("&")));
    Ok((server.map_err(|_| refused("its parts make no sense"))?, options))
}

fn with_parameter(options: PostgresOptions, name: &str, value: &str) -> Result<PostgresOptions, Invalid> {
    match (name, value) {
        ("connections", figure) => {
            let figure = figure.parse().ok().filter(|figure| *figure > 0);
            Ok(options.connections(figure.ok_or_else(|| refused("`connections` is a number from 1 on"))?))
        }
        ("acquire_timeout", millis) => {
            let problem = "`acquire_timeout` is a whole number of milliseconds from 1 on";
            Ok(options.acquire_timeout(duration(millis).ok_or_else(|| refused(problem))?))
        }
        ("answer_within", millis) => {
            let problem = "`answer_within` is a whole number of milliseconds from 1 on";
            Ok(options.answer_within(duration(millis).ok_or_else(|| refused(problem))?))
        }
        ("migrate", "on") => Ok(options.migrate(true)),
        ("migrate", "off") => Ok(options.migrate(false)),
        ("migrate", _) => Err(refused("`migrate` is `on` or `off`")),
        ("listen", "on") => Ok(options.listen(true)),
        ("listen", "off") => Ok(options.listen(false)),
        ("listen", _) => Err(refused("`listen` is `on` or `off`")),
        ("pooler", "none") => Ok(options.pooler(false)),
        ("pooler", "transaction") => Ok(options.pooler(true)),
        ("pooler", _) => Err(refused("`pooler` is `none` or `transaction`")),
        _ => Err(refused(
            "it has a parameter that is neither the driver's nor `connections`, `acquire_timeout`, \
             `answer_within`, `migrate`, `listen` or `pooler`",
        )),
    }
}

fn duration(millis: &str) -> Option<Duration> {
    let millis = millis.parse::<u32>().ok().filter(|millis| *millis > 0)?;
    Some(Duration::from_millis(millis.into()))
}

fn refused(problem: &'static str) -> Invalid {
    Invalid::new("postgres URL", problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (PgConnectOptions, PostgresOptions) {
        parse(url, PostgresOptions::default()).unwrap()
    }

    #[test]
    fn what_is_the_drivers_is_left_to_it() {
        let (server, options) = parsed("postgres://ada@db:6432/orders?sslmode=require&application_name=desk");
        assert_eq!((server.get_host(), server.get_port()), ("db", 6432));
        assert_eq!(server.get_database(), Some("orders"));
        assert_eq!(server.get_application_name(), Some("desk"));
        assert_eq!(options, PostgresOptions::default());
    }

    #[test]
    fn parameters_are_put_over_the_options() {
        let url = "POSTGRESQL://db?connections=3&pooler=transaction&migrate=off&listen=off&acquire_timeout=250\
                   &answer_within=900";
        let expected = PostgresOptions::default()
            .connections(3)
            .pooler(true)
            .migrate(false)
            .listen(false)
            .acquire_timeout(Duration::from_millis(250))
            .answer_within(Duration::from_millis(900));
        assert_eq!(parsed(url).1, expected);
        let given = PostgresOptions::default().connections(7);
        assert_eq!(parse("postgres://db?migrate=on", given.clone()).unwrap().1, given);
    }

    #[test]
    fn a_url_without_a_meaning_is_refused_and_not_repeated() {
        for url in [
            "hunter2",
            "mysql://hunter2",
            "postgres:hunter2",
            "postgres://ada:hunter2@db:port/orders",
            "postgres://db?pasword=hunter2",
            "postgres://db?connections=0",
            "postgres://db?connections=hunter2",
            "postgres://db?acquire_timeout=0",
            "postgres://db?answer_within=hunter2",
            "postgres://db?pooler=session",
            "postgres://db?listen=hunter2",
            "postgres://db?sslmode=hunter2",
        ] {
            let refused = parse(url, PostgresOptions::default()).expect_err(url);
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
        }
    }
}
