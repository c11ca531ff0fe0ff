// SPDX-License-Identifier: Apache-2.0

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::base::{Cleartext, Clock, ConsentState, EntryId, RefusalCode, SystemClock, Timestamp};
use crate::config::{Code, Config};
use crate::testkit::{Scratch, write_log};
use crate::transfer_log::{ENTRY_VERSION, Entry, RefusedTransfer};

use super::{Cli, Command};

mod keys;

/// Whether a command line does what it says.
fn run(arguments: &[&dyn AsRef<OsStr>]) -> bool {
    let arguments = arguments.iter().map(AsRef::as_ref);
    let cli =
        Cli::try_parse_from(std::iter::once(OsStr::new("zollhaus")).chain(arguments)).unwrap();
    cli.execute() == ExitCode::SUCCESS
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn what_init_writes_is_sound_and_never_overwritten() {
    let scratch = Scratch::new();
    let folder = scratch.file("new");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder, &"--tenant", &"umbrella"]));
    assert!(run(&[&"check", &"--config", &config]));

    let loaded = Config::load(&config).unwrap();
    assert_eq!(loaded.value.tenant.as_str(), "umbrella");
    let codes: Vec<Code> = loaded.warnings.iter().map(|found| found.problem.code).collect();
    assert_eq!(codes, [Code::NoCaller, Code::ReservedDomain]);

    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/border");
    let names = |of: Vec<(std::path::PathBuf, Vec<u8>)>| {
        of.into_iter().map(|(path, text)| (path.file_name().unwrap().to_owned(), text))
    };
    let written = contents(&folder.join("policies/border"));
    assert!(names(written).eq(names(contents(&packs))), "every pack, as we ship it");

    let before = contents(&folder);
    assert!(!run(&[&"init", &folder]));
    assert_eq!(contents(&folder), before);
    fs::remove_file(folder.join("zollhaus.key")).unwrap();
    assert!(!run(&[&"init", &folder]));
    assert!(!folder.join("zollhaus.key").exists());
}

#[test]
fn a_root_key_moves_and_everything_opens_as_before() {
    let scratch = Scratch::new();
    let folder = scratch.file("");
    let (config, old) = (folder.join("zollhaus.yaml"), folder.join("old.yaml"));
    assert!(run(&[&"init", &folder, &"--without-keys"]));
    assert!(!folder.join("zollhaus.key").exists() && !folder.join("zollhaus.keyset").exists());
    assert!(run(&[&"check", &"--config", &config]));
    let create = || run(&[&"keys", &"create", &"--config", &config]);
    assert!(create());
    let macs = |config: &Path| {
        let loaded = Config::load(config).unwrap().value;
        crate::app::open_keyset(&loaded).unwrap().caller_mac
    };
    let before = macs(&config);
    assert!(!create(), "keys in use are not replaced");
    assert_eq!(macs(&config), before);

    let text = fs::read_to_string(&config).unwrap();
    let sealed = "keys: { file: sealed.key, passphrase: { file: passphrase }, keyset: new.keyset }";
    let changed = text.replace("keys: { file: zollhaus.key, keyset: zollhaus.keyset }", sealed);
    assert_ne!(text, changed);
    fs::rename(&config, &old).unwrap();
    fs::write(&config, changed).unwrap();
    let rewrap = || run(&[&"keys", &"rewrap", &"--from", &old, &"--config", &config]);
    assert!(!rewrap(), "there is no passphrase yet");
    fs::write(folder.join("passphrase"), "correct horse battery staple\n").unwrap();
    assert!(!rewrap(), "others can read the passphrase");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(folder.join("passphrase"), private).unwrap();
    assert!(rewrap());
    assert!(!rewrap(), "nothing is overwritten");
    assert_eq!(macs(&config), before);
    assert_eq!(macs(&old), before);
    fs::remove_file(folder.join("zollhaus.key")).unwrap();
    assert_eq!(macs(&config), before);
}

