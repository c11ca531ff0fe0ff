// SPDX-License-Identifier: Apache-2.0
//! What a hostile reading found, and what holds since.

use std::fmt::Write as _;
use std::process::Stdio;

use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{Options, World, fresh_folder, zollhaus};

const SF: &str = "/sf/services/data/v62.0";
const HS: &str = "/hs/crm/v3/objects/contacts";

fn post(
    world: &World,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Request<Full<bytes::Bytes>> {
    let mut request = Request::post(format!("http://{}{path}", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer 00Dxx0000001gPL!session")
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).expect("a sound request")
}

/// What the CRM has received, heads and bodies, as one text.
fn received(world: &World) -> String {
    let mut text = String::new();
    for request in world.crm.requests() {
        let _ = writeln!(
            text,
            "{} {:?} {:?} {}",
            request.method,
            request.target,
            request.headers,
            String::from_utf8_lossy(&request.body)
        );
    }
    text
}

/// The `VmHWM` of the process, in MiB.
pub fn peak(world: &World) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.pid())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("a peak");
    let kib: String = line.chars().filter(char::is_ascii_digit).collect();
    kib.parse::<u64>().expect("a number") / 1024
}

/// "Each header … in any encoding": a value in a header leaves once it is escaped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_header_repeats_a_protected_value_in_another_encoding() {
    let world = World::start(Options::default()).await;
    let body = json!({ "LastName": "Canarymann", "Email": "canary.mann@corp.example" }).to_string();
    let headers = [
        ("sforce-anything", "canary.mann%40corp.example"),
        ("x-external", "Contact.LastName/Canary%6Dann"),
        ("if-match", "\"Y2FuYXJ5Lm1hbm5AY29ycC5leGFtcGxl\""),
    ];
    let path = format!("{SF}/sobjects/Contact");
    let answer = world.send_request(post(&world, &path, &headers, body)).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let received = received(&world);
    for (_, value) in headers {
        assert!(!received.contains(value), "{value} in {received}");
    }
}

/// `Sforce-Call-Options: defaultNamespace=acme` makes `Secret__c` mean
/// `acme__Secret__c` (REST API Developer Guide, "Call Options Header").
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_namespace_does_not_rename_fields_behind_us() {
    let world = World::start(Options {
        salesforce_policy: Some(|policy| {
            policy.replacen(
                "      FirstName: ",
                "      acme__Secret__c:   { category: name, protect: tokenize }\n      FirstName: ",
                1,
            )
        }),
        ..Options::default()
    })
    .await;
    let body = json!({ "LastName": "x", "Secret__c": "Canarymann" }).to_string();
    let headers = [("sforce-call-options", "client=x, defaultNamespace=acme")];
    let path = format!("{SF}/sobjects/Contact");
    let _ = world.send_request(post(&world, &path, &headers, body)).await.expect("an answer");
    let received = received(&world);
    assert!(
        !(received.contains("defaultNamespace=acme") && received.contains("Canarymann")),
        "{received}"
    );
}

/// The pack says of accounts: "these are the fields that person accounts add".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pack_protects_persons_in_accounts_as_in_contacts() {
    let world = World::start(Options::default()).await;
    let body = json!({
        "LastName": "x", "PersonBirthdate": "1980-02-01", "PersonAssistantPhone": "+49 30 9018204711",
    });
    let _ = world.post("support", &format!("{SF}/sobjects/Account"), body.to_string()).await;
    let received = received(&world);
    assert!(!received.contains("1980-02-01"), "{received}");
    assert!(!received.contains("9018204711"), "{received}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nested_records_do_not_leave_in_the_clear() {
    let world = World::start(Options::default()).await;
    let body = json!({ "Name": "Corp", "Contacts": [
        { "attributes": { "type": "Contact" }, "LastName": "Canarymann", "Email": "c@corp.example" },
    ] });
    let _ = world.post("support", &format!("{SF}/sobjects/Account"), body.to_string()).await;
    let received = received(&world);
    assert!(!received.contains("Canarymann"), "{received}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unprotected_text_comes_back_as_it_was_written() {
    let world = World::start(Options::default()).await;
    let portal = format!("{}/lightning/r/Contact/003", world.crm.origin());
    let body = json!({ "LastName": "x", "Title": portal });
    let path = format!("{SF}/sobjects/Contact");
    let answer = world.post("support", &path, body.to_string()).await;
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    let read = world.get("support", &format!("{path}/{id}")).await.json();
    assert_eq!(read["Title"], portal);
}

/// The bytes of opened values are counted nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opened_answer_is_bounded() {
    let world = World::start(Options {
        settings: "limits: { max_body_bytes: 8MiB, max_buffered_bytes: 16MiB }".to_owned(),
        ..Options::default()
    })
    .await;
    let path = format!("{SF}/sobjects/Contact");
    let long = "Ä".repeat(2 << 20);
    // All of one person: for each other one, what the token stands for would be kept once more.
    let email = "anna@muster.example";
    let body = json!({ "LastName": long, "Email": email });
    let first = world.post("support", &path, body.to_string()).await;
    assert_eq!(first.status, StatusCode::CREATED, "{:?}", first.headers);
    let token = world.crm.stored()[0].fields["LastName"].clone();
    let records: Vec<Value> = (0..100)
        .map(|_| json!({ "attributes": { "type": "Contact" }, "LastName": token, "Email": email }))
        .collect();
    let body = json!({ "records": records }).to_string();
    eprintln!("a request of {} bytes", body.len());
    let made = world.post("support", &format!("{SF}/composite/sobjects"), body).await;
    assert_eq!(made.status, StatusCode::OK, "{:?}", made.headers);
    let before = peak(&world);
    let answer = world.get("support", &format!("{SF}/query?q=SELECT+LastName+FROM+Contact")).await;
    let after = peak(&world);
    assert!(
        answer.body.len() <= 8 << 20 && after < before + 64,
        "{}: an answer of {} MiB, peak memory {before} -> {after} MiB, with max_buffered_bytes: 16MiB",
        answer.status,
        answer.body.len() >> 20
    );
}

