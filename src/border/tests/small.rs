// SPDX-License-Identifier: Apache-2.0
//! What the decision table does not ask: residence, reveal, and
//! what explanations say.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{
    Date, FieldName, Jurisdiction, ObjectName, PrincipalName, Region, Role, RuleName,
};
use crate::border::{
    Atlas, Basis, BasisKind, Border, Code, Condition, Finding, Law, Member, Otherwise, Phase,
    Places, RecordFacts, ResidenceRule, RevealRule, RuleInfo, Window,
};

const TODAY: Date = Date::from_days(20_454);

fn info(name: &str) -> Arc<RuleInfo> {
    Arc::new(RuleInfo { name: name.into(), cites: None, origin: None })
}

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn places(codes: &[&str]) -> Places {
    Places::these(codes.iter().map(|text| Member::of(code(text))).collect())
}

fn residence_rule(name: &str, when: Vec<Condition>, finding: Finding) -> ResidenceRule {
    ResidenceRule { rule: info(name), when, finding }
}

fn are(places: &[&str]) -> Finding {
    Finding::Are(places.iter().map(Jurisdiction::new).collect())
}

fn country(values: &[&str]) -> Condition {
    let values = values.iter().map(ToString::to_string).collect();
    Condition::Field { object: "contact".into(), field: "country".into(), values }
}

#[test]
fn the_first_rule_that_matches_tells_the_residence() {
    let code_in = Finding::CodeIn(vec![("contact".into(), "countrycode".into())]);
    let border = Border {
        residence: vec![
            residence_rule("h/code", vec![], code_in),
            residence_rule("h/name", vec![country(&["germany", "deutschland"])], are(&["DE"])),
            residence_rule("h/caller", vec![Condition::Caller(vec!["shop".into()])], are(&["FR"])),
            residence_rule("h/role", vec![Condition::Role(vec!["au".into()])], are(&["AU", "NZ"])),
            residence_rule(
                "h/here",
                vec![Condition::CallerRegion(places(&["US"]))],
                are(&["US-CA"]),
            ),
            residence_rule("h/swiss", vec![Condition::Known(places(&["CH"]))], are(&["LI"])),
            residence_rule("h/known", vec![], Finding::Known),
        ],
        ..Border::default()
    };
    let check = |field: (&str, &str), who: (&str, &str, &str), known: &[&str], expected: &str| {
        let (object, name) = (ObjectName::new("contact"), FieldName::new(field.0));
        let fields = [(&object, &name, field.1)];
        let (caller, role) = (PrincipalName::new(who.0), Role::new(who.1));
        let known: Vec<_> = known.iter().map(Jurisdiction::new).collect();
        let residence = border.residence(&RecordFacts {
            fields: &fields,
            known: &known,
            caller: &caller,
            roles: &[role],
            caller_region: Some(&Region::new(who.2)),
            today: TODAY,
        });
        let jurisdictions: Vec<&str> =
            residence.jurisdictions.iter().map(Jurisdiction::as_str).collect();
        let told =
            format!("{} {} {}", residence.rule, jurisdictions.join("+"), residence.is_from_fields);
        assert_eq!(told, expected);
    };
    let nobody = ("x", "x", "IN");
    check(("countrycode", " us-ca "), nobody, &[], "h/code US-CA true");
    check(("countrycode", "UK"), nobody, &["DE"], "h/code  true");
    check(("other", "UK"), nobody, &["DE"], "h/known DE false");
    check(("country", "Deutschland "), nobody, &[], "h/name DE true");
    check(("country", "Absurdistan"), nobody, &[], "border/no-jurisdiction  false");
    check(("other", "Germany"), ("shop", "au", "US"), &[], "h/caller FR false");
    check(("other", ""), ("x", "au", "US"), &[], "h/role AU+NZ false");
    check(("other", ""), ("x", "x", "US-TX"), &[], "h/here US-CA false");
    check(("other", ""), nobody, &["CH", "DE"], "h/swiss LI false");
    assert!(border.is_asked(&"contact".into(), &"country".into()));
    assert!(border.is_asked(&"contact".into(), &"countrycode".into()));
    assert!(!border.is_asked(&"contact".into(), &"other".into()));
}

#[test]
fn facts_about_a_record_hide_its_values() {
    let (object, name) = (ObjectName::new("contact"), FieldName::new("country"));
    let facts = RecordFacts {
        fields: &[(&object, &name, "Germany")],
        known: &[],
        caller: &"x".into(),
        roles: &[],
        caller_region: None,
        today: TODAY,
    };
    assert_eq!(format!("{facts:?}"), "RecordFacts(contact.country)");
}

