// SPDX-License-Identifier: Apache-2.0
//! The tour past a paper proxy, which does right or has one flaw.

mod paper_proxy;

use super::*;
use crate::demo::crm::CrmOptions;
use paper_proxy::{Flaw, PaperProxy};

async fn tour(flaw: Flaw, has_colour: bool) -> (Report, String) {
    let crm = SampleCrm::start(CrmOptions::default()).await.unwrap();
    let proxy = PaperProxy::start(crm.origin().to_owned(), flaw).await;
    let world = World {
        salesforce: proxy.origin(),
        hubspot: proxy.origin(),
        crm,
        callers: CallerKeys {
            support: "support".to_owned(),
            marketing: "marketing".to_owned(),
            analyst: "analyst".to_owned(),
        },
        log: Box::new(proxy),
    };
    let mut printed = Vec::new();
    let mut screen = Screen::new(&mut printed, 100, has_colour);
    let report = play(&world, &mut screen).await.unwrap();
    invite(&world, &mut screen).unwrap();
    (report, String::from_utf8(printed).unwrap())
}

#[tokio::test]
async fn every_step_holds() {
    let (report, printed) = tour(Flaw::None, false).await;
    assert!(report.passed(), "{report:#?}");
    assert!(printed.contains("All 12 steps went as they should"), "{printed}");
    let (pages, _) = printed.split_once("now it is your turn").unwrap();
    let widest = pages.lines().map(|line| line.chars().count()).max();
    assert_eq!(widest, Some(100), "{pages}");
    assert!(!printed.contains('\u{1b}'), "colours are for terminals");
    assert!(tour(Flaw::None, true).await.1.contains('\u{1b}'));
}

#[tokio::test]
async fn flaws_are_found() {
    let check = async |flaw: Flaw, expected: &[(usize, &str)]| {
        let (report, printed) = tour(flaw, false).await;
        assert!(!report.passed());
        assert!(printed.contains("The tour did not go as it should"));
        for (step, difference) in expected {
            let found = &report.steps[step - 1].differences;
            assert!(found.iter().any(|text| text.contains(difference)), "{step}: {found:#?}");
        }
    };
    let clear = "the CRM saw no protected value in the clear: it saw";
    let stored = "`Phone` is stored in the clear";
    check(Flaw::SealsNothing, &[(1, clear), (2, clear), (6, clear), (7, clear), (9, stored)]).await;
    check(
        Flaw::OpensForEveryone,
        &[
            (4, "marketing sees Email masked: it saw"),
            (4, "marketing sees only surrogates of FirstName"),
            (5, "analyst sees only surrogates of FirstName"),
            (5, "analyst sees no protected value in the clear"),
            (8, "marketing sees email masked"),
        ],
    )
    .await;
    check(
        Flaw::OpensForNobody,
        &[(3, "support sees Name in full"), (4, "it saw the surrogate"), (6, "support sees email")],
    )
    .await;
    let forwarded = "nothing reached the CRM: 1 requests";
    let code = "the refusal's code is `operator_unsupported`";
    check(Flaw::RefusesNothing, &[(11, forwarded), (11, code), (12, forwarded)]).await;
    let no_transfer = "the log has the transfer and its outcome: there is no transfer";
    let not_logged = "the log says that FirstName";
    check(Flaw::LogsNothing, &[(1, no_transfer), (1, not_logged), (11, "the log has the refusal")])
        .await;
    check(Flaw::LogsValues, &[(1, "the log holds no protected value")]).await;
    check(Flaw::ForwardsNothing, &[(1, "nothing reached the CRM"), (1, "`Email` is not stored")])
        .await;
}

#[test]
fn texts_are_wrapped() {
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(screen::wrap(text, 8), expected, "{text}");
    };
    check("", &[""]);
    check("one two three", &["one two", "three"]);
    check("12345678 9", &["12345678", "9"]);
    check("1234567890äöü", &["12345678", "90äöü"]);
    check("ab 1234567890", &["ab 12345", "67890"]);
    check("ab 12345678", &["ab", "12345678"]);
    check("a,b,cdefgh", &["a,b,", "cdefgh"]);
}

#[test]
fn a_log_file_has_an_end() {
    let name = format!("zollhaus-tour-{}.jsonl", std::process::id());
    let tail = LogFile(std::env::temp_dir().join(name));
    std::fs::write(&tail.0, "{\"old\":1}\n").unwrap();
    let mark = tail.mark().unwrap();
    std::fs::write(&tail.0, "{\"old\":1}\n{\"new\":1}\n{\"new\":2}\n").unwrap();
    assert_eq!(tail.since(mark).unwrap(), ["{\"new\":1}", "{\"new\":2}"]);
    std::fs::remove_file(&tail.0).unwrap();
    assert!(tail.mark().is_err());
}