/// A filter stands for every spelling; how many there are is up to callers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_widened_filter_is_bounded() {
    let world = World::start(Options {
        settings: "limits: { max_body_bytes: 1MiB, max_buffered_bytes: 16MiB }".to_owned(),
        ..Options::default()
    })
    .await;
    let spelling = |number: u32| -> String {
        let letters = "annamusterfrau".chars().enumerate();
        letters
            .map(|(at, c)| if number >> at & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect()
    };
    let records: Vec<Value> = (0..200)
        .map(|number| json!({ "attributes": { "type": "Contact" }, "LastName": spelling(number) }))
        .collect();
    let body = json!({ "records": records }).to_string();
    let made = world.post("support", &format!("{SF}/composite/sobjects"), body).await;
    assert_eq!(made.status, StatusCode::OK, "{:?}", made.headers);
    let before = peak(&world);
    let filter =
        json!({ "propertyName": "lastname", "operator": "IN", "values": vec![spelling(0); 5000] });
    let search = json!({ "filterGroups": [{ "filters": [filter] }] }).to_string();
    let sent = search.len();
    let answer = world.post("support", &format!("{HS}/search"), search).await;
    let after = peak(&world);
    let longest = world.crm.requests().iter().map(|request| request.body.len()).max().unwrap_or(0);
    assert!(
        longest <= 1 << 20 && after < before + 64,
        "{}: {} KiB became {} KiB at the CRM, peak memory {before} -> {after} MiB, with max_body_bytes: 1MiB, max_buffered_bytes: 16MiB",
        answer.status,
        sent >> 10,
        longest >> 10
    );
}

/// DESIGN, invariant 3: a refusal comes "with … a metric and a log entry".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_turned_away_at_the_door_is_logged() {
    let world = World::start(Options::default()).await;
    let before = world.log().len();
    let answer = world.get("support", "/nowhere/at/all").await;
    assert_eq!(answer.refusal(), Some("no_route"), "{answer:?}");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let log = String::from_utf8_lossy(&world.log()[before..]).into_owned();
    assert!(log.contains("no_route"), "{log}");
}

