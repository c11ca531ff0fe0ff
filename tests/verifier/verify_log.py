#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verifies a transfer log from its published formats alone.

Nothing of Zollhaus is used, and nothing but Python's standard library. The formats:
RFC 6962 section 2.1 (Merkle trees), RFC 8032 (Ed25519), C2SP tlog-tiles, signed-note
and tlog-checkpoint.

    verify_log.py DIRECTORY --key VKEY [--key VKEY ...] [--origin NAME]
                            [--older CHECKPOINT ...] [--proofs N]

It checks that

  * the checkpoint is of this log and signed by a key that was given, or that a
    key_change entry names in a tree signed by such a key;
  * every entry has its hash in the tiles, and all tiles lead to the root;
  * every kept checkpoint, and every older one that was given, is of a beginning of
    this tree: by recomputing its root, and by consistency proofs made from the tiles
    (between neighbours, and between the first and all others);
  * inclusion proofs made from the tiles hold: of all entries, or of N spread evenly;
  * the journal continues the tree.

Prints one line of JSON. Exit status: 0 verified, 1 does not verify, 2 cannot be read,
3 verified but for entries of a version that is not known.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys

TILE = 256
ENTRY_VERSION = 1


class Bad(Exception):
    """The log does not verify."""

    def __init__(self, problem, first_bad=None):
        super().__init__(problem)
        self.first_bad = first_bad


# --- Ed25519 (RFC 8032, section 5.1), verification only -------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def decode_point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def equal(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = decode_point(BASE_Y.to_bytes(32, "little"))
NEUTRAL = (0, 1, 1, 0)


def ed25519_verifies(key, message, signature):
    if len(signature) != 64:
        return False
    public, commitment = decode_point(key), decode_point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if public is None or commitment is None or scalar >= L:
        return False
    if any(equal(multiply(8, point), NEUTRAL) for point in (public, commitment)):
        return False
    challenge = hashlib.sha512(signature[:32] + key + message).digest()
    challenge = int.from_bytes(challenge, "little") % L
    return equal(multiply(scalar, BASE), add(commitment, multiply(challenge, public)))


# --- signed notes and checkpoints ------------------------------------------------------


def read_key(text):
    name, key_id, key = text.split("+", 2)
    key = base64.b64decode(key, validate=True)
    expected = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if len(key) != 33 or key[0] != 1 or key_id != expected.hex():
        raise ValueError(f"not an Ed25519 verifier key: {text}")
    return (name, expected, key[1:])


def read_note(data, where):
    """The text and the signatures (name, key id, bytes)."""
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise Bad(f"{where}: not UTF-8") from None
    split = note.rfind("\n\n")
    if split < 0 or not note.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise Bad(f"{where}: not a signed note")
    signatures = []
    for line in note[split + 2 : -1].split("\n"):
        match = re.fullmatch(r"— ([^\s+]+) ([A-Za-z0-9+/]+=*)", line)
        try:
            blob = base64.b64decode(match[2], validate=True)
        except (TypeError, ValueError):
            raise Bad(f"{where}: not a signed note") from None
        if len(blob) < 5 or base64.b64encode(blob).decode() != match[2]:
            raise Bad(f"{where}: not a signed note")
        signatures.append((match[1], blob[:4], blob[4:]))
    return note[: split + 1], signatures


def is_signed(note, keys, where):
    """Whether one of the keys signed it; a wrong signature by one of them is an error."""
    text, signatures = note
    found = False
    for name, key_id, signature in signatures:
        for key in keys:
            if (name, key_id) == key[:2]:
                if not ed25519_verifies(key[2], text.encode(), signature):
                    raise Bad(f"{where}: the signature by {name} is wrong")
                found = True
    return found


class Checkpoint:
    def __init__(self, data, where, origin):
        self.where = where
        self.note = read_note(data, where)
        lines = self.note[0].split("\n")[:-1]
        if len(lines) < 3 or "" in lines or not re.fullmatch("0|[1-9][0-9]*", lines[1]):
            raise Bad(f"{where}: not a checkpoint")
        try:
            self.root = base64.b64decode(lines[2], validate=True)
        except ValueError:
            raise Bad(f"{where}: not a checkpoint") from None
        if len(self.root) != 32 or base64.b64encode(self.root).decode() != lines[2]:
            raise Bad(f"{where}: not a checkpoint")
        if lines[0] != origin:
            raise Bad(f"{where}: of the log {lines[0]}, not of {origin}")
        self.size = int(lines[1])


