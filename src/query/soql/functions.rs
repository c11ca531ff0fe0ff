// SPDX-License-Identifier: Apache-2.0

/// What a function does to the field it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FunctionKind {
    /// Yields one of the field's values.
    Extreme,
    /// Counts or sums over a group.
    Aggregate,
    /// Writes the value for readers, and leaves text as it is.
    Display,
    /// Computes something else from each value.
    Computed,
}

/// Every function of SOQL, in the spelling of its documentation.
const FUNCTIONS: [(&str, FunctionKind); 27] = [
    ("MIN", FunctionKind::Extreme),
    ("MAX", FunctionKind::Extreme),
    ("AVG", FunctionKind::Aggregate),
    ("COUNT", FunctionKind::Aggregate),
    ("COUNT_DISTINCT", FunctionKind::Aggregate),
    ("SUM", FunctionKind::Aggregate),
    ("GROUPING", FunctionKind::Aggregate),
    ("FORMAT", FunctionKind::Display),
    ("toLabel", FunctionKind::Display),
    ("convertCurrency", FunctionKind::Display),
    ("convertTimezone", FunctionKind::Computed),
    ("CALENDAR_MONTH", FunctionKind::Computed),
    ("CALENDAR_QUARTER", FunctionKind::Computed),
    ("CALENDAR_YEAR", FunctionKind::Computed),
    ("DAY_IN_MONTH", FunctionKind::Computed),
    ("DAY_IN_WEEK", FunctionKind::Computed),
    ("DAY_IN_YEAR", FunctionKind::Computed),
    ("DAY_ONLY", FunctionKind::Computed),
    ("FISCAL_MONTH", FunctionKind::Computed),
    ("FISCAL_QUARTER", FunctionKind::Computed),
    ("FISCAL_YEAR", FunctionKind::Computed),
    ("HOUR_IN_DAY", FunctionKind::Computed),
    ("WEEK_IN_MONTH", FunctionKind::Computed),
    ("WEEK_IN_YEAR", FunctionKind::Computed),
    ("DISTANCE", FunctionKind::Computed),
    ("GEOLOCATION", FunctionKind::Computed),
    ("FIELDS", FunctionKind::Computed),
];

/// The function of this name, in its documented spelling.
pub(super) fn function(name: &str) -> Option<(&'static str, FunctionKind)> {
    FUNCTIONS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}
