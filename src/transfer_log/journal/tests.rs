// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::task::{Context, Waker};

use proptest::prelude::*;

use super::{Expected, Journal, JournalError, JournalReader, JournalWriter, Lines, Position};
use crate::base::{EntryId, ManualClock, Timestamp};
use crate::telemetry::Metrics;
use crate::testkit::Scratch;
use crate::transfer_log::disk::simulated::SimulatedDisk;
use crate::transfer_log::disk::{Disk, DiskFile, FileSystem};
use crate::transfer_log::progress::Progress;
use crate::transfer_log::{Entry, Outcome, TransferResult};

const FOLDER: &str = "/log/journal";
const FIRST: &str = "/log/journal/00000000000000000000.jsonl";

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

fn some(numbers: impl IntoIterator<Item = u128>) -> Lines {
    Lines::of(numbers.into_iter().map(entry).collect()).unwrap()
}

fn lines(numbers: impl IntoIterator<Item = u128>) -> Vec<u8> {
    some(numbers).bytes
}

/// A disk that holds the first file of a journal.
fn disk(contents: &[u8]) -> SimulatedDisk {
    let disk = SimulatedDisk::with_folder(Path::new("/log"));
    disk.make_folder(Path::new(FOLDER)).unwrap();
    disk.sync_folder(Path::new("/log")).unwrap();
    disk.put(Path::new(FIRST), contents);
    disk
}

const LARGE: u64 = 1 << 30;

/// Opens a journal of files of `segment_bytes`, of which `integrated` entries are in
/// the tree.
fn open(
    disk: &SimulatedDisk,
    integrated: u64,
    segment_bytes: u64,
) -> Result<JournalWriter, JournalError> {
    let expected = Expected { integrated, segment_bytes };
    super::open(Arc::new(disk.clone()), Path::new(FOLDER), expected, &mut |_, _| {})
}

fn start(writer: JournalWriter) -> Journal {
    start_at(writer, Arc::default())
}

fn start_at(writer: JournalWriter, clock: Arc<ManualClock>) -> Journal {
    let metrics = Arc::new(Metrics::new().unwrap());
    let progress = Progress::new(writer.next(), 0, 1 << 40, metrics);
    Journal::start(writer, clock, Arc::new(progress)).unwrap()
}

fn durable(disk: &SimulatedDisk) -> Vec<u8> {
    disk.durable(Path::new(FIRST))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_append_is_in_the_file_once_and_in_one_piece_when_it_returns() {
    let scratch = Scratch::new();
    let (folder, expected) =
        (scratch.file("journal"), Expected { integrated: 0, segment_bytes: LARGE });
    let writer = super::open(Arc::new(FileSystem), &folder, expected, &mut |_, _| {}).unwrap();
    let path = writer.path().to_owned();
    let journal = Arc::new(start(writer));
    let task = |task: u128| {
        let (journal, path) = (Arc::clone(&journal), path.clone());
        tokio::spawn(async move {
            for number in (0..20).map(|round| task * 1000 + round * 3) {
                let together = [number, number + 1, number + 2];
                journal.append(together.map(entry).to_vec()).await.unwrap();
                let written = std::fs::read(&path).unwrap();
                let expected = lines(together);
                assert!(written.windows(expected.len()).any(|part| part == expected));
            }
        })
    };
    for task in (0..16).map(task).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let mut counts = BTreeMap::<String, usize>::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    assert_eq!(counts.len(), 16 * 20 * 3);
    assert!(counts.values().all(|count| *count == 1));
}

/// A disk whose syncs of files wait until the test lets them go.
#[derive(Clone)]
struct Gated {
    disk: SimulatedDisk,
    entered: mpsc::Sender<()>,
    leave: Arc<Mutex<mpsc::Receiver<()>>>,
}

struct GatedFile(Box<dyn DiskFile>, Gated);

impl Gated {
    fn file(&self, file: io::Result<Box<dyn DiskFile>>) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(GatedFile(file?, self.clone())))
    }
}

impl Disk for Gated {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(self.disk.open(path))
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(self.disk.create(path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_folder(path)
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.make_folder(path)
    }
    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.disk.names(folder)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }
}

