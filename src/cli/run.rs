// SPDX-License-Identifier: Apache-2.0

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, Reloader};
use crate::telemetry;

use super::{ConfigFile, print};

/// Run the proxy
///
/// SIGTERM ends it when the requests in flight are answered; SIGHUP makes it read
/// the policies and the file of callers again, and ask the key service. While that is away
/// at the start, it waits for it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zollhaus run --config /etc/zollhaus/zollhaus.yaml")]
pub struct Run {
    #[command(flatten)]
    file: ConfigFile,
}

impl Run {
    pub fn execute(self) -> anyhow::Result<()> {
        let loaded = self.file.load()?;
        print::diagnostics(&loaded.warnings);
        let config = loaded.value;
        telemetry::init(config.log.format, config.log.level)?;
        super::block_on(async {
            let ended = ended()?;
            let mut ended = std::pin::pin!(ended);
            // It may wait for a key service.
            let app = tokio::select! {
                app = App::start(config) => app?,
                () = ended.as_mut() => return Ok(()),
            };
            // Ready before it is said that the house is open.
            reload_on_hangup(app.reloader())?;
            let (address, admin) = (app.address(), app.admin_address());
            tracing::info!(address = %address, admin = %admin, "open");
            app.run(ended).await;
            Ok(())
        })
    }
}

/// Completes at SIGTERM or SIGINT.
pub fn ended() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn reload_on_hangup(reloader: Reloader) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("signals cannot be received")?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let reloader = reloader.clone();
            // It reads files.
            let _ = tokio::task::spawn_blocking(move || reloader.reload()).await;
        }
    });
    Ok(())
}
