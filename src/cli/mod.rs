// SPDX-License-Identifier: Apache-2.0
//! The command line: one file per command.
//!
//! What a command is asked for goes to standard output, everything else to
//! standard error. An error is said once, with its causes, and ends the process
//! with 1; what the command line itself gets wrong ends it with 2.

mod check;
mod consent;
mod demo;
mod explain;
mod init;
mod keys;
mod keyset;
mod log;
mod print;
mod report;
mod run;
mod subject;
mod test;
mod vault;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Loaded};

/// A privacy proxy in front of hosted CRMs: personal data is sealed field by field
/// before it leaves, and opened by policy on the way back.
#[derive(Debug, Parser)]
#[command(name = "zollhaus", version, arg_required_else_help = true, after_help = FIRST_STEPS)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  zollhaus demo                                   see it work
  zollhaus init                                   write a configuration, a policy and keys
  zollhaus keys new-caller billing --role support make an API key for an application
  zollhaus check                                  see what is wrong, or what is protected
  zollhaus test policies                          see that policies decide as expected
  zollhaus run                                    run the proxy";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Check(check::Check),
    Explain(explain::Explain),
    Keys(keys::Keys),
    Log(log::Log),
    Consent(consent::Consent),
    Subject(subject::Subject),
    Run(run::Run),
    Test(test::Test),
    Report(report::MakeReport),
    Vault(vault::Vault),
}

impl Cli {
    /// Does what the command line says.
    pub fn execute(self) -> ExitCode {
        let done = match self.command {
            Command::Init(init) => init.execute(),
            Command::Check(check) => check.execute(),
            Command::Explain(explain) => explain.execute(),
            Command::Keys(keys) => keys.execute(),
            // It tells more apart than success and failure.
            Command::Log(log) => return log.execute(),
            Command::Consent(consent) => consent.execute(),
            Command::Subject(subject) => subject.execute(),
            Command::Run(run) => run.execute(),
            Command::Test(test) => test.execute(),
            Command::Report(report) => report.execute(),
            Command::Vault(vault) => vault.execute(),
            Command::Demo(demo) => demo.execute(),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                print::error(&error);
                ExitCode::FAILURE
            }
        }
    }
}

/// How long work that does not yield may hold the process up at its end.
const LAST_WORK: Duration = Duration::from_secs(2);

/// Runs to the end, and does not wait for work that is cut.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("the runtime cannot be started")?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_WORK);
    result
}

/// Which configuration a command is about.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration; the files that it names are relative to its folder
    #[arg(long, value_name = "FILE", default_value = "zollhaus.yaml")]
    config: PathBuf,
}

impl ConfigFile {
    /// # Errors
    /// Every problem in the configuration and its policies.
    fn load(&self) -> anyhow::Result<Loaded<Config>> {
        Ok(Config::load(&self.config)?)
    }
}

#[cfg(test)]
mod tests;