impl DiskFile for GatedFile {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset)
    }
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.1.entered.send(()).unwrap();
        self.1.leave.lock().unwrap().recv().unwrap();
        self.0.sync()
    }
}

#[tokio::test]
async fn all_appends_that_wait_share_one_sync_even_if_their_callers_have_gone() {
    let disk = disk(b"");
    let (entered, has_entered) = mpsc::channel();
    let (let_leave, leave) = mpsc::channel();
    let gated = Gated { disk: disk.clone(), entered, leave: Arc::new(Mutex::new(leave)) };
    let_leave.send(()).unwrap();
    let_leave.send(()).unwrap();
    let expected = Expected { integrated: 0, segment_bytes: LARGE };
    let writer = super::open(Arc::new(gated), Path::new(FOLDER), expected, &mut |_, _| {});
    let journal = start(writer.unwrap());
    let syncs_of_opening = disk.syncs();
    has_entered.try_iter().for_each(drop);

    let poll = |number| {
        let mut append = Box::pin(journal.append(vec![entry(number)]));
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
    assert_eq!(durable(&disk), lines(0..50));
}

#[test]
fn an_unfinished_end_is_cut_off_and_nothing_else() {
    let whole = lines(0..2);
    let check = |torn: &[u8]| {
        let disk = disk(&[whole.as_slice(), torn].concat());
        assert_eq!(open(&disk, 2, LARGE).unwrap().next(), 2);
        assert_eq!(durable(&disk), whole, "{torn:?}");
    };
    let next = lines([2]);
    for end in 0..next.len() {
        check(&next[..end]);
    }
    check(&[0; 5000]);
    check(&vec![b' '; 70_000]);
    // A page of the last group that never reached the disk.
    check(&[&next[..20], &[0; 30], &next[20..], &lines(3..9)].concat());
}

#[test]
fn a_damaged_line_is_an_error_that_says_where_and_changes_nothing() {
    let check = |damaged: &[u8], integrated| {
        let contents = [lines(0..2).as_slice(), damaged, b"\n", &lines([2]), b"{\"to"].concat();
        let disk = disk(&contents);
        let error = open(&disk, integrated, LARGE).err().unwrap();
        let JournalError::Damaged { index, offset, .. } = error else { panic!("{error}") };
        assert_eq!((index, offset), (2, lines(0..2).len() as u64), "{damaged:?}");
        assert_eq!(durable(&disk), contents);
    };
    check(b"", 0);
    check(b"{\"kind\":\"transfer\"", 0);
    check(b"{} {}", 0);
    check(b"null", 0);
    check(b"{\"kind\":\"\xff\"}", 0);
    check(&vec![b'x'; 16 << 20], 0);
    // What is in the tree was durable.
    check(&[0; 100], 3);
}

#[test]
fn a_journal_that_lacks_a_file_is_not_opened() {
    let check = |files: &[(u64, std::ops::Range<u128>)], integrated, lacking| {
        let disk = SimulatedDisk::with_folder(Path::new("/log"));
        disk.make_folder(Path::new(FOLDER)).unwrap();
        for (first, numbers) in files {
            disk.put(&super::segment_path(Path::new(FOLDER), *first), &lines(numbers.clone()));
        }
        match (open(&disk, integrated, LARGE).map(|writer| writer.next()), lacking) {
            (Ok(next), None) => assert_eq!(next, 9),
            (Err(JournalError::Gap { missing, .. }), Some(lacking)) => assert_eq!(missing, lacking),
            (result, _) => panic!("{result:?}"),
        }
    };
    check(&[(0, 0..4), (4, 4..9)], 0, None);
    check(&[(4, 4..9)], 4, None);
    check(&[(4, 4..9)], 9, None);
    check(&[(4, 4..9)], 3, Some(3));
    check(&[(4, 4..9)], 10, Some(9));
    check(&[(0, 0..3), (4, 4..9)], 0, Some(3));
    check(&[(0, 0..5), (4, 4..9)], 0, Some(5));
    check(&[], 1, Some(0));
}

#[test]
fn a_journal_that_was_shortened_replaced_or_deleted_is_not_continued() {
    let check = |tamper: &dyn Fn(&PathBuf), expected: [&str; 2]| {
        let scratch = Scratch::new();
        let folder = scratch.file("journal");
        let sizes = Expected { integrated: 0, segment_bytes: LARGE };
        let mut writer = super::open(Arc::new(FileSystem), &folder, sizes, &mut |_, _| {}).unwrap();
        writer.append(&lines(0..3), 3).unwrap();
        tamper(&writer.path().to_owned());
        for part in [expected[0], expected[1], expected[1]] {
            let error = writer.append(&lines([3]), 1).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    };
    let write = |path: &PathBuf, numbers: &[u128]| {
        std::fs::write(path, lines(numbers.iter().copied())).unwrap();
    };
    check(&|path| write(path, &[0, 1]), ["changed", "shorter"]);
    check(&|path| write(path, &[0, 1, 4, 5]), ["changed", "last line"]);
    check(&|path| std::fs::remove_file(path).unwrap(), ["deleted", "No such file"]);
}

/// Entries within a page, over page borders, and more than a repair rewrites; with
/// files of 20,000 bytes, also over the borders of files.
static SCRIPT: LazyLock<[Lines; 6]> = LazyLock::new(|| {
    [some(0..1), some(1..40), some(40..41), some(41..1000), some(1000..1003), some(1003..1004)]
});

/// What is in the journal before.
static BEFORE: LazyLock<Vec<u8>> = LazyLock::new(|| lines(5000..5100));

/// Appends until all of the script was tried, and returns what was confirmed.
fn play(writer: &mut JournalWriter) -> Vec<u8> {
    let confirmed = SCRIPT.iter().filter(|lines| writer.append(&lines.bytes, lines.count).is_ok());
    confirmed.flat_map(|lines| lines.bytes.clone()).collect()
}

fn count(lines: &[u8]) -> u64 {
    lines.split(|byte| *byte == b'\n').count() as u64 - 1
}

/// Every line on a disk that has crashed, in order.
fn contents(disk: &SimulatedDisk) -> Vec<u8> {
    disk.paths().iter().flat_map(|path| disk.cached(path)).collect()
}

#[test]
fn whatever_operation_fails_confirmed_entries_are_durable_and_others_are_gone() {
    let check = |failing_for: usize, segment_bytes| {
        for first in 0.. {
            let disk = disk(&BEFORE);
            let mut writer = open(&disk, 0, segment_bytes).unwrap();
            disk.fail(first..first + failing_for);
            let confirmed = play(&mut writer);
            let is_over = disk.operations() <= first;
            disk.fail(0..0);
            writer.append(&[], 0).expect("it gets well by itself");
            let expected = [BEFORE.clone(), confirmed].concat();
            let crashed = disk.crash(|| false);
            drop(open(&crashed, 0, segment_bytes).unwrap());
            let left = contents(&crashed);
            assert!(left == expected, "operation {first} for {failing_for}");
            assert_eq!(writer.next(), count(&expected));
            if is_over {
                break;
            }
        }
    };
    for failing_for in [1, 2, 3, 7, 1000] {
        check(failing_for, LARGE);
        check(failing_for, 20_000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::testkit::cases(100), ..ProptestConfig::default() })]

    /// Killed at any operation, with any part of what was not durable on the disk.
    #[test]
    fn wherever_it_crashes_confirmed_entries_are_there(
        operations in 0_usize..120,
        survivors in proptest::collection::vec(any::<bool>(), 64),
        segment_bytes in prop_oneof![Just(LARGE), Just(20_000)],
    ) {
        let disk = disk(&BEFORE);
        let mut writer = open(&disk, 0, segment_bytes).unwrap();
        disk.kill_after(operations);
        let mut confirmed = BEFORE.clone();
        let mut tried = confirmed.clone();
        for lines in SCRIPT.iter() {
            tried.extend_from_slice(&lines.bytes);
            if writer.append(&lines.bytes, lines.count).is_err() {
                break;
            }
            confirmed.extend_from_slice(&lines.bytes);
        }
        let mut survivors = survivors.into_iter().cycle();
        let crashed = disk.crash(|| survivors.next().unwrap());
        let writer = open(&crashed, 0, segment_bytes).unwrap();
        let left = contents(&crashed);
        prop_assert!(left.starts_with(&confirmed), "confirmed entries are missing");
        prop_assert!(tried.starts_with(&left), "there is what nobody appended");
        prop_assert_eq!(writer.next(), count(&left));
    }
}

#[test]
fn a_reader_follows_from_file_to_file() {
    let disk = disk(b"");
    let mut writer = open(&disk, 0, 5_000).unwrap();
    let mut reader =
        JournalReader::new(Arc::new(disk.clone()), PathBuf::from(FOLDER), Position::start_of(0));
    for number in 0..200 {
        writer.append(&lines([number]), 1).unwrap();
        if number % 7 == 0 {
            let behind = JournalReader::new(
                Arc::new(disk.clone()),
                PathBuf::from(FOLDER),
                reader.position(),
            );
            reader = behind;
            while reader.position().next < writer.next() {
                let expected = entry(u128::from(reader.position().next));
                assert_eq!(reader.read().unwrap(), expected.to_canonical_json().unwrap());
            }
            assert!(reader.read().is_err());
        }
    }
    assert!(super::segments(&disk, Path::new(FOLDER)).unwrap().len() > 3);
}

#[tokio::test]
async fn a_full_disk_fails_all_who_wait_and_health_finds_out_when_it_has_room_again() {
    let disk = disk(b"");
    let journal = start(open(&disk, 0, LARGE).unwrap());
    let append = |numbers: std::ops::Range<u128>| journal.append(numbers.map(entry).collect());
    append(0..1).await.unwrap();
    disk.set_capacity(Some(200));
    assert!(append(1..2).await.is_err());
    assert_eq!(disk.cached(Path::new(FIRST)), lines([0]));
    let (one, other) = tokio::join!(append(3..5), append(5..7));
    for result in [one, other, append(9..10).await] {
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with("the transfer log cannot be written: `"), "{message}");
    }
    assert!(journal.health().is_err());
    disk.set_capacity(None);
    let mut state = journal.state();
    assert!(journal.health().is_err());
    state.wait_for(Result::is_ok).await.unwrap();
    assert!(journal.health().is_ok());
    append(10..11).await.unwrap();
    drop(journal);
    let written = String::from_utf8(durable(&disk)).unwrap();
    let results: Vec<_> = written.lines().filter(|line| line.contains("answered")).collect();
    assert_eq!(results.join("\n") + "\n", String::from_utf8(lines([0, 10])).unwrap());
    // Of the transfers whose outcome was lost it is said, once.
    for number in [1, 3, 4, 5, 6, 9] {
        let id = EntryId(u128::to_be_bytes(number)).to_string();
        let said: Vec<_> = written.lines().filter(|line| line.contains(&id)).collect();
        assert!(said.len() == 1 && said[0].contains("unknown"), "{said:?}");
    }
}

#[tokio::test]
async fn every_day_has_files_of_its_own() {
    let disk = disk(b"");
    let hour = |hour: u64| Timestamp::from_unix_millis(hour * 3_600_000);
    let clock = Arc::new(ManualClock::at(hour(2)));
    let firsts = || super::segments(&disk, Path::new(FOLDER)).unwrap();
    let journal = start_at(open(&disk, 0, LARGE).unwrap(), Arc::clone(&clock));
    for (at, expected) in [(2, [0].as_slice()), (23, &[0]), (24, &[0, 2]), (30, &[0, 2])] {
        clock.set(hour(at));
        journal.append(vec![entry(u128::from(at))]).await.unwrap();
        assert_eq!(firsts(), expected, "hour {at}");
    }
    drop(journal);
    // Whoever starts does not know the day of what is there.
    let journal = start_at(open(&disk, 0, LARGE).unwrap(), clock);
    assert_eq!(firsts(), [0, 2]);
    journal.append(vec![entry(31)]).await.unwrap();
    assert_eq!(firsts(), [0, 2, 4]);
}
