// SPDX-License-Identifier: Apache-2.0
//! Uploads and results of bulk jobs that are longer than what may be in memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use zollhaus::demo::crm::Fault;

use crate::border;
use crate::bulk::{house_of_swiss, of_kind, order, text, upload};
use crate::world::{Answer, Options, World};

/// Bodies are longer than what may be in memory of all.
const LIMITS: &str =
    "limits: { max_body_bytes: 64KiB, max_buffered_bytes: 2MiB, max_rows_bytes: 16MiB }";
const ROWS: usize = 2_500;

fn contact(number: usize) -> String {
    // What compresses well is a bomb.
    let words =
        (1..140).map(|at| format!("{:x}", (number * 256 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let long: String = words.collect();
    format!("\"Muster, {number}\",anna.{number}@example.org,DE,{long:.2000},{number}\n")
}

fn contacts() -> String {
    let mut rows = "LastName,Email,MailingCountryCode,Description,LeadSource\n".to_owned();
    (0..ROWS).for_each(|number| rows.push_str(&contact(number)));
    rows
}

async fn contact_job(world: &World) -> String {
    order(world, "ingest", json!({ "object": "Contact", "operation": "insert" })).await
}

async fn close(world: &World, job: &str) {
    let close = json!({ "state": "UploadComplete" }).to_string();
    let closed = world.send("support", Method::PATCH, job, close).await;
    assert_eq!(closed.status, StatusCode::OK, "{closed:?}");
}

/// How often a field was sealed, as the log says.
fn sealed(transfer: &[Value], field: &str) -> u64 {
    let fields = transfer.iter().flat_map(|entry| entry["fields"].as_array().expect("a list"));
    let own = fields.filter(|it| it["field"] == field && it["protection"] != "none");
    own.map(|it| it["count"].as_u64().expect("a number")).sum()
}

/// The rows behind the first, without the columns that the CRM adds, in order.
fn rows_of(results: &str) -> Vec<String> {
    let rows = results.lines().skip(1).map(|row| {
        let row = row.replace("\",\"", "\u{1f}").replace('"', "");
        row.rsplit('\u{1f}').take(5).collect::<Vec<_>>().join("|")
    });
    let mut rows: Vec<String> = rows.collect();
    rows.sort_unstable();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_any_number_pass_in_bounded_memory() {
    let world = World::start(Options { settings: LIMITS.to_owned(), ..Options::default() }).await;
    let job = contact_job(&world).await;
    let rows = contacts();
    assert!(rows.len() > 4 << 20);
    let sent = upload(&world, &job, &rows).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");

    let left = world.crm.requests().pop().expect("the upload");
    let body = String::from_utf8(left.body.to_vec()).expect("text");
    assert_eq!(left.headers["content-length"], body.len().to_string().as_str());
    assert_eq!((body.lines().count(), body.matches("LastName").count()), (ROWS + 1, 1));
    assert!(!body.contains("Muster") && !body.contains("example.org"));
    assert!(
        body.starts_with("LastName,Email,MailingCountryCode,Description,LeadSource\n"),
        "{body:.200}"
    );
    // What is clear stays where it is, in its row.
    let told: Vec<_> = body.lines().skip(1).map(|row| row.rsplit(',').next()).collect();
    let meant: Vec<_> = rows.lines().skip(1).map(|row| row.rsplit(',').next()).collect();
    assert!(told == meant);
    let transfer = of_kind(&world, "transfer");
    let transfer: Vec<Value> =
        transfer.into_iter().filter(|it| it["operation"] == "bulk.ingest.upload").collect();
    let all = ROWS as u64;
    assert_eq!((sealed(&transfer, "lastname"), sealed(&transfer, "email")), (all, all));

    close(&world, &job).await;
    let results = format!("{job}/successfulResults");
    let opened = text(&world.get("support", &results).await);
    assert!(opened.len() > rows.len() && opened.matches("LastName").count() == 1);
    let mut meant = String::from("\n");
    for number in 0..ROWS {
        let row = contact(number).replace('"', "").replacen(", ", "\u{1e}", 1);
        let row = row.replace(',', "\",\"").replace('\u{1e}', ", ");
        writeln!(meant, "\"{}\"", row.trim_end()).expect("a text");
    }
    assert!(rows_of(&opened) == rows_of(&meant));
    assert_eq!(revealed(&world, "email"), all);
    let hidden = text(&world.get("analyst", &results).await);
    assert!(!hidden.contains("Muster") && !hidden.contains("example.org"));
    assert_eq!(hidden.lines().count(), ROWS + 1);
    let metrics = world.admin("/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    for free in ["zollhaus_buffered_bytes 0\n", "zollhaus_spooled_bytes 0\n"] {
        assert!(metrics.contains(free), "{metrics}");
    }
}

/// How often a field was shown by the last answer, as the log says.
fn revealed(world: &World, field: &str) -> u64 {
    let outcomes = of_kind(world, "outcome");
    let last = outcomes.last().expect("an outcome")["id"].clone();
    let reveals = outcomes.iter().filter(|entry| entry["id"] == last);
    let reveals = reveals.filter_map(|entry| entry["reveals"].as_array()).flatten();
    let own: Vec<_> = reveals.filter(|it| it["field"] == field).collect();
    assert_eq!(own.len(), 1, "pieces are counted as one: {own:?}");
    own[0]["count"].as_u64().expect("a number")
}

fn uploads(world: &World) -> usize {
    world.crm.requests().iter().filter(|request| request.method == Method::PUT).count()
}

fn refused_with(answer: &Answer, code: &str) {
    assert_eq!(answer.refusal(), Some(code), "{answer:?}");
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!body.contains("Muster") && !body.contains("example.org"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaves_of_rows_that_are_refused_further_down() {
    let world = World::start(Options { settings: LIMITS.to_owned(), ..Options::default() }).await;
    let job = contact_job(&world).await;
    let rows = contacts();
    let narrow = upload(&world, &job, &format!("{rows}Muster,3\n")).await;
    refused_with(&narrow, "unparseable");
    let message = narrow.json()[0]["message"].as_str().expect("a text").to_owned();
    let words: Vec<&str> = message.split(|at: char| !at.is_ascii_alphanumeric()).collect();
    let numbers: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let [row, first, 2] = numbers[..] else { panic!("{message}") };
    assert_eq!(first + row - 2, ROWS + 2, "{message}");
    refused_with(&upload(&world, &job, &format!("{rows}\"Muster")).await, "unparseable");
    let long = "x".repeat(70 << 10);
    refused_with(&upload(&world, &job, &format!("{rows}Muster,,,{long},\n")).await, "too_large");
    assert_eq!(uploads(&world), 0);
    // Entries with many data subjects are written as several.
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for entry in of_kind(&world, "refused") {
        let subjects = entry["subjects"].as_array().map_or(0, Vec::len);
        *refused.entry(entry["id"].to_string()).or_default() += subjects;
    }
    let told: Vec<bool> = refused.values().map(|subjects| *subjects > ROWS - 100).collect();
    assert_eq!(told, [true; 3], "{refused:?}");
    let sent = upload(&world, &job, &rows).await;
    assert_eq!((sent.status, uploads(&world)), (StatusCode::CREATED, 1), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_that_long_bodies_take_is_bounded() {
    let settings = LIMITS.replace(" }", ", max_spooled_bytes: 1MiB }");
    let world = World::start(Options { settings, ..Options::default() }).await;
    let job = contact_job(&world).await;
    let answer = upload(&world, &job, &contacts()).await;
    refused_with(&answer, "overloaded");
    assert_eq!((answer.status, uploads(&world)), (StatusCode::SERVICE_UNAVAILABLE, 0));
}

/// A value of the last piece stands in a header field.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn header_fields_that_repeat_any_row_do_not_leave() {
    let world = World::start(Options { settings: LIMITS.to_owned(), ..Options::default() }).await;
    let job = contact_job(&world).await;
    let last = ROWS - 1;
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("http://{}{job}/batches", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer 00Dxx!session")
        .header("tracestate", format!("row=anna.{last}@example.org"))
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("content-type", "text/csv");
    let request = request.body(Full::new(contacts().into())).expect("a request");
    let sent = world.send_request(request).await.expect("an answer");
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
    let left = world.crm.requests().pop().expect("the upload");
    assert!(left.headers.contains_key("traceparent"));
    assert!(!left.headers.contains_key("tracestate"), "{:?}", left.headers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_any_piece_fail_alone() {
    let options = Options { settings: LIMITS.to_owned(), ..house_of_swiss() };
    let mut world = World::start(options).await;
    let job = contact_job(&world).await;
    // Swiss are the first piece, some of the next ones, and the last row.
    let is_swiss = |number: usize| number < 40 || number.is_multiple_of(200) || number == ROWS - 1;
    let mut rows = "LastName,Email,MailingCountryCode,Description,LeadSource\n".to_owned();
    for number in 0..ROWS {
        let row = contact(number);
        rows.push_str(&if is_swiss(number) { row.replace(",DE,", ",CH,") } else { row });
    }
    let swiss = (0..ROWS).filter(|number| is_swiss(*number)).count();
    let sent = upload(&world, &job, &rows).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
    let left = world.crm.requests().pop().expect("the upload");
    let left = String::from_utf8_lossy(&left.body).into_owned();
    assert_eq!(left.lines().count(), 1 + ROWS - swiss);
    assert_eq!((left.matches(",CH,").count(), left.matches("LastName").count()), (0, 1));
    let refusals = of_kind(&world, "refused");
    assert_eq!(refusals[0]["records"], json!(swiss), "{}", refusals[0]);
    assert_eq!(refusals[0]["rules"], json!(["house/no-transfer-of-swiss"]));

    world.kill();
    world.run();
    close(&world, &job).await;
    let told = world.get("support", &job).await.json();
    assert_eq!(told["numberRecordsFailed"], json!(swiss), "{told}");
    let failed = text(&world.get("support", &format!("{job}/failedResults")).await);
    assert_eq!((failed.matches(",CH,").count(), failed.lines().count()), (swiss, swiss + 1));
    assert!(failed.contains(&format!("Muster, {}", ROWS - 1)), "{failed:.500}");

    // What was left out is read within the same bounds as any body.
    world.kill();
    let config = std::fs::read_to_string(world.config()).expect("a configuration");
    let narrow = config.replace("max_buffered_bytes: 2MiB", "max_buffered_bytes: 64KiB");
    std::fs::write(world.config(), narrow).expect("a configuration");
    world.run();
    refused_with(&world.get("support", &job).await, "overloaded");
    world.kill();
    std::fs::write(world.config(), config).expect("a configuration");
    world.run();

    let only_swiss = rows.lines().filter(|row| !row.contains(",DE,"));
    let only_swiss: String = only_swiss.map(|row| format!("{row}\n")).collect();
    let job = contact_job(&world).await;
    let before = uploads(&world);
    let answer = upload(&world, &job, &only_swiss).await;
    refused_with(&answer, "transfer_refused");
    assert_eq!(uploads(&world), before);
}

/// The CRM says so when it is asked about the job, long before the caller has sent all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_has_ended_is_heard_of_by_a_caller_who_reads_once_all_is_sent() {
    let world = World::start(Options { settings: LIMITS.to_owned(), ..Options::default() }).await;
    let job = contact_job(&world).await;
    world.crm.set_fault(Fault::Status(StatusCode::UNAUTHORIZED));
    let rows = contacts().repeat(3);
    let head = format!(
        "PUT {job}/batches HTTP/1.1\r\nHost: {}\r\nZollhaus-Key: {}\r\n\
         Authorization: Bearer 00Dxx!session\r\nContent-Type: text/csv\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        world.address(),
        world.key("support"),
        rows.len()
    );
    let mut stream = TcpStream::connect(world.address()).await.expect("a connection");
    stream.write_all(head.as_bytes()).await.expect("the head is taken");
    stream.write_all(rows.as_bytes()).await.expect("all rows are taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(uploads(&world), 0);
}

/// Some pieces hold no others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_belong_elsewhere_fail_alone_wherever_pieces_end() {
    let options = border::options();
    let world = World::start(Options { settings: LIMITS.to_owned(), ..options }).await;
    let job = contact_job(&world).await;
    let is_french = |number: usize| (100..200).contains(&number) || number == ROWS - 1;
    let mut rows = "LastName,Email,MailingCountryCode,Description,LeadSource\n".to_owned();
    for number in 0..ROWS {
        let row = contact(number);
        rows.push_str(&if is_french(number) { row.replace(",DE,", ",FR,") } else { row });
    }
    let french = (0..ROWS).filter(|number| is_french(*number)).count();
    let sent = upload(&world, &job, &rows).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
    let left = world.crm.requests().pop().expect("the upload");
    let left = String::from_utf8_lossy(&left.body).into_owned();
    assert_eq!((left.lines().count(), left.matches(",FR,").count()), (1 + ROWS - french, 0));
    assert_eq!(of_kind(&world, "refused")[0]["records"], json!(french));
}
