// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Disk, DiskFile};

const PAGE: usize = 4096;

/// A disk behind a page cache, as bad as Linux allows: a failed write leaves half
/// of it in the cache; a failed sync tears the pages on the disk and marks them
/// clean, so that no later sync writes them unless they are written again. Names are
/// durable only when their folder was synced.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    /// What the process sees.
    names: BTreeMap<PathBuf, Node>,
    /// What is on the disk.
    durable_names: BTreeMap<PathBuf, Node>,
    files: Vec<Contents>,
    operations: usize,
    syncs: usize,
    /// Which operations fail, by their number.
    failing: Range<usize>,
    /// From this one on, the process is dead.
    killed_at: Option<usize>,
    /// Of all files together.
    capacity: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    /// By its number.
    File(usize),
}

#[derive(Clone, Debug, Default)]
struct Contents {
    cache: Vec<u8>,
    disk: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl SimulatedDisk {
    /// With an empty folder.
    pub fn with_folder(path: &Path) -> Self {
        let disk = Self::default();
        disk.state().names.insert(path.to_owned(), Node::Folder);
        disk.state().durable_names.insert(path.to_owned(), Node::Folder);
        disk
    }

    /// Puts a durable file there.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let file = Node::File(state.files.len());
        let (cache, disk) = (bytes.to_vec(), bytes.to_vec());
        state.files.push(Contents { cache, disk, dirty: BTreeSet::new() });
        state.names.insert(path.to_owned(), file);
        state.durable_names.insert(path.to_owned(), file);
    }

    /// Fails those of the operations to come that have these numbers.
    pub fn fail(&self, operations: Range<usize>) {
        let mut state = self.state();
        state.operations = 0;
        state.failing = operations;
    }

    /// Lets the process do so many operations and no more. The last one may be done
    /// in part; a [`crash`](Self::crash) has to follow.
    pub fn kill_after(&self, operations: usize) {
        let mut state = self.state();
        state.operations = 0;
        state.killed_at = Some(operations);
    }

    pub fn set_capacity(&self, capacity: Option<usize>) {
        self.state().capacity = capacity;
    }

    /// What a crash leaves, where `survives` says of each page and each name that was
    /// not durable whether it reached the disk. If all did, it is a crash of the
    /// process only.
    pub fn crash(&self, mut survives: impl FnMut() -> bool) -> Self {
        let old = self.state();
        let mut names = old.durable_names.clone();
        for path in old.names.keys().chain(old.durable_names.keys()) {
            let (now, durable) = (old.names.get(path), old.durable_names.get(path));
            if now != durable && survives() {
                match now {
                    Some(node) => names.insert(path.clone(), *node),
                    None => names.remove(path),
                };
            }
        }
        let has_folder = |path: &Path| {
            path.ancestors()
                .skip(1)
                .all(|folder| names.get(folder) == Some(&Node::Folder) || folder.parent().is_none())
        };
        let names: BTreeMap<_, _> = names
            .iter()
            .filter(|(path, _)| has_folder(path))
            .map(|(path, node)| (path.clone(), *node))
            .collect();
        let files = old.files.iter().cloned().map(|mut file| {
            for page in std::mem::take(&mut file.dirty) {
                if survives() {
                    file.write_back(page);
                }
            }
            Contents { cache: file.disk.clone(), ..file }
        });
        let files = files.collect();
        let (durable_names, syncs) = (names.clone(), 0);
        let state = State { names, durable_names, files, syncs, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// What a crash of the machine would leave of a file.
    pub fn durable(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        match state.durable_names.get(path) {
            Some(Node::File(file)) => state.files[*file].disk.clone(),
            _ => Vec::new(),
        }
    }

    /// What a crash of the process would leave of a file.
    pub fn cached(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        match state.names.get(path) {
            Some(Node::File(file)) => state.files[*file].cache.clone(),
            _ => Vec::new(),
        }
    }

    /// Every file that the process sees.
    pub fn paths(&self) -> Vec<PathBuf> {
        let state = self.state();
        let is_file = |node: &Node| matches!(node, Node::File(_));
        state.names.iter().filter(|(_, node)| is_file(node)).map(|(path, _)| path.clone()).collect()
    }

    /// Writes every file that the process sees into a real folder.
    pub fn copy_to(&self, folder: &Path) {
        for path in self.paths() {
            let copy = folder.join(path.strip_prefix("/").unwrap());
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::write(copy, self.cached(&path)).unwrap();
        }
    }

    /// How many operations were tried since the last call of `fail`.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    pub fn syncs(&self) -> usize {
        self.state().syncs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn step(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.operations += 1;
        let number = state.operations - 1;
        if state.is_dead() || state.failing.contains(&number) {
            return Err(io::Error::other(format!("operation {number} fails")));
        }
        Ok(state)
    }

    fn handle(&self, path: &Path, file: usize) -> Box<dyn DiskFile> {
        let path = path.to_owned();
        Box::new(Handle { disk: self.clone(), path, file, has_failed: Mutex::new(false) })
    }
}

struct Handle {
    disk: SimulatedDisk,
    path: PathBuf,
    file: usize,
    has_failed: Mutex<bool>,
}

impl Handle {
    /// Notes a failure; panics when a handle is used as if it had not failed.
    fn noted(&self, result: io::Result<()>) -> io::Result<()> {
        let mut has_failed = self.has_failed.lock().unwrap();
        assert!(
            !*has_failed || self.disk.state().is_dead(),
            "a handle was used after it had failed"
        );
        *has_failed = result.is_err();
        result
    }
}

impl State {
    /// After an operation was counted: whether it is one too many.
    fn is_dead(&self) -> bool {
        self.killed_at.is_some_and(|last| self.operations > last)
    }

    fn used(&self) -> usize {
        let size = |node: &Node| match node {
            Node::File(file) => self.files[*file].cache.len(),
            Node::Folder => 0,
        };
        self.names.values().map(size).sum()
    }

    fn children<'a>(
        names: &'a BTreeMap<PathBuf, Node>,
        folder: &'a Path,
    ) -> impl Iterator<Item = (&'a PathBuf, &'a Node)> {
        names.iter().filter(move |(path, _)| path.parent() == Some(folder))
    }

    fn has_folder_of(&self, path: &Path) -> io::Result<()> {
        match path.parent().and_then(|folder| self.names.get(folder)) {
            Some(Node::Folder) => Ok(()),
            _ => Err(ErrorKind::NotFound.into()),
        }
    }
}

impl Contents {
    fn put(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.cache.len() < end {
            self.cache.resize(end, 0);
        }
        self.cache[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset / PAGE..end.div_ceil(PAGE));
    }

