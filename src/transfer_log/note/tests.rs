// SPDX-License-Identifier: Apache-2.0

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde_json::Value;

use super::key::cosigned;
use super::{InvalidKey, KeyKind, NoteError, Signature, SignedNote, SignerKey, VerifierKey};
use crate::base::read_hex;
use crate::testkit::{report, shared};
use crate::transfer_log::Checkpoint;

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    read_hex::<N, serde_json::Error>(value.as_str().unwrap()).unwrap()
}

fn any_bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn json(name: &str) -> Option<Value> {
    shared(name).map(|text| serde_json::from_slice(&text).unwrap())
}

/// Whether a signature passes in a note: by the code that notes are verified with.
fn is_accepted(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    VerifyingKey::try_from(key).is_ok_and(|key| {
        VerifierKey::new("k", KeyKind::Note, key).unwrap().verify_bytes(message, signature)
    })
}

#[test]
fn ed25519_signs_as_rfc_8032_says() {
    let Some(set) = json("vectors/ed25519/rfc8032_ed25519.json") else { return };
    for case in set.as_array().unwrap() {
        let key = SigningKey::from_bytes(&bytes(&case["secretKey"]));
        let (message, signature) = (any_bytes(&case["message"]), any_bytes(&case["signature"]));
        assert_eq!(key.verifying_key().to_bytes(), bytes(&case["publicKey"]));
        assert_eq!(key.sign(&message).to_bytes().as_slice(), signature);
        assert!(is_accepted(key.verifying_key().as_bytes(), &message, &signature));
    }
}

#[test]
fn ed25519_verifies_as_wycheproof_says() {
    let Some(set) = json("vectors/ed25519/wycheproof_ed25519_test.json") else { return };
    let mut count = 0;
    for group in set["testGroups"].as_array().unwrap() {
        let key = any_bytes(&group["publicKey"]["pk"]);
        for case in group["tests"].as_array().unwrap() {
            let accepted = is_accepted(&key, &any_bytes(&case["msg"]), &any_bytes(&case["sig"]));
            assert_eq!(accepted, case["result"] == "valid", "{}", case["tcId"]);
            count += 1;
        }
    }
    assert_eq!(count, 151);
    report("Wycheproof Ed25519", count, count, "");
}

/// The cases that implementations differ on. Of keys and signatures with a component
/// of low order, those pass that RFC 8032 lets pass without the cofactor; points of
/// low order themselves and other encodings do not.
#[test]
fn ed25519_is_strict_where_implementations_differ() {
    let Some(packed) = shared("vectors/ed25519/cctv_ed25519vectors.json.gz") else { return };
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let set: Value = serde_json::from_str(&text).unwrap();
    let refused =
        ["low_order_A", "low_order_R", "low_order_residue", "non_canonical_A", "non_canonical_R"];
    let mut passed = 0;
    for case in set.as_array().unwrap() {
        let flags = case["flags"].as_array().cloned().unwrap_or_default();
        let is_sound = !flags.iter().any(|flag| refused.contains(&flag.as_str().unwrap()));
        let message = case["msg"].as_str().unwrap().as_bytes();
        let accepted = is_accepted(&any_bytes(&case["key"]), message, &any_bytes(&case["sig"]));
        assert_eq!(accepted, is_sound, "{case}");
        passed += usize::from(accepted);
    }
    let count = set.as_array().unwrap().len();
    assert_eq!((count, passed), (914, 43));
    report("CCTV Ed25519", count, count, "43 are accepted");
}

#[test]
fn the_notes_of_others_are_judged_rightly() {
    let Some(set) = json("vectors/merkle/signed_note_checkpoints.json") else { return };
    let example = &set["note_example"];
    let key = SignerKey::new("PeterNeumann", &bytes(&example["signer_key_seed_hex"])).unwrap();
    assert_eq!(key.verifier().to_string(), example["verifier_key"]);
    let text = example["text"].as_str().unwrap();
    let note = SignedNote::sign(text.to_owned(), &[&key]).unwrap();
    let line = example["signature_line"].as_str().unwrap();
    assert_eq!(note.to_string(), format!("{text}\n{line}\n"));

    let cases = set["checkpoints"].as_array().unwrap();
    for case in cases {
        let key: VerifierKey = case["verifier_key"].as_str().unwrap().parse().unwrap();
        let judge = || {
            let note: SignedNote = case["note"].as_str()?.parse().ok()?;
            note.verify([&key]).ok()?;
            let checkpoint: Checkpoint = note.text().parse().ok()?;
            assert_eq!(checkpoint.to_string(), note.text());
            (checkpoint.origin == set["checkpoint_origin"]).then_some(())
        };
        assert_eq!(judge().is_some(), case["valid"], "{}", case["name"]);
    }
    report("signed notes and checkpoints", cases.len(), cases.len(), "");
}

