//! Opens a store by its URL.

use std::sync::Arc;

use durable_core::store::Store;

/// Why a URL opens no store.
///
/// It names the scheme at most: a URL has passwords in it, and errors end up in logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    #[error("a `{scheme}:` store is not released yet; this release has `memory:` alone")]
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
    #[error("a store's URL starts with its scheme, such as `memory:`")]
    NoScheme,
    /// The scheme is known, and what follows it makes no sense.
    #[error("a `{scheme}:` URL {problem}")]
    Malformed {
        /// The URL's scheme.
        scheme: &'static str,
        /// What is wrong with the rest.
        problem: &'static str,
    },
}

const KNOWN: [&str; 5] = ["memory:", "sqlite:", "postgres://", "redis://", "rediss://"];

/// Opens the store that a URL names by its scheme.
///
/// `memory:` is a new, empty store in this process's memory. It goes with its last handle, so keep a clone of the
/// `Arc` to share it.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> anyhow::Result<()> {
/// let store = durable::connect("memory:").await?;
/// let durable = durable::Durable::builder::<()>().store(store).build()?;
/// # let _ = durable; Ok(()) }
/// # #[cfg(not(feature = "memory"))]
/// # fn main() {}
/// ```
///
/// # Errors
///
/// [`ConnectError`]; nothing was opened.
#[allow(clippy::unused_async, reason = "stores that talk to a server connect here")]
pub async fn connect(url: &str) -> Result<Arc<dyn Store>, ConnectError> {
    let (scheme, rest) = split(url).ok_or(ConnectError::NoScheme)?;
    match scheme.as_str() {
        "memory" => memory(rest),
        "sqlite" => Err(ConnectError::NotReleased { scheme: "sqlite" }),
        "postgres" | "postgresql" => Err(ConnectError::NotReleased { scheme: "postgres" }),
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

    #[cfg(not(feature = "memory"))]
    #[tokio::test]
    async fn a_store_that_is_left_out_is_named_with_its_feature() {
        let error = ConnectError::FeatureDisabled { scheme: "memory", feature: "memory" };
        assert_eq!(refused("memory:").await, error);
    }

    #[tokio::test]
    async fn a_store_that_is_not_released_is_told_from_an_unknown_one() {
        for (url, scheme) in [
            ("sqlite:orders.db", "sqlite"),
            ("postgres://localhost/orders", "postgres"),
            ("postgresql://localhost/orders", "postgres"),
            ("redis://localhost", "redis"),
            ("rediss://localhost", "rediss"),
        ] {
            assert_eq!(refused(url).await, ConnectError::NotReleased { scheme });
        }
    }

    #[tokio::test]
    async fn an_unknown_scheme_is_named_beside_the_known_ones() {
        let error = refused("sqllite:orders.db").await;
        assert_eq!(error, ConnectError::UnknownScheme { scheme: "sqllite".into() });
        assert!(error.to_string().contains("sqlite:"), "{error}");
    }

    #[tokio::test]
    async fn a_text_without_a_scheme_is_told_so() {
        for text in ["", "orders.db", ":", "/var/lib/orders.db", "1:2", "us er:x"] {
            assert_eq!(refused(text).await, ConnectError::NoScheme, "{text}");
        }
    }

    #[tokio::test]
    async fn no_error_shows_a_password_a_user_or_a_host() {
        for url in [
            "postgres://ada:hunter2@db.internal/orders?sslmode=require",
            "postgresql://ada:hunter2@db.internal",
            "redis://:hunter2@db.internal:6379/0",
            "rediss://ada:hunter2@db.internal",
            "sqlite:hunter2.db",
            "memory:hunter2",
            "mysql://ada:hunter2@db.internal/orders",
            "ada:hunter2@db.internal/orders",
            "hunter2:x@db.internal",
            "//ada:hunter2@db.internal",
            "hunter2",
        ] {
            let error = refused(url).await;
            let shown = format!("{error} {error:?} {error:#?}");
            for secret in ["hunter2", "ada", "db.internal"] {
                assert!(!shown.contains(secret), "{url} gives {shown}");
            }
        }
    }
}