#[test]
fn values_are_shown_only_where_every_law_permits_it() {
    let law = |name: &str, applies: &[&str], to: &[&str]| Law {
        name: name.into(),
        applies_to: places(applies),
        otherwise: Otherwise::Refuse,
        default_rule: info(name),
        transfers: Vec::new(),
        consents: Vec::new(),
        reveals: vec![RevealRule {
            rule: info(&format!("{name}/here")),
            of: Places::Anywhere,
            categories: Some(vec!["email".into()]),
            to: places(to),
        }],
    };
    let groups = BTreeMap::from([("EU".into(), ["DE", "FR"].map(code).map(Member::of).into())]);
    let border = Border {
        atlas: Atlas::new(groups, []),
        laws: vec![law("a", &["DE", "FR"], &["DE", "FR", "CH"]), law("b", &["FR"], &["FR"])],
        ..Border::default()
    };
    let check = |of: &[&str], category: &str, from: Option<&str>, expected: (bool, &str)| {
        let of: Vec<_> = of.iter().map(Jurisdiction::new).collect();
        let from = from.map(Region::new);
        let verdict = border.may_reveal(&of, &category.into(), from.as_ref(), TODAY);
        let rules: Vec<&str> = verdict.rules.iter().map(RuleName::as_str).collect();
        assert_eq!((verdict.is_allowed, rules.join(" ").as_str()), expected, "{of:?} {from:?}");
    };
    check(&["DE"], "email", Some("CH"), (true, "a/here"));
    check(&["DE"], "email", Some("US"), (false, "a/here"));
    check(&["DE"], "email", None, (false, "a/here"));
    check(&["DE"], "phone", Some("US"), (true, ""));
    check(&["FR"], "email", Some("CH"), (false, "b/here"));
    check(&["FR"], "email", Some("FR"), (true, "a/here b/here"));
    check(&["EU"], "email", Some("DE"), (false, "b/here"));
    check(&["DE"], "email", Some("EU"), (true, "a/here"));
    check(&["US"], "email", Some("US"), (true, ""));
    check(&[], "email", Some("DE"), (false, "border/no-jurisdiction"));
    check(&["XX"], "email", Some("DE"), (false, "border/no-jurisdiction"));
}

#[test]
fn bases_are_warned_about_before_they_end() {
    let date = |text: &str| text.parse::<Date>().unwrap();
    let check = |from: Option<&str>, until: Option<&str>, expected: Phase| {
        let window = Window { from: from.map(date), until: until.map(date) };
        let basis = Basis {
            name: "b".into(),
            kind: BasisKind::Scc,
            reference: None,
            window,
            purpose: None,
            origin: None,
        };
        assert_eq!(basis.phase(date("2026-06-01")), expected, "{window:?}");
    };
    check(None, None, Phase::Valid);
    check(Some("2026-06-01"), Some("2026-07-02"), Phase::Valid);
    check(None, Some("2026-07-01"), Phase::EndsSoon { until: date("2026-07-01") });
    check(None, Some("2026-06-01"), Phase::EndsSoon { until: date("2026-06-01") });
    check(None, Some("2026-05-31"), Phase::Ended { until: date("2026-05-31") });
    check(Some("2026-06-02"), None, Phase::NotYet { from: date("2026-06-02") });
}

#[test]
fn codes_are_those_of_iso_3166() {
    for (text, expected) in [
        ("DE", Some("DE")),
        ("de", Some("DE")),
        ("us-ca", Some("US-CA")),
        ("GB-ENG", Some("GB-ENG")),
    ] {
        assert_eq!(Code::parse(text).as_ref().map(Code::as_str), expected);
    }
    for text in ["", "D", "DEU", "UK", "EU", "XX", "US-", "US-ABCD", "US-C A", "Österreich"] {
        assert_eq!(Code::parse(text), None, "{text}");
    }
}

#[test]
fn a_place_may_be_part_of_another() {
    let members = ["DE", "FR"].map(|text| Member::of(code(text))).to_vec();
    let atlas = Atlas::new([("EU".into(), members)].into(), [code("US-CA")]);
    for (place, of, expected) in [
        ("AU", "AU", true),
        ("DE", "EU", true),
        ("EU", "DE", false),
        ("US-CA", "US", true),
        ("US", "US-CA", false),
        ("AU", "EU", false),
        ("Atlantis", "EU", false),
    ] {
        assert_eq!(atlas.is_part(place, of, TODAY), expected, "{place} of {of}");
    }
}

#[test]
fn what_rules_may_tell_is_known() {
    let members = ["DE", "FR"].map(|text| Member::of(code(text))).to_vec();
    let with = |finding: Finding| Border {
        atlas: Atlas::new([("EU".into(), members.clone())].into(), []),
        residence: vec![residence_rule("h/rule", vec![], finding)],
        ..Border::default()
    };
    let code_in = Finding::CodeIn(vec![("contact".into(), "countrycode".into())]);
    for (finding, may_tell) in [
        (are(&["DE"]), [true, false, false]),
        (code_in, [true, true, false]),
        (Finding::Known, [false, false, false]),
    ] {
        let border = with(finding.clone());
        let told = ["EU", "AU", "Atlantis"].map(|of| border.may_tell(&of.into(), TODAY));
        assert_eq!(told, may_tell, "{finding:?}");
    }
}