#[test]
fn new_callers_are_known_and_have_one_name() {
    let scratch = Scratch::new();
    let folder = scratch.file("");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder]));
    let new_caller = |name: &str| {
        run(&[
            &"keys",
            &"new-caller",
            &name,
            &"--role",
            &"support",
            &"--role",
            &"x",
            &"--config",
            &config,
        ])
    };
    assert!(new_caller("etl"));
    assert!(!new_caller("etl"));
    assert!(new_caller("billing"));
    let callers = Config::load(&config).unwrap().value.callers.api_keys;
    let names: Vec<&str> = callers.iter().map(|caller| caller.principal.name.as_str()).collect();
    assert_eq!(names, ["etl", "billing"]);
    assert_eq!(callers[0].principal.roles, ["support".into(), "x".into()]);
    assert_ne!(callers[0].mac, callers[1].mac);
}

#[test]
fn administrators_have_keys_and_callers_a_purpose_and_region() {
    let scratch = Scratch::new();
    let folder = scratch.file("");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder]));
    assert!(run(&[&"keys", &"new-admin", &"dpo", &"--config", &config]));
    assert!(!run(&[&"keys", &"new-admin", &"dpo", &"--config", &config]));
    let mut new_caller: Vec<&dyn AsRef<OsStr>> =
        vec![&"keys", &"new-caller", &"etl", &"--role", &"support", &"--config", &config];
    new_caller.extend([&"--purpose" as &dyn AsRef<OsStr>, &"crm", &"--region", &"NO"]);
    assert!(run(&new_caller));
    let config = Config::load(&config).unwrap().value;
    let (_, administrators) = config.admin.api_keys.unwrap();
    assert_eq!(administrators[0].principal.as_str(), "dpo");
    let etl = &config.callers.api_keys[0].principal;
    assert_eq!((etl.purpose.clone(), etl.region.clone()), (Some("crm".into()), Some("NO".into())));
}

#[test]
fn consent_is_managed_by_value_and_by_pseudonym() {
    let scratch = Scratch::new();
    let folder = scratch.file("");
    let (config, value) = (folder.join("zollhaus.yaml"), folder.join("value"));
    assert!(run(&[&"init", &folder]));
    fs::write(&value, "Max@Muster.example\n").unwrap();
    let loaded = Config::load(&config).unwrap().value;
    let state = || {
        let mut found = None;
        let looked_up = super::block_on(async {
            let subjects = super::subject::open(&loaded).await?;
            let max = Cleartext::new("max@muster.example");
            let dossier = subjects.dossier(subjects.by_value(&"email".into(), &max)).await?;
            let now = SystemClock.now();
            found = Some((
                dossier.known.person.to_string(),
                dossier.known.consents.state(&"email_marketing".into(), now),
            ));
            Ok(())
        });
        looked_up.unwrap();
        found.unwrap()
    };
    let (pseudonym, before) = state();
    assert_eq!(before, ConsentState::None);

    let by_value = |rest: &[&dyn AsRef<OsStr>]| {
        let whom: [&dyn AsRef<OsStr>; 6] =
            [&"--category", &"email", &"--value-file", &value, &"--config", &config];
        run(&[rest, &whom].concat())
    };
    let give = |purpose: &str| {
        by_value(&[&"consent", &"give", &purpose, &"--text-version", &"v1", &"--source", &"form"])
    };
    assert!(!give("email-marketing"), "no policy knows this purpose");
    assert!(give("email_marketing"));
    assert_eq!(state().1, ConsentState::Given);
    assert!(by_value(&[&"consent", &"list"]));
    assert!(by_value(&[&"subject", &"id"]));

    let withdraw = |subject: &str| {
        let words: [&dyn AsRef<OsStr>; 9] = [
            &"consent",
            &"withdraw",
            &"email_marketing",
            &"--subject",
            &subject,
            &"--source",
            &"phone",
            &"--config",
            &config,
        ];
        run(&words)
    };
    assert!(withdraw(&pseudonym));
    assert_eq!(state().1, ConsentState::Withdrawn);

    for wrong in [String::new(), " \n".to_owned(), "x".repeat(5000)] {
        fs::write(&value, wrong).unwrap();
        assert!(!by_value(&[&"subject", &"id"]));
    }
}

#[test]
fn nobody_is_named_twice_or_not_at_all() {
    let pseudonym = "2f6c0b1d9a5e4c3f8b7a6d5e4f3c2b1a";
    let check = |whom: &[&str], is_sound: bool| {
        let words = [&["zollhaus", "consent", "list"], whom].concat();
        assert_eq!(Cli::try_parse_from(words).is_ok(), is_sound, "{whom:?}");
    };
    check(&["--category", "email"], true);
    check(&["--subject", pseudonym], true);
    check(&[], false);
    check(&["--value-file", "x"], false);
    check(&["--subject", pseudonym, "--category", "email"], false);
    check(&["--subject", pseudonym, "--value-file", "x"], false);
    check(&["--subject", "max@muster.example"], false);
}

