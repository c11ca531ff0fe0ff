// SPDX-License-Identifier: Apache-2.0
//! Surrogates that a CRM takes for dates and telephone numbers.

use super::*;
use crate::base::Moment;
use crate::vault::Token;

fn days_of(text: &str) -> i64 {
    Moment::read(text).expect(text).0.days()
}

#[tokio::test]
async fn dates_are_written_as_their_value_is_and_come_back_as_the_crm_writes_them() {
    let house = house();
    let check = async |protection, value: &str, forms: &[(&str, &str)]| {
        let surrogate = house.surrogate(protection, value).await;
        assert!(Token::DAYS.contains(&days_of(&surrogate)), "{surrogate}");
        let (moment, _) = Moment::read(&surrogate).unwrap();
        assert_eq!(Moment::read(value).unwrap().1, Moment::read(&surrogate).unwrap().1);
        assert_eq!(house.surrogate(protection, value).await, surrogate);
        for (form, expected) in forms {
            let (_, form) = Moment::read(form).unwrap();
            let answered = moment.write(&form).unwrap();
            let opened = house.open(&answered, "email").await;
            assert_eq!(opened, Some(Cleartext::new(*expected)), "{answered}");
            let text = format!("bad value for field: {answered}.");
            assert_eq!(house.open(&text, "email").await, opened, "{text}");
            assert_eq!(house.open(&answered, "name").await, None);
            let back = house.seal(protection, Role::Stored, &answered).await;
            assert_eq!(back, already(), "{answered}");
            // One value has one surrogate, in each of its forms.
            assert_eq!(house.surrogate(protection, expected).await, answered);
        }
    };
    let of_the_day = [
        ("2000-01-01", "1985-02-23"),
        ("2000-01-01T00:00:00.000+0000", "1985-02-23T00:00:00.000+0000"),
        ("2000-01-01T00:00:00Z", "1985-02-23T00:00:00Z"),
        ("0", "477964800000"),
    ];
    check(DATE, "1985-02-23", &of_the_day).await;
    check(DATE, "477964800000", &of_the_day).await;
    check(DATE, "1900-03-01", &[("0", "-2203891200000")]).await;
    let of_the_time = [
        ("2000-01-01T00:00:00Z", "2026-11-30T09:15:30Z"),
        ("2000-01-01T00:00:00.000+0000", "2026-11-30T09:15:30.000+0000"),
        ("2000-01-01T00:00:00+05:30", "2026-11-30T14:45:30+05:30"),
        ("0", "1796030130000"),
    ];
    check(DATE_TIME, "2026-11-30T09:15:30Z", &of_the_time).await;
    check(DATE_TIME, "2026-11-30T10:15:30+01:00", &of_the_time).await;
    check(DATE_TIME, "2026-11-30T00:00:00Z", &[("2000-01-01T00:00:00Z", "2026-11-30T00:00:00Z")])
        .await;
}

#[tokio::test]
async fn what_is_no_date_and_what_is_reserved_is_refused_by_field() {
    let house = house();
    let mine = house.surrogate(DATE, "1985-02-23").await;
    let foreign = self::house().surrogate(DATE, "1985-02-23").await;
    for (protection, value) in [
        (DATE, "23.02.1985"),
        (DATE, "1985-02-30"),
        (DATE, "1985-02-23T10:00:00Z"),
        (DATE, "1985-02-23T00:00:00+01:00"),
        (DATE, "1986"),
        (DATE, " 1985-02-24"),
        (DATE, "2500-01-01"),
        (DATE, "2999-12-31T00:00:00Z"),
        (DATE, &foreign),
        (DATE_TIME, "2026-11-30T11:00:00"),
        (DATE_TIME, "2026-11-30 10:00:00Z"),
        (DATE_TIME, "2700-11-30T10:00:00Z"),
        (DATE_TIME, "20266761600000"),
    ] {
        for role in [Role::Stored, Role::Equality, Role::Key] {
            let sealed = house.seal_at(protection, role, value, |_| {}).await;
            let Err(error @ ProtectError::Unprotectable { .. }) = sealed else {
                panic!("{value}: {sealed:?}");
            };
            let message = error.to_string();
            assert!(message.contains("`contact.email`") && !message.contains(value), "{message}");
        }
    }
    for value in ["2499-12-31", "3000-01-01", "0001-01-01", "9999-12-31"] {
        house.surrogate(DATE, value).await;
    }
    // In another category, it is as foreign as any.
    let (name, value) = (rule("name", DATE), Cleartext::new(mine));
    let item = ToSeal {
        rule: &name,
        role: &Role::Stored,
        value: &value,
        can_widen: false,
        equality: Equality::Case,
        can_remove: false,
        max_length: None,
        keeper: Keeper::House,
    };
    let moved = house.protectors.seal(&[item]).await;
    assert!(matches!(moved, Err(ProtectError::Unprotectable { .. })), "{moved:?}");
}

