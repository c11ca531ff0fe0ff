// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::base::{Cleartext, Equality};
use crate::carrier::{Codec, Occurrence, Removal, Role, Slot, Value};
use crate::keys::Keyset;
use crate::policy::{
    CategoryRule, Digest, FieldRule, Hashed, Kept, ObjectRule, Protection, Reveal, Shape, Sought,
    Unlisted,
};
use crate::protect::Keeper;
use crate::vault::{MemoryStore, Vault};

mod sort;

const NAME: Role = Role::Composed { from: &["first", "last", "salutation"] };

/// Three callers: `full` sees everything, `mask` masks, `none` surrogates.
const CALLERS: [&str; 3] = ["full", "mask", "none"];

struct House {
    policy: Policy,
    vault: Vault,
    protectors: Protectors,
}

fn house() -> House {
    let keyset = Keyset::generate(&"acme".into()).unwrap();
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset);
    let protectors = Protectors::new(vault.clone(), &keyset, "pii.example");
    let reveal = BTreeMap::from([("full".into(), Reveal::Full), ("mask".into(), Reveal::Mask)]);
    let field = |name: &str, category: &str, protection| {
        let id = format!("contact.{name}");
        let rule = FieldRule { id, category: category.into(), protection, search: BTreeSet::new() };
        (name.into(), Arc::new(rule))
    };
    let tokenize = Protection::tokenize(Shape::Text);
    let encrypt = Protection::Encrypt { shape: Shape::Text, searchable: false };
    let fields = HashMap::from([
        field("first", "name", tokenize),
        field("last", "name", tokenize),
        field("email", "email", Protection::tokenize(Shape::Email)),
        field("street", "address", encrypt),
        field("nick", "name", Protection::Mask),
        field("ssn", "national_id", Protection::Drop),
        field("born", "birthdate", Protection::Generalize(Kept::Year)),
        field("owner", "secret", tokenize),
        field("hired", "birthdate", Protection::tokenize(Shape::Date)),
        field("phone", "name", Protection::tokenize(Shape::Phone)),
        field("note", "email", Protection::Scan(Sought::ALL)),
        field("hashed", "name", Protection::Hash { shape: Shape::Text, of: Hashed::Exact }),
    ]);
    let contact = ObjectRule {
        fields,
        unlisted: Unlisted::Pass,
        subject: Vec::new(),
        consents: HashMap::new(),
    };
    let categories = ["name", "email", "address", "national_id", "birthdate"];
    let category = |name: &str| {
        (name.into(), CategoryRule { reveal: reveal.clone(), ..CategoryRule::default() })
    };
    House {
        policy: Policy {
            digest: Digest([0; 32]),
            categories: categories.into_iter().map(category).collect(),
            objects: HashMap::from([("contact".into(), contact)]),
            border: None,
            scan: crate::policy::ScanRules::default(),
            residual: None,
            sorted_rows: 0,
        },
        vault,
        protectors,
    }
}

/// One value of an answer.
struct Field<'a> {
    name: &'a str,
    role: Role,
    value: Value,
}

fn stored<'a>(name: &'a str, text: &str) -> Field<'a> {
    Field { name, role: Role::Stored, value: Value::Text(Cleartext::new(text)) }
}

fn with_role<'a>(name: &'a str, role: Role, text: &str) -> Field<'a> {
    Field { role, ..stored(name, text) }
}