#[test]
fn problems_are_a_failure() {
    let scratch = Scratch::new();
    let folder = scratch.file("");
    let config = folder.join("zollhaus.yaml");
    assert!(!run(&[&"check", &"--config", &config]));
    assert!(run(&[&"init", &folder]));
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("region:", "regoin:")).unwrap();
    assert!(!run(&[&"check", &"--config", &config]));
    assert!(!run(&[&"keys", &"new-caller", &"etl", &"--role", &"support", &"--config", &config]));
}

#[test]
fn check_tells_what_ends_soon() {
    let scratch = Scratch::new();
    let folder = scratch.file("");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder]));
    let house = "version: 1\nlaw: house\napplies_to: anyone\notherwise: allow\n\
        groups: { parts: { members: [{ place: US, scope: dpf }] } }\n\
        confirmed:\n- { scope: dpf, upstreams: [salesforce], reference: list, until: 2026-12-10 }\n\
        bases:\n  scc: { kind: scc, until: 2026-11-01 }\n  bcr: { kind: bcr, until: 2027-12-31 }\n\
        transfers:\n- { name: a, to: parts, action: allow, basis: [scc, bcr] }\n";
    fs::write(folder.join("policies/house.yaml"), house).unwrap();
    let policy = folder.join("policies/salesforce.yaml");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, format!("{text}\nborder: [house.yaml]\n")).unwrap();
    let config = Config::load(&config).unwrap().value;
    let told = super::check::ending(&config, "2026-11-29".parse().unwrap());
    let told: Vec<String> =
        told.iter().map(|it| it.replace(&*folder.to_string_lossy(), "")).collect();
    assert_eq!(
        told,
        [
            "warning: the basis `scc` ended on 2026-11-01 (policies/house.yaml:9)\n",
            "warning: the confirmation of `dpf` for salesforce ends on 2026-12-10 (list)\n",
        ]
    );
}

#[test]
fn tests_of_policies_are_found_and_have_to_hold() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    assert!(run(&[&"test", &packs]));
    assert!(run(&[&"test", &packs.join("tests/zoho.test.yaml")]));
    assert!(!run(&[&"test", &packs.join("border")]), "there are none");
    assert!(!run(&[&"test", &packs.join("no.test.yaml")]));

    let scratch = Scratch::new();
    fs::create_dir(scratch.file("below")).unwrap();
    fs::copy(packs.join("zoho.yaml"), scratch.file("zoho.yaml")).unwrap();
    let test = fs::read_to_string(packs.join("tests/zoho.test.yaml")).unwrap();
    let path = scratch.file("below/zoho.test.yaml");
    fs::write(&path, &test).unwrap();
    assert!(run(&[&"test", &scratch.file("")]));
    let wrong = test.replace("Last_Name: tokenize", "Last_Name: encrypt");
    fs::write(scratch.file("below/other.test.yml"), &wrong).unwrap();
    assert!(!run(&[&"test", &scratch.file("")]), "the other ending is read too");
    fs::remove_file(scratch.file("below/other.test.yml")).unwrap();
    fs::write(&path, wrong).unwrap();
    assert!(!run(&[&"test", &scratch.file("")]));
}

/// What `explain` says with the arguments, of a house that `init` made, with a border.
fn explain(arguments: &str) -> String {
    let scratch = Scratch::new();
    let folder = scratch.file("");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder]));
    let house = "version: 1\nlaw: GDPR\n\
        bases: { scc: { kind: scc, reference: SCC-2026-014, until: 2027-06-30 } }\n\
        transfers:\n\
        - { name: scc, cites: GDPR Art. 46(2)(c), to: US, action: allow, basis: scc }\n\
        reveal:\n\
        - { name: at-home, to: EEA }\n";
    fs::write(folder.join("policies/house.yaml"), house).unwrap();
    let policy = folder.join("policies/salesforce.yaml");
    let text = fs::read_to_string(&policy).unwrap();
    let border = "border: [house.yaml, border/gdpr.yaml, border/ccpa.yaml, \
                  border/australia.yaml, border/groups.yaml]\n";
    fs::write(&policy, format!("{text}\n{border}")).unwrap();
    let said = explain_of(&config, &folder, arguments);
    let expected =
        "error[ZH0204]: `gdpr/special-categories` keeps values local, and nothing says where";
    assert!(said.contains(expected), "{said}");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("{ sqlite: zollhaus.vault }", "{ sqlite: zollhaus.vault, region: DE }");
    fs::write(&config, text).unwrap();
    explain_of(&config, &folder, arguments)
}

