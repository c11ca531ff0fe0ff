// SPDX-License-Identifier: Apache-2.0
//! Callers who guess, enumerate, repeat themselves or were revoked.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use zollhaus::demo::crm::Fault;

use super::answers::{before_stand_in, tell};
use super::{SF, alarms, create, read, tokens_of_others};
use crate::world::{Options, World, zollhaus};

const GUESSES: usize = 100_000;
/// Rows of an answer.
const PAGE: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessed_tokens_open_nothing_and_raise_an_alarm() {
    let (mut world, _crm, next) = before_stand_in().await;
    create(&world, json!({ "LastName": "Muster" })).await;
    world.kill();
    let config = fs::read_to_string(world.config()).expect("a configuration");
    let rate = "callers:\n  rate: { per_second: 10, burst: 20 }";
    fs::write(world.config(), config.replacen("callers:", rate, 1)).expect("it can be written");
    world.run();

    let guesses = tokens_of_others((0..GUESSES).map(|number| number.to_string())).await;
    let mut slowed = 0;
    for guesses in guesses.chunks(PAGE) {
        let record =
            |guess: &String| json!({ "attributes": { "type": "Contact" }, "LastName": guess });
        let records: Vec<Value> = guesses.iter().map(record).collect();
        let page = json!({ "totalSize": records.len(), "done": true, "records": records });
        tell(&next, "200 OK", "Content-Type: application/json", page.to_string());
        let path = "/st/services/data/v62.0/query?q=SELECT+LastName+FROM+Contact";
        let answer = loop {
            let answer = world.get("support", path).await;
            if answer.status != StatusCode::TOO_MANY_REQUESTS {
                break answer;
            }
            assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
            slowed += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert_eq!(answer.json(), page, "one was opened");
    }
    assert_eq!(alarms(&world, "unknown").await, GUESSES);
    assert_eq!(alarms(&world, "moved").await, 0);
    let log = String::from_utf8_lossy(&world.log()).into_owned();
    let lines = log.lines().filter(|line| line.contains("\"alarm\":\"unknown\"")).count();
    assert_eq!(lines, GUESSES / PAGE, "once for each request");
    eprintln!("token abuse: {slowed} requests were told to wait");
    let path = format!("{SF}/limits");
    let limited = (0..40).map(|_| world.get("support", &path));
    let limited = futures_util::future::join_all(limited).await;
    assert!(limited.iter().any(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS));
}

fn with_poison(policy: &str) -> String {
    let rule = "email:     { reveal: { support: full, marketing: mask }";
    let changed = policy.replacen(rule, &format!("{rule}, poison: [lena.trap@corp.example]"), 1);
    assert_ne!(changed, policy);
    changed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_value_raises_an_alarm_when_it_is_shown() {
    let options =
        Options { salesforce_policy: Some(|policy| with_poison(&policy)), ..Options::default() };
    let world = World::start(options).await;
    for number in 0..5 {
        let email = format!("anna{number}@corp.example");
        create(&world, json!({ "LastName": "Muster", "Email": email })).await;
    }
    let trap =
        create(&world, json!({ "LastName": "Trap", "Email": "lena.trap@corp.example" })).await;
    let query = "SELECT+Id,Email+FROM+Contact+WHERE+LastName='Muster'";
    let table = world.get("support", &format!("{SF}/query?q={query}")).await;
    assert_eq!(table.json()["records"].as_array().expect("records").len(), 5);
    read(&world, "analyst", &trap).await;
    assert_eq!(alarms(&world, "poison").await, 0, "nobody was shown it");
    for (caller, count) in [("support", 1), ("marketing", 2)] {
        read(&world, caller, &trap).await;
        assert_eq!(alarms(&world, "poison").await, count);
    }
    let log = String::from_utf8_lossy(&world.log()).into_owned();
    assert_eq!(log.matches("\"alarm\":\"poison\"").count(), 2, "{log}");
    assert!(!log.contains("lena.trap"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_revoked_is_refused_at_once() {
    let world = World::start(Options::default()).await;
    let id = create(&world, json!({ "LastName": "Muster" })).await;
    world.crm.set_fault(Fault::Slow(Duration::from_secs(2)));
    let before = world.crm.request_count();
    let running = read(&world, "analyst", &id);
    let revoke = async {
        world.until("it is under way", async |world| world.crm.request_count() > before).await;
        let file = world.folder.join("zollhaus.callers");
        let callers = fs::read_to_string(&file).expect("callers");
        let others = callers.lines().filter(|line| !line.contains("\"analyst\""));
        let others: String = others.map(|line| format!("{line}\n")).collect();
        assert_ne!(others, callers);
        fs::write(&file, others).expect("it can be written");
        world.signal("-HUP");
        let path = format!("{SF}/limits");
        let refused = async |world: &World| world.get("analyst", &path).await.refusal().is_some();
        world.until("it is refused", refused).await;
        world.crm.set_fault(Fault::None);
        assert_eq!(read(&world, "support", &id).await["LastName"], "Muster", "others are not");
    };
    // What is under way has been recorded, and ends within `timeouts.total`.
    let (_, ()) = futures_util::future::join(running, revoke).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_repeated_stores_nothing_twice() {
    let world = World::start(Options::default()).await;
    let tokens = || {
        let mut verify = zollhaus();
        verify.args(["vault", "verify", "--config"]).arg(world.config()).stderr(Stdio::piped());
        let output = verify.output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let contact = json!({ "LastName": "Muster", "Email": "anna@corp.example", "Phone": "4711" });
    create(&world, contact.clone()).await;
    let (first, sent) = (tokens(), world.crm.requests().pop().expect("a request").body);
    assert!(first.contains("verified: 3 tokens"), "{first}");
    create(&world, contact).await;
    assert_eq!(world.crm.requests().pop().expect("a request").body, sent);
    assert_eq!(tokens(), first);
}
