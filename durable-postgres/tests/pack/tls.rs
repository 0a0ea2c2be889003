//! Connections that are encrypted, and servers whose certificate is not trusted.

use anyhow::Context;
use durable_postgres::{OpenError, PostgresOptions, PostgresStore};

use crate::database;
use crate::support::Server;

/// The certificate that signs itself, of Debian's package `ssl-cert`, which comes with `postgresql`.
const CERTIFICATE: &str = "/etc/ssl/certs/ssl-cert-snakeoil.pem";
const SETTINGS: &str = "-c fsync=off -c ssl=on -c ssl_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem -c ssl_key_file=/etc/ssl/private/ssl-cert-snakeoil.key";

async fn open(
    server: &Server,
    port: u16,
    parameters: &str,
) -> anyhow::Result<Result<PostgresStore, OpenError>> {
    let url = format!("postgres://postgres@127.0.0.1:{port}/{}?{parameters}", database(server).await?);
    Ok(PostgresStore::open_with(&url, PostgresOptions::default()).await)
}

#[tokio::test]
async fn a_connection_is_encrypted_and_only_to_a_server_that_is_trusted() -> anyhow::Result<()> {
    let (server, port) = Server::on_a_port(SETTINGS).context("apt-get install ssl-cert")?;
    let trusted = open(&server, port, &format!("sslmode=verify-ca&sslrootcert={CERTIFICATE}")).await??;
    let is_encrypted: bool = sqlx::query_scalar("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        .fetch_one(trusted.pool())
        .await?;
    assert!(is_encrypted);
    let unknown = open(&server, port, "sslmode=verify-full").await?;
    assert!(matches!(unknown, Err(OpenError::Fault { .. })), "{unknown:?}");
    Ok(())
}
