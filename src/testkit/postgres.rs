// SPDX-License-Identifier: Apache-2.0
//! A schema for each test, on one server for all of them.

#[path = "../../tests/it/postgres/server.rs"]
mod server;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use server::Server;

use crate::base::Secret;
use crate::postgres::{Password, PostgresHost, PostgresSettings, PostgresTls};

/// A schema on the server that all tests share, which nobody has used before.
pub fn settings() -> PostgresSettings {
    static SHARED: OnceLock<Server> = OnceLock::new();
    settings_of(SHARED.get_or_init(Server::start))
}

pub fn settings_of(server: &Server) -> PostgresSettings {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    PostgresSettings {
        hosts: vec![PostgresHost { name: "127.0.0.1".into(), port: server.port }],
        user: server::USER.into(),
        database: server::DATABASE.into(),
        schema: format!("house_{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        password: Password::Given(Secret::new(server::PASSWORD)),
        tls: PostgresTls::Off,
        connections: 8,
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(30),
    }
}
