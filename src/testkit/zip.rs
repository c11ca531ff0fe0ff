// SPDX-License-Identifier: Apache-2.0
//! A writer of archives, as clients and CRMs send them, and as nobody should.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// How an entry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Stored,
    Deflated,
    /// As Java writes: what its sizes are stands behind it.
    Streamed,
}

/// An archive of these files: name, content, packing.
pub fn archive(files: &[(&str, &[u8], Packing)]) -> Vec<u8> {
    let (mut written, mut directory) = (Vec::new(), Vec::new());
    for (name, content, packing) in files {
        let (flags, method) = match packing {
            Packing::Stored => (0u16, 0u16),
            Packing::Deflated => (0, 8),
            Packing::Streamed => (0x0808, 8),
        };
        let packed = if method == 0 { content.to_vec() } else { deflated(content) };
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let sizes = [crc.sum(), packed.len() as u32, content.len() as u32];
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
        let kind = [20, flags, method, 0x1863, 0x5c22].map(u16::to_le_bytes).concat();
        let lengths = [name.len() as u16, 0].map(u16::to_le_bytes).concat();
        let offset = (written.len() as u32).to_le_bytes();
        let is_streamed = *packing == Packing::Streamed;
        let in_front = if is_streamed { vec![0; 12] } else { sizes.clone() };
        written.extend([b"PK\x03\x04", &kind[..], &in_front, &lengths, name.as_bytes()].concat());
        written.extend(packed);
        if is_streamed {
            written.extend([b"PK\x07\x08", &sizes[..]].concat());
        }
        let rest = [&[0; 10][..], &offset].concat();
        let parts = [b"PK\x01\x02\x14\0", &kind[..], &sizes, &lengths, &rest, name.as_bytes()];
        directory.extend(parts.concat());
    }
    let (length, offset) = (directory.len() as u32, written.len() as u32);
    written.extend(directory);
    let count = (files.len() as u16).to_le_bytes();
    let place = [length, offset].map(u32::to_le_bytes).concat();
    written.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &place, &[0, 0]].concat());
    written
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}
