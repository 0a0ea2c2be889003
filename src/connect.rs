//! Opens a store by its URL.

use std::sync::Arc;

use durable_core::store::Store;

/// Why a URL opens no store.
///
/// It names the scheme at most: a URL has passwords in it, and errors end up in logs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The store exists, and this build leaves it out.
    #[error("a `{scheme}:` store needs the cargo feature `{feature}` of the crate `durable`")]
    FeatureDisabled {
        /// The URL's scheme.
        scheme: &'static str,
        /// What to enable.
        feature: &'static str,
    },
    /// The store is planned, and this release does not have it.
    #[error(
        "a `{scheme}:` store is not released yet; this release has `memory:`, `sqlite:` and `postgres://`"
    )]
    NotReleased {
        /// The URL's scheme.
        scheme: &'static str,
    },
    /// No store has this scheme.
    #[error("`{scheme}:` is the scheme of no store; known are {}", KNOWN.join(", "))]
    UnknownScheme {
        /// The URL's scheme, in lower case.
        scheme: String,
    },
    /// The text has no scheme in front.
    #[error("a store's URL starts with its scheme, such as `sqlite:orders.db`")]
    NoScheme,
    /// The scheme is known, and what follows it makes no sense.
    #[error("a `{scheme}:` URL {problem}")]
    Malformed {
        /// The URL's scheme.
        scheme: &'static str,
        /// What is wrong with the rest.
        problem: &'static str,
    },
    /// The store could not be opened.
    #[error("the `{scheme}:` store cannot be opened")]
    Open {
        /// The URL's scheme.
        scheme: &'static str,
        /// Why, in the words of the store's crate. It repeats nothing of the URL.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

const KNOWN: [&str; 5] = ["memory:", "sqlite:", "postgres://", "redis://", "rediss://"];

/// Opens the store that a URL names by its scheme.
///
/// `memory:` is a new, empty store in this process's memory. It goes with its last handle, so keep a clone of the
/// `Arc` to share it.
///
/// `sqlite:path` is a store in that file, which is created with its tables if it is missing; several processes may open
/// it. `?synchronous=normal` gives up the last writes when the machine ends, `?busy_timeout=<milliseconds>` says how long
/// to wait for another process. `sqlite::memory:` is a database of its own that goes with its last handle.
///
/// `postgres://user:password@host/database` is a store in the schema `durable` of that database, made with its tables if it
/// is missing; any number of processes may open it. The URL is libpq's, with this store's own parameters, such as
/// `?connections=20` or `?pooler=transaction`.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> anyhow::Result<()> {
/// let store = durable::connect("sqlite::memory:").await?;
/// let durable = durable::Durable::builder::<()>().store(store).build()?;
/// # let _ = durable; Ok(()) }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
///
/// # Errors
///
/// [`ConnectError`]; nothing was opened.
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    allow(clippy::unused_async, reason = "the stores that wait are left out")
)]
pub async fn connect(url: &str) -> Result<Arc<dyn Store>, ConnectError> {
    let (scheme, rest) = split(url).ok_or(ConnectError::NoScheme)?;
    match scheme.as_str() {
        "memory" => memory(rest),
        "sqlite" => sqlite(url).await,
        "postgres" | "postgresql" => postgres(url).await,
        "redis" => Err(ConnectError::NotReleased { scheme: "redis" }),
        "rediss" => Err(ConnectError::NotReleased { scheme: "rediss" }),
        _ => Err(ConnectError::UnknownScheme { scheme }),
    }
}

/// The scheme in lower case, and what follows its colon.
fn split(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let starts_well = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let goes_on_well = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    // `user:password@host` has no scheme: what stands before its colon is nothing to repeat in a message.
    let is_login = rest.contains('@') && !rest.starts_with("//");
    (starts_well && goes_on_well && !is_login).then(|| (scheme.to_ascii_lowercase(), rest))
}

#[cfg(feature = "memory")]
fn memory(rest: &str) -> Result<Arc<dyn Store>, ConnectError> {
    if !matches!(rest, "" | "//") {
        return Err(ConnectError::Malformed { scheme: "memory", problem: "ends after its colon" });
    }
    Ok(Arc::new(durable_memory::MemoryStore::new()))
}

#[cfg(not(feature = "memory"))]
fn memory(_: &str) -> Result<Arc<dyn Store>, ConnectError> {
    Err(ConnectError::FeatureDisabled { scheme: "memory", feature: "memory" })
}

#[cfg(feature = "sqlite")]
async fn sqlite(url: &str) -> Result<Arc<dyn Store>, ConnectError> {
    match durable_sqlite::SqliteStore::open(url).await {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(ConnectError::Open { scheme: "sqlite", source: error.into() }),
    }
}

