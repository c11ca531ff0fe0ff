// SPDX-License-Identifier: Apache-2.0

mod api_keys;
mod complete;
mod coverage;
mod golden;
mod keys;
mod packs;
mod policy_test;
mod shapes;
mod sorted;
mod vectors;

use std::fs;
use std::path::Path;

use crate::testkit::Scratch;

/// A folder with a policy, and what `zollhaus.yaml` needs beside what a test is about.
fn folder() -> Scratch {
    let folder = Scratch::new();
    fs::create_dir(folder.file("policies")).unwrap();
    for pack in ["salesforce", "hubspot", "example-api"] {
        let name = format!("policies/{pack}.yaml");
        let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(&name)).unwrap();
        fs::write(folder.file(&name), text).unwrap();
    }
    for name in ["zollhaus.key", "zollhaus.keyset", "zollhaus.callers", "zollhaus.admins"] {
        fs::write(folder.file(name), "").unwrap();
    }
    folder
}
