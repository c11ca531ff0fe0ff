// SPDX-License-Identifier: Apache-2.0

use super::operation::{is_api_version, is_version};
use super::soap;

/// An API with its version, and the resource in it.
pub(super) enum Api<'p, 't> {
    /// `/services/data/v62.0`
    Data(&'t str, &'p [&'t str]),
    /// `/services/async/62.0`
    Async(&'t str, &'p [&'t str]),
    /// `/services/Soap/u/62.0`
    Soap(soap::Form),
    /// `/cometd/62.0`
    Events(&'p [&'t str]),
}

impl<'p, 't> Api<'p, 't> {
    /// The API that a path leads to, if it is one with a version.
    pub(super) fn of(path: &'p [&'t str]) -> Option<Self> {
        match path {
            ["services", "data", version, resource @ ..] if is_api_version(version) => {
                Some(Self::Data(version, resource))
            }
            ["services", "async", version, resource @ ..] if is_version(version) => {
                Some(Self::Async(version, resource))
            }
            ["services", "Soap", path @ ..] => soap::form_of(path).map(Self::Soap),
            ["cometd", path @ ..] => Some(Self::Events(path)),
            _ => None,
        }
    }
}

/// The resource of a path under `/services/data`.
pub(super) fn resource<'p, 't>(path: &'p [&'t str]) -> Option<&'p [&'t str]> {
    match Api::of(path)? {
        Api::Data(_, resource) => Some(resource),
        Api::Async(..) | Api::Soap(_) | Api::Events(_) => None,
    }
}