fn explain_of(config: &Path, folder: &Path, arguments: &str) -> String {
    let config = config.to_string_lossy();
    let line = format!("zollhaus explain --config {config} --date 2026-11-24 {arguments}");
    let Command::Explain(explain) = Cli::try_parse_from(line.split(' ')).unwrap().command else {
        panic!("another command");
    };
    let said = explain.text().unwrap_or_else(|error| error.to_string());
    said.replace(&*folder.join("policies/").to_string_lossy(), "")
}

#[test]
fn explain_cites_the_rule_of_every_law() {
    let contact = "--upstream salesforce --object Contact --field Email";
    assert_eq!(
        explain(&format!("{contact} --jurisdiction DE --caller-region IN")),
        include_str!("tests/explain_allowed.txt")
    );
    assert_eq!(
        explain(&format!(
            "{contact} --jurisdiction DE --jurisdiction AU --purpose newsletter --consent withdrawn"
        )),
        include_str!("tests/explain_refused.txt")
    );
    for (arguments, expected) in [
        (
            "--upstream sf --object Contact --field Email --jurisdiction DE",
            "there is no upstream `sf`",
        ),
        (
            &format!("{contact} --jurisdiction de"),
            "`de` is neither an ISO 3166 code nor a group of this border",
        ),
        (
            &format!("{contact} --jurisdiction DE --consent given"),
            "consent to what? Say `--purpose`, or `PURPOSE=given`",
        ),
        (
            &format!("{contact} --jurisdiction DE --operation sobject.creat"),
            "`salesforce` has no operation `sobject.creat`; docs/COVERAGE.md lists them",
        ),
        (
            "--upstream salesforce --object Case --field ContactEmail --jurisdiction DE",
            "the CRM composes `case.contactemail` of other fields; ask for those",
        ),
    ] {
        assert_eq!(explain(arguments), expected);
    }
}

#[test]
fn explain_tells_a_purpose_that_no_rule_knows() {
    let contact = "--upstream salesforce --object Contact --field Email --jurisdiction DE";
    let of = |purpose| explain(&format!("{contact} --purpose {purpose}"));
    let said = of("newslettr");
    assert!(said.contains("names no purpose `newslettr`"), "{said}");
    assert!(said.contains("It names\n  analytics\n  direct_marketing\n"), "{said}");
    assert!(!of("newsletter").contains("names no purpose"));
}

#[test]
fn names_on_the_command_line_are_names() {
    for name in ["", "a b", "ä", "a/b"] {
        let parsed =
            Cli::try_parse_from(["zollhaus", "keys", "new-caller", name, "--role", "support"]);
        assert!(parsed.is_err(), "{name}");
    }
}

