// SPDX-License-Identifier: Apache-2.0

mod disk;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Waker};

use crate::base::EntryId;
use crate::base::Timestamp;
use crate::transfer_log::{Entry, Outcome, TransferLog, TransferResult};

use super::file::{Ledger, LogFile, OpenFile};
use super::{JsonLinesError, JsonLinesLog, open, to_lines};
use disk::Disk;

/// A folder of its own for each test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("zollhaus-jsonl-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn log(&self) -> PathBuf {
        self.0.join("transfers.jsonl")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn entry(number: u128) -> Entry {
    Entry::Outcome(Outcome {
        version: 1,
        id: EntryId(number.to_be_bytes()),
        time: Timestamp::from_unix_millis(0),
        result: TransferResult::Answered,
        status: Some(200),
        reveals: Vec::new(),
        subjects: Vec::new(),
    })
}

fn lines(numbers: impl IntoIterator<Item = u128>) -> Vec<u8> {
    to_lines(&numbers.into_iter().map(entry).collect::<Vec<_>>()).unwrap()
}

/// A ledger on a simulated disk, which a log of these entries stands on.
fn ledger(folder: &Folder, disk: &Disk) -> Ledger {
    fs::write(folder.log(), disk.durable()).unwrap();
    open::open(&folder.log(), disk.opener()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_append_is_in_the_file_once_and_in_one_piece_when_it_returns() {
    let folder = Folder::new();
    let log = Arc::new(JsonLinesLog::open(&folder.log()).unwrap());
    let task = |task: u128| {
        let (log, path) = (Arc::clone(&log), folder.log());
        tokio::spawn(async move {
            for number in (0..20).map(|round| task * 1000 + round * 3) {
                let together = [number, number + 1, number + 2];
                log.append(together.map(entry).to_vec()).await.unwrap();
                let written = fs::read(&path).unwrap();
                let expected = lines(together);
                assert!(written.windows(expected.len()).any(|part| part == expected));
            }
        })
    };
    for task in (0..16).map(task).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let mut counts = BTreeMap::<String, usize>::new();
    for line in fs::read_to_string(folder.log()).unwrap().lines() {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    assert_eq!(counts.len(), 16 * 20 * 3);
    assert!(counts.values().all(|count| *count == 1));
}

/// A file whose syncs wait until the test lets them go.
struct Gated {
    file: Box<dyn LogFile>,
    entered: mpsc::Sender<()>,
    leave: Arc<std::sync::Mutex<mpsc::Receiver<()>>>,
}

impl LogFile for Gated {
    fn length(&self) -> std::io::Result<u64> {
        self.file.length()
    }
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }
    fn truncate(&self, length: u64) -> std::io::Result<()> {
        self.file.truncate(length)
    }
    fn sync(&self) -> std::io::Result<()> {
        self.entered.send(()).unwrap();
        self.leave.lock().unwrap().recv().unwrap();
        self.file.sync()
    }
}

#[tokio::test]
async fn all_appends_that_wait_share_one_sync_even_if_their_callers_have_gone() {
    let folder = Folder::new();
    let disk = Disk::default();
    let (entered, has_entered) = mpsc::channel();
    let (let_leave, leave) = mpsc::channel();
    let leave = Arc::new(std::sync::Mutex::new(leave));
    let open_disk = disk.opener();
    let open_gated: OpenFile = Box::new(move |path| {
        let (entered, leave) = (entered.clone(), Arc::clone(&leave));
        Ok(Box::new(Gated { file: open_disk(path)?, entered, leave }))
    });
    let_leave.send(()).unwrap();
    let_leave.send(()).unwrap();
    let log = JsonLinesLog::start(open::open(&folder.log(), open_gated).unwrap()).unwrap();
    let syncs_of_opening = disk.syncs();
    has_entered.try_iter().for_each(drop);

    let poll = |number| {
        let mut append = log.append(vec![entry(number)]);
        let mut context = Context::from_waker(Waker::noop());
        assert!(append.as_mut().poll(&mut context).is_pending());
        append
    };
    let first = poll(0);
    has_entered.recv().unwrap();
    let rest: Vec<_> = (1..50).map(poll).collect();
    drop(first);
    // More than are needed, so that too many syncs are a failure and not a deadlock.
    (0..100).for_each(|_| let_leave.send(()).unwrap());
    for append in rest {
        append.await.unwrap();
    }
    assert_eq!(disk.syncs() - syncs_of_opening, 2);
    assert_eq!(disk.durable(), lines(0..50));
}

#[test]
fn a_new_log_is_for_its_owner_only_and_an_old_one_is_continued() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for number in 0..3 {
        let log = JsonLinesLog::open(&folder.log()).unwrap();
        runtime.block_on(log.append(vec![entry(number)])).unwrap();
        assert!(log.health().is_ok());
    }
    assert_eq!(fs::read(folder.log()).unwrap(), lines(0..3));
    assert_eq!(fs::metadata(folder.log()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_incomplete_last_line_is_cut_off_and_nothing_else() {
    let whole = lines(0..2);
    let check = |torn: &[u8]| {
        let folder = Folder::new();
        fs::write(folder.log(), [whole.as_slice(), torn].concat()).unwrap();
        drop(JsonLinesLog::open(&folder.log()).unwrap());
        assert_eq!(fs::read(folder.log()).unwrap(), whole, "{torn:?}");
    };
    let next = lines([2]);
    for end in 0..next.len() {
        check(&next[..end]);
    }
    check(&[0; 5000]);
    check(&vec![b' '; 70_000]);
}

#[test]
fn a_damaged_line_is_an_error_that_says_where_and_changes_nothing() {
    let check = |damaged: &[u8], expected_line| {
        let folder = Folder::new();
        let contents = [lines(0..2).as_slice(), damaged, b"\n", &lines([2]), b"{\"to"].concat();
        fs::write(folder.log(), &contents).unwrap();
        let error = JsonLinesLog::open(&folder.log()).unwrap_err();
        let JsonLinesError::Damaged { line, offset, .. } = error else { panic!("{error}") };
        assert_eq!((line, offset), (expected_line, lines(0..2).len() as u64), "{damaged:?}");
        assert_eq!(fs::read(folder.log()).unwrap(), contents);
    };
    check(b"", 3);
    check(b"{\"kind\":\"transfer\"", 3);
    check(b"{} {}", 3);
    check(b"null", 3);
    check(b"{\"kind\":\"\xff\"}", 3);
    check(&[0; 100], 3);
    check(&vec![b'x'; super::MAX_LINE], 3);
}

#[test]
fn a_log_belongs_to_one_process() {
    let folder = Folder::new();
    let first = JsonLinesLog::open(&folder.log()).unwrap();
    let error = JsonLinesLog::open(&folder.log()).unwrap_err();
    assert!(matches!(error, JsonLinesError::InUse { .. }), "{error}");
    drop(first);
    JsonLinesLog::open(&folder.log()).unwrap();
}

#[test]
fn a_log_that_was_shortened_replaced_or_deleted_is_not_continued() {
    let check = |tamper: &dyn Fn(&PathBuf), expected: [&str; 2]| {
        let folder = Folder::new();
        let mut ledger = open::open(&folder.log(), Box::new(super::file::open_file)).unwrap();
        ledger.append(&lines(0..3)).unwrap();
        tamper(&folder.log());
        for part in [expected[0], expected[1], expected[1]] {
            let error = ledger.append(&lines([3])).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    };
    check(&|path| fs::write(path, lines(0..2)).unwrap(), ["changed", "shorter"]);
    check(&|path| fs::write(path, lines([0, 1, 4, 5])).unwrap(), ["changed", "last line"]);
    check(&|path| fs::remove_file(path).unwrap(), ["deleted", "No such file"]);
}

/// Appends until all of `script` was tried, and returns what was confirmed.
fn play(ledger: &mut Ledger, script: &[Vec<u8>]) -> Vec<u8> {
    let confirmed = script.iter().filter(|lines| ledger.append(lines).is_ok());
    confirmed.flatten().copied().collect()
}

#[test]
fn whatever_operation_fails_confirmed_entries_are_durable_and_others_are_gone() {
    // Entries within a page, over page borders, and more than a repair rewrites.
    let script = [lines(0..1), lines(1..40), lines(40..41), lines(41..1000), lines(1000..1003)];
    let check = |failing_for: usize| {
        for first in 0.. {
            let (folder, disk) = (Folder::new(), Disk::with_contents(&lines(5000..5100)));
            let mut ledger = ledger(&folder, &disk);
            disk.fail(first..first + failing_for);
            let confirmed = play(&mut ledger, &script);
            let is_over = disk.operations() <= first;
            disk.fail(0..0);
            ledger.append(&[]).expect("it gets well by itself");
            let expected = [lines(5000..5100), confirmed].concat();
            assert!(disk.durable() == expected, "operation {first} for {failing_for}");
            if is_over {
                break;
            }
        }
    };
    check(1);
    check(2);
    check(3);
    check(7);
    check(1000);
}

#[tokio::test]
async fn a_full_disk_fails_all_who_wait_and_health_finds_out_when_it_has_room_again() {
    let (folder, disk) = (Folder::new(), Disk::default());
    let log = JsonLinesLog::start(ledger(&folder, &disk)).unwrap();
    let append = |numbers: std::ops::Range<u128>| log.append(numbers.map(entry).collect());
    append(0..1).await.unwrap();
    disk.set_capacity(Some(200));
    assert!(append(1..2).await.is_err());
    assert_eq!(disk.cached(), lines([0]));
    let (one, other) = tokio::join!(append(1..5), append(5..9));
    for result in [one, other, append(9..10).await] {
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with("the transfer log cannot be written: `"), "{message}");
    }
    assert!(log.health().is_err());
    disk.set_capacity(None);
    let mut state = log.state.clone();
    assert!(log.health().is_err());
    state.wait_for(Result::is_ok).await.unwrap();
    assert!(log.health().is_ok());
    append(10..11).await.unwrap();
    assert_eq!(disk.durable(), lines([0, 10]));
}
