// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::Secret;

/// Where the database is and how it is used. Cannot hold a password that a log could show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresSettings {
    /// Tried in order until one can be written. Never empty.
    pub hosts: Vec<PostgresHost>,
    pub user: String,
    pub database: String,
    /// The schema that belongs to the house alone.
    pub schema: String,
    pub password: Password,
    pub tls: PostgresTls,
    /// The most connections of this process.
    pub connections: usize,
    /// To reach one host, TLS and password included.
    pub connect_timeout: Duration,
    /// Of one statement, and to wait for a free connection.
    pub statement_timeout: Duration,
}

/// A host name or address, or the folder of a socket, which starts with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresHost {
    pub name: String,
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// The server knows us by other means.
    Unneeded,
    /// Read for each connection, so that it can be replaced at any time.
    File(PathBuf),
    Given(Secret),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostgresTls {
    /// On this machine, or where the operator says so.
    Off,
    /// The authorities in a file, or those of the system.
    Trusting(Option<PathBuf>),
}

/// As in a URL, and the schema.
impl fmt::Display for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, PostgresHost { name, port }) in self.hosts.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if name.contains(':') {
                write!(f, "{comma}[{name}]:{port}")?;
            } else {
                write!(f, "{comma}{name}:{port}")?;
            }
        }
        write!(f, "/{} schema {}", self.database, self.schema)
    }
}
