// SPDX-License-Identifier: Apache-2.0

use jsonpath_rust::parser::model::{
    Comparable, Filter, FilterAtom, FnArg, Segment, Selector, Test, TestFunction,
};

use super::PathError;

/// Whether these segments filter.
///
/// # Errors
/// [`PathError`] when a filter is not well-typed (RFC 9535 section 2.4.3) or not
/// available here.
pub(super) fn has_filter(segments: &[Segment]) -> Result<bool, PathError> {
    let mut filters = false;
    for segment in segments {
        let selectors = match segment {
            Segment::Descendant(inner) => {
                filters |= has_filter(std::slice::from_ref(inner))?;
                continue;
            }
            Segment::Selector(selector) => std::slice::from_ref(selector),
            Segment::Selectors(selectors) => selectors,
        };
        for selector in selectors {
            if let Selector::Filter(filter) = selector {
                check_filter(filter)?;
                filters = true;
            }
        }
    }
    Ok(filters)
}

fn check_filter(filter: &Filter) -> Result<(), PathError> {
    match filter {
        Filter::Or(filters) | Filter::And(filters) => filters.iter().try_for_each(check_filter),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => check_filter(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => match expr.as_ref() {
            Test::Function(function) => {
                check_function(function)?;
                // The functions that are left return a value, which is no truth.
                Err(PathError::Invalid)
            }
            Test::RelQuery(_) | Test::AbsQuery(_) => check_query(expr),
        },
        Filter::Atom(FilterAtom::Comparison(comparison)) => {
            let (left, right) = comparison.vals();
            check_comparable(left)?;
            check_comparable(right)
        }
    }
}

fn check_comparable(comparable: &Comparable) -> Result<(), PathError> {
    match comparable {
        Comparable::Function(function) => check_function(function),
        Comparable::Literal(_) | Comparable::SingularQuery(_) => Ok(()),
    }
}

/// A query that is tested or handed to a function.
fn check_query(test: &Test) -> Result<(), PathError> {
    let segments = match test {
        Test::RelQuery(segments) => segments,
        Test::AbsQuery(query) => &query.segments,
        Test::Function(_) => return Err(PathError::Invalid),
    };
    if has_filter(segments)? { Err(PathError::NestedFilter) } else { Ok(()) }
}

fn check_function(function: &TestFunction) -> Result<(), PathError> {
    match function {
        TestFunction::Length(argument) => match argument.as_ref() {
            FnArg::Literal(_) => Ok(()),
            FnArg::Test(test) => match test.as_ref() {
                Test::Function(function) => check_function(function),
                Test::RelQuery(segments) if is_singular(segments) => Ok(()),
                Test::AbsQuery(query) if is_singular(&query.segments) => Ok(()),
                Test::RelQuery(_) | Test::AbsQuery(_) => Err(PathError::Invalid),
            },
            FnArg::Filter(_) => Err(PathError::Invalid),
        },
        TestFunction::Value(argument) | TestFunction::Count(argument) => match argument {
            FnArg::Test(test) => check_query(test),
            FnArg::Literal(_) | FnArg::Filter(_) => Err(PathError::Invalid),
        },
        TestFunction::Search(..) | TestFunction::Match(..) => Err(PathError::RegularExpression),
        TestFunction::Custom(..) => Err(PathError::UnknownFunction),
    }
}

fn is_singular(segments: &[Segment]) -> bool {
    let single = |segment: &Segment| {
        matches!(segment, Segment::Selector(Selector::Name(_) | Selector::Index(_)))
    };
    segments.iter().all(single)
}
