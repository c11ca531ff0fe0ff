// SPDX-License-Identifier: Apache-2.0

use std::process::ExitCode;

use clap::Parser;

use zollhaus::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().execute()
}
