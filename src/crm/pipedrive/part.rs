// SPDX-License-Identifier: Apache-2.0
//! What stands under a record: followers, participants, products, files, and other
//! records that refer to it.

use http::Method;

use crate::base::ObjectName;
use crate::crm::LocateError;
use crate::crm::message::method_not_allowed;

use super::operation::Verb;
use super::schema::{ACTIVITY, DEAL, LEAD, ORGANIZATION, PERSON, PRODUCT, USER, is_id};

struct Part {
    /// The objects whose records have it.
    of: &'static [&'static str],
    /// After the id of the record.
    path: &'static [&'static str],
    /// What each of its entries is.
    object: &'static str,
    verbs: &'static [(Method, Verb)],
}

const ID: &str = "{id}";
const LIST: (Method, Verb) = (Method::GET, Verb::ListPart);
const ADD: (Method, Verb) = (Method::POST, Verb::CreatePart);
const CHANGE: (Method, Verb) = (Method::PATCH, Verb::UpdatePart);
const REPLACE: (Method, Verb) = (Method::PUT, Verb::UpdatePart);
const TAKE: (Method, Verb) = (Method::DELETE, Verb::DeletePart);

const fn part(
    of: &'static [&'static str],
    path: &'static [&'static str],
    object: &'static str,
    verbs: &'static [(Method, Verb)],
) -> Part {
    Part { of, path, object, verbs }
}

const FOLLOWED: &[&str] = &[PERSON, ORGANIZATION, DEAL, PRODUCT];
const SHARED: &[&str] = &[PERSON, ORGANIZATION, DEAL, LEAD, PRODUCT];
const STEPS: &[&str] = &[PERSON, ORGANIZATION, PRODUCT, "pipeline", "stage"];

/// Source: Pipedrive API reference, v1 and v2, and the paths that its npm client asks for.
const PARTS: &[Part] = &[
    part(FOLLOWED, &["followers"], "follower", &[LIST, ADD]),
    part(FOLLOWED, &["followers", "changelog"], "follower", &[LIST]),
    part(FOLLOWED, &["followers", ID], "follower", &[TAKE]),
    part(FOLLOWED, &["files"], "file", &[LIST]),
    part(SHARED, &["permittedUsers"], USER, &[LIST]),
    part(&[DEAL], &["participants"], "participant", &[LIST, ADD]),
    part(&[DEAL], &["participants", ID], "participant", &[TAKE]),
    part(&[DEAL], &["participantsChangelog"], "participant", &[LIST]),
    part(&[DEAL, ORGANIZATION], &["persons"], PERSON, &[LIST]),
    part(STEPS, &["deals"], DEAL, &[LIST]),
    part(&[PERSON, ORGANIZATION, DEAL], &["activities"], ACTIVITY, &[LIST]),
    part(&[DEAL], &["products"], "deal_product", &[LIST, ADD]),
    part(&[DEAL], &["products", ID], "deal_product", &[CHANGE, REPLACE, TAKE]),
    part(&[DEAL], &["discounts"], "deal_discount", &[LIST, ADD]),
    part(&[DEAL], &["discounts", ID], "deal_discount", &[CHANGE, TAKE]),
    part(&[DEAL], &["installments"], "deal_installment", &[ADD]),
    part(&[DEAL], &["installments", ID], "deal_installment", &[CHANGE, TAKE]),
    part(&[PRODUCT], &["variations"], "product_variation", &[LIST, ADD]),
    part(&[PRODUCT], &["variations", ID], "product_variation", &[CHANGE, TAKE]),
    part(&[LEAD], &["convert", "deal"], "conversion", &[ADD]),
    part(&[DEAL], &["convert", "lead"], "conversion", &[ADD]),
    part(&[LEAD, DEAL], &["convert", "status", ID], "conversion", &[LIST]),
];

/// What is done with a part of the record that `path` begins with, and what its entries
/// are; `None` where it is no part.
///
/// # Errors
/// [`LocateError::MethodNotAllowed`] where the part has no such method.
pub(super) fn classify(
    method: &Method,
    object: &ObjectName,
    path: &[&str],
) -> Result<Option<(Verb, ObjectName)>, LocateError> {
    let Some((_, rest)) = path.split_first().filter(|(id, _)| is_id(id)) else { return Ok(None) };
    let fits = |pattern: &[&str]| {
        let fits =
            |(part, word): (&&str, &&str)| if *part == ID { is_id(word) } else { part == word };
        pattern.len() == rest.len() && pattern.iter().zip(rest).all(fits)
    };
    let part = PARTS.iter().find(|part| part.of.contains(&object.as_str()) && fits(part.path));
    let Some(part) = part else { return Ok(None) };
    let verb = part.verbs.iter().find(|(expected, _)| expected == method);
    let verb = verb.map(|(_, verb)| *verb).ok_or_else(|| method_not_allowed(method))?;
    Ok(Some((verb, ObjectName::from_static(part.object))))
}
