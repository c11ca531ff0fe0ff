// SPDX-License-Identifier: Apache-2.0
//! Long bodies between the stages of the road: on disk, since none of them may pass before
//! all of it is decided and recorded.
//!
//! Invariants:
//! - What is written is sealed by a key of its own, which is only in memory.
//! - The file has no name: it is gone with the process, however that ends.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::keys::Siv;

use super::budget::{BufferBudget, Exhausted, Lease};

/// Clear bytes that are sealed as one.
const BLOCK: usize = 64 * 1024;

/// Where spools are made.
#[derive(Clone, Debug)]
pub struct Spools {
    directory: PathBuf,
    /// Of the disk.
    budget: BufferBudget,
}

/// Bytes on disk, written once from the first to the last.
pub struct Spool {
    file: File,
    key: Siv,
    /// How long each block is as it lies there.
    blocks: Vec<u32>,
    length: u64,
    budget: BufferBudget,
    lease: Lease,
}

#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("the spool cannot be written: {0}")]
    Io(#[from] io::Error),
    #[error("too much is spooled at the moment")]
    Full,
}

impl From<Exhausted> for SpoolError {
    fn from(_: Exhausted) -> Self {
        Self::Full
    }
}

impl Spools {
    /// In a directory that exists and can be written.
    pub fn new(directory: PathBuf, budget: BufferBudget) -> Self {
        Self { directory, budget }
    }

    /// An empty one. Blocks, as [`Spool::write`] does.
    ///
    /// # Errors
    /// [`SpoolError::Io`].
    pub(super) fn open(&self) -> Result<Spool, SpoolError> {
        let key = Siv::random().map_err(io::Error::other)?;
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let name = format!(".zollhaus-spool-{:032x}", u128::from_le_bytes(name));
        let path = self.directory.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        std::fs::remove_file(&path)?;
        let (budget, lease) = (self.budget.clone(), Lease::default());
        Ok(Spool { file, key, blocks: Vec::new(), length: 0, budget, lease })
    }
}

impl Spool {
    /// # Errors
    /// [`SpoolError`]; then nothing of it can be used.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        for clear in bytes.chunks(BLOCK) {
            let sealed = self.key.seal([&number(self.blocks.len())], clear);
            self.budget.grow(&mut self.lease, sealed.len())?;
            self.file.write_all(&sealed)?;
            self.blocks.push(sealed.len() as u32);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Everything that was written, as a body.
    ///
    /// # Errors
    /// [`SpoolError::Io`].
    pub fn replay(mut self) -> Result<Replay, SpoolError> {
        self.file.rewind()?;
        Ok(Replay { left: self.length, state: State::Waiting(Reader { spool: self, next: 0 }) })
    }

    fn read(&mut self, at: usize) -> io::Result<Option<Bytes>> {
        let Some(length) = self.blocks.get(at) else { return Ok(None) };
        let mut sealed = vec![0; *length as usize];
        self.file.read_exact(&mut sealed)?;
        let clear = self.key.open([&number(at)], &sealed);
        let clear = clear.ok_or_else(|| io::Error::other("a block of a spool does not open"))?;
        Ok(Some(Bytes::from_owner(clear)))
    }
}

/// Binds a block to its place.
fn number(block: usize) -> [u8; 8] {
    (block as u64).to_le_bytes()
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spool({} bytes)", self.length)
    }
}

/// A spool as a body. Holds one block at a time.
#[derive(Debug)]
pub struct Replay {
    left: u64,
    state: State,
}

#[derive(Debug)]
struct Reader {
    spool: Spool,
    next: usize,
}

#[derive(Debug)]
enum State {
    Waiting(Reader),
    Reading(JoinHandle<io::Result<(Reader, Option<Bytes>)>>),
    Over,
}

impl Reader {
    fn read(mut self) -> io::Result<(Self, Option<Bytes>)> {
        let block = self.spool.read(self.next)?;
        self.next += 1;
        Ok((self, block))
    }
}

impl HttpBody for Replay {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        loop {
            match std::mem::replace(&mut this.state, State::Over) {
                State::Over => return Poll::Ready(None),
                State::Waiting(reader) => {
                    let reading = tokio::task::spawn_blocking(|| reader.read());
                    this.state = State::Reading(reading);
                }
                State::Reading(mut reading) => {
                    let Poll::Ready(read) = Pin::new(&mut reading).poll(context) else {
                        this.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    let (reader, block) = match read.map_err(io::Error::other).flatten() {
                        Ok(read) => read,
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    };
                    let Some(block) = block else { return Poll::Ready(None) };
                    this.left = this.left.saturating_sub(block.len() as u64);
                    this.state = State::Waiting(reader);
                    return Poll::Ready(Some(Ok(Frame::data(block))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt;

    use super::*;
    use crate::telemetry::{Metrics, Place};
    use crate::testkit::Scratch;

    fn spools(scratch: &Scratch, bytes: usize) -> Spools {
        let metrics = Arc::new(Metrics::new().unwrap());
        let budget = BufferBudget::new(Place::Disk, bytes, metrics);
        Spools::new(scratch.file("spool").parent().unwrap().to_owned(), budget)
    }

    async fn read(mut replay: Replay) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(frame) = replay.frame().await {
            body.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        body
    }

    #[tokio::test]
    async fn what_was_written_comes_back_and_lies_nowhere_in_clear() {
        let scratch = Scratch::new();
        let spools = spools(&scratch, 1 << 20);
        let mut spool = spools.open().unwrap();
        let long = vec![b'x'; BLOCK + 1];
        for part in [&b"Anna Muster"[..], b"", &long] {
            spool.write(part).unwrap();
        }
        let mut file = spool.file.try_clone().unwrap();
        file.rewind().unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes.len() > BLOCK && !bytes.windows(4).any(|window| window == b"Anna"));
        assert_eq!(std::fs::read_dir(&spools.directory).unwrap().count(), 0);

        let replay = spool.replay().unwrap();
        assert_eq!(replay.size_hint().exact(), Some(11 + long.len() as u64));
        let body = read(replay).await;
        assert!(body.starts_with(b"Anna Musterxx") && body.len() == 11 + long.len());
        let empty = spools.open().unwrap().replay().unwrap();
        assert!(empty.is_end_stream() && read(empty).await.is_empty());
    }

    #[tokio::test]
    async fn what_another_wrote_into_it_is_no_body() {
        let scratch = Scratch::new();
        let mut spool = spools(&scratch, 1 << 20).open().unwrap();
        spool.write(&vec![b'x'; 2 * BLOCK]).unwrap();
        let mut file = spool.file.try_clone().unwrap();
        let mut sealed = vec![0; BLOCK + Siv::TAG_BYTES];
        file.rewind().unwrap();
        file.read_exact(&mut sealed).unwrap();
        // The first block in the place of the second.
        file.write_all(&sealed).unwrap();
        let mut replay = spool.replay().unwrap();
        assert!(replay.frame().await.unwrap().is_ok());
        assert!(replay.frame().await.unwrap().is_err());
        assert!(replay.frame().await.is_none());
    }

    #[test]
    fn the_disk_that_spools_take_is_bounded() {
        let scratch = Scratch::new();
        let spools = spools(&scratch, 8 * 1024);
        let mut first = spools.open().unwrap();
        first.write(&[b'x'; 4000]).unwrap();
        let mut second = spools.open().unwrap();
        assert!(matches!(second.write(&[b'x'; 5000]), Err(SpoolError::Full)));
        drop(first);
        second.write(&[b'x'; 5000]).unwrap();
    }
}