# --- Merkle trees (RFC 6962, section 2.1) ----------------------------------------------


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size):
    """The largest power of two below size."""
    return 1 << (size - 1).bit_length() - 1


def verify_inclusion(leaf, index, size, proof, root):
    def fold(index, size, proof):
        if size == 1:
            if proof:
                raise Bad("an inclusion proof is too long")
            return leaf
        if not proof:
            raise Bad("an inclusion proof is too short")
        left = split(size)
        if index < left:
            return node_hash(fold(index, left, proof[:-1]), proof[-1])
        return node_hash(proof[-1], fold(index - left, size - left, proof[:-1]))

    return fold(index, size, proof) == root


def verify_consistency(old_size, old_root, size, root, proof):
    def fold(old, size, whole, proof):
        """The roots of the old and the new tree, from the proof."""
        if old == size:
            if whole:
                return (old_root, old_root) if not proof else (None, None)
            return (proof[0], proof[0]) if len(proof) == 1 else (None, None)
        if not proof:
            return (None, None)
        left = split(size)
        if old <= left:
            a, b = fold(old, left, whole, proof[:-1])
            return (a, b and node_hash(b, proof[-1]))
        a, b = fold(old - left, size - left, False, proof[:-1])
        return (a and node_hash(proof[-1], a), b and node_hash(proof[-1], b))

    return fold(old_size, size, True, proof) == (old_root, root)


# --- tiles (C2SP tlog-tiles) -----------------------------------------------------------


def tile_path(kind, index):
    parts = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03}")
    return "/".join(["tile", str(kind), *parts])