#[test]
fn reports_are_made_offline_and_replace_nothing_unasked() {
    let scratch = Scratch::new();
    let (log, page) = (scratch.file("log"), scratch.file("page.html"));
    let report = |arguments: &[&dyn AsRef<OsStr>]| {
        let directory: [&dyn AsRef<OsStr>; 2] = [&"--directory", &log];
        run(&[&[&"report" as &dyn AsRef<OsStr>], arguments, &directory].concat())
    };
    assert!(!report(&[&"refusals"]));
    let refused = |number| {
        Entry::Refused(RefusedTransfer {
            version: ENTRY_VERSION,
            id: EntryId([number; 16]),
            time: Timestamp::from_unix_millis(1_767_225_600_000),
            instance: "one".into(),
            caller: format!("caller-{number}").as_str().into(),
            purpose: None,
            upstream: None,
            operation: None,
            code: RefusalCode::Forbidden,
            rules: Vec::new(),
            records: None,
            subjects: Vec::new(),
        })
    };
    // The last one is not under the checkpoint yet.
    write_log(&log, &[refused(1), refused(2), refused(3)], 2);
    assert!(report(&[&"refusals", &"--output", &page]));
    let made = fs::read_to_string(&page).unwrap();
    assert!(made.contains("acme.example/one"));
    assert!(made.contains("caller-2") && !made.contains("caller-3"));

    fs::write(&page, "mine").unwrap();
    assert!(!report(&[&"refusals", &"--output", &page]));
    assert_eq!(fs::read_to_string(&page).unwrap(), "mine");
    let csv: &[&dyn AsRef<OsStr>] =
        &[&"refusals", &"--output", &page, &"--force", &"--format", &"csv", &"--table"];
    assert!(!report(&[csv, &[&"weeks"]].concat()));
    assert_eq!(fs::read_to_string(&page).unwrap(), "mine");
    assert!(report(&[csv, &[&"days"]].concat()));
    let days = "Day,Code,Requests\r\n2026-01-01,forbidden,2\r\n";
    assert_eq!(fs::read_to_string(&page).unwrap(), days);

    assert!(!report(&[&"refusals", &"--from", &"2026-02-01", &"--until", &"2026-01-01"]));
    for wrong in ["", "ab", "AB", &"g".repeat(32)] {
        assert!(
            Cli::try_parse_from(["zollhaus", "report", "subject", "--subject", wrong]).is_err(),
            "{wrong}"
        );
    }
}

fn contents(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut contents: Vec<_> = files
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    contents.sort();
    contents
}

#[test]
fn a_vault_is_verified_backed_up_and_restored() {
    let scratch = Scratch::new();
    let folder = scratch.file("house");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder]));
    let vault = |rest: &[&dyn AsRef<OsStr>]| {
        let all: [&[&dyn AsRef<OsStr>]; 3] = [&[&"vault"], rest, &[&"--config", &config]];
        run(&all.concat())
    };
    assert!(!vault(&[&"verify"]), "there is none yet");
    let loaded = Config::load(&config).unwrap().value;
    let crate::config::VaultPlace::Sqlite(path) = loaded.vault.place.clone() else {
        panic!("it is a file")
    };
    assert!(!path.exists(), "asking for a vault makes none");

    let keyset = crate::app::open_keyset(&loaded).unwrap();
    let tokenize = || {
        let tokens = super::block_on(async {
            let database = crate::sqlite::Database::open(&path, &loaded.tenant)?;
            let store = crate::vault::SqliteStore::new(&database)?;
            let vault = crate::vault::Vault::new(std::sync::Arc::new(store), &keyset);
            let anna = Cleartext::new("Anna");
            Ok(vault.tokenize(&[(&"name".into(), &anna)]).await?)
        });
        tokens.unwrap().remove(0)
    };
    let token = tokenize();
    assert!(vault(&[&"verify"]));
    let copy = scratch.file("copy");
    assert!(vault(&[&"backup", &copy]));
    assert!(!vault(&[&"backup", &copy]), "nothing is replaced");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!vault(&[&"backup", &scratch.file("nowhere/copy")]));
    assert!(!vault(&[&"restore", &copy]), "a vault is there");

    let damage = rusqlite::Connection::open(&path).unwrap();
    damage.execute("UPDATE copy SET sealed = x'00'", []).unwrap();
    drop(damage);
    assert!(!vault(&[&"verify"]));
    assert!(vault(&[&"verify", &"--file", &copy]));
    for beside in ["zollhaus.vault", "zollhaus.vault-wal", "zollhaus.vault-shm"] {
        let _ = fs::remove_file(path.with_file_name(beside));
    }
    let empty = scratch.file("empty");
    fs::write(&empty, b"").unwrap();
    assert!(!vault(&[&"verify", &"--file", &empty]), "nothing is no vault");
    for other in [&scratch.file("none"), &empty] {
        assert!(!vault(&[&"restore", other]));
    }
    assert!(!path.exists());
    let log = loaded.transfer_log.directory;
    fs::create_dir_all(&log).unwrap();
    let running = fs::File::create(log.join("lock")).unwrap();
    running.try_lock().unwrap();
    assert!(!vault(&[&"restore", &copy]), "the house runs");
    drop(running);
    assert!(vault(&[&"restore", &copy]));
    assert!(vault(&[&"verify"]));
    assert_eq!(tokenize(), token);
}