#[tokio::test]
async fn days_are_compared_in_any_form_and_what_has_no_day_finds_nothing() {
    let house = house();
    let day = house.surrogate(DATE, "1985-02-23").await;
    let midnight = house.surrogate(DATE, "1985-02-23T00:00:00Z").await;
    assert_eq!(midnight, format!("{day}T00:00:00Z"));
    // A word for the same value, from when the field was a text.
    house.surrogate(TOKENIZE, "1985-02-23").await;
    take(&house.calls);
    for equality in [Equality::Exact, Equality::Case, Equality::Trimmed, Equality::Collated] {
        for (value, expected) in [
            ("1985-02-23", day.as_str()),
            ("477964800000", &(days_of(&day) * 86_400_000).to_string()),
            ("1985-02-24", "2500-01-01"),
            ("1985-02-24T00:00:00Z", "2500-01-01T00:00:00Z"),
        ] {
            let by = |item: &mut ToSeal<'_>| item.equality = equality;
            let sealed = house.seal_at(DATE, Role::Equality, value, by).await.unwrap();
            assert_eq!(text(&sealed), expected, "{value} {equality:?}");
        }
    }
    assert!(!take(&house.calls).contains(&"insert"), "a filter stores nothing");
    assert_eq!(house.open("2500-01-01", "email").await, None);
    let key = house.seal(DATE, Role::Key, "1985-02-24").await;
    assert_eq!(text(&house.seal(DATE, Role::Equality, "1985-02-24").await), text(&key));
}

#[tokio::test]
async fn telephone_numbers_are_reserved_ones_of_fifteen_digits() {
    let house = house();
    for value in ["+49 89 1234-567 ext. 5", "089/123", "+1 (555) 010-9999", "x"] {
        let surrogate = house.surrogate(PHONE, value).await;
        assert!(surrogate.starts_with("+999") && surrogate.len() == 15, "{surrogate}");
        assert!(surrogate[1..].bytes().all(|byte| byte.is_ascii_digit()), "{surrogate}");
        for text in [surrogate.clone(), format!("Call {surrogate}, please")] {
            assert_eq!(house.open(&text, "email").await, Some(Cleartext::new(value)), "{text}");
        }
        assert_eq!(house.open(&format!("{surrogate}0"), "email").await, None);
        assert_eq!(house.open(&surrogate, "name").await, None);
        assert_eq!(house.seal(PHONE, Role::Stored, &surrogate).await, already());
        assert_eq!(text(&house.seal(PHONE, Role::Equality, value).await), surrogate);
    }
    let unknown = house.seal(PHONE, Role::Equality, "+49 89 0").await;
    assert_eq!(text(&unknown), "+99900000000000");
    for value in ["+99912345678901", "+999", "+9991", "+999 12 345"] {
        let sealed = house.seal_at(PHONE, Role::Stored, value, |_| {}).await;
        assert!(matches!(sealed, Err(ProtectError::Unprotectable { .. })), "{value}: {sealed:?}");
    }
}

