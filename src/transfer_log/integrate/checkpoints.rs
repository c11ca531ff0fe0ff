// SPDX-License-Identifier: Apache-2.0

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::transfer_log::disk::{self, Disk};
use crate::transfer_log::note::SignedNote;

/// How many of the newest checkpoints are kept. Of those before them at most as many
/// are: whenever there are more, every second one goes. One that two keys of the log
/// have signed stays for good: it leads from the one key to the other.
const KEPT: usize = 1000;

/// The checkpoints of a log in its directory: the newest as `checkpoint`, and those
/// before it by their sizes in `checkpoints`.
pub struct Checkpoints {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    /// Sizes, in order.
    history: Vec<u64>,
    /// The size of what `checkpoint` holds, as far as this process has written it.
    published: Option<u64>,
}

impl Checkpoints {
    /// # Errors
    /// When the folder can be neither read nor made.
    pub fn open(disk: Arc<dyn Disk>, directory: &Path) -> io::Result<Self> {
        let directory = directory.to_owned();
        disk.make_folder(&directory.join("checkpoints"))?;
        disk.sync_folder(&directory)?;
        let names = disk.names(&directory.join("checkpoints"))?;
        let mut history: Vec<u64> = names.iter().filter_map(|name| size_of(name)).collect();
        history.sort_unstable();
        Ok(Self { disk, directory, history, published: None })
    }

    /// The largest size that a checkpoint was signed for.
    pub fn largest(&self) -> Option<u64> {
        self.history.last().copied()
    }

    /// Puts a checkpoint in the place of the last one. It is in the history before
    /// anybody can see it.
    pub fn publish(&mut self, size: u64, checkpoint: &SignedNote) -> io::Result<()> {
        let bytes = checkpoint.to_string().into_bytes();
        disk::replace(&*self.disk, &path(&self.directory, size), &bytes)?;
        if self.largest() != Some(size) {
            self.history.push(size);
        }
        disk::replace(&*self.disk, &self.directory.join("checkpoint"), &bytes)?;
        self.published = Some(size);
        self.thin();
        Ok(())
    }

    /// Puts a checkpoint with more signatures in the place of the same one.
    pub fn cosigned(&self, size: u64, checkpoint: &SignedNote) -> io::Result<()> {
        let bytes = checkpoint.to_string().into_bytes();
        if self.history.contains(&size) {
            disk::replace(&*self.disk, &path(&self.directory, size), &bytes)?;
        }
        if self.published == Some(size) {
            disk::replace(&*self.disk, &self.directory.join("checkpoint"), &bytes)?;
        }
        Ok(())
    }

    fn thin(&mut self) {
        if self.history.len() < 2 * KEPT {
            return;
        }
        let mut at = 0;
        let (disk, folder) = (Arc::clone(&self.disk), self.directory.clone());
        self.history.retain(|size| {
            at += 1;
            let path = path(&folder, *size);
            let goes = at <= KEPT && at % 2 == 0 && !is_handover(&*disk, &path);
            // One that cannot be removed now is tried again when its turn comes.
            !goes || disk.remove_file(&path).is_err()
        });
    }
}

/// Whether two keys of the log have signed a checkpoint; also when it cannot be told.
fn is_handover(disk: &dyn Disk, path: &Path) -> bool {
    let Ok(Some(bytes)) = disk::read(disk, path) else { return true };
    let note = str::from_utf8(&bytes).ok().and_then(|text| text.parse::<SignedNote>().ok());
    note.is_none_or(|note| {
        let origin = note.text().lines().next().unwrap_or_default();
        note.signers().filter(|name| *name == origin).count() > 1
    })
}

fn path(directory: &Path, size: u64) -> PathBuf {
    directory.join(format!("checkpoints/{size:020}"))
}

fn size_of(name: &str) -> Option<u64> {
    name.parse().ok().filter(|size| format!("{size:020}") == name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::{Checkpoints, KEPT};
    use crate::transfer_log::Checkpoint;
    use crate::transfer_log::disk::simulated::SimulatedDisk;
    use crate::transfer_log::merkle::root_of;
    use crate::transfer_log::note::SignerKey;

    #[test]
    fn the_checkpoints_that_lead_from_key_to_key_stay() {
        let key = |seed| SignerKey::new("acme.example/one", &[seed; 32]).unwrap();
        let (first, second) = (key(1), key(2));
        let disk = SimulatedDisk::with_folder(Path::new("/log"));
        let mut checkpoints = Checkpoints::open(Arc::new(disk.clone()), Path::new("/log")).unwrap();
        let last = 4 * KEPT as u64;
        let handovers = [301, 302, 303, 304];
        for size in 1..=last {
            let (origin, root) = ("acme.example/one".to_owned(), root_of(&[]));
            let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
            let keys = [&first, &second];
            let keys = if handovers.contains(&size) { &keys } else { &keys[1..] };
            checkpoints.publish(size, &checkpoint.sign(keys).unwrap()).unwrap();
        }
        let kept = Checkpoints::open(Arc::new(disk), Path::new("/log")).unwrap().history;
        assert!(handovers.iter().all(|size| kept.contains(size)));
        assert!(kept.len() < 2 * KEPT);
        let newest: Vec<u64> = (last - KEPT as u64 + 1..=last).collect();
        assert!(kept.ends_with(&newest));
    }
}
