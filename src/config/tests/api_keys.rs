// SPDX-License-Identifier: Apache-2.0

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::caller::{ApiKey, Principal};
use crate::config::{append_admin_key, append_api_key, load_admin_keys, load_api_keys};
use crate::testkit::Scratch;

fn key(name: &str, roles: &[&str], mac: u8) -> ApiKey {
    let roles = roles.iter().map(|role| (*role).into()).collect();
    let principal = Principal { name: name.into(), roles, purpose: None, region: None };
    ApiKey { principal, mac: [mac; 32] }
}

#[test]
fn what_is_added_is_read_again() {
    let folder = Scratch::new();
    let path = folder.file("zollhaus.callers");
    // The last line was edited by hand and does not end.
    fs::write(&path, "# who is who").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(load_api_keys(&path).unwrap().value.is_empty());
    append_api_key(&path, &key("etl", &["support"], 0xa5)).unwrap();
    let mut mailer = key("mail.er_2", &["marketing", "support"], 7);
    mailer.principal.purpose = Some("newsletter".into());
    mailer.principal.region = Some("NO".into());
    append_api_key(&path, &mailer).unwrap();

    let read = load_api_keys(&path).unwrap().value;
    assert_eq!(read[0].principal, key("etl", &["support"], 0).principal);
    assert_eq!(read[0].mac, [0xa5; 32]);
    assert_eq!(read[1].principal, mailer.principal);
    assert_eq!(read[1].mac, [7; 32]);
    assert!(fs::read_to_string(&path).unwrap().starts_with("# who is who\n\"etl\": "));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640,
        "the mode is kept"
    );
}

#[test]
fn administrators_have_a_file_of_their_own() {
    let folder = Scratch::new();
    let path = folder.file("zollhaus.admins");
    fs::write(&path, "# who is who\n").unwrap();
    let key = ApiKey { principal: "dpo".into(), mac: [3; 32] };
    append_admin_key(&path, &key).unwrap();
    let read = load_admin_keys(&path).unwrap().value;
    assert_eq!((read[0].principal.as_str(), read[0].mac), ("dpo", [3; 32]));
    assert!(append_admin_key(&path, &key).unwrap_err().to_string().contains("`dpo` already"));
    // Lines of callers say more than an administrator has.
    assert!(load_api_keys(&path).is_err());
    fs::write(&path, "").unwrap();
    append_api_key(&path, &self::key("etl", &[], 1)).unwrap();
    assert!(load_admin_keys(&path).is_err());
}

#[test]
fn a_change_that_fails_leaves_the_file() {
    let folder = Scratch::new();
    let path = folder.file("zollhaus.callers");
    let check = |text: &str, expected: &str| {
        fs::write(&path, text).unwrap();
        let error = append_api_key(&path, &key("etl", &["support"], 1)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    };
    let mac = "00".repeat(32);
    let line = format!("etl: {{ roles: [], mac: \"hmac-sha256:{mac}\" }}\n");
    check(&line, "there is an entry `etl` already");
    check("etl: {", "cannot be used");
    check(&line.replace("00\"", "0\""), "cannot be used");
    check(&line.replace("00\"", "0g\""), "cannot be used");
    check(&line.replace("hmac-sha256:", ""), "cannot be used");

    fs::write(&path, "").unwrap();
    fs::write(path.with_file_name("zollhaus.callers.new"), "").unwrap();
    check("", "another change is under way");
}
