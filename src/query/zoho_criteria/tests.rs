// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{SyntaxError, parse};
use crate::carrier::Codec;

/// One line per condition, the values by what stands at their places.
fn lines(text: &str) -> Result<Vec<String>, SyntaxError> {
    let conditions = parse(text)?.conditions.into_iter().map(|found| {
        assert_eq!(&text[found.operator_span], found.operator.name);
        let operands = found.operands.iter();
        let operands: Vec<String> =
            operands.map(|it| format!("[{}]={}", &text[it.span.clone()], it.text)).collect();
        format!("{} {} {}", found.field, found.operator.name, operands.join(" "))
    });
    Ok(conditions.collect())
}

#[test]
fn conditions_are_taken_apart() {
    let check = |text, expected: &[&str]| assert_eq!(lines(text).unwrap(), expected, "{text}");
    check("(Email:equals:a+b@c.example)", &["Email equals [a+b@c.example]=a+b@c.example"]);
    // Without parentheses, with colons in the value.
    check(
        "Created_Time:between:2024-02-01T18:52:56+00:00,2024-02-20T18:52:56+00:00",
        &["Created_Time between [2024-02-01T18:52:56+00:00]=2024-02-01T18:52:56+00:00 \
           [2024-02-20T18:52:56+00:00]=2024-02-20T18:52:56+00:00"],
    );
    check(
        r"(((Last_Name:equals:Burns\,B)and(First_Name:starts_with:M)) or (Full_Name:in:A,B C,))",
        &[
            r"Last_Name equals [Burns\,B]=Burns,B",
            "First_Name starts_with [M]=M",
            "Full_Name in [A]=A [B C]=B C []=",
        ],
    );
    check(r"(Last_Name:equals:K\\)", &[r"Last_Name equals [K\\]=K\"]);
    check(r"(A:equals:Zoë \(x\))", &[r"A equals [Zoë \(x\)]=Zoë (x)"]);
    check(
        "(Account_Name.City:not_equal: Ulm )AND(a:equals:)",
        &["Account_Name.City not_equal [Ulm]=Ulm", "a equals []="],
    );
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let check = |text, expected| assert_eq!(lines(text), Err(expected), "{text}");
    let missing = |expected, at| SyntaxError::Expected { expected, at };
    check("", missing("a field", 0));
    check("(Email:equals:a", missing("`)`", 15));
    check("(Email:equals:a))", missing("`and`, `or` or the end", 16));
    check("(Email:equals:a)xor(b:equals:c)", missing("`and`, `or` or the end", 16));
    check("(Email=a)", missing("`:`", 6));
    check("(:equals:a)", missing("a field", 1));
    check("(Email:resembles:a)", SyntaxError::Operator(7));
    check("(Email:EQUALS:a)", SyntaxError::Operator(7));
    check("(Last_Name:equals:Burns,B)", SyntaxError::Unescaped(23));
    check("(Last_Name:equals:Burns(B)", SyntaxError::Unescaped(23));
    check(r"(Last_Name:equals:a\b)", SyntaxError::Backslash(19));
    check(r"(Last_Name:equals:a\", SyntaxError::Backslash(19));
    check(&"(".repeat(40), SyntaxError::TooDeep(33));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(\\(|\\)|,|:|\\\\|and|or|equals|in|[a-zü .]{1,3}){0,30}") {
        let _ = parse(&text);
    }

    #[test]
    fn values_are_read_back(text in "[a-zü(),:\\\\@]{1,20}") {
        let criteria = format!("(A:in:{},x)", Codec::ZohoCriteria.fragment(&text));
        let found = parse(&criteria).unwrap().conditions.remove(0);
        prop_assert_eq!(&found.operands[0].text, &text);
        prop_assert_eq!(&found.operands[1].text, "x");
    }
}

#[test]
fn criteria_tell_whether_others_are_found() {
    for (criteria, finds_others) in [
        ("(Email:equals:a)", false),
        ("((Email:equals:a)and(Phone:in:1,2))", false),
        ("((Email:equals:a)or(Phone:equals:1))", true),
        ("(Email:not_equal:a)", true),
        ("(Email:not_in:a,b)", true),
        ("(Email:equals:a)and(City:not_contains:b)", true),
    ] {
        assert_eq!(parse(criteria).unwrap().finds_others, finds_others, "{criteria}");
    }
}