class Log:
    def __init__(self, directory):
        self.directory = directory
        self.tiles = {}
        self.nodes = {}

    def read(self, name):
        try:
            with open(os.path.join(self.directory, name), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, folder):
        path = os.path.join(self.directory, folder)
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def tile_file(self, kind, index, width):
        """The file with at least this width: its name, the width it has, its bytes."""
        full = tile_path(kind, index)
        candidates = [] if width == TILE else [(f"{full}.p/{width}", width)]
        candidates.append((full, TILE))
        wider = (int(name) for name in self.names(f"{full}.p") if name.isdecimal())
        candidates += [(f"{full}.p/{other}", other) for other in sorted(wider) if other > width]
        for name, found in candidates:
            data = self.read(name)
            if data is not None:
                return name, found, data
        return None

    def hashes(self, row, index, size):
        """The hashes of a tile as it is in the tree of that size."""
        width = min(TILE, (size >> 8 * row) - index * TILE)
        known = self.tiles.get((row, index))
        if known is None or len(known) < width:
            first_entry = index << 8 * (row + 1)
            found = self.tile_file(row, index, width)
            if found is None:
                raise Bad(f"{tile_path(row, index)} is missing", first_entry)
            name, full, data = found
            if len(data) != 32 * full:
                raise Bad(f"{name} has the wrong length", first_entry)
            known = [data[at : at + 32] for at in range(0, len(data), 32)]
            self.tiles[row, index] = known
        return known[:width]

    def node(self, level, index, size):
        """A complete subtree's root, from the tiles."""
        if (level, index) in self.nodes:
            return self.nodes[level, index]
        row, height = divmod(level, 8)
        first = index << height
        tile = self.hashes(row, first // TILE, size)
        nodes = tile[first % TILE : first % TILE + (1 << height)]
        while len(nodes) > 1:
            nodes = [node_hash(*nodes[at : at + 2]) for at in range(0, len(nodes), 2)]
        self.nodes[level, index] = nodes[0]
        return nodes[0]

    def subtree(self, start, end, size):
        width = end - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self.node(level, start >> level, size)
        middle = start + split(width)
        return node_hash(self.subtree(start, middle, size), self.subtree(middle, end, size))

    def root(self, size):
        return self.subtree(0, size, size) if size else hashlib.sha256(b"").digest()

    def inclusion_proof(self, index, size):
        proof, start, end = [], 0, size
        while end - start > 1:
            middle = start + split(end - start)
            if index < middle:
                proof.insert(0, self.subtree(middle, end, size))
                end = middle
            else:
                proof.insert(0, self.subtree(start, middle, size))
                start = middle
        return proof

    def consistency_proof(self, old, size):
        proof, start, end = [], 0, size
        while end != old:
            middle = start + split(end - start)
            if old <= middle:
                proof.insert(0, self.subtree(middle, end, size))
                end = middle
            else:
                proof.insert(0, self.subtree(start, middle, size))
                start = middle
        return ([self.subtree(start, end, size)] if start else []) + proof

    def bundle(self, index, size):
        """The entries of a bundle; None if it is not there."""
        width = min(TILE, size - index * TILE)
        found = self.tile_file("entries", index, width)
        if found is None:
            return None
        name, full, data = found
        entries, at = [], 0
        while at < len(data) and len(entries) < width:
            length = int.from_bytes(data[at : at + 2], "big")
            entry = data[at + 2 : at + 2 + length]
            if at + 2 > len(data) or len(entry) < length:
                break
            entries.append(entry)
            at += 2 + length
        surplus = full == width and len(entries) == width and at < len(data)
        return name, width, entries, surplus


# --- the log ---------------------------------------------------------------------------


def read_entry(data, index, announced, unsupported):
    try:
        entry = json.loads(data)
        version = entry["version"]
        if version != ENTRY_VERSION:
            unsupported.append(index)
        elif entry["kind"] == "key_change":
            announced.append((index, read_key(entry["verifier_key"])))
        elif entry["kind"] not in ("transfer", "outcome", "refused"):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise Bad(f"entry {index} is not an entry", index) from None


def verify_entries(log, size, announced, unsupported):
    """Every entry against its hash. Returns how many entries are gone."""
    pruned, is_prefix = 0, True
    for index in range((size + TILE - 1) // TILE):
        first = index * TILE
        hashes = log.hashes(0, index, size)
        bundle = log.bundle(index, size)
        if bundle is None:
            if not is_prefix or first + TILE > size:
                raise Bad(f"{tile_path('entries', index)} is missing", first)
            pruned += TILE
            # What announces a key outlives its bundle.
            for name in log.names("announcements"):
                at = int(name) if re.fullmatch("[0-9]{20}", name) else -1
                if first <= at < first + TILE:
                    entry = log.read(f"announcements/{name}")
                    if leaf_hash(entry) != hashes[at - first]:
                        raise Bad(f"entry {at} does not have its hash", at)
                    read_entry(entry, at, announced, unsupported)
                    pruned -= 1
            continue
        is_prefix = False
        name, width, entries, surplus = bundle
        for place, entry in enumerate(entries):
            if leaf_hash(entry) != hashes[place]:
                raise Bad(f"entry {first + place} does not have its hash", first + place)
            read_entry(entry, first + place, announced, unsupported)
        if len(entries) < width:
            raise Bad(f"{name} ends early", first + len(entries))
        if surplus:
            raise Bad(f"{name} holds more than its name says", first + width)
    return pruned


def verify_tiles(log, size):
    """Every hash above the entries is that of the full tile below it."""
    row = 1
    while size >> 8 * row:
        count = size >> 8 * row
        for place in range(count):
            stored = log.hashes(row, place // TILE, size)[place % TILE]
            below = log.hashes(row - 1, place, size)
            while len(below) > 1:
                below = [node_hash(*below[at : at + 2]) for at in range(0, TILE, 2) if at < len(below)]
            if stored != below[0]:
                raise Bad(f"row {row} of the tiles is wrong at {place}", place << 8 * row)
        row += 1


def verify_journal(log, size, announced, unsupported):
    waiting = 0
    expected = None
    for name in log.names("journal"):
        match = re.fullmatch(r"([0-9]{20})\.jsonl", name)
        if not match:
            continue
        index = int(match[1])
        start = size if expected is None else max(size, expected)
        if index > start:
            raise Bad(f"the journal has no entry {start}", start)
        # What stands behind the last newline was never confirmed.
        for line in log.read(f"journal/{name}").split(b"\n")[:-1]:
            # Nor was what stands behind a page that never reached the disk.
            if b"\0" in line:
                break
            if index < size:
                if leaf_hash(line) != log.node(0, index, size):
                    raise Bad(f"entry {index} in the journal is not that in the tree", index)
            else:
                read_entry(line, index, [], unsupported)
                waiting += 1
            index += 1
        expected = index
    return waiting


def verify(directory, keys, origin, older_files, proofs):
    log = Log(directory)
    data = log.read("checkpoint")
    if data is None:
        raise Bad("checkpoint: it is missing")
    newest = Checkpoint(data, "checkpoint", origin)
    kept = []
    for name in log.names("checkpoints"):
        if re.fullmatch("[0-9]{20}", name):
            where = f"checkpoints/{name}"
            kept.append(Checkpoint(log.read(where), where, origin))
            if kept[-1].size != int(name):
                raise Bad(f"{where}: of another size than its name says")
    if kept and kept[-1].size > newest.size:
        newest = kept[-1]
    size = newest.size
    older = []
    for path in older_files:
        with open(path, "rb") as file:
            older.append(Checkpoint(file.read(), f"the older checkpoint {path}", origin))
        if not is_signed(older[-1].note, keys, older[-1].where):
            raise Bad(f"{older[-1].where}: signed by no key that is trusted")
        if older[-1].size > size:
            raise Bad(f"rolled back: {size} entries, {older[-1].size} before", size)
    is_signed(newest.note, keys, newest.where)

    announced, unsupported = [], []
    pruned = verify_entries(log, size, announced, unsupported)
    verify_tiles(log, size)

    # Checkpoints in order: what a trusted key signed makes the keys in it trusted.
    trusted, agreed = list(keys), 0
    known = sorted(older + kept, key=lambda checkpoint: checkpoint.size)
    for checkpoint in [*known, newest]:
        if log.root(checkpoint.size) != checkpoint.root:
            if checkpoint in older:
                raise Bad(f"not a continuation of {checkpoint.where}")
            raise Bad(f"{checkpoint.where}: the entries do not lead to its root", agreed)
        agreed = checkpoint.size
        if is_signed(checkpoint.note, trusted, checkpoint.where):
            trusted = keys + [key for index, key in announced if index < checkpoint.size]
    if not is_signed(newest.note, trusted, newest.where):
        raise Bad(f"{newest.where}: signed by no key that is trusted")
    for checkpoint in kept:
        by_then = keys + [key for index, key in announced if index < checkpoint.size]
        if not is_signed(checkpoint.note, by_then, checkpoint.where):
            raise Bad(f"{checkpoint.where}: signed by no key that is trusted")

    known = [checkpoint for checkpoint in known if checkpoint.size] + [newest]
    pairs = list(zip(known, known[1:])) + [(known[0], other) for other in known[1:]]
    for old, new in pairs:
        if new.size:
            proof = log.consistency_proof(old.size, new.size)
            if not verify_consistency(old.size, old.root, new.size, new.root, proof):
                raise Bad(f"{new.where} is not a continuation of {old.where}")
    step = max(1, -(-size // proofs)) if proofs else 1
    for index in range(0, size, step):
        proof = log.inclusion_proof(index, size)
        leaf = log.hashes(0, index // TILE, size)[index % TILE]
        if not verify_inclusion(leaf, index, size, proof, newest.root):
            raise Bad(f"entry {index} is not in the tree", index)
    waiting = verify_journal(log, size, announced, unsupported)
    verdict = {"verdict": "unsupported" if unsupported else "verified", "size": size}
    return verdict | {"pruned": pruned, "waiting": waiting, "consistency_proofs": len(pairs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory")
    parser.add_argument("--key", action="append", required=True, metavar="VKEY")
    parser.add_argument("--origin", help="the log's name; by default that of the first key")
    parser.add_argument("--older", action="append", default=[], metavar="CHECKPOINT")
    parser.add_argument("--proofs", type=int, default=2000, help="how many inclusion proofs to make")
    options = parser.parse_args()
    try:
        keys = [read_key(key) for key in options.key]
        origin = options.origin or keys[0][0]
        if not os.path.isdir(options.directory):
            raise ValueError(f"there is no folder {options.directory}")
        result = verify(options.directory, keys, origin, options.older, options.proofs)
        status = 3 if result["verdict"] == "unsupported" else 0
    except Bad as bad:
        result = {"verdict": "damaged", "problem": str(bad), "first_bad": bad.first_bad}
        status = 1
    except (OSError, ValueError) as error:
        result, status = {"verdict": "unreadable", "problem": str(error)}, 2
    print(json.dumps(result))
    return status


if __name__ == "__main__":
    sys.exit(main())
