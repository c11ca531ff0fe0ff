// SPDX-License-Identifier: Apache-2.0
//! Telephone numbers that leave as other numbers, and values that leave as hashes, through
//! the house.

use std::process::Stdio;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Options, World, zollhaus};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

fn changed(policy: &str) -> String {
    let fields = "
      Fon__c:      { category: phone, protect: format_preserving, shape: phone, search: [exact] }
      Fax__c:      { category: phone, protect: auto, shape: phone }
      Card__c:     { category: name, protect: tokenize, shape: card, search: [exact] }
      Account__c:  { category: name, protect: tokenize, shape: iban, search: [exact] }
      Badge__c:    { category: name, protect: hash, search: [folded] }
      LastName:";
    policy.replacen("\n      LastName:", fields, 1)
}

fn sent(world: &World) -> Value {
    let request = world.crm.requests().pop().expect("a request");
    serde_json::from_slice(&request.body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_and_hashes_leave_and_only_numbers_come_back() {
    let salesforce_policy: Option<fn(String) -> String> = Some(|policy| changed(&policy));
    let world = World::start(Options { salesforce_policy, ..Options::default() }).await;
    let anna = json!({
        "LastName": "Muster", "Fon__c": "+49 170 1234567", "Fax__c": "089/1234 ext. 5",
        "Badge__c": "AB-1234", "Card__c": "4111 1111 1111 1111",
        "Account__c": "DE89370400440532013000",
    });
    let created = world.post("support", CONTACTS, anna.to_string()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let stored = sent(&world);
    for (field, start, length) in [
        ("Fon__c", "+999", 27),
        ("Fax__c", "+999", 15),
        ("Card__c", "9999", 16),
        ("Account__c", "ZZ", 22),
        ("Badge__c", "zhk", 20),
    ] {
        let text = stored[field].as_str().expect("a text");
        assert!(text.starts_with(start) && text.len() == length, "{text}");
    }
    let transfer = world.entries().into_iter().find(|entry| entry["kind"] == "transfer");
    let fields = transfer.expect("a transfer")["fields"].to_string();
    for protection in ["format_preserving", "tokenize", "hash"] {
        assert!(fields.contains(&format!(r#""protection":"{protection}""#)), "{fields}");
    }

    let id = created.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("{CONTACTS}/{id}");
    let read = world.get("support", &path).await.json();
    for field in ["Fon__c", "Fax__c", "Card__c", "Account__c"] {
        assert_eq!(read[field], anna[field]);
        assert_eq!(world.get("analyst", &path).await.json()[field], stored[field]);
    }
    assert_eq!(read["Badge__c"], stored["Badge__c"]);
    // What they were shown, both write back.
    for (caller, shown) in [("support", &read), ("analyst", &stored)] {
        let back = json!({ "Fon__c": shown["Fon__c"], "Fax__c": shown["Fax__c"],
            "Badge__c": shown["Badge__c"], "Card__c": shown["Card__c"],
            "Account__c": shown["Account__c"] });
        let updated = world.send(caller, Method::PATCH, &path, back.to_string()).await;
        assert_eq!(updated.status, StatusCode::NO_CONTENT, "{updated:?}");
        for field in ["Fon__c", "Fax__c", "Badge__c", "Card__c", "Account__c"] {
            assert_eq!(sent(&world)[field], stored[field]);
        }
    }

    let query = |condition: &str| {
        format!("/sf/services/data/v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+{condition}")
    };
    for condition in [
        "Fon__c='%2B49+170+1234567'",
        "Fax__c='089/1234+ext.+5'",
        "Badge__c='ab-1234'",
        "Card__c='4111+1111+1111+1111'",
        "Account__c='de89370400440532013000'",
    ] {
        let found = world.get("support", &query(condition)).await;
        assert_eq!(found.json()["records"][0]["Id"], id, "{condition}: {found:?}");
    }
    let made_up = json!({ "LastName": "Muster", "Fon__c": "+99912345678901234567" }).to_string();
    let refused = world.post("support", CONTACTS, made_up).await;
    assert_eq!(refused.refusal(), Some("unprotectable_value"), "{refused:?}");
    for condition in ["Fon__c+LIKE+'%2B49%25'", "Badge__c+LIKE+'a%25'"] {
        let refused = world.get("support", &query(condition)).await;
        assert_eq!(refused.refusal(), Some("operator_unsupported"), "{condition}: {refused:?}");
    }

    // Without the key that made them, no filter would find what stands there.
    let keys = |arguments: &str| {
        let mut command = zollhaus();
        command.arg("keys").args(arguments.split(' ')).arg("--config").arg(world.config());
        command.stderr(Stdio::piped()).output().expect("it runs")
    };
    assert!(keys("rotate --purpose token_mac").status.success());
    let destroy = "destroy --purpose token_mac --version 1";
    for (arguments, expected) in [
        (destroy.to_owned(), "say so with `--hashed-values-are-lost`"),
        (format!("{destroy} --hashed-values-are-lost"), "needed by 4 tokens"),
    ] {
        let output = keys(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{said}");
    }
}
