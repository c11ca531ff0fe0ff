// SPDX-License-Identifier: Apache-2.0
//! The two documents that users write → the types that the house runs on.
//!
//! `zollhaus.yaml` is for operators, policies are for security teams. Both are
//! read in three steps: bytes → a tree of nodes that know where they stand
//! (`yaml`), tree → typed values (`document`), typed values → the types of the
//! modules that own them (everything else here). There is no half-built type in
//! between: what compiles is valid.
//!
//! Invariants:
//! - Every problem of every document is reported in one go, with its place and,
//!   where it can be guessed, what was meant.
//! - An unknown key is an error, wherever it stands.
//! - Secrets are named by file or environment variable, never written here. Variables
//!   that are not named are read only where a document asks for AWS's own.

mod api_keys;
mod border;
mod callers;
mod compile;
mod credential;
mod diagnostic;
mod document;
mod environment;
mod few_values;
mod given;
mod item;
mod key_services;
mod keys;
mod limits;
mod listen;
mod model;
mod other_crm;
mod policy;
mod policy_test;
mod protection;
mod question;
mod routes;
mod search;
mod source;
mod spelling;
mod streams;
mod subject;
mod transfer_log;
#[cfg(test)]
mod tests;
mod units;
mod upstream;
mod vault;
mod yaml;

use std::path::Path;

pub use api_keys::{AppendError, append_admin_key, append_api_key, load_admin_keys, load_api_keys};
pub use diagnostic::{Code, Diagnostic, Diagnostics, Problem, Severity, Style};
pub use document::is_name;
pub use model::{
    AdminSettings, Config, KeySettings, LogSettings, UpstreamSettings, VaultPlace, VaultSettings,
};
pub use question::{Answer, Question, Standing, is_composed};
pub use source::{Source, SourceError};

use crate::crm::Dialect;
use crate::policy::Policy;

use diagnostic::Problems;
use document::Document;

/// A value, and what may not be meant as it is written.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    pub value: T,
    pub warnings: Diagnostics,
}

impl Config {
    /// Reads `zollhaus.yaml` and the files it names.
    ///
    /// # Errors
    /// [`Diagnostics`]: every problem in all of them.
    pub fn load(path: &Path) -> Result<Loaded<Self>, Diagnostics> {
        load(path, compile::config)
    }
}

/// Reads a policy, as [`Config::load`] does, to put it in place of a running one.
///
/// # Errors
/// [`Diagnostics`]: every problem in it.
pub fn load_policy(
    path: &Path,
    dialect: &dyn Dialect,
    email_domain: &str,
) -> Result<Loaded<Policy>, Diagnostics> {
    let context = policy::Context { dialect, email_domain, caller_roles: None, upstreams: None };
    load(path, |document| policy::compile(document, &context))
}

/// Runs the tests of a policy. How many expectations they have.
///
/// # Errors
/// [`Diagnostics`]: every expectation that does not hold, or what keeps them from being
/// read.
pub fn test_policy(path: &Path) -> Result<Loaded<usize>, Diagnostics> {
    load(path, policy_test::run)
}

fn load<T>(
    path: &Path,
    compile: impl FnOnce(&Document<'_>) -> Option<T>,
) -> Result<Loaded<T>, Diagnostics> {
    let problems = Problems::default();
    let value = match Source::read(path) {
        Ok(source) => compile(&Document { source, problems: &problems }),
        Err(error) => {
            let problem = Problem::new(Code::Unreadable, &(0..0), error.to_string());
            problems.report(&Source::absent(path), problem);
            None
        }
    };
    let (value, warnings) = problems.into_result(value)?;
    Ok(Loaded { value, warnings })
}
