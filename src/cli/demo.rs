// SPDX-License-Identifier: Apache-2.0

use std::io::{Write, stdout};

use anyhow::{Context, bail};
use clap::Args;

use crate::demo::house::House;
use crate::demo::tour::{self, Screen};
use crate::telemetry::{self, LogFormat};

use super::{print, run};

/// See it work: a sample CRM, Zollhaus in front of it, and a guided tour
///
/// Everything runs on loopback, in a temporary folder that goes away at the end.
/// For each step the tour shows what the application sent, what the CRM stored,
/// what the caller got back and the entry in the transfer log. Then it stays up, with
/// a few requests to try.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  zollhaus demo\n  zollhaus demo --once   play the tour, check it, and exit with 0 or 1"
)]
pub struct Demo {
    /// Play the tour, check every step, and exit: 0 if all is as it should be, else 1
    #[arg(long)]
    once: bool,
}

/// Columns of the tour's pages.
const WIDTH: usize = 110;

impl Demo {
    pub fn execute(self) -> anyhow::Result<()> {
        // The tour tells what happens; the log speaks of trouble only.
        telemetry::init(LogFormat::Text, "error")?;
        super::block_on(self.play())
    }

    async fn play(self) -> anyhow::Result<()> {
        let house = House::open().await.context("the demo cannot be set up")?;
        let mut out = stdout();
        let mut screen = Screen::new(&mut out, WIDTH, print::takes_colour(&stdout()));
        let report = tour::play(&house.world, &mut screen).await?;
        if !self.once {
            tour::invite(&house.world, &mut screen)?;
            out.flush()?;
            print::note("Ctrl-C ends it.");
            run::ended()?.await;
        }
        house.close().await;
        if report.passed() {
            return Ok(());
        }
        for step in &report.steps {
            for difference in &step.differences {
                print::note(format!("{}: {difference}", step.title));
            }
        }
        bail!("the tour was not as it should be");
    }
}