#[cfg(not(feature = "sqlite"))]
#[allow(clippy::unused_async, reason = "as with the feature")]
async fn sqlite(_: &str) -> Result<Arc<dyn Store>, ConnectError> {
    Err(ConnectError::FeatureDisabled { scheme: "sqlite", feature: "sqlite" })
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn Store>, ConnectError> {
    match durable_postgres::PostgresStore::open(url).await {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(ConnectError::Open { scheme: "postgres", source: error.into() }),
    }
}

#[cfg(not(feature = "postgres"))]
#[allow(clippy::unused_async, reason = "as with the feature")]
async fn postgres(_: &str) -> Result<Arc<dyn Store>, ConnectError> {
    Err(ConnectError::FeatureDisabled { scheme: "postgres", feature: "postgres" })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(url: &str) -> ConnectError {
        connect(url).await.expect_err("no store has this URL")
    }

    #[cfg(feature = "memory")]
    #[tokio::test]
    async fn memory_opens_a_store_in_any_spelling_of_its_scheme() {
        for url in ["memory:", "memory://", "MEMORY:"] {
            assert!(connect(url).await.is_ok(), "{url}");
        }
    }

    #[cfg(feature = "memory")]
    #[tokio::test]
    async fn memory_takes_no_name_as_nothing_could_share_it() {
        assert!(matches!(refused("memory:orders").await, ConnectError::Malformed { scheme: "memory", .. }));
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn sqlite_opens_a_store_in_any_spelling_of_its_scheme() {
        for url in ["sqlite::memory:", "SQLITE::memory:"] {
            assert!(connect(url).await.is_ok(), "{url}");
        }
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn what_a_store_cannot_open_is_told_with_its_reason() {
        let error = refused("sqlite:no/such/directory/orders.db").await;
        let reason = std::error::Error::source(&error).expect("a reason").to_string();
        assert_eq!(reason, "the directory of the database file does not exist");
    }

    #[cfg(not(all(feature = "memory", feature = "sqlite")))]
    #[tokio::test]
    async fn a_store_that_is_left_out_is_named_with_its_feature() {
        let left_out = if cfg!(feature = "sqlite") { "memory" } else { "sqlite" };
        let error = refused(&format!("{left_out}:")).await;
        assert!(
            matches!(error, ConnectError::FeatureDisabled { feature, .. } if feature == left_out),
            "{error}"
        );
    }

    #[cfg(not(feature = "postgres"))]
    #[tokio::test]
    async fn postgres_is_named_with_its_feature_where_it_is_left_out() {
        for url in ["postgres://localhost/orders", "postgresql://localhost/orders"] {
            let error = refused(url).await;
            assert!(matches!(error, ConnectError::FeatureDisabled { feature: "postgres", .. }), "{error}");
        }
    }

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn a_postgres_server_that_is_not_there_is_told_with_its_reason() {
        let error = refused("postgres://ada:hunter2@127.0.0.1:1/orders?acquire_timeout=100").await;
        let reason = std::error::Error::source(&error).expect("a reason").to_string();
        assert!(reason.starts_with("the database cannot be opened"), "{reason}");
    }

    #[tokio::test]
    async fn a_store_that_is_not_released_is_told_from_an_unknown_one() {
        for (url, scheme) in [("redis://localhost", "redis"), ("rediss://localhost", "rediss")] {
            let error = refused(url).await;
            assert!(
                matches!(error, ConnectError::NotReleased { scheme: named } if named == scheme),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn an_unknown_scheme_is_named_beside_the_known_ones() {
        let error = refused("sqllite:orders.db").await;
        let shown = error.to_string();
        assert!(matches!(error, ConnectError::UnknownScheme { scheme } if scheme == "sqllite"));
        assert!(shown.contains("sqlite:"), "{shown}");
    }

    #[tokio::test]
    async fn a_text_without_a_scheme_is_told_so() {
        for text in ["", "orders.db", ":", "/var/lib/orders.db", "1:2", "us er:x"] {
            assert!(matches!(refused(text).await, ConnectError::NoScheme), "{text}");
        }
    }

    #[tokio::test]
    async fn no_error_shows_a_password_a_user_or_a_host() {
        for url in [
            "postgres://ada:hunter2@db.invalid/orders?sslmode=require",
            "postgresql://ada:hunter2@db.invalid",
            "redis://:hunter2@db.invalid:6379/0",
            "rediss://ada:hunter2@db.invalid",
            "sqlite:hunter2/orders.db",
            "sqlite:orders.db?password=hunter2",
            "memory:hunter2",
            "mysql://ada:hunter2@db.invalid/orders",
            "ada:hunter2@db.invalid/orders",
            "hunter2:x@db.invalid",
            "//ada:hunter2@db.invalid",
            "hunter2",
        ] {
            let error = refused(url).await;
            let shown = format!("{error} {error:?} {error:#?}");
            for secret in ["hunter2", "ada", "db.invalid"] {
                assert!(!shown.contains(secret), "{url} gives {shown}");
            }
        }
    }
}
