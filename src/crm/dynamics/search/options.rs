// SPDX-License-Identifier: Apache-2.0
//! How a search is to be understood: `{"querytype":"lucene","searchmode":"all"}`, or a list
//! of such words; mostly in a text, and there in single quotes, too. Nothing in it is a value.
//!
//! Source: "Dataverse Search query", options parameter.

use super::{refuse, text_of};
use crate::carrier::json::{DEFAULT_MAX_DEPTH, Json, Kind, Node};
use crate::crm::LocateError;

const NAMES: [&str; 7] = [
    "advancedsuggestenabled",
    "besteffortsearch",
    "besteffortsearchenabled",
    "groupranking",
    "grouprankingenabled",
    "querytype",
    "searchmode",
];

const CHOICES: [&str; 9] =
    ["advanced", "all", "any", "false", "full", "lucene", "searchmodelall", "simple", "true"];

/// Whether they let what is nearly a term be found.
///
/// # Errors
/// [`LocateError`] for anything but what is known.
pub(super) fn are_lenient(options: Node<'_>) -> Result<bool, LocateError> {
    let text = match options.kind() {
        Kind::String => text_of(options).replace('\'', "\""),
        _ => options.raw().to_owned(),
    };
    if text.is_empty() {
        return Ok(false);
    }
    let json = Json::parse(text.as_bytes(), DEFAULT_MAX_DEPTH)
        .map_err(|error| refuse("options", &error.to_string()))?;
    let root = json.root();
    let are_known = match root.kind() {
        Kind::Object => {
            root.members().all(|option| is_name(&option.key) && is_choice(option.value))
        }
        Kind::Array => root.elements().all(|word| is_name(&text_of(word)) || is_choice(word)),
        _ => false,
    };
    if !are_known {
        return Err(refuse("options", "it has an element that is not known"));
    }
    let is_lenient = |name: &str| name.to_ascii_lowercase().starts_with("besteffort");
    let is_off = |value: Node<'_>| {
        matches!(value.kind(), Kind::False | Kind::Null)
            || text_of(value).eq_ignore_ascii_case("false")
    };
    Ok(root.members().any(|option| is_lenient(&option.key) && !is_off(option.value))
        || root.elements().any(|word| is_lenient(&text_of(word))))
}

fn is_name(text: &str) -> bool {
    NAMES.contains(&text.to_ascii_lowercase().as_str())
}

/// What an option is set to.
fn is_choice(node: Node<'_>) -> bool {
    match node.kind() {
        Kind::True | Kind::False | Kind::Null => true,
        Kind::String => is_word(&text_of(node)),
        Kind::Number | Kind::Object | Kind::Array => false,
    }
}

/// One of the words that options, and older requests beside them, are set to.
pub(super) fn is_word(text: &str) -> bool {
    CHOICES.contains(&text.to_ascii_lowercase().as_str())
}
