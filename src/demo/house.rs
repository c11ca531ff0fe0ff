// SPDX-License-Identifier: Apache-2.0
//! A complete Zollhaus for the tour: real files, real sockets, the shipped
//! policies, in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::base::{Clock as _, Role, SystemClock, Tenant};
use crate::caller::{ApiKey, KeyKind, Principal, api_key_mac, generate_api_key};
use crate::config::{Config, append_api_key};
use crate::keys::{KeyFile, Keyset};

use super::crm::{CrmOptions, SampleCrm};
use super::tour::{CallerKeys, LogFile, World};

const SALESFORCE_POLICY: &str = include_str!("../../policies/salesforce.yaml");
const HUBSPOT_POLICY: &str = include_str!("../../policies/hubspot.yaml");

/// The running demo.
#[derive(Debug)]
pub struct House {
    pub world: World,
    end: oneshot::Sender<()>,
    running: JoinHandle<()>,
    folder: PathBuf,
}

impl House {
    /// # Errors
    /// Whatever keeps a folder from being written or a port from being bound.
    pub async fn open() -> anyhow::Result<Self> {
        let crm = SampleCrm::start(CrmOptions::default()).await?;
        let folder = temporary_folder()?;
        let keyset = write_files(&folder, crm.origin())?;
        let callers = CallerKeys {
            support: new_caller(&folder, &keyset, "support")?,
            marketing: new_caller(&folder, &keyset, "marketing")?,
            analyst: new_caller(&folder, &keyset, "analyst")?,
        };
        let app = App::start(Config::load(&folder.join("zollhaus.yaml"))?.value).await?;
        let origin = format!("http://{}", app.address());
        let (end, ended) = oneshot::channel();
        let running = tokio::spawn(app.run(async {
            // Dropping the sender ends it as well.
            let _ = ended.await;
        }));
        let log = LogFile(folder.join("log/journal/00000000000000000000.jsonl"));
        let world = World {
            salesforce: format!("{origin}/sf"),
            hubspot: format!("{origin}/hs"),
            crm,
            callers,
            log: Box::new(log),
        };
        Ok(Self { world, end, running, folder })
    }

    /// Ends everything and takes the folder away.
    pub async fn close(self) {
        let _ = self.end.send(());
        let _ = self.running.await;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn temporary_folder() -> anyhow::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).context("the system gives no random bytes")?;
    let name = format!("zollhaus-demo-{:016x}", u64::from_be_bytes(random));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

fn write_files(folder: &Path, crm: &str) -> anyhow::Result<Keyset> {
    let root = KeyFile::create(&folder.join("zollhaus.key"))?;
    let keyset = Keyset::create(
        &folder.join("zollhaus.keyset"),
        &root,
        &Tenant::new("demo"),
        SystemClock.now().date(),
    )?;
    let config = format!(
        "version: 1
tenant: demo
listen: {{ bind: 127.0.0.1:0 }}
admin: {{ bind: 127.0.0.1:0 }}
upstreams:
  salesforce:
    dialect: salesforce
    url: {crm}
    region: US
    match: {{ path_prefix: /sf }}
    policy: salesforce.yaml
  hubspot:
    dialect: hubspot
    url: {crm}
    region: US
    match: {{ path_prefix: /hs }}
    policy: hubspot.yaml
callers: {{ api_keys: zollhaus.callers }}
keys: {{ file: zollhaus.key, keyset: zollhaus.keyset }}
vault: {{ sqlite: zollhaus.vault }}
transfer_log: {{ directory: log, origin: zollhaus.example/demo }}
surrogates: {{ email_domain: tokens.example.com }}
"
    );
    for (name, text) in [
        ("zollhaus.yaml", config.as_str()),
        ("salesforce.yaml", SALESFORCE_POLICY),
        ("hubspot.yaml", HUBSPOT_POLICY),
        ("zollhaus.callers", ""),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(keyset)
}

fn new_caller(folder: &Path, keyset: &Keyset, role: &str) -> anyhow::Result<String> {
    let key = generate_api_key(KeyKind::Caller).context("the system gives no random bytes")?;
    let principal =
        Principal { name: role.into(), roles: vec![Role::new(role)], purpose: None, region: None };
    let mac = api_key_mac(&keyset.caller_mac, key.expose());
    append_api_key(&folder.join("zollhaus.callers"), &ApiKey { principal, mac })?;
    Ok(String::from_utf8_lossy(key.expose()).into_owned())
}