fn key(name: &str, seed: u8) -> SignerKey {
    SignerKey::new(name, &[seed; 32]).unwrap()
}

/// A signature as a witness makes it.
fn cosign(name: &str, seed: u8, text: &str, time: u64) -> (VerifierKey, Signature) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let verifier = VerifierKey::new(name, KeyKind::Cosignature, key.verifying_key()).unwrap();
    let signature = key.sign(cosigned(text, time).as_bytes());
    let bytes = [time.to_be_bytes().as_slice(), &signature.to_bytes()].concat();
    let signature = Signature { name: name.to_owned(), key_id: verifier.id, bytes };
    (verifier, signature)
}

#[test]
fn unknown_signatures_are_passed_over_and_known_ones_must_be_right() {
    let (log, other, stranger) = (key("log", 1), key("other", 2), key("log", 3));
    let note = SignedNote::sign("text\n\nmore\n".to_owned(), &[&log, &other]).unwrap();
    let read: SignedNote = note.to_string().parse().unwrap();
    assert_eq!(read, note);
    let names = |keys: &[&VerifierKey]| {
        let signed_by = read.verify(keys.iter().copied());
        signed_by.map(|all| all.iter().map(|by| by.key.name().to_owned()).collect::<Vec<_>>())
    };
    let (log, other, stranger) = (log.verifier(), other.verifier(), stranger.verifier());
    assert_eq!(names(&[log, stranger]).unwrap(), ["log"]);
    assert_eq!(names(&[log, other]).unwrap(), ["log", "other"]);
    // The same name with another number is another key.
    assert_eq!(names(&[stranger]), Err(NoteError::UnknownKeys));
    assert_eq!(names(&[]), Err(NoteError::UnknownKeys));

    let changed: SignedNote = note.to_string().replace("more", "less").parse().unwrap();
    let wrong = NoteError::WrongSignature { key: "log".to_owned() };
    assert_eq!(changed.verify([log]), Err(wrong));
}

#[test]
fn a_witness_signs_the_text_and_its_time() {
    let log = key("log", 1);
    let mut note = SignedNote::sign("log\n0\nroot\n".to_owned(), &[&log]).unwrap();
    let (witness, signature) = cosign("w.example", 4, note.text(), 1_679_315_147);
    note.push(signature);
    let note: SignedNote = note.to_string().parse().unwrap();
    let signed_by = note.verify([&witness]).unwrap();
    assert_eq!(signed_by[0].time, Some(1_679_315_147));
    assert_eq!(witness.to_string().parse(), Ok(witness.clone()));

    let mut later = note.clone();
    later.signatures[1].bytes[7] ^= 1;
    assert!(later.verify([&witness]).is_err());
    // A time that no clock shows, although the witness signed it.
    let (_, signature) = cosign("w.example", 4, note.text(), 1 << 63);
    later.signatures[1] = signature;
    assert!(later.verify([&witness]).is_err());
}

#[test]
fn verifier_keys_are_read_as_they_are_written() {
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
    let small_order = [&[1, 1], [0; 31].as_slice()].concat();
    let check = |text: &str, expected| assert_eq!(text.parse::<VerifierKey>(), Err(expected));
    check("", InvalidKey::Form);
    check("PeterNeumann+c74f20a3", InvalidKey::Form);
    check(&text.replace("ARpc", "A*pc"), InvalidKey::Form);
    check(&text.replace("c74f", "C74F"), InvalidKey::Id);
    check(&text.replace("Peter", "Petra"), InvalidKey::Id);
    check(&text.replace("Peter", "Peter "), InvalidKey::Name);
    check(&text.replace("PeterNeumann", ""), InvalidKey::Name);
    check(&text.replace("ARpc", "Ahpc"), InvalidKey::Kind);
    check("k+00000000+AQ==", InvalidKey::Key);
    check(&format!("k+00000000+{}", STANDARD.encode(small_order)), InvalidKey::Key);
}

#[test]
fn what_is_no_note_is_not_read() {
    let note = SignedNote::sign("a\n".to_owned(), &[&key("log", 1)]).unwrap().to_string();
    assert!(note.parse::<SignedNote>().is_ok());
    for text in [
        String::new(),
        "a\n\n".to_owned(),
        note.replace("— ", "- "),
        note.replace("log", "lo g"),
        note.replace("log", "lo+g"),
        note.replace("a\n", "a\t\n"),
        note.clone() + "\n",
        note.clone() + "more\n",
        note.clone() + note.lines().last().unwrap(),
        note.clone() + &(note.lines().last().unwrap().to_owned() + "\n").repeat(64),
        "a\n\n— log AAAAAA==\n".to_owned(),
    ] {
        assert_eq!(text.parse::<SignedNote>(), Err(NoteError::Malformed), "{text:?}");
    }
    assert!(SignedNote::sign("a".to_owned(), &[]).is_err());
    assert!(SignedNote::sign("a\r\n".to_owned(), &[]).is_err());
}
