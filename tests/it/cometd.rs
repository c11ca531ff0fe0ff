// SPDX-License-Identifier: Apache-2.0
//! Events of Salesforce behind the house: a session by two cookies, and what its polls
//! bring.

use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::stand_in::{Reply, StandIn};
use crate::world::{Answer, Options, World};

const POLICY: &str = include_str!("../../policies/salesforce.yaml");

const HANDSHAKE: &str = r#"[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}]"#;
const CONNECT: &str =
    r#"[{"channel":"/meta/connect","clientId":"1a2b","connectionType":"long-polling"}]"#;

#[tokio::test]
async fn a_session_lives_and_its_events_are_opened() {
    let mut token = String::new();
    let salesforce = StandIn::replying(move |seen| {
        if seen.target.ends_with("/sobjects/Contact") {
            let stored: Value = serde_json::from_str(&seen.body).expect("a record");
            stored["LastName"].as_str().expect("a name").clone_into(&mut token);
            return Reply::json(r#"{"id":"003WV00000A1b2CYAR","success":true,"errors":[]}"#);
        }
        let event = json!({ "channel": "/data/ContactChangeEvent", "data": { "payload": {
            "Name": { "LastName": token },
            "ChangeEventHeader": { "entityName": "Contact", "recordIds": ["003WV00000A1b2CYAR"] } } } });
        let meta = json!({ "channel": "/meta/connect", "successful": true });
        let reply = Reply::json(json!([event, meta]).to_string());
        let cookies = "Set-Cookie: BAYEUX_BROWSER=9f2b-1d1p; Path=/cometd/62.0/; HttpOnly\r\n\
                       Set-Cookie: sid=00Dx!secret; Path=/\r\n";
        Reply { head: format!("{}{cookies}", reply.head), ..reply }
    })
    .await;
    let upstreams = format!(
        "  events:
    dialect: salesforce
    url: http://{}
    region: US
    match: {{ path_prefix: /ev }}
    policy: policies/further.yaml
",
        salesforce.address
    );
    let options = Options { upstreams, further_policy: POLICY, ..Options::default() };
    let world = World::start(options).await;

    let contact = json!({ "LastName": "Sonderbar" }).to_string();
    let path = "/ev/services/data/v62.0/sobjects/Contact";
    assert_eq!(world.post("support", path, contact).await.status, StatusCode::OK);
    assert!(!salesforce.last().1.contains("Sonderbar"));

    let shaken = ask(&world, "support", HANDSHAKE, "").await;
    let set: Vec<_> = shaken.headers.get_all("set-cookie").iter().collect();
    assert_eq!(set, ["BAYEUX_BROWSER=9f2b-1d1p; Path=/ev/cometd; HttpOnly"]);

    let polled = ask(&world, "support", CONNECT, "sid=x; BAYEUX_BROWSER=9f2b-1d1p; who=Anna").await;
    let head = salesforce.seen().pop().expect("a request").head;
    assert!(head.contains("BAYEUX_BROWSER=9f2b-1d1p"), "{head}");
    assert!(!head.contains("sid=") && !head.contains("Anna"), "{head}");
    let name = |answer: &Answer| answer.json()[0]["data"]["payload"]["Name"]["LastName"].clone();
    assert_eq!(name(&polled), "Sonderbar");
    let unseen = ask(&world, "analyst", CONNECT, "").await;
    assert!(name(&unseen).as_str().is_some_and(|name| name.starts_with("zht")), "{unseen:?}");
}

async fn ask(world: &World, caller: &str, body: &str, cookies: &str) -> Answer {
    let mut request = Request::post(format!("http://{}/ev/cometd/62.0/", world.address()))
        .header("zollhaus-key", world.key(caller))
        .header("authorization", "Bearer x")
        .header("content-type", "application/json");
    if !cookies.is_empty() {
        request = request.header("cookie", cookies);
    }
    let request = request.body(Full::from(body.to_owned())).expect("a sound request");
    world.send_request(request).await.expect("an answer")
}
