// SPDX-License-Identifier: Apache-2.0

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::base::{PrincipalName, Role};
use crate::caller::{ApiKey, Principal, api_key_mac, generate_api_key};
use crate::config::{Config, append_api_key};
use crate::keys::{KeyFile, Keyset};

use super::{ConfigFile, init, print};

/// Make keys for callers
#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    NewCaller(NewCaller),
}

/// Make an API key for an application
///
/// Prints the key once, to standard output. What is kept of it is an HMAC: a lost
/// key cannot be shown again, only replaced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus keys new-caller billing --role support
  zollhaus keys new-caller newsletter --role marketing --config /etc/zollhaus/zollhaus.yaml")]
struct NewCaller {
    /// What the application is called in logs and in the transfer log
    #[arg(value_parser = init::name)]
    name: String,
    /// A role that the policies name; give it again for more than one
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = init::name)]
    roles: Vec<String>,
    #[command(flatten)]
    file: ConfigFile,
}

impl Keys {
    pub fn execute(self) -> anyhow::Result<()> {
        let Command::NewCaller(new_caller) = self.command;
        new_caller.execute()
    }
}

impl NewCaller {
    fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let callers = config
            .callers_file
            .as_ref()
            .context("the configuration names no file for API keys; set `callers.api_keys`")?;
        let root = KeyFile::open(&config.keys.file)?;
        let keyset = Keyset::open(&config.keys.keyset, &root)?;
        let key = generate_api_key().context("the system gives no random bytes")?;
        let principal = Principal {
            name: PrincipalName::new(&self.name),
            roles: self.roles.iter().map(Role::new).collect(),
        };
        let known = ApiKey { principal, mac: api_key_mac(&keyset.caller_mac, key.expose()) };
        append_api_key(callers, &known)?;

        for role in known.principal.roles.iter().filter(|role| !is_named(&config, role)) {
            print::note(format!(
                "warning: no policy names the role `{role}`; it sees surrogates only"
            ));
        }
        print::note(format!(
            "`{}` was added to {}. This is its key; it is not shown again.\n\
             Send it in the header `Zollhaus-Key`. A running process knows it after SIGHUP.",
            self.name,
            callers.display(),
        ));
        print::line(String::from_utf8_lossy(key.expose()))
    }
}

/// Whether some policy says what callers with this role see.
fn is_named(config: &Config, role: &Role) -> bool {
    config
        .upstreams
        .iter()
        .flat_map(|upstream| upstream.policy.categories.values())
        .any(|category| category.reveal.contains_key(role))
}