#[tokio::test]
async fn card_numbers_and_ibans_pass_their_check_and_are_nobodys() {
    use crate::base::{is_iban, luhn};

    let forms = [
        (Shape::Card, luhn as fn(&str) -> bool, "9999000000000004"),
        (Shape::Iban, is_iban, "ZZ66000000000000000000"),
    ];
    for (shape, is_right, nobody) in forms {
        let house = house();
        let tokenize = Protection::tokenize(shape);
        for value in ["4111 1111 1111 1111", "DE89370400440532013000", "x"] {
            let surrogate = house.surrogate(tokenize, value).await;
            assert!(is_right(&surrogate) && surrogate.len() == nobody.len(), "{surrogate}");
            assert_eq!(surrogate[..2], nobody[..2]);
            let texts = [
                surrogate.clone(),
                surrogate.to_lowercase(),
                format!("No. {surrogate}."),
                format!("<b>{surrogate}</b>"),
            ];
            for text in texts {
                assert_eq!(house.open(&text, "email").await, Some(Cleartext::new(value)), "{text}");
            }
            for other in [format!("{surrogate}0"), format!("0{surrogate}")] {
                assert_eq!(house.open(&other, "email").await, None, "{other}");
            }
            assert_eq!(house.open(&surrogate, "name").await, None);
            assert_eq!(house.seal(tokenize, Role::Stored, &surrogate).await, already());
            assert_eq!(text(&house.seal(tokenize, Role::Equality, value).await), surrogate);
        }
        let unknown = house.seal(tokenize, Role::Equality, "DE02120300000000202051").await;
        assert_eq!(text(&unknown), nobody);
    }
    let house = house();
    for (shape, value) in [
        (Shape::Card, "9999123412341234"),
        (Shape::Card, "9999"),
        (Shape::Iban, "ZZ37000000000000000001"),
        (Shape::Iban, "zz00"),
    ] {
        let sealed = house.seal_at(Protection::tokenize(shape), Role::Stored, value, |_| {}).await;
        let error = sealed.unwrap_err();
        assert!(matches!(error, ProtectError::Unprotectable { .. }), "{value}: {error:?}");
        assert!(error.to_string().contains("reserved"), "{error}");
    }
    for (shape, value) in [(Shape::Iban, "ZZ Top"), (Shape::Card, "999")] {
        house.surrogate(Protection::tokenize(shape), value).await;
    }
}

/// The policy said another shape before, and the CRM holds what it made.
#[tokio::test]
async fn surrogates_of_an_older_shape_are_found_and_stay() {
    let house = house();
    let word = house.surrogate(TOKENIZE, "+49 89 1").await;
    let number = house.surrogate(PHONE, "+49 89 1").await;
    let mut both = vec![word.clone(), number.clone()];
    both.sort();
    for protection in [TOKENIZE, PHONE] {
        let found = house.seal(protection, Role::Equality, "+49 89 1").await;
        assert_eq!(found.replacement, Replacement::AnyOf(both.clone()));
        for surrogate in [&word, &number] {
            assert_eq!(house.seal(protection, Role::Stored, surrogate).await, already());
        }
    }
}

const FPE: Protection = Protection::FormatPreserving { searchable: true };

#[tokio::test]
async fn a_number_becomes_another_that_holds_it() {
    let house = house();
    take(&house.calls);
    for value in ["+491701234567", "0170/1234567", "+1 (555) 010-9999", "123456"] {
        let surrogate = house.surrogate(FPE, value).await;
        assert!(surrogate.starts_with("+999") && surrogate.len() > 15, "{surrogate}");
        assert!(surrogate[1..].bytes().all(|byte| byte.is_ascii_digit()), "{surrogate}");
        assert_eq!(house.surrogate(FPE, value).await, surrogate);
        let text = format!("Call {surrogate}, please");
        assert_eq!(house.open(&text, "email").await, Some(Cleartext::new(value)));
        assert_eq!(house.open(&surrogate, "name").await, None, "another category");
        assert_eq!(open(&self::house().protectors, &surrogate, "email").await, None);
        for role in [Role::Stored, Role::Equality, Role::Key] {
            assert_eq!(house.seal(FPE, role, &surrogate).await, already());
        }
        assert_eq!(text_of(&house, Role::Equality, value).await, surrogate);
    }
    assert_eq!(take(&house.calls), [] as [&str; 0], "the vault is not asked");

    // A law asks for a token of this record, or the policy does now.
    let number = house.surrogate(FPE, "+491701234567").await;
    let token = house.surrogate(PHONE, &number).await;
    assert_eq!((token.len(), house.surrogate(PHONE, "+491701234567").await), (15, token));
}

async fn text_of(house: &House, role: Role, value: &str) -> String {
    text(&house.seal(FPE, role, value).await)
}

