// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::app::open_keyset;
use crate::base::{PrincipalName, Purpose, Region, Role, Secret};
use crate::caller::{ApiKey, KeyKind, Principal, api_key_mac, generate_api_key};
use crate::config::{Config, append_admin_key, append_api_key};

use super::{ConfigFile, init, keyset, print};

mod destroy;
mod end;
mod needed;
mod purpose;
pub mod realm;
mod rotate;
mod status;

use destroy::Destroy;
use rotate::{Prepare, Rotate};
use status::Status;

/// Make keys for callers and administrators; rotate and destroy keys of the keyset
#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    NewCaller(NewCaller),
    NewAdmin(NewAdmin),
    Status(Status),
    Prepare(Prepare),
    Rotate(Rotate),
    Destroy(Destroy),
    Create(keyset::Create),
    Rewrap(keyset::Rewrap),
}

/// Make an API key for an application
///
/// Prints the key once, to standard output. What is kept of it is an HMAC: a lost
/// key cannot be shown again, only replaced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus keys new-caller billing --role support --purpose crm --region DE
  zollhaus keys new-caller newsletter --role marketing --config /etc/zollhaus/zollhaus.yaml")]
struct NewCaller {
    /// What the application is called in logs and in the transfer log
    #[arg(value_parser = init::name)]
    name: String,
    /// A role that the policies name; give it again for more than one
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = init::name)]
    roles: Vec<String>,
    /// What it uses data for, whatever it says in a request
    #[arg(long, value_parser = init::name)]
    purpose: Option<String>,
    /// Where it asks from: `DE`
    #[arg(long, value_parser = init::name)]
    region: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
}

/// Make a key for the admin API
///
/// Prints the key once, to standard output, as `new-caller` does. Whoever has it may
/// see and change what data subjects have consented to.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zollhaus keys new-admin dpo")]
struct NewAdmin {
    /// What the administrator is called in logs
    #[arg(value_parser = init::name)]
    name: String,
    #[command(flatten)]
    file: ConfigFile,
}

impl Keys {
    pub fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::NewCaller(new_caller) => new_caller.execute(),
            Command::NewAdmin(new_admin) => new_admin.execute(),
            Command::Status(status) => status.execute(),
            Command::Prepare(prepare) => prepare.execute(),
            Command::Rotate(rotate) => rotate.execute(),
            Command::Destroy(destroy) => destroy.execute(),
            Command::Create(create) => create.execute(),
            Command::Rewrap(rewrap) => rewrap.execute(),
        }
    }
}

impl NewCaller {
    fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let callers = config
            .callers_file
            .as_ref()
            .context("the configuration names no file for API keys; set `callers.api_keys`")?;
        let (key, mac) = new_key(&config, KeyKind::Caller)?;
        let principal = Principal {
            name: PrincipalName::new(&self.name),
            roles: self.roles.iter().map(Role::new).collect(),
            purpose: self.purpose.map(Purpose::new),
            region: self.region.map(Region::new),
        };
        let known = ApiKey { principal, mac };
        append_api_key(callers, &known)?;

        for role in known.principal.roles.iter().filter(|role| !is_named(&config, role)) {
            print::note(format!(
                "warning: no policy names the role `{role}`; it sees surrogates only"
            ));
        }
        hand_out(&self.name, callers, &key)
    }
}

impl NewAdmin {
    fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let (administrators, _) = config
            .admin
            .api_keys
            .as_ref()
            .context("the configuration names no file for API keys; set `admin.api_keys`")?;
        let (key, mac) = new_key(&config, KeyKind::Admin)?;
        append_admin_key(
            administrators,
            &ApiKey { principal: PrincipalName::new(&self.name), mac },
        )?;
        hand_out(&self.name, administrators, &key)
    }
}

/// A new key and what is kept of it.
fn new_key(config: &Config, kind: KeyKind) -> anyhow::Result<(Secret, [u8; 32])> {
    let keyset = open_keyset(config)?;
    let key = generate_api_key(kind).context("the system gives no random bytes")?;
    let mac = api_key_mac(&keyset.caller_mac, key.expose());
    Ok((key, mac))
}

fn hand_out(name: &str, file: &Path, key: &Secret) -> anyhow::Result<()> {
    print::note(format!(
        "`{name}` was added to {}. This is its key; it is not shown again.\n\
         Send it in the header `Zollhaus-Key`. A running process knows it after SIGHUP.",
        file.display(),
    ));
    print::line(String::from_utf8_lossy(key.expose()))
}

/// Whether some policy says what callers with this role see.
fn is_named(config: &Config, role: &Role) -> bool {
    config
        .upstreams
        .iter()
        .flat_map(|upstream| upstream.policy.categories.values())
        .any(|category| category.reveal.contains_key(role))
}