    fn page(&self, page: usize) -> Range<usize> {
        (page * PAGE).min(self.cache.len())..((page + 1) * PAGE).min(self.cache.len())
    }

    fn write_back(&mut self, page: usize) {
        let page = self.page(page);
        if self.disk.len() < page.end {
            self.disk.resize(page.end, 0);
        }
        self.disk[page.clone()].copy_from_slice(&self.cache[page]);
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let node = self.step()?.names.get(path).copied();
        match node {
            Some(Node::File(file)) => Ok(self.handle(path, file)),
            Some(Node::Folder) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.step()?;
        state.has_folder_of(path)?;
        let new = Node::File(state.files.len());
        let Node::File(file) = *state.names.entry(path.to_owned()).or_insert(new) else {
            return Err(ErrorKind::IsADirectory.into());
        };
        if file == state.files.len() {
            state.files.push(Contents::default());
        }
        drop(state);
        Ok(self.handle(path, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        let node = state.names.remove(from).ok_or(ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), node);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step()?.names.remove(path).map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        if State::children(&state.names, path).next().is_some() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        state.names.remove(path).map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        state.has_folder_of(path)?;
        state.names.entry(path.to_owned()).or_insert(Node::Folder);
        Ok(())
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.step()?;
        if state.names.get(folder) != Some(&Node::Folder) {
            return Err(ErrorKind::NotFound.into());
        }
        let name =
            |(path, _): (&PathBuf, _)| path.file_name().unwrap().to_str().unwrap().to_owned();
        Ok(State::children(&state.names, folder).map(name).collect())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        let State { names, durable_names, .. } = &mut *state;
        durable_names.retain(|path, _| path.parent() != Some(folder));
        durable_names
            .extend(State::children(names, folder).map(|(path, node)| (path.clone(), *node)));
        Ok(())
    }
}

impl DiskFile for Handle {
    fn length(&self) -> io::Result<u64> {
        let state = self.disk.step()?;
        match state.names.get(&self.path) {
            Some(Node::File(file)) if *file == self.file => {
                Ok(state.files[self.file].cache.len() as u64)
            }
            _ => Err(io::Error::other("the file was deleted")),
        }
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.step()?;
        let found = state.files[self.file].cache.get(offset as usize..).unwrap_or_default();
        let found = found.get(..bytes.len()).ok_or(ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = offset as usize;
        let outcome = self.disk.step().map(|state| state.capacity);
        let mut state = self.disk.state();
        let used = state.used();
        let file = &mut state.files[self.file];
        let room = |capacity: usize| (capacity + file.cache.len()).saturating_sub(used + offset);
        let room = outcome.map(|capacity| capacity.map_or(usize::MAX, room));
        self.noted(match room {
            Err(error) => {
                file.put(&bytes[..bytes.len() / 2], offset);
                Err(error)
            }
            Ok(room) if room < bytes.len() => {
                file.put(&bytes[..room], offset);
                Err(ErrorKind::StorageFull.into())
            }
            Ok(_) => {
                file.put(bytes, offset);
                Ok(())
            }
        })
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let file = &mut state.files[self.file];
        file.cache.truncate(length as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let outcome = self.disk.step().map(drop);
        let mut state = self.disk.state();
        state.syncs += 1;
        if state.is_dead() {
            return outcome;
        }
        let file = &mut state.files[self.file];
        file.disk.resize(file.cache.len(), 0);
        for page in std::mem::take(&mut file.dirty) {
            if outcome.is_ok() {
                file.write_back(page);
            } else {
                let page = file.page(page);
                file.disk[page].fill(0xff);
            }
        }
        self.noted(outcome)
    }
}