/// A name that `new-caller` takes must not make the house unable to start.
#[test]
fn a_role_that_was_taken_can_be_read_again() {
    for role in ["null", "-"] {
        let folder = fresh_folder();
        let run = |arguments: &[&str]| {
            let output = zollhaus()
                .args(arguments)
                .current_dir(&folder)
                .stderr(Stdio::piped())
                .output()
                .expect("it runs");
            (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        assert!(run(&["init", "."]).0);
        let role_argument = format!("--role={role}");
        let (taken, _) = run(&["keys", "new-caller", "billing", &role_argument]);
        let (sound, said) = run(&["check"]);
        assert!(sound || !taken, "role {role}: taken, and then: {said}");
    }
}

#[test]
fn a_tenant_that_was_taken_can_be_read_again() {
    for tenant in ["null", "-"] {
        let folder = fresh_folder();
        let done = |arguments: &[&str]| {
            let mut command = zollhaus();
            command.args(arguments).current_dir(&folder).stderr(Stdio::null());
            command.output().expect("it runs").status.success()
        };
        let tenant_argument = format!("--tenant={tenant}");
        assert!(!done(&["init", ".", &tenant_argument]) || done(&["check"]), "tenant {tenant}");
    }
}

/// `sudo zollhaus keys new-caller …` on the files of a service.
#[test]
fn the_file_of_callers_keeps_its_owner() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    let folder = fresh_folder();
    let run = |arguments: &[&str]| {
        let mut command = zollhaus();
        command.args(arguments).current_dir(&folder).stderr(Stdio::null());
        assert!(command.output().expect("it runs").status.success());
    };
    run(&["init", "."]);
    let callers = folder.join("zollhaus.callers");
    let kept = folder.join("kept");
    std::fs::rename(&callers, &kept).expect("it can be moved");
    let mut problems = Vec::new();
    std::fs::set_permissions(&kept, PermissionsExt::from_mode(0o640)).expect("a mode");
    if chown(&kept, Some(65534), Some(65534)).is_err() {
        return;
    }
    std::fs::copy(&kept, &callers).expect("a copy");
    chown(&callers, Some(65534), Some(65534)).expect("an owner");
    run(&["keys", "new-caller", "billing", "--role", "support"]);
    let meta = std::fs::metadata(&callers).expect("it is there");
    if (meta.uid(), meta.mode() & 0o777) != (65534, 0o640) {
        problems.push(format!("owner {} mode {:o}", meta.uid(), meta.mode() & 0o777));
    }
    std::fs::remove_file(&callers).expect("it goes");
    symlink(&kept, &callers).expect("a link");
    run(&["keys", "new-caller", "other", "--role", "support"]);
    if !callers.symlink_metadata().expect("it is there").is_symlink() {
        problems.push("the link became a file, and what it led to lacks the caller".to_owned());
    }
    assert!(problems.is_empty(), "{problems:?}");
}

/// A duration that was never measured is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_take_the_road_has_no_duration() {
    let world = World::start(Options::default()).await;
    world.get("support", "/nowhere").await;
    let metrics = String::from_utf8(world.admin("/metrics").await.body.to_vec()).expect("text");
    let of_none = |line: &&str| {
        line.starts_with("zollhaus_request_duration_seconds") && line.contains("none")
    };
    assert_eq!(metrics.lines().find(of_none), None);
    assert!(metrics.contains("zollhaus_refusals_total{code=\"no_route\"} 1"), "{metrics}");
}

/// "Where several spellings of one value are stored, a path or an upsert can name only
/// one, and is refused": one is stored here, the other was only asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_does_not_make_a_key_ambiguous() {
    let world = World::start(Options::default()).await;
    let soql = "SELECT+Id+FROM+Contact+WHERE+Email+=+'Anna.Muster@corp.example'";
    let asked = world.get("analyst", &format!("{SF}/query?q={soql}")).await;
    assert_eq!(asked.json()["totalSize"], 0, "{asked:?}");
    let path = format!("{SF}/sobjects/Contact");
    let body = json!({ "LastName": "Muster", "Email": "anna.muster@corp.example" }).to_string();
    assert_eq!(world.post("support", &path, body).await.status, StatusCode::CREATED);
    let read = world.get("support", &format!("{path}/Email/anna.muster@corp.example")).await;
    assert_eq!(read.status, StatusCode::OK, "{read:?}");
}

/// ARCHITECTURE.md: "searching does not fill the vault".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searching_does_not_fill_the_vault() {
    let world = World::start(Options::default()).await;
    let size = |world: &World| -> u64 {
        ["zollhaus.vault", "zollhaus.vault-wal"]
            .iter()
            .filter_map(|name| std::fs::metadata(world.folder.join(name)).ok())
            .map(|meta| meta.len())
            .sum()
    };
    let before = size(&world);
    let values: Vec<String> =
        (0..20_000).map(|number| format!("nobody{number}@corp.example")).collect();
    let filter = json!({ "propertyName": "email", "operator": "IN", "values": values });
    let search = json!({ "filterGroups": [{ "filters": [filter] }] }).to_string();
    let answer = world.post("analyst", &format!("{HS}/search"), search).await;
    let after = size(&world);
    assert!(
        after < before + (1 << 20),
        "{}: the vault grew from {} to {} KiB",
        answer.status,
        before >> 10,
        after >> 10
    );
}

/// FACTS 0.13: "token growth can break IN lists".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_grows_too_long_is_no_defect_of_ours() {
    let world = World::start(Options::default()).await;
    let values: Vec<String> = (0..4000).map(|number| format!("'a{number}'")).collect();
    let soql = format!("SELECT+Id+FROM+Contact+WHERE+LastName+IN+({})", values.join(","));
    let answer = world.get("support", &format!("{SF}/query?q={soql}")).await;
    let entries: Vec<_> = world.entries();
    assert!(
        answer.status.is_success() || answer.status == StatusCode::URI_TOO_LONG,
        "a target of {} bytes: {answer:?}\n{:?}\n{}",
        soql.len(),
        entries.last(),
        String::from_utf8_lossy(&world.log()).lines().rev().take(3).collect::<Vec<_>>().join("\n")
    );
}