#[tokio::test]
async fn what_ff1_cannot_carry_gets_a_token_that_looks_alike() {
    let house = house();
    for value in ["12345", "+49 89 1234-567 ext. 5", "1-2-3-4-5-6", "x"] {
        let surrogate = house.surrogate(FPE, value).await;
        assert_eq!((surrogate.len(), surrogate.starts_with("+999")), (15, true), "{surrogate}");
        assert_eq!(house.open(&surrogate, "email").await, Some(Cleartext::new(value)));
        assert_eq!(text_of(&house, Role::Equality, value).await, surrogate);
    }
    // Not longer than the field takes, and found in the same way.
    for role in [Role::Stored, Role::Equality] {
        let by = |item: &mut ToSeal<'_>| item.max_length = Some(20);
        let sealed = house.seal_at(FPE, role, "+49 170 1234567", by).await.unwrap();
        assert_eq!(text(&sealed).len(), 15);
    }
    let short = house.seal_at(FPE, Role::Stored, "12", |item| item.max_length = Some(14)).await;
    assert!(matches!(short, Err(ProtectError::Unprotectable { .. })), "{short:?}");
}

#[tokio::test]
async fn no_number_of_the_reserved_range_passes_that_is_none_of_ours() {
    let house = house();
    let foreign = self::house().surrogate(FPE, "+491701234567").await;
    for value in ["+9991234567890123456789", &foreign, "+999", "+99912345678901"] {
        let sealed = house.seal_at(FPE, Role::Stored, value, |_| {}).await;
        let error = sealed.unwrap_err().to_string();
        assert!(error.contains("+999") && !error.contains(value) || value == "+999", "{error}");
    }
}

#[tokio::test]
async fn numbers_outlive_the_key_that_they_were_encrypted_with() {
    let house = house();
    let old = house.surrogate(FPE, "+491701234567").await;
    let keys = house.keyset.rotated();
    let rotated = over(&house.store, &keys);
    let (rule, value) = (rule("email", FPE), Cleartext::new("+491701234567"));
    let item = ToSeal {
        rule: &rule,
        role: &Role::Stored,
        value: &value,
        can_widen: true,
        equality: Equality::Case,
        can_remove: false,
        max_length: None,
        keeper: Keeper::House,
    };
    let new = text(&rotated.seal(&[item]).await.unwrap()[0]);
    assert_ne!(new, old);
    for surrogate in [&new, &old] {
        assert_eq!(open(&rotated, surrogate, "email").await.as_ref(), Some(&value));
    }
    let role = &Role::Equality;
    let found = rotated.seal(&[ToSeal { role, ..item }]).await.unwrap();
    assert_eq!(found[0].replacement, Replacement::AnyOf(vec![new.clone(), old.clone()]));
    // A process that has the new key, and has it not in use yet.
    let preparing = over(&house.store, &house.keyset.preparing(&keys));
    assert_eq!(text(&preparing.seal(&[item]).await.unwrap()[0]), old);
    assert_eq!(open(&preparing, &new, "email").await.as_ref(), Some(&value));
    let found = preparing.seal(&[ToSeal { role, ..item }]).await.unwrap();
    assert_eq!(found[0].replacement, Replacement::AnyOf(vec![old, new]));
    let only = rotated.seal(&[ToSeal { role, can_widen: false, ..item }]).await;
    assert!(matches!(only, Err(ProtectError::Rotated { .. })), "{only:?}");

    let without = over(&house.store, &Keyset { ff1: None, ..house.keyset.clone() });
    // Said before anything is sealed, so that an answer shows a mask instead.
    for refused in [without.check(&item), without.seal(&[item]).await.map(|_| ())] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("rotate --purpose ff1"), "{refused}");
    }
}

