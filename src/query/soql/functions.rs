// SPDX-License-Identifier: Apache-2.0

/// What a function does to the field it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
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
const FUNCTIONS: [(&str, Kind); 27] = [
    ("MIN", Kind::Extreme),
    ("MAX", Kind::Extreme),
    ("AVG", Kind::Aggregate),
    ("COUNT", Kind::Aggregate),
    ("COUNT_DISTINCT", Kind::Aggregate),
    ("SUM", Kind::Aggregate),
    ("GROUPING", Kind::Aggregate),
    ("FORMAT", Kind::Display),
    ("toLabel", Kind::Display),
    ("convertCurrency", Kind::Display),
    ("convertTimezone", Kind::Computed),
    ("CALENDAR_MONTH", Kind::Computed),
    ("CALENDAR_QUARTER", Kind::Computed),
    ("CALENDAR_YEAR", Kind::Computed),
    ("DAY_IN_MONTH", Kind::Computed),
    ("DAY_IN_WEEK", Kind::Computed),
    ("DAY_IN_YEAR", Kind::Computed),
    ("DAY_ONLY", Kind::Computed),
    ("FISCAL_MONTH", Kind::Computed),
    ("FISCAL_QUARTER", Kind::Computed),
    ("FISCAL_YEAR", Kind::Computed),
    ("HOUR_IN_DAY", Kind::Computed),
    ("WEEK_IN_MONTH", Kind::Computed),
    ("WEEK_IN_YEAR", Kind::Computed),
    ("DISTANCE", Kind::Computed),
    ("GEOLOCATION", Kind::Computed),
    ("FIELDS", Kind::Computed),
];

/// The function of this name, in its documented spelling.
pub(super) fn function(name: &str) -> Option<(&'static str, Kind)> {
    FUNCTIONS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}
