// SPDX-License-Identifier: Apache-2.0
//! Secrets in environment variables: the configuration names them, and is the only one to
//! read them.

use std::os::unix::ffi::OsStringExt;

use crate::base::Secret;

use super::diagnostic::Code;
use super::item::Item;

const LONGEST_NAME: usize = 80;

/// The name of an environment variable, and what is in it now.
pub fn variable(item: &Item<'_>) -> Option<(String, Option<Secret>)> {
    let name = item.text()?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_name = (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(is_word)
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !is_name {
        item.refuse(
            format!("`{}` is not the name of an environment variable", item.name),
            "a name such as `ZOLLHAUS_SECRET`; the secret itself never stands here",
        );
        return None;
    }
    Some((name.to_owned(), expected(item, name)))
}

/// What is in a variable, which is reported if it is not there.
pub fn expected(item: &Item<'_>, name: &str) -> Option<Secret> {
    let value = environment(name);
    if value.is_none() {
        let message = format!("there is no environment variable `{name}`");
        let help = "it has to be there when `zollhaus` is started";
        item.report(item.problem(Code::VariableMissing, message).help(help));
    }
    value
}

/// What the process was given.
#[expect(clippy::disallowed_methods, reason = "this is where the configuration reads it")]
pub fn environment(name: &str) -> Option<Secret> {
    std::env::var_os(name).map(|value| Secret::new(value.into_vec()))
}
