// SPDX-License-Identifier: Apache-2.0
//! The commands of the README, run as they stand there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use http_body_util::Full;
use zollhaus::demo::crm::{CrmOptions, SampleCrm};

use crate::world::{client, fresh_folder};

const README: &str = include_str!("../../README.md");

/// The commands of the console block that holds `marker`, without their comments.
fn commands(marker: &str) -> Vec<String> {
    let blocks = README.split("```console\n").skip(1).filter_map(|block| block.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains(marker)).expect("a console block");
    let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
    commands.map(|line| line.split(" #").next().unwrap_or(line).trim().to_owned()).collect()
}

/// A command of the README in `folder`, with the binary under test.
fn command(folder: &Path, line: &str) -> Command {
    let mut words = line.split_whitespace();
    assert_eq!(words.next(), Some("zollhaus"), "{line}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_zollhaus"));
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command
}

/// What the reader is asked to do in the editor.
fn edit(folder: &Path, line: &str, crm: &str) {
    let path = folder.join(line.strip_prefix("$EDITOR ").expect("an editor"));
    let text = fs::read_to_string(&path).expect("init wrote it");
    let edited = text
        .replace("https://acme.my.salesforce.com", crm)
        .replace("tokens.acme.example", "tokens.zollhaus-test.com")
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:9100", "127.0.0.1:0");
    assert_eq!(edited.matches("127.0.0.1:0").count(), 2);
    fs::write(path, edited).expect("it can be written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_steps_lead_to_a_running_house() {
    let crm = SampleCrm::start(CrmOptions::default()).await.expect("the sample CRM starts");
    let folder = fresh_folder();
    let commands = commands("zollhaus init");
    let (run, before) = commands.split_last().expect("commands");
    let mut key = String::new();
    for line in before {
        if line.starts_with("$EDITOR") {
            edit(&folder, line, crm.origin());
            continue;
        }
        let output = command(&folder, line).output().expect("it runs");
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{line}: {stderr}");
        assert!(!stderr.contains("error"), "{line}: {stderr}");
        if line.contains("new-caller") {
            stdout.trim().clone_into(&mut key);
        }
    }

    let mut house = command(&folder, run).stderr(Stdio::piped()).spawn().expect("it runs");
    let lines = BufReader::new(house.stderr.take().expect("it is piped")).lines();
    let listening = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split("address=").nth(1)?.split(' ').next()?.to_owned()));
    let answer = async {
        let url = format!("http://{}/services/data/v62.0/limits", listening.expect("an address"));
        let request = http::Request::get(url)
            .header("zollhaus-key", key)
            .header("authorization", "Bearer 00Dxx0000001gPL!session")
            .body(Full::default());
        client().request(request.expect("a request")).await.expect("an answer").status()
    };
    let answer = tokio::spawn(answer).await;
    house.kill().expect("it can be ended");
    house.wait().expect("it ends");
    assert_eq!(answer.expect("no panic"), http::StatusCode::OK);
    assert_eq!(crm.request_count(), 1);
    fs::remove_dir_all(folder).expect("the folder goes away");
}

/// The other commands are at least commands, with options that there are.
#[test]
fn no_command_is_misspelt() {
    let folder = fresh_folder();
    let lines = README.lines().filter_map(|line| line.strip_prefix("$ zollhaus "));
    let mut count = 0;
    // The first steps have a test of their own, and `run` does not end.
    for line in lines.filter(|line| !line.contains("house")) {
        let line = line.split(['#', '<']).next().unwrap_or(line).replace("acme.example/one+…", KEY);
        let output = command(&folder, &format!("zollhaus {line}")).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("--help"), "{line}: {stderr}");
        count += 1;
    }
    assert!(count > 5, "{count}");
    fs::remove_dir_all(folder).expect("the folder goes away");
}

/// A verifier key.
const KEY: &str = "acme-corp.com/one+5a9ca785+ASjQqmjlfhNfkPfiwRGAPxnaEal5Hj3KWL2ouC9VgJaS";

/// `.ci/run` runs the two commands; here it is checked that the README says them so.
#[test]
fn the_two_commands_are_those_that_ci_runs() {
    assert_eq!(commands("$ tests/run\n"), ["tests/run"]);
    assert!(include_str!("../../.ci/run").ends_with("\ntests/run\n"));
    assert_eq!(commands("$ cargo run"), ["cargo run --release -- demo"]);
    assert!(include_str!("../run").ends_with("\ncargo run --locked --release -- demo --once\n"));
}
