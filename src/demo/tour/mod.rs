// SPDX-License-Identifier: Apache-2.0
//! The guided tour: requests through a running proxy, what became of them, and
//! whether that is right.
//!
//! The tour knows nothing of the proxy's inside. It sends what an application
//! would send, looks into the sample CRM and the transfer log, and judges by what
//! it finds there. It expects this policy for both CRMs: names, e-mail addresses,
//! phone numbers and streets are sealed; `support` sees them, `marketing` sees
//! e-mail addresses and phone numbers masked, any other role sees surrogates.

mod checks;
mod log;
mod page;
mod person;
mod scene;
mod screen;
mod steps;
#[cfg(test)]
mod tests;

use std::io;

use crate::demo::client::Client;
use crate::demo::crm::SampleCrm;

pub use log::{LogFile, LogTail};
pub use screen::Screen;

use checks::Checks;
use scene::{Caller, Ids};
use steps::Step;

/// What the tour walks through. Everything in it is running already.
pub struct World {
    /// Where an application finds Salesforce, by way of the proxy: an `http` URL
    /// without a slash at the end.
    pub salesforce: String,
    /// The same for HubSpot.
    pub hubspot: String,
    /// What stands behind the proxy.
    pub crm: SampleCrm,
    pub callers: CallerKeys,
    pub log: Box<dyn LogTail>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("salesforce", &self.salesforce)
            .field("hubspot", &self.hubspot)
            .finish_non_exhaustive()
    }
}

/// API keys of three callers, each with the role of its name. They live as long as
/// the demo, so they are shown to whoever plays it.
#[derive(Clone)]
pub struct CallerKeys {
    pub support: String,
    pub marketing: String,
    pub analyst: String,
}

impl std::fmt::Debug for CallerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallerKeys(redacted)")
    }
}

impl CallerKeys {
    fn of(&self, caller: Caller) -> &str {
        match caller {
            Caller::Support => &self.support,
            Caller::Marketing => &self.marketing,
            Caller::Analyst => &self.analyst,
        }
    }
}

/// How the tour went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub steps: Vec<StepReport>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    pub title: &'static str,
    /// What was checked and held.
    pub held: usize,
    /// What was not as it should be; empty when all was.
    pub differences: Vec<String>,
}

impl Report {
    pub fn passed(&self) -> bool {
        self.steps.iter().all(|step| step.differences.is_empty())
    }
}

/// The tour could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("step `{step}` got no answer from the proxy")]
    Unanswered {
        step: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("step `{step}` cannot be sent")]
    Unsendable {
        step: &'static str,
        #[source]
        source: http::Error,
    },
    #[error("the transfer log cannot be read")]
    Log(#[source] io::Error),
    #[error("the tour cannot be printed")]
    Print(#[source] io::Error),
}

/// Plays all steps in order, printing each with its checks. Steps that differ do
/// not stop the tour; the report names them.
///
/// The world's CRM must be empty, and nobody else may use it or the log meanwhile.
///
/// # Errors
/// [`DemoError`] when the proxy does not answer at all, or the log or the screen fails.
pub async fn play(world: &World, screen: &mut Screen<'_>) -> Result<Report, DemoError> {
    let client = Client::new();
    let mut ids = Ids::default();
    let mut report = Report { steps: Vec::with_capacity(steps::ALL.len()) };
    for (at, step) in steps::ALL.iter().enumerate() {
        let scene = scene::act(step, world, &client, &ids).await?;
        ids.note(&scene);
        let mut checks = Checks::new(&scene);
        (step.checks)(&mut checks);
        let place = format!("{} of {}", at + 1, steps::ALL.len());
        page::show(screen, &place, step, &scene, &checks).map_err(DemoError::Print)?;
        report.steps.push(checks.into_report(step.title));
    }
    page::sum_up(screen, &report).map_err(DemoError::Print)?;
    Ok(report)
}

/// Prints a few `curl` lines to try on the world after the tour.
///
/// # Errors
/// When the screen fails.
pub fn invite(world: &World, screen: &mut Screen<'_>) -> io::Result<()> {
    page::invite(screen, world)
}
