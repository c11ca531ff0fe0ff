// SPDX-License-Identifier: Apache-2.0

use sha2::{Digest, Sha256};
use tokio_postgres::IsolationLevel::ReadCommitted;
use tokio_postgres::{Client, Transaction};

use super::PostgresError;
use super::connector::{Connector, quoted};
use crate::base::Tenant;

/// What made the tables, in order. Released ones are never changed.
const MIGRATIONS: &[(&str, &str)] = &[
    ("tokens", include_str!("migrations/0001_tokens.sql")),
    ("subjects", include_str!("migrations/0002_subjects.sql")),
    ("quarantine", include_str!("migrations/0003_quarantine.sql")),
    ("holders", include_str!("migrations/0004_holders.sql")),
    ("versions", include_str!("migrations/0005_versions.sql")),
    ("realms", include_str!("migrations/0006_realms.sql")),
    ("epoch", include_str!("migrations/0007_epoch.sql")),
];

const HOUSE: &str = "
    CREATE TABLE house (tenant text NOT NULL, probes bigint NOT NULL);
    CREATE TABLE migration (
        number bigint PRIMARY KEY,
        name text NOT NULL,
        sha256 bytea NOT NULL,
        applied timestamptz NOT NULL DEFAULT now()
    );
";

/// Whoever changes tables of a house in this database holds this lock.
const LOCK: i64 = i64::from_be_bytes(*b"zollhaus");

/// What is done where tables are missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Made,
    Refused,
}

/// Checks that the schema is that of the tenant and of this version, and makes what is
/// missing, if that may be. One process at a time.
///
/// # Errors
/// [`PostgresError::Unusable`] says what stands in the way; then nothing is changed.
pub(super) async fn migrate(
    connector: &Connector,
    client: &mut Client,
    tenant: &Tenant,
    missing: Missing,
) -> Result<(), PostgresError> {
    let settings = &connector.settings;
    let migrated = async {
        // Behind the lock, what others have changed is to be seen.
        let transaction = client.build_transaction().isolation_level(ReadCommitted);
        let transaction = transaction.start().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
        let migration = Migration { transaction, schema: &settings.schema, tenant, missing };
        migration.run().await
    };
    migrated.await.map_err(|failed| match failed {
        Failed::Server(error) => connector.unavailable(&error),
        Failed::Refused(problem) => PostgresError::unusable(settings, problem),
    })
}

enum Failed {
    Server(tokio_postgres::Error),
    Refused(String),
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

struct Migration<'m> {
    transaction: Transaction<'m>,
    schema: &'m str,
    tenant: &'m Tenant,
    missing: Missing,
}

impl Migration<'_> {
    async fn run(self) -> Result<(), Failed> {
        match self.tenant_of_house().await? {
            Some(tenant) if tenant == self.tenant.as_str() => {}
            Some(tenant) => {
                let problem = format!("it is of tenant `{tenant}`, not of `{}`", self.tenant);
                return Err(Failed::Refused(problem));
            }
            None => self.found().await?,
        }
        let applied = self.check_applied().await?;
        self.apply(applied).await?;
        Ok(self.transaction.commit().await?)
    }

    /// Whose house the schema holds; `None` where there is none.
    async fn tenant_of_house(&self) -> Result<Option<String>, Failed> {
        let sql = "SELECT count(*), count(*) FILTER (WHERE relname IN ('house', 'migration'))
                   FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
                   AND relkind IN ('r', 'p', 'v', 'm', 'f')";
        let row = self.transaction.query_one(sql, &[&self.schema]).await?;
        match (row.get::<_, i64>(0), row.get::<_, i64>(1)) {
            (0, _) => Ok(None),
            (_, 2) => {
                let rows = self.transaction.query("SELECT tenant FROM house", &[]).await?;
                let [row] = &*rows else {
                    return Err(Failed::Refused("its table `house` has not one row".into()));
                };
                Ok(Some(row.get(0)))
            }
            _ => Err(Failed::Refused("it holds tables that are not of Zollhaus".into())),
        }
    }

    async fn found(&self) -> Result<(), Failed> {
        if self.missing == Missing::Refused {
            let problem = "there is no vault in it; `zollhaus run` makes one";
            return Err(Failed::Refused(problem.into()));
        }
        let exists = "SELECT FROM pg_namespace WHERE nspname = $1";
        if self.transaction.query_opt(exists, &[&self.schema]).await?.is_none() {
            let create = format!("CREATE SCHEMA {}", quoted(self.schema));
            self.transaction.batch_execute(&create).await?;
        }
        self.transaction.batch_execute(HOUSE).await?;
        let insert = "INSERT INTO house VALUES ($1, 0)";
        self.transaction.execute(insert, &[&self.tenant.as_str()]).await?;
        Ok(())
    }

    /// How many of ours are applied, after each other and as they are here.
    async fn check_applied(&self) -> Result<usize, Failed> {
        let sql = "SELECT number, name, sha256 FROM migration ORDER BY number";
        let rows = self.transaction.query(sql, &[]).await?;
        for (at, row) in rows.iter().enumerate() {
            let (number, name): (i64, String) = (row.get(0), row.get(1));
            let Some((own_name, sql)) = MIGRATIONS.get(at) else {
                return Err(Failed::Refused(format!(
                    "a newer version has changed it (migration {number}, `{name}`), and this one \
                     knows {} migrations",
                    MIGRATIONS.len()
                )));
            };
            let is_own = number == at as i64 + 1
                && name == *own_name
                && row.get::<_, Vec<u8>>(2) == Sha256::digest(sql).as_slice();
            if !is_own {
                return Err(Failed::Refused(format!(
                    "its migration {number}, `{name}`, is not the one that this version has"
                )));
            }
        }
        Ok(rows.len())
    }

    async fn apply(&self, applied: usize) -> Result<(), Failed> {
        for (at, (name, sql)) in MIGRATIONS.iter().enumerate().skip(applied) {
            if self.missing == Missing::Refused {
                return Err(Failed::Refused(format!(
                    "its tables are of an older version (without `{name}`); `zollhaus run` of this \
                     version changes them"
                )));
            }
            self.transaction.batch_execute(sql).await?;
            let insert = "INSERT INTO migration (number, name, sha256) VALUES ($1, $2, $3)";
            let digest = Sha256::digest(sql);
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                [&(at as i64 + 1), name, &digest.as_slice()];
            self.transaction.execute(insert, &values).await?;
        }
        Ok(())
    }
}

/// Makes a schema anew as an older version left it, with nothing in it.
#[cfg(test)]
pub(crate) async fn make_older(
    link: &super::Link,
    (schema, tenant): (&str, &Tenant),
    migrations: usize,
) -> Result<(), super::Failure> {
    let schema = quoted(schema);
    link.batch_execute(&format!("DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}; {HOUSE}"))
        .await?;
    link.execute("INSERT INTO house VALUES ($1, 0)", &[&tenant.as_str()]).await?;
    for (number, (name, sql)) in (1_i64..).zip(MIGRATIONS).take(migrations) {
        link.batch_execute(sql).await?;
        let insert = "INSERT INTO migration (number, name, sha256) VALUES ($1, $2, $3)";
        link.execute(insert, &[&number, name, &Sha256::digest(sql).as_slice()]).await?;
    }
    Ok(())
}
