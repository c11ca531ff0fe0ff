// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Connect;
use tokio::task::JoinHandle;
use tokio_postgres::config::{LoadBalanceHosts, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Password, PostgresError, PostgresSettings, PostgresTls, text_of};
use crate::base::Tenant;
use crate::upstream::{causes, client_tls, read_secret};
use crate::vault::BoxFuture;

/// A connection that is not used is known to be alive, or gone, after so long.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How connections are made, and what holds for each of them.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) settings: Arc<PostgresSettings>,
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Connector {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// When the authorities that it trusts cannot be used.
    pub(super) fn new(settings: PostgresSettings) -> Result<Self, PostgresError> {
        let mut config = Config::new();
        for host in &settings.hosts {
            config.host(&host.name).port(host.port);
        }
        config
            .user(&settings.user)
            .dbname(&settings.database)
            .application_name("zollhaus")
            .connect_timeout(settings.connect_timeout)
            .tcp_user_timeout(settings.statement_timeout)
            .keepalives_idle(KEEP_ALIVE)
            .keepalives_interval(Duration::from_secs(5))
            .load_balance_hosts(LoadBalanceHosts::Disable)
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let tls = match &settings.tls {
            PostgresTls::Off => {
                config.ssl_mode(SslMode::Disable);
                None
            }
            PostgresTls::Trusting(ca) => {
                config.ssl_mode(SslMode::Require);
                let client = client_tls(ca.as_deref(), None);
                let client =
                    client.map_err(|error| PostgresError::unusable(&settings, causes(&error)))?;
                Some(MakeRustlsConnect::new(client))
            }
        };
        Ok(Self { settings: Arc::new(settings), config, tls })
    }

    pub(super) async fn client(&self) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let mut config = self.config.clone();
        match &self.settings.password {
            Password::Unneeded => {}
            Password::Given(secret) => {
                config.password(secret.expose());
            }
            Password::File(path) => {
                let from = path.clone();
                let read = tokio::task::spawn_blocking(move || read_secret(&from)).await;
                match read {
                    Ok(Ok(secret)) => {
                        config.password(&**secret);
                    }
                    // The server says that it needs one, if it does.
                    Ok(Err(error)) => {
                        let path = path.display();
                        tracing::error!(%error, %path, "the password of the database cannot be read");
                    }
                    Err(_) => {}
                }
            }
        }
        if let Some(tls) = &self.tls {
            let (client, connection) = config.connect(tls.clone()).await?;
            return Ok((client, tokio::spawn(ended(connection))));
        }
        let (client, connection) = config.connect(NoTls).await?;
        Ok((client, tokio::spawn(ended(connection))))
    }

    /// Makes a new connection what every one of ours is.
    ///
    /// # Errors
    /// When it is to a server that does not keep what it confirms, or it is lost.
    pub(super) async fn prepare(&self, client: &Client) -> Result<(), PostgresError> {
        let setting = async |name: &str| -> Result<String, PostgresError> {
            let row = client.query_one("SELECT current_setting($1)", &[&name]).await;
            let row = row.map_err(|error| self.unavailable(&error))?;
            Ok(row.get(0))
        };
        let unusable = |problem: &str| PostgresError::unusable(&self.settings, problem);
        if setting("fsync").await? != "on" {
            return Err(unusable("the server has `fsync = off`: it loses what it has confirmed"));
        }
        if setting("server_encoding").await? != "UTF8" {
            return Err(unusable("the database does not hold UTF-8"));
        }
        // Stronger ones than `on` stay.
        let commit = match setting("synchronous_commit").await?.as_str() {
            "remote_apply" => "",
            _ => "SET synchronous_commit = on;",
        };
        let schema = quoted(&self.settings.schema);
        let timeout = self.settings.statement_timeout.as_millis();
        // Plans are kept. One that was made while a table was small would read all of it for
        // ever; all that is asked for in haste goes by an index.
        let session = format!(
            "{commit} SET search_path = {schema}; SET jit = off; SET enable_seqscan = off;
             SET statement_timeout = {timeout};
             SET lock_timeout = {timeout}; SET idle_in_transaction_session_timeout = {timeout}"
        );
        client.batch_execute(&session).await.map_err(|error| self.unavailable(&error))
    }

    /// Refuses a house of another tenant, which may have taken the place of ours.
    pub(super) async fn check(
        &self,
        client: &Client,
        tenant: &Tenant,
    ) -> Result<(), PostgresError> {
        let row = client.query_one("SELECT tenant FROM house", &[]).await;
        let found: String = row.map_err(|error| self.unavailable(&error))?.get(0);
        if found == tenant.as_str() {
            return Ok(());
        }
        let problem = format!("it is of tenant `{found}`, not of `{tenant}`");
        Err(PostgresError::unusable(&self.settings, problem))
    }

    pub(super) fn unavailable(&self, error: &tokio_postgres::Error) -> PostgresError {
        PostgresError::Unavailable(format!("{}: {}", self.settings, text_of(error)))
    }
}

impl Connect for Connector {
    fn connect(
        &self,
        _: &Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        Box::pin(self.client())
    }
}

/// An identifier as SQL takes it, whatever it is.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whoever waits for an answer is told why there is none; nobody else needs to know.
async fn ended<S, T>(connection: tokio_postgres::Connection<S, T>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    if let Err(error) = connection.await {
        tracing::warn!(error = text_of(&error), "a connection to the database has ended");
    }
}
