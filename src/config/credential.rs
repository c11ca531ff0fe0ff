// SPDX-License-Identifier: Apache-2.0

use http::{HeaderName, header};

use crate::upstream::Credential;

use super::diagnostic::Code;
use super::item::Item;

/// `file`, and the `header` that it is the value of; it does not travel in the clear.
pub fn credential(item: &Item<'_>, is_private: bool) -> Option<Credential> {
    let section = item.section()?;
    let file = section.required("file").and_then(|file| file.existing_file());
    let header = section.optional_or("header", None, |name| header(&name).map(Some));
    section.finish();
    if !is_private {
        let message = "a credential would leave this machine without TLS";
        item.report(item.problem(Code::PlainHttp, message).help("use `otlp+https://`"));
        return None;
    }
    Some(Credential { file: file?, header: header? })
}

fn header(item: &Item<'_>) -> Option<HeaderName> {
    let name: Option<HeaderName> = item.text()?.parse().ok();
    let taken = [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::HOST, header::ACCEPT];
    let name = name.filter(|name| !taken.contains(name));
    if name.is_none() {
        item.refuse(
            format!("`{}` is not a header field that can hold a credential", item.name),
            "for example `api-key`; without it, the file holds a bearer token",
        );
    }
    name
}