#[tokio::test]
async fn hashes_are_compared_and_never_opened() {
    use crate::policy::Hashed;

    let house = house();
    take(&house.calls);
    let hash = |of| Protection::Hash { shape: Shape::Text, of };
    let [whole, exact, folded] = [Hashed::Whole, Hashed::Exact, Hashed::Folded].map(hash);
    let anna = house.surrogate(exact, "Anna").await;
    assert_eq!((anna.len(), &anna[..3]), (20, "zhk"));
    assert_eq!(house.surrogate(whole, "Anna").await, anna);
    assert_ne!(house.surrogate(exact, "ANNA").await, anna);
    let either = house.surrogate(folded, "Anna").await;
    assert_ne!(either, anna);
    assert_eq!(house.surrogate(folded, "ANNA").await, either);
    for (protection, stored) in [(exact, &anna), (folded, &either)] {
        for role in [Role::Equality, Role::Key] {
            assert_eq!(text(&house.seal(protection, role, "Anna").await), *stored);
        }
        for text in [stored.clone(), stored.to_uppercase()] {
            assert_eq!(house.seal(protection, Role::Stored, &text).await, already());
            assert_eq!(house.open(&text, "email").await, None);
        }
    }
    assert_eq!(take(&house.calls), [] as [&str; 0], "the vault is not asked");
    let email = Protection::Hash { shape: Shape::Email, of: Hashed::Exact };
    let address = house.surrogate(email, "Anna").await;
    assert_eq!(address, format!("{anna}@pii.acme.example"));
    assert_eq!(house.seal(email, Role::Stored, &address).await, already());
    assert_ne!(self::house().surrogate(exact, "Anna").await, anna, "under another key");

    // What can be opened is not stored where nothing is to be.
    for protection in [TOKENIZE, ENCRYPT] {
        let surrogate = house.surrogate(protection, "Anna").await;
        assert_eq!(house.surrogate(exact, &surrogate).await, anna);
    }
    let masked = house.seal_at(exact, Role::Stored, "A•••", |_| {}).await;
    assert!(matches!(masked, Err(ProtectError::Masked { .. })), "{masked:?}");

    let rotated = over(&house.store, &house.keyset.rotated());
    let (rule, value) = (rule("email", exact), Cleartext::new("Anna"));
    let item = ToSeal {
        rule: &rule,
        role: &Role::Equality,
        value: &value,
        can_widen: true,
        equality: Equality::Case,
        can_remove: false,
        max_length: None,
        keeper: Keeper::House,
    };
    let found = rotated.seal(&[item]).await.unwrap().remove(0).replacement;
    let Replacement::AnyOf(both) = found else { panic!("{found:?}") };
    assert!(both.len() == 2 && both.contains(&anna), "{both:?}");
}

/// A token has seconds, and what the CRM stores has to open.
#[tokio::test]
async fn a_point_in_time_without_seconds_comes_back() {
    let house = house();
    for (value, expected) in [
        ("2026-11-30T10:00Z", "2026-11-30T10:00:00Z"),
        ("2026-11-30T10:00+0530", "2026-11-30T10:00:00+0530"),
    ] {
        let surrogate = house.surrogate(DATE_TIME, value).await;
        assert_eq!(house.open(&surrogate, "email").await, Some(Cleartext::new(expected)));
        assert_eq!(text(&house.seal(DATE_TIME, Role::Equality, value).await), surrogate);
    }
    let day = house.seal_at(DATE_TIME, Role::Stored, "2026-11-30", |_| {}).await;
    assert!(matches!(day, Err(ProtectError::Unprotectable { .. })), "{day:?}");
}

/// Within one category, by someone who may see surrogates only.
#[tokio::test]
async fn a_surrogate_that_is_moved_to_a_field_of_another_shape_becomes_its_own_there() {
    let house = house();
    let seal = async |protection, value: &str| house.surrogate(protection, value).await;
    for (from, value, to) in [
        (DATE, "1985-02-23", TOKENIZE),
        (DATE, "1985-02-23", ENCRYPT),
        (TOKENIZE, "1985-02-23", DATE),
        (ENCRYPT, "1985-02-23", DATE),
        (DATE_TIME, "2026-11-30T10:00:00Z", TOKENIZE),
        (TOKENIZE, "anna@x.example", TOKENIZE_EMAIL),
        (TOKENIZE_EMAIL, "anna@x.example", TOKENIZE),
        (ENCRYPT_EMAIL, "a@x.example", ENCRYPT),
        (PHONE, "+49 89 1", TOKENIZE_EMAIL),
        (TOKENIZE_EMAIL, "+49 89 123", FPE),
    ] {
        let moved = seal(from, value).await;
        assert_eq!(seal(to, &moved).await, seal(to, value).await, "{from:?} to {to:?}");
        if !matches!(to, DATE) {
            // What is stored as it is, is found by it.
            assert_eq!(house.seal(to, Role::Equality, &moved).await, already());
        }
    }
    // A day is no point in time, and the other way round.
    let time = seal(DATE_TIME, "2026-11-30T10:00:00Z").await;
    let moved = house.seal_at(DATE, Role::Stored, &time, |_| {}).await;
    assert!(matches!(moved, Err(ProtectError::Unprotectable { .. })), "{moved:?}");
    let day = seal(DATE, "1985-02-23").await;
    for kept in [Kept::Year, Kept::Month] {
        let moved = house.seal_at(Protection::Generalize(kept), Role::Stored, &day, |_| {}).await;
        assert!(matches!(moved, Err(ProtectError::Unprotectable { .. })), "{moved:?}");
    }
}

