// SPDX-License-Identifier: Apache-2.0

/// What a condition does with its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// Compares with one value; several are joined by this type of filter.
    Equality {
        joint: &'static str,
    },
    /// Compares with each of several values.
    Membership,
    /// Asks whether there is a value.
    Presence,
    Other(&'static str),
}

/// Operators that message texts name as they are written; the rest of the some hundred
/// go by one word.
const NAMED: [&str; 18] = [
    "begins-with",
    "between",
    "contain-values",
    "ends-with",
    "ge",
    "gt",
    "last-x-days",
    "le",
    "like",
    "lt",
    "not-begin-with",
    "not-between",
    "not-contain-values",
    "not-end-with",
    "not-like",
    "on",
    "on-or-after",
    "on-or-before",
];

/// The operator of this name (fetch.xsd, `operator`).
pub(super) fn operator(name: &str) -> Operator {
    match name {
        "eq" => Operator::Equality { joint: "<filter type=\"or\">" },
        "ne" | "neq" => Operator::Equality { joint: "<filter type=\"and\">" },
        "in" | "not-in" => Operator::Membership,
        "null" | "not-null" => Operator::Presence,
        other => {
            let named = NAMED.into_iter().find(|named| *named == other);
            Operator::Other(named.unwrap_or("an operator other than equality"))
        }
    }
}
