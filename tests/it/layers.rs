// SPDX-License-Identifier: Apache-2.0
//! Who may import whom: reads the `use` lines and paths of `src/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers from the bottom; a module may import its own layer and those below.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &["base"]),
    ("core", &["carrier", "query", "crm", "policy", "border"]),
    (
        "ports",
        &[
            "keys",
            "sqlite",
            "postgres",
            "vault",
            "subject",
            "quarantine",
            "transfer_log",
            "listener",
            "caller",
            "route",
            "upstream",
            "telemetry",
        ],
    ),
    ("transform", &["protect", "reveal", "report"]),
    ("assembly", &["proxy"]),
    ("edge", &["admin", "config", "app", "demo", "cli", "testkit"]),
];

/// What the pure core must not touch, whatever crate it comes from.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "hyper_util",
    "rustls",
    "rusqlite",
    "std::fs",
    "std::env",
    "std::net",
    "serde_saphyr",
];

#[test]
fn nothing_is_imported_from_above() {
    let mut offences = Vec::new();
    for (module, text) in sources() {
        for imported in imports(&text) {
            if level(&imported) > level(&module) {
                offences.push(format!("{module} imports {imported}"));
            }
        }
    }
    assert_eq!(offences, Vec::<String>::new());
}

#[test]
fn the_core_is_pure() {
    let core = LAYERS[1].1;
    let mut offences = Vec::new();
    for (module, text) in
        sources().into_iter().filter(|(module, _)| core.contains(&module.as_str()))
    {
        for word in IMPURE {
            let starts = format!("{word}::");
            if production(&text).lines().any(|line| !is_comment(line) && line.contains(&starts)) {
                offences.push(format!("{module} uses {word}"));
            }
        }
    }
    assert_eq!(offences, Vec::<String>::new());
}

#[test]
fn the_reader_of_imports_sees_what_it_should() {
    let text = "use crate::vault::Vault;\nfn f() { crate::proxy::g() }\n#[cfg(test)]\nmod tests { use crate::cli; }";
    assert_eq!(imports(text), ["proxy", "vault"]);
    assert!(level("vault") < level("proxy"));
}

/// Each source file with its top-level module; test files are left out.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(files.len() > 40, "the sources were not found");
    files
        .into_iter()
        .filter(|path| {
            !["tests.rs", "vectors.rs"].iter().any(|name| path.ends_with(name))
                && !path.components().any(|part| part.as_os_str() == "tests")
        })
        .filter_map(|path| {
            let relative = path.strip_prefix(&root).expect("a file below src");
            let first = relative.components().next().expect("a file has a name");
            let module = first
                .as_os_str()
                .to_str()
                .expect("names are ASCII")
                .trim_end_matches(".rs")
                .to_owned();
            let is_entry = module == "lib" || module == "main";
            (!is_entry).then(|| (module, fs::read_to_string(&path).expect("a source is text")))
        })
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The top-level modules that the production part of a file names.
fn imports(text: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    for line in production(text).lines().filter(|line| !is_comment(line)) {
        for (at, _) in line.match_indices("crate::") {
            let name: String =
                line[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if LAYERS.iter().any(|(_, modules)| modules.contains(&name.as_str())) {
                found.insert(name);
            }
        }
    }
    found.into_iter().collect()
}

fn production(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or_default()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn level(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|(_, modules)| modules.contains(&module))
        .unwrap_or_else(|| panic!("module `{module}` has no layer in this test"))
}
