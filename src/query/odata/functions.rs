// SPDX-License-Identifier: Apache-2.0

/// The functions of OData 4.0 that compute something from a property (ABNF,
/// `methodCallExpr` and `boolMethodCallExpr`).
const COMPUTED: [&str; 24] = [
    "ceiling",
    "concat",
    "contains",
    "date",
    "day",
    "endswith",
    "floor",
    "fractionalseconds",
    "hour",
    "indexof",
    "length",
    "minute",
    "month",
    "round",
    "second",
    "startswith",
    "substring",
    "time",
    "tolower",
    "totaloffsetminutes",
    "toupper",
    "trim",
    "year",
    "now",
];

/// The function of this name, if there is one.
pub(super) fn computed(name: &str) -> Option<&'static str> {
    COMPUTED.into_iter().find(|known| *known == name)
}

const NAMESPACE: &str = "Microsoft.Dynamics.CRM.";

/// What a query function of Dataverse does ("Web API Query Function Reference").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryFunction {
    /// Compares a property with each of several values for equality.
    Membership { is_negated: bool },
    /// Compares in another way, or with what the server knows.
    Other(&'static str),
}

/// The query function of this qualified name. Their number grows; whatever they do, they
/// name the property in `PropertyName`, or else nothing is bound and they are refused.
pub(super) fn query_function(name: &str) -> Option<QueryFunction> {
    Some(match name.strip_prefix(NAMESPACE)? {
        "In" => QueryFunction::Membership { is_negated: false },
        "NotIn" => QueryFunction::Membership { is_negated: true },
        "ContainValues" | "DoesNotContainValues" => QueryFunction::Other("ContainValues"),
        "Between" | "NotBetween" => QueryFunction::Other("Between"),
        "Contains" => QueryFunction::Other("Contains"),
        _ => QueryFunction::Other("a query function"),
    })
}
