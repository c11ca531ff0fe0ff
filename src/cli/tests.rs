// SPDX-License-Identifier: Apache-2.0

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::config::{Code, Config};
use crate::testkit::Scratch;

use super::Cli;

/// Whether a command line does what it says.
fn run(arguments: &[&dyn AsRef<OsStr>]) -> bool {
    let arguments = arguments.iter().map(AsRef::as_ref);
    let cli =
        Cli::try_parse_from(std::iter::once(OsStr::new("zollhaus")).chain(arguments)).unwrap();
    cli.execute() == ExitCode::SUCCESS
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn what_init_writes_is_sound_and_never_overwritten() {
    let scratch = Scratch::new();
    let folder = scratch.file("new");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder, &"--tenant", &"umbrella"]));
    assert!(run(&[&"check", &"--config", &config]));

    let loaded = Config::load(&config).unwrap();
    assert_eq!(loaded.value.tenant.as_str(), "umbrella");
    let codes: Vec<Code> = loaded.warnings.iter().map(|found| found.problem.code).collect();
    assert_eq!(codes, [Code::NoCaller, Code::ReservedDomain]);

    let before = contents(&folder);
    assert!(!run(&[&"init", &folder]));
    assert_eq!(contents(&folder), before);
    fs::remove_file(folder.join("zollhaus.key")).unwrap();
    assert!(!run(&[&"init", &folder]));
    assert!(!folder.join("zollhaus.key").exists());
}

#[test]
fn new_callers_are_known_and_have_one_name() {
    let scratch = Scratch::new();
    let folder = scratch.file("");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder]));
    let new_caller = |name: &str| {
        run(&[
            &"keys",
            &"new-caller",
            &name,
            &"--role",
            &"support",
            &"--role",
            &"x",
            &"--config",
            &config,
        ])
    };
    assert!(new_caller("etl"));
    assert!(!new_caller("etl"));
    assert!(new_caller("billing"));
    let callers = Config::load(&config).unwrap().value.callers.api_keys;
    let names: Vec<&str> = callers.iter().map(|caller| caller.principal.name.as_str()).collect();
    assert_eq!(names, ["etl", "billing"]);
    assert_eq!(callers[0].principal.roles, ["support".into(), "x".into()]);
    assert_ne!(callers[0].mac, callers[1].mac);
}

#[test]
fn problems_are_a_failure() {
    let scratch = Scratch::new();
    let folder = scratch.file("");
    let config = folder.join("zollhaus.yaml");
    assert!(!run(&[&"check", &"--config", &config]));
    assert!(run(&[&"init", &folder]));
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("region:", "regoin:")).unwrap();
    assert!(!run(&[&"check", &"--config", &config]));
    assert!(!run(&[&"keys", &"new-caller", &"etl", &"--role", &"support", &"--config", &config]));
}

#[test]
fn names_on_the_command_line_are_names() {
    for name in ["", "a b", "ä", "a/b"] {
        let parsed =
            Cli::try_parse_from(["zollhaus", "keys", "new-caller", name, "--role", "support"]);
        assert!(parsed.is_err(), "{name}");
    }
}

fn contents(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut contents: Vec<_> = files
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    contents.sort();
    contents
}