/// A JSON object with these members, as a dialect would describe it.
fn document(fields: &[Field<'_>]) -> Document {
    let mut bytes = String::from("{ ");
    let mut slots = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        let literal = match &field.value {
            Value::Text(text) => Codec::Json.literal(text.expose()),
            Value::Structured(_) => "[ 1 ]".to_owned(),
            Value::Flag(flag) => flag.to_string(),
            Value::Empty => "null".to_owned(),
        };
        let separator = (at > 0).then_some(bytes.len() - 1);
        let start = bytes.len();
        bytes.extend(["\"", field.name, "\" : "]);
        let span = bytes.len()..bytes.len() + literal.len();
        bytes.push_str(&literal);
        let is_last = at + 1 == fields.len();
        let removal = Removal {
            member: start..bytes.len(),
            before: separator,
            after: (!is_last).then_some(bytes.len()),
        };
        bytes.push_str(if is_last { " }" } else { "," });
        let occurrence = Occurrence {
            object: "contact".into(),
            field: field.name.into(),
            record: 0,
            role: field.role.clone(),
            value: field.value.clone(),
        };
        slots.push(Slot::value(span, Codec::Json, occurrence).removable(Some(removal)));
    }
    Document::new(bytes, slots)
}

impl House {
    /// What stands in the CRM for a value of this field.
    async fn seal(&self, field: &str, value: &str) -> String {
        self.seal_for(Keeper::House, field, value).await
    }

