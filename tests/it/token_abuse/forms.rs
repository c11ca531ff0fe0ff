// SPDX-License-Identifier: Apache-2.0
//! What surrogates look like, and what looks like them.

use std::fs;
use std::process::Stdio;

use serde_json::json;

use super::{alarms, create, read, stored, tokens_of_others};
use crate::world::{Options, World, zollhaus};

/// The digits of Crockford's base32, in which the 80 bits of a token are written.
const DIGITS: &str = "0123456789abcdefghjkmnpqrstvwxyz";

#[tokio::test]
async fn tokens_tell_no_order() {
    let tokens = tokens_of_others((0..1_000).map(|number| format!("customer {number}"))).await;
    let bits = |token: &String| -> u128 {
        let digits = token[3..19].chars().map(|digit| DIGITS.find(digit).expect("a digit"));
        digits.fold(0, |bits, digit| bits << 5 | digit as u128)
    };
    let numbers: Vec<u128> = tokens.iter().map(bits).collect();
    let count = f64::from(u32::try_from(numbers.len()).expect("a thousand"));
    let mut sorted: Vec<(u128, u32)> = numbers.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    // Spearman's rank correlation with the order in which they were made: its standard
    // deviation is 1/√999.
    let distances = sorted
        .iter()
        .zip(0_u32..)
        .map(|((_, made), rank)| (f64::from(*made) - f64::from(rank)).powi(2));
    let correlation = 1.0 - 6.0 * distances.sum::<f64>() / (count * (count * count - 1.0));
    assert!(correlation.abs() < 5.0 / 999_f64.sqrt(), "{correlation}");
    // The frequency test of NIST SP 800-22, and one of each bit.
    let ones: u32 = numbers.iter().map(|number| number.count_ones()).sum();
    let all = count * 80.0;
    assert!((2.0 * f64::from(ones) - all).abs() < 5.0 * all.sqrt(), "{ones}");
    for bit in 0..80 {
        let ones: u32 = numbers.iter().map(|number| (number >> bit & 1) as u32).sum();
        let ones = f64::from(ones);
        assert!((2.0 * ones - count).abs() < 6.0 * count.sqrt(), "bit {bit}: {ones}");
    }
    // Neighbours have no more in common than chance gives them: 20 bits, not 48.
    assert!(sorted.windows(2).all(|two| (two[0].0 ^ two[1].0) >> 32 != 0), "a long prefix");
}

#[tokio::test]
async fn tokens_of_all_lengths_have_one_length() {
    let values = [1, 10, 100, 1_000].map(|length| "x".repeat(length));
    let tokens = tokens_of_others(values.into_iter()).await;
    assert!(tokens.iter().all(|token| token.len() == 20), "{tokens:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variant_is_the_same_token_or_a_text() {
    let world = World::start(Options::default()).await;
    create(&world, json!({ "LastName": "Muster" })).await;
    let token = stored(&world, "LastName");
    let wide = |text: &str| -> String {
        text.chars().filter_map(|it| char::from_u32(u32::from(it) + 0xfee0)).collect()
    };
    let percent: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    // Letter case and space around do not matter: docs/POLICY.md.
    for variant in [token.to_uppercase(), format!(" {token} ")] {
        let id = create(&world, json!({ "LastName": variant })).await;
        assert_eq!(read(&world, "support", &id).await["LastName"], "Muster", "{variant}");
    }
    for variant in [
        wide(&token),
        percent,
        token.replacen('z', "z ", 1),
        token[1..].to_owned(),
        token[..19].to_owned(),
        format!("{token}0"),
        format!("0{token}"),
        format!("{token}{token}"),
    ] {
        let id = create(&world, json!({ "LastName": variant })).await;
        assert_eq!(read(&world, "support", &id).await["LastName"], variant.as_str());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_looks_like_a_token_is_a_value() {
    let world = World::start(Options::default()).await;
    let other = tokens_of_others(std::iter::once("Muster".to_owned())).await.remove(0);
    create(&world, json!({ "LastName": "Muster" })).await;
    let own = stored(&world, "LastName");
    let id = create(&world, json!({ "LastName": other })).await;
    assert_ne!(stored(&world, "LastName"), other, "it is protected as any text");
    assert_eq!(read(&world, "support", &id).await["LastName"], other.as_str());
    assert_eq!(alarms(&world, "unknown").await, 1);
    let id = create(&world, json!({ "LastName": own })).await;
    assert_eq!(stored(&world, "LastName"), own, "it is kept");
    assert_eq!(read(&world, "support", &id).await["LastName"], "Muster");
    assert_eq!(alarms(&world, "unknown").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_few_values_and_small_domains_are_refused() {
    let world = World::start(Options::default()).await;
    let file = world.folder.join("policies/salesforce.yaml");
    let policy = fs::read_to_string(&file).expect("a policy");
    let check = |field: &str| {
        let changed =
            policy.replacen("\n      LastName:", &format!("\n      {field}\n      LastName:"), 1);
        fs::write(&file, changed).expect("it can be written");
        let mut check = zollhaus();
        check.args(["check", "--config"]).arg(world.config()).stderr(Stdio::piped());
        let output = check.output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    // Truth values are refused when they come: no surrogate stands for one.
    for name in ["Gender__c", "MailingCountry", "Home_Post_Code__c"] {
        let (is_sound, said) = check(&format!("{name}: {{ category: name, protect: tokenize }}"));
        assert!(!is_sound && said.contains("error[ZH0410]"), "{name}: {said}");
    }
    let accepted = "Gender__c: { category: name, protect: tokenize, few_values: accepted }";
    assert!(check(accepted).0);
    for name in ["Pin__c", "OtherCity2__c"] {
        let field = format!("{name}: {{ category: name, protect: format_preserving }}");
        let (is_sound, said) = check(&field);
        assert!(!is_sound && said.contains("error[ZH0403]"), "{said}");
    }
}
