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
    /// Compares with a part of the value, marked by `%` here; several are joined by this
    /// type of filter.
    Part {
        name: &'static str,
        joint: &'static str,
        before: &'static str,
        after: &'static str,
    },
    /// Asks whether there is a value.
    Presence,
    Other(&'static str),
}

/// Operators that message texts name as they are written; the rest of the some hundred
/// go by one word.
const NAMED: [&str; 12] = [
    "between",
    "contain-values",
    "ge",
    "gt",
    "last-x-days",
    "le",
    "lt",
    "not-between",
    "not-contain-values",
    "on",
    "on-or-after",
    "on-or-before",
];

const OR: &str = "<filter type=\"or\">";
const AND: &str = "<filter type=\"and\">";

/// The operator of this name (fetch.xsd, `operator`).
pub(super) fn operator(name: &str) -> Operator {
    let part = |name, joint, before, after| Operator::Part { name, joint, before, after };
    match name {
        "eq" => Operator::Equality { joint: OR },
        "ne" | "neq" => Operator::Equality { joint: AND },
        "like" => part("like", OR, "", ""),
        "not-like" => part("not-like", AND, "", ""),
        "begins-with" => part("begins-with", OR, "", "%"),
        "not-begin-with" => part("not-begin-with", AND, "", "%"),
        "ends-with" => part("ends-with", OR, "%", ""),
        "not-end-with" => part("not-end-with", AND, "%", ""),
        "in" | "not-in" => Operator::Membership,
        "null" | "not-null" => Operator::Presence,
        other => {
            let named = NAMED.into_iter().find(|named| *named == other);
            Operator::Other(named.unwrap_or("an operator other than equality"))
        }
    }
}