    async fn seal_for(&self, keeper: Keeper<'_>, field: &str, value: &str) -> String {
        let contact = &self.policy.objects["contact"];
        let item = ToSeal {
            rule: &contact.fields[field],
            role: &Role::Stored,
            value: &Cleartext::new(value),
            can_widen: false,
            equality: Equality::Case,
            can_remove: false,
            max_length: None,
            keeper,
        };
        match &self.protectors.seal(&[item]).await.unwrap()[0].replacement {
            Replacement::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }

    async fn restore(
        &self,
        caller: &str,
        echoes: &Echoes,
        fields: &[Field<'_>],
    ) -> Result<Restored, RestoreError> {
        let answer = LocatedAnswer { body: document(fields), ..LocatedAnswer::default() };
        let roles = [CallerRole::from("someone"), CallerRole::from(caller)];
        open(&answer, &self.policy, &roles, &self.protectors)
            .await?
            .show(echoes, &self.protectors, |_, _| Keeper::House)
            .await
    }

    /// What each of [`CALLERS`] sees in one field, with the way it was counted.
    async fn check(&self, field: Field<'_>, expected: [(&str, &str); 3]) {
        for (caller, (shown, counted)) in CALLERS.into_iter().zip(expected) {
            let fields =
                [Field { name: field.name, role: field.role.clone(), value: field.value.clone() }];
            let restored = self.restore(caller, &Echoes::new(), &fields).await.unwrap();
            let body = std::str::from_utf8(&restored.body).unwrap();
            assert_eq!(shown_in(body, field.name), shown, "{caller} {}", field.name);
            assert_eq!(counts(&restored), counted, "{caller} {}", field.name);
        }
    }
}

fn shown_in(body: &str, field: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body.get(field).map_or("(absent)".into(), |value| value.as_str().unwrap_or_default().to_owned())
}

/// `name full 2, name mask clear 1`
fn counts(restored: &Restored) -> String {
    let lines = restored.reveals.iter().map(|revealed| {
        let reveal = revealed.reveal.as_str();
        let clear = if revealed.found_clear { " clear" } else { "" };
        let role = revealed.role.as_ref().map(CallerRole::as_str);
        assert_ne!(role, Some("someone"), "it is granted nothing");
        format!("{} {reveal}{clear} {}", revealed.category, revealed.count)
    });
    lines.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn surrogates_are_shown_by_visibility() {
    let house = house();
    let email = house.seal("email", "max@x.example").await;
    let expected = [
        ("max@x.example", "email full 1"),
        ("m•••@•••.example", "email mask 1"),
        (&*email, "email surrogate 1"),
    ];
    for role in [Role::Stored, Role::Key, Role::Equality] {
        house.check(with_role("email", role, &email), expected).await;
    }
    let upper = email.to_uppercase();
    let expected = [expected[0], expected[1], (&*upper, "email surrogate 1")];
    house.check(stored("email", &upper), expected).await;

    let street = house.seal("street", "Hauptstraße 1").await;
    let expected = [
        ("Hauptstraße 1", "address full 1"),
        ("H•••", "address mask 1"),
        (&*street, "address surrogate 1"),
    ];
    house.check(stored("street", &street), expected).await;
}

#[tokio::test]
async fn planted_and_moved_surrogates_stay_surrogates() {
    let house = house();
    let email = house.seal("email", "max@x.example").await;
    let street = house.seal("street", "Hauptstraße 1").await;
    let foreign = self::house().seal("last", "Muster").await;
    for surrogate in [&*email, &*street, &*foreign] {
        for field in ["unlisted", "last", "nick", "ssn"] {
            house.check(stored(field, surrogate), [(surrogate, ""); 3]).await;
        }
        house.check(with_role("name", NAME, surrogate), [(surrogate, ""); 3]).await;
    }
    house.check(stored("unlisted", "clear"), [("clear", ""); 3]).await;
    house
        .check(with_role("note", Role::Composed { from: &["x"] }, "clear"), [("clear", ""); 3])
        .await;
}

#[tokio::test]
async fn a_poison_value_is_noticed_in_whatever_text_it_is_shown() {
    let mut house = house();
    let metrics = Arc::new(crate::telemetry::Metrics::new().unwrap());
    house.protectors = house.protectors.reporting_to(Arc::clone(&metrics));
    let category = house.policy.categories.get_mut("name").unwrap();
    category.poison = vec!["Lena Trap".into(), String::new()];
    let alarms = || {
        let rendered = metrics.render().unwrap();
        let name = "zollhaus_surrogate_alarms_total{alarm=\"poison\"} ";
        let mut lines = rendered.lines();
        lines.find_map(|line| line.strip_prefix(name)?.parse::<usize>().ok()).unwrap()
    };
    let [lena, trap] = [house.seal("first", "Lena").await, house.seal("last", "Trap").await];
    let whole = house.seal("last", "Lena Trap").await;
    let longer = house.seal("last", "Dr. Lena Trap, née Muster").await;
    let anna = house.seal("last", "Lena Trapp").await;
    let composed = |text: String| with_role("name", NAME, &text);
    for (field, is_poison) in [
        (stored("last", &whole), true),
        (stored("last", &longer), true),
        (stored("last", &anna), false),
        (stored("last", "Lena Trap"), true),
        (stored("last", "(Lena Trap)"), true),
        (stored("last", "Magdalena Trap"), false),
        (composed(format!("Ms {whole}")), true),
        (composed(format!("Ms {lena} {trap} II")), true),
        (composed(format!("Ms {lena} Trap")), true),
        (composed(format!("Ms {trap}")), false),
        (stored("email", "Lena Trap"), false),
    ] {
        for caller in CALLERS {
            let before = alarms();
            let fields = [Field { role: field.role.clone(), value: field.value.clone(), ..field }];
            house.restore(caller, &Echoes::new(), &fields).await.unwrap();
            let expected = usize::from(is_poison && caller != "none");
            assert_eq!(alarms() - before, expected, "{caller} {:?}", fields[0].name);
        }
    }
}

/// What a CRM puts into HTML without its escapes, because it sees a token there.
#[tokio::test]
async fn a_value_that_was_moved_into_html_ends_no_attribute() {
    let house = house();
    let value = "\" onclick=\"alert(1)";
    let token = house.seal("email", value).await;
    let closed = format!("<a title=\"{token}\">x</a>");
    house.check(stored("note", &closed), [(&closed, ""); 3]).await;
    let open = format!("<p>{token}</p>");
    let shown = format!("<p>{value}</p>");
    let masked = format!("<p>{}</p>", crate::protect::mask(value).as_str());
    let expected =
        [(&*shown, "email full 1"), (&masked, "email mask 1"), (&open, "email surrogate 1")];
    house.check(stored("note", &open), expected).await;
}

#[tokio::test]
async fn clear_values_are_shown_to_those_who_may_see_them_only() {
    let house = house();
    let last = house.seal("last", "Mustermann").await;
    let street = house.seal("street", "Hauptstraße 1").await;
    let check = async |field: &str, value: &str, shown: &str, counted: &str| {
        let category = house.policy.objects["contact"].fields[field].category.clone();
        let full_count = format!("{category} full clear 1");
        let mask_count = format!("{category} mask clear 1");
        let masked = crate::protect::mask(value);
        let expected = [(value, &*full_count), (masked.as_str(), &*mask_count), (shown, counted)];
        house.check(stored(field, value), expected).await;
    };
    check("last", "Mustermann", &last, "name surrogate clear 1").await;
    check("street", "Hauptstraße 1", &street, "address surrogate clear 1").await;
    check("nick", "Mäxchen", "M•••", "name mask clear 1").await;
    check("ssn", "078-05-1120", "(absent)", "national_id surrogate clear 1").await;
    // A stored mask in a field that keeps masks is no clear value …
    house.check(stored("nick", "M•••"), [("M•••", "name surrogate 1"); 3]).await;
    // … and anywhere else it cannot be sealed, so it stays a mask.
    check("last", "M•••", "M•••", "name mask clear 1").await;
    // Of a category that nobody may see.
    let owner = house.seal("owner", "Erika").await;
    house.check(stored("owner", "Erika"), [(&*owner, "secret surrogate clear 1"); 3]).await;
    house.check(Field { value: Value::Empty, ..stored("last", "") }, [("", ""); 3]).await;
}

#[tokio::test]
async fn clear_text_around_a_surrogate_is_hidden() {
    let house = house();
    let last = house.seal("last", "Mustermann").await;
    let expected = [
        ("Dr. Mustermann (privat)".to_owned(), "name full 1, name full clear 1"),
        ("••• M••• •••".to_owned(), "name mask 1, name mask clear 1"),
        (format!("••• {last} •••"), "name surrogate 1, name mask clear 1"),
    ];
    let expected = expected.each_ref().map(|(shown, counted)| (&**shown, *counted));
    house.check(stored("last", &format!("Dr. {last} (privat)")), expected).await;
}

#[tokio::test]
async fn composed_texts_are_opened_in_place() {
    let house = house();
    let (first, last) = (house.seal("first", "Maxine").await, house.seal("last", "O\"Hara").await);
    let check = async |text: &str, full: &str, mask: &str, none: &str, counted: [&str; 3]| {
        let expected = [(full, counted[0]), (mask, counted[1]), (none, counted[2])];
        house.check(with_role("name", NAME, text), expected).await;
    };
    let both = format!("{first} {last}");
    check(
        &both,
        "Maxine O\"Hara",
        "M••• O•••",
        &both,
        ["name full 2", "name mask 2", "name surrogate 2"],
    )
    .await;
    // Both protected parts have their surrogates, so the rest is of the unprotected one.
    check(
        &format!("Frau {both}"),
        "Frau Maxine O\"Hara",
        "Frau M••• O•••",
        &format!("Frau {both}"),
        ["name full 2", "name mask 2", "name surrogate 2"],
    )
    .await;
    // One protected part may still be in the clear.
    check(
        &format!("Maxine {last}"),
        "Maxine O\"Hara",
        "••• O•••",
        &format!("••• {last}"),
        [
            "name full 1, name full clear 1",
            "name mask 1, name mask clear 1",
            "name surrogate 1, name mask clear 1",
        ],
    )
    .await;
    check(
        "Maxine O'Hara",
        "Maxine O'Hara",
        "M•••",
        "M•••",
        ["name full clear 1", "name mask clear 1", "name mask clear 1"],
    )
    .await;
}

#[tokio::test]
async fn of_several_sources_the_least_visible_decides_about_clear_text() {
    let house = house();
    let field = |text: &str| with_role("label", Role::Composed { from: &["last", "owner"] }, text);
    let hidden = ("M•••", "secret mask clear 1");
    house.check(field("Maxine"), [hidden, hidden, ("M•••", "name mask clear 1")]).await;
    let last = house.seal("last", "Muster").await;
    let surrogate = format!("••• {last}");
    let expected = [
        ("••• Muster", "name full 1, secret mask clear 1"),
        ("••• M•••", "name mask 1, secret mask clear 1"),
        (&*surrogate, "name surrogate 1, secret mask clear 1"),
    ];
    house.check(field(&format!("Maxine {last}")), expected).await;
}

#[tokio::test]
async fn echoes_are_put_back_and_nothing_else() {
    let house = house();
    let (mine, other) =
        (house.seal("email", "a\"b@x.example").await, house.seal("last", "Muster").await);
    let surrogate = house.protectors.find(&mine, crate::protect::Sought::Words).remove(0).surrogate;
    let echoes = Echoes::from([(surrogate, Cleartext::new("A\"B@x.example"))]);
    let text = format!("duplicate value {mine} of {other}");
    let fields = [with_role("message", Role::Echo, &text), stored("unlisted", &mine)];
    let restored = house.restore("none", &echoes, &fields).await.unwrap();
    let body = std::str::from_utf8(&restored.body).unwrap();
    let expected = format!("duplicate value A\"B@x.example of {other}");
    assert_eq!(shown_in(body, "message"), expected);
    assert_eq!(shown_in(body, "unlisted"), mine, "an echo opens in error texts only");
    assert_eq!(counts(&restored), "");
}

#[tokio::test]
async fn structured_values_pass_to_those_who_see_everything_only() {
    let house = house();
    let structured = |name| Field { value: Value::Structured("a list"), ..stored(name, "") };
    for caller in CALLERS {
        let restored = house.restore(caller, &Echoes::new(), &[structured("unlisted")]).await;
        assert_eq!(restored.unwrap().body, document(&[structured("unlisted")]).bytes());

        let restored = house.restore(caller, &Echoes::new(), &[structured("last")]).await;
        match (caller, restored) {
            ("full", Ok(restored)) => assert_eq!(counts(&restored), "name full clear 1"),
            (_, Err(RestoreError::Structured { field, .. })) => assert_eq!(field, "contact.last"),
            (_, other) => panic!("{caller}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn of_a_generalized_value_no_more_is_shown_than_is_kept() {
    let house = house();
    assert_eq!(house.seal("born", "1985-02-23").await, "1985-01-01");
    let kept = "birthdate surrogate 1";
    house
        .check(
            stored("born", "1985-01-01"),
            [("1985-01-01", kept), ("1985-01-01", kept), ("1985-01-01", kept)],
        )
        .await;
    // As Salesforce writes midnight.
    let midnight = "1985-01-01T00:00:00.000+0000";
    house
        .check(stored("born", midnight), [(midnight, kept), (midnight, kept), (midnight, kept)])
        .await;
    // The CRM holds it from before.
    house
        .check(
            stored("born", "1985-02-23"),
            [
                ("1985-02-23", "birthdate full clear 1"),
                ("1•••", "birthdate mask clear 1"),
                ("1985-01-01", "birthdate surrogate clear 1"),
            ],
        )
        .await;
    // Of a composed text, it says nothing of the other parts.
    let age = Role::Composed { from: &["born", "last"] };
    house
        .check(
            with_role("composed", age, "1985-01-01"),
            [
                ("1985-01-01", "birthdate full clear 1"),
                ("1•••", "birthdate mask clear 1"),
                ("1•••", "birthdate mask clear 1"),
            ],
        )
        .await;
    house
        .check(
            stored("born", "23 February"),
            [
                ("23 February", "birthdate full clear 1"),
                ("2•••", "birthdate mask clear 1"),
                ("2•••", "birthdate mask clear 1"),
            ],
        )
        .await;
}

#[tokio::test]
async fn dates_are_shown_in_the_form_that_the_crm_has_given_theirs() {
    let house = house();
    let day = house.seal("hired", "1985-02-23").await;
    let shown = ["birthdate full 1", "birthdate mask 1", "birthdate surrogate 1"];
    for time in ["", "T00:00:00.000+0000", "T00:00:00Z"] {
        let (stored_as, value) = (format!("{day}{time}"), format!("1985-02-23{time}"));
        let expected = [(&*value, shown[0]), ("1•••", shown[1]), (&*stored_as, shown[2])];
        house.check(stored("hired", &stored_as), expected).await;
    }
    // What is in the reserved range and no surrogate is a value in clear, hidden like any.
    for (field, value, category) in
        [("hired", "2612-03-04", "birthdate"), ("phone", "+99912345678901", "name")]
    {
        let masked = crate::protect::mask(value);
        let counted = ["full", "mask", "mask"].map(|how| format!("{category} {how} clear 1"));
        let expected = [(value, &*counted[0]), (&*masked, &*counted[1]), (&*masked, &*counted[2])];
        house.check(stored(field, value), expected).await;
    }
    // Of another category, it is a value like any other.
    let phone = house.seal("phone", "+49 89 1").await;
    house
        .check(
            stored("hired", &phone),
            [
                (&*phone, "birthdate full clear 1"),
                ("+•••", "birthdate mask clear 1"),
                ("+•••", "birthdate mask clear 1"),
            ],
        )
        .await;
    house.check(stored("unlisted", &day), [(&*day, ""); 3]).await;
}

#[tokio::test]
async fn a_hash_is_shown_to_all_and_a_value_that_lies_beside_it_is_not() {
    let house = house();
    let hash = house.seal("hashed", "Muster").await;
    house.check(stored("hashed", &hash), [(&*hash, "name surrogate 1"); 3]).await;
    let expected = [
        ("Muster", "name full clear 1"),
        ("M•••", "name mask clear 1"),
        (&*hash, "name surrogate clear 1"),
    ];
    house.check(stored("hashed", "Muster"), expected).await;
}

#[tokio::test]
async fn reveals_are_summed_up_with_the_role_that_gave_the_right() {
    let house = house();
    let (one, two) = (house.seal("last", "Muster").await, house.seal("last", "Beispiel").await);
    let fields = [stored("last", &one), stored("last", &two), stored("last", "Klar")];
    let restored = house.restore("mask", &Echoes::new(), &fields).await.unwrap();
    assert_eq!(counts(&restored), "name mask 2, name mask clear 1");
    let revealed = &restored.reveals[0];
    assert_eq!((revealed.object.as_str(), revealed.field.as_str()), ("contact", "last"));
    assert_eq!(revealed.role, Some(CallerRole::from("mask")));
    assert!(!format!("{restored:?}").contains("M•••"), "Debug shows no body");
}

#[tokio::test]
async fn headers_and_body_are_rewritten_in_order() {
    let house = house();
    let (one, two) = (house.seal("last", "Muster").await, house.seal("last", "Beispiel").await);
    let header = document(&[stored("last", &one), stored("unlisted", "x")]);
    let body = document(&[stored("unlisted", "y"), stored("last", &two)]);
    let headers = vec![(http::header::LOCATION, header)];
    let answer = LocatedAnswer { headers, body, ..LocatedAnswer::default() };
    let roles = [CallerRole::from("full")];
    let opened = open(&answer, &house.policy, &roles, &house.protectors).await.unwrap();
    let restored =
        opened.show(&Echoes::new(), &house.protectors, |_, _| Keeper::House).await.unwrap();
    assert_eq!(restored.headers[0].0, http::header::LOCATION);
    assert_eq!(restored.headers[0].1, "{ \"last\" : \"Muster\",\"unlisted\" : \"x\" }");
    assert_eq!(restored.body, "{ \"unlisted\" : \"y\",\"last\" : \"Beispiel\" }");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The bytes that the caller with every right gets are those that were sent.
    #[test]
    fn what_was_protected_is_restored(
        values in prop::collection::vec("\\PC{1,30}|.{1,30}", 1..6),
    ) {
        prop_assume!(values.iter().all(|value| !value.contains(crate::protect::MARKER)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let house = house();
            let names = ["last", "street", "email", "first", "unlisted"];
            let mut sent = Vec::new();
            let mut kept = Vec::new();
            for (name, value) in names.into_iter().zip(&values) {
                sent.push(stored(name, value));
                kept.push(match name {
                    "unlisted" => stored(name, value),
                    _ => stored(name, &house.seal(name, value).await),
                });
            }
            let restored = house.restore("full", &Echoes::new(), &kept).await.unwrap();
            assert_eq!(restored.body, document(&sent).bytes());
        });
    }
}

#[tokio::test]
async fn clear_values_are_what_whole_surrogates_stand_for() {
    let house = house();
    let (name, email) =
        (house.seal("last", "Muster").await, house.seal("email", "a@x.example").await);
    let fields = [
        stored("email", &email),
        stored("last", &format!("Dr. {name}")),
        stored("unlisted", "Deutschland"),
        stored("street", &name),
    ];
    let answer = LocatedAnswer { body: document(&fields), ..LocatedAnswer::default() };
    let opened = open(&answer, &house.policy, &[], &house.protectors).await.unwrap();
    let values: Vec<_> = opened.clear_values().collect();
    let values: Vec<_> =
        values.iter().map(|(at, text)| (at.field.as_str(), text.expose())).collect();
    assert_eq!(values, [("email", "a@x.example"), ("unlisted", "Deutschland")]);
    assert_eq!(format!("{opened:?}"), "OpenedAnswer(4 values)");
}

#[tokio::test]
async fn what_is_hidden_shows_no_more_than_surrogates() {
    let house = house();
    let (name, email) =
        (house.seal("last", "Muster").await, house.seal("email", "a@x.example").await);
    let fields = [stored("last", &name), stored("email", &email), stored("first", "Klar")];
    let answer = LocatedAnswer { body: document(&fields), ..LocatedAnswer::default() };
    let roles = [CallerRole::from("full")];
    let mut opened = open(&answer, &house.policy, &roles, &house.protectors).await.unwrap();
    opened.hide(|record, category| record == 0 && category.as_str() == "name");
    let restored =
        opened.show(&Echoes::new(), &house.protectors, |_, _| Keeper::House).await.unwrap();
    let body = std::str::from_utf8(&restored.body).unwrap();
    assert_eq!(shown_in(body, "last"), name);
    assert_eq!(shown_in(body, "email"), "a@x.example");
    assert_eq!(shown_in(body, "first"), house.seal("first", "Klar").await);
    assert!(restored.reveals.iter().all(|revealed| {
        (revealed.category.as_str() == "email") == (revealed.reveal == Reveal::Full)
    }));
}

/// A short message that repeats a long value many times.
#[tokio::test]
async fn what_is_repeated_to_its_sender_is_counted_before_it_is_written() {
    let house = house();
    let long = "x".repeat(1000);
    let token = house.seal("last", &long).await;
    let surrogate =
        house.protectors.find(&token, crate::protect::Sought::Words).remove(0).surrogate;
    let echoes = Echoes::from([(surrogate, Cleartext::new(long.as_str()))]);
    let text = format!("{token} and {token} and {token}");
    let fields = [with_role("message", Role::Echo, &text), stored("last", &token)];
    let answer = LocatedAnswer { body: document(&fields), ..LocatedAnswer::default() };
    let roles = ["full".into()];
    let opened = open(&answer, &house.policy, &roles, &house.protectors).await.unwrap();
    assert_eq!(opened.shown_bytes(&echoes), 4 * long.len());
}