#[tokio::test]
async fn space_around_a_surrogate_hides_nothing() {
    let house = house();
    let hash = Protection::Hash { shape: Shape::Text, of: crate::policy::Hashed::Exact };
    for (protection, value) in [
        (TOKENIZE, "Anna"),
        (TOKENIZE_EMAIL, "anna@x.example"),
        (ENCRYPT, "Anna"),
        (DATE, "1985-02-23"),
        (PHONE, "+49 89 1"),
        (FPE, "+49 89 123"),
        (hash, "Anna"),
    ] {
        let surrogate = house.surrogate(protection, value).await;
        for role in [Role::Stored, Role::Equality, Role::Key] {
            let spaced = format!(" {surrogate}\u{a0}\n");
            let sealed = house.seal(protection, role, &spaced).await;
            assert_eq!(sealed.state, SealedState::AlreadyProtected, "{protection:?}");
            assert_eq!(text(&sealed), surrogate);
        }
    }
    let token = house.surrogate(TOKENIZE, "Anna").await;
    let first = Protection::Generalize(Kept::First(32));
    let kept = house.seal_at(first, Role::Stored, &format!("{token} "), |_| {}).await;
    assert!(matches!(kept, Err(ProtectError::Unprotectable { .. })), "{kept:?}");
}

#[tokio::test]
async fn a_url_is_one_of_the_operators_domain_and_opens_however_the_crm_writes_it() {
    let house = house();
    let url = Protection::tokenize(Shape::Url);
    let encrypted = Protection::Encrypt { shape: Shape::Url, searchable: true };
    let hash = Protection::Hash { shape: Shape::Url, of: crate::policy::Hashed::Exact };
    let value = "https://anna.de/cv";
    for protection in [url, encrypted, hash] {
        let surrogate = house.surrogate(protection, value).await;
        let host = surrogate.strip_prefix("https://").and_then(|rest| rest.strip_suffix('/'));
        let word = host.and_then(|host| host.strip_suffix(".pii.acme.example")).unwrap();
        assert!(word.len() <= 63 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let length = surrogate_length(protection, value.len(), "pii.acme.example".len());
        assert_eq!(surrogate.len(), length);
        for written in [surrogate.clone(), surrogate.to_uppercase(), host.unwrap().to_owned()] {
            for role in [Role::Stored, Role::Equality] {
                assert_eq!(house.seal(protection, role, &written).await, already(), "{written}");
            }
            let expected = (protection != hash).then(|| Cleartext::new(value));
            assert_eq!(house.open(&written, "email").await, expected);
            assert_eq!(house.open(&format!("see {written}, page 2"), "email").await, expected);
        }
        assert_eq!(text(&house.seal(protection, Role::Equality, value).await), surrogate);
    }
    let long = house.seal_at(encrypted, Role::Stored, "https://anna.de/cv/en", |_| {}).await;
    let long = long.unwrap_err().to_string();
    assert!(long.contains("exceeds the limit of 63 for a label of a host name"), "{long}");
    // Moved within its category.
    let moved = house.surrogate(url, value).await;
    assert_eq!(house.surrogate(TOKENIZE, &moved).await, house.surrogate(TOKENIZE, value).await);
    assert_eq!(house.surrogate(url, &house.surrogate(TOKENIZE_EMAIL, value).await).await, moved);
}
