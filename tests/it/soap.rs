// SPDX-License-Identifier: Apache-2.0
//! Salesforce's SOAP API through the house.

use http::{Method, Request, StatusCode};
use http_body_util::Full;

use crate::world::{Answer, Options, World};

const PARTNER: &str = "/sf/services/Soap/u/62.0/00DWV0000000001";

async fn call(world: &World, caller: &str, head: &str, call: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/\
         soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\" \
         xmlns:s=\"urn:sobject.partner.soap.sforce.com\"><e:Header><SessionHeader><sessionId>00D!x\
         </sessionId></SessionHeader>{head}</e:Header><e:Body>{call}</e:Body></e:Envelope>"
    );
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}{PARTNER}", world.address()))
        .header("zollhaus-key", world.key(caller))
        .header("content-type", "text/xml; charset=UTF-8")
        .header("soapaction", "\"\"");
    let request = request.body(Full::new(body.into())).expect("a sound request");
    world.send_request(request).await.expect("an answer")
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn record(fields: &str) -> String {
    format!("<sObjects><s:type>Contact</s:type>{fields}</sObjects>")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_sealed_on_their_way_out_and_opened_by_role() {
    let world = World::start(Options::default()).await;
    let create = format!(
        "<create>{}{}</create>",
        record(
            "<s:LastName>O&apos;Muster &lt;Zo&#235;&gt;</s:LastName><s:Email>zoe@example.org</s:Email>"
        ),
        record("<s:FirstName>Namenlos</s:FirstName>")
    );
    let made = call(&world, "support", "", &create).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let made = text(&made);
    assert_eq!(made.matches("<success>true</success>").count(), 1, "{made}");
    assert!(made.contains("REQUIRED_FIELD_MISSING"), "{made}");
    let sent = world.crm.requests().pop().expect("the call");
    let sent = String::from_utf8_lossy(&sent.body).into_owned();
    assert!(sent.contains("<s:LastName>zh") && sent.contains("<sessionId>00D!x"), "{sent}");

    let query = "<query><queryString>SELECT Id, LastName, Email, Name FROM Contact WHERE Email = \
        &apos;ZOE@example.org&apos;</queryString></query>";
    let full = call(&world, "support", "", query).await;
    assert_eq!(full.headers["cache-control"], "no-store");
    let full = text(&full);
    assert!(full.contains("<sf:LastName>O&apos;Muster &lt;Zoë&gt;</sf:LastName>"), "{full}");
    assert!(full.contains("<sf:Email>zoe@example.org</sf:Email>"), "{full}");
    let hidden = text(&call(&world, "analyst", "", query).await);
    assert!(hidden.contains("<sf:Email>zht") && !hidden.contains("Muster"), "{hidden}");

    let upsert = format!(
        "<upsert><externalIDFieldName>Email</externalIDFieldName>{}</upsert>",
        record("<s:Email>Zoe@example.org</s:Email><s:LastName>Neumuster</s:LastName>")
    );
    let made = text(&call(&world, "support", "", &upsert).await);
    assert!(made.contains("<created>false</created>"), "{made}");
    for request in world.crm.requests() {
        let sent = String::from_utf8_lossy(&request.body).to_lowercase();
        for value in ["muster", "zoe", "zo&#235;", "namenlos"] {
            assert!(!sent.contains(value), "{sent}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_understood_is_refused_by_a_fault() {
    let world = World::start(Options::default()).await;
    let check = async |head: &str, text_of_call: &str, code: &str, refusal: &str| {
        let refused = call(&world, "support", head, text_of_call).await;
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR, "{refused:?}");
        assert_eq!(refused.refusal(), Some(refusal));
        assert!(refused.headers["content-type"].to_str().expect("a type").starts_with("text/xml"));
        let text = text(&refused);
        assert!(text.contains(&format!("<sf:exceptionCode>{code}</sf:exceptionCode>")), "{text}");
        assert!(!text.contains("Anna"), "{text}");
    };
    let like = "<query><queryString>SELECT Id FROM Contact WHERE LastName LIKE 'Anna%'</queryString></query>";
    check("", like, "INVALID_FIELD", "operator_unsupported").await;
    check(
        "",
        "<sendEmail><messages>Anna</messages></sendEmail>",
        "FUNCTIONALITY_NOT_ENABLED",
        "unknown_operation",
    )
    .await;
    let cut = "<AllowFieldTruncationHeader><allowFieldTruncation>true</allowFieldTruncation>\
        </AllowFieldTruncationHeader>";
    check(cut, "<logout/>", "INVALID_OPERATION", "unparseable").await;
    let twice =
        format!("<create>{}</create>", record("<s:Email>Anna</s:Email><s:email>Anna</s:email>"));
    check("", &twice, "INVALID_OPERATION", "unparseable").await;
    assert!(world.crm.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_law_holds_for_each_record_of_a_call() {
    let world = crate::border::world().await;
    let of = |country: &str, name: &str| {
        let fields = format!(
            "<s:LastName>{name}</s:LastName><s:MailingCountryCode>{country}</s:MailingCountryCode>"
        );
        record(&fields)
    };
    let create = format!("<create>{}{}</create>", of("CH", "Tell"), of("DE", "Muster"));
    let made = call(&world, "support", "", &create).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let made = text(&made);
    let (refused, taken) = (made.find("INSUFFICIENT_ACCESS"), made.find("<success>true</success>"));
    assert!(refused.is_some() && refused < taken, "{made}");
    let sent = world.crm.requests().pop().expect("the call");
    let sent = String::from_utf8_lossy(&sent.body).into_owned();
    assert_eq!(sent.matches("<sObjects>").count(), 1, "{sent}");

    // The session in the envelope is not for the upstream that the record belongs to.
    let before = world.crm.request_count();
    let create = format!("<create>{}</create>", of("FR", "Dupont"));
    let refused = call(&world, "support", "", &create).await;
    assert_eq!(refused.refusal(), Some("transfer_refused"), "{refused:?}");
    assert!(text(&refused).contains("the credential in its body is for another upstream"));
    assert_eq!(world.crm.request_count(), before);
}
