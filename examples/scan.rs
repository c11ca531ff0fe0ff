// SPDX-License-Identifier: Apache-2.0
//! How much of the personal data in labelled texts `protect: scan` finds, and in what time.
//!
//! ```console
//! $ cargo run --release --example scan -- ../shared/vectors/pii/*_dev.jsonl.gz
//! $ cargo run --release --example scan -- --presidio python3 ../shared/vectors/pii/*_dev.jsonl.gz
//! ```
//!
//! Recall: labelled spans of which every letter and digit is in findings of their class.
//! Precision: findings that share a character with a labelled span of their class. With
//! `--presidio`, the pattern recognisers of Presidio run on the same texts
//! (`benches/presidio.py`), each process five times in turn; the times are those of whole
//! processes.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program for a terminal"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use zollhaus::policy::Sought;
use zollhaus::protect::scan::Scanner;

const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|it| it == "--find").is_some() {
        return find(&arguments.map(PathBuf::from).collect::<Vec<_>>());
    }
    let python = match arguments.next_if(|it| it == "--presidio") {
        Some(_) => Some(arguments.next().context("`--presidio` takes a Python interpreter")?),
        None => None,
    };
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    if files.is_empty() {
        bail!("name the files of texts: *.jsonl.gz");
    }
    let mut engines = vec![("scan", Command::new(std::env::current_exe()?), "--find".to_owned())];
    if let Some(python) = python {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/presidio.py").to_owned();
        engines.push(("presidio", Command::new(python), script));
    }
    for file in &files {
        measure(&mut engines, file)?;
    }
    Ok(())
}

/// Writes what is found in each text, as the other engine does.
fn find(files: &[PathBuf]) -> Result<()> {
    let scanner = Scanner::new();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for file in files {
        for text in texts(file)? {
            let text = text["text"].as_str().context("a line without `text`")?;
            let found: Vec<Value> = scanner
                .scan(text, Sought::ALL, &[], Vec::new(), &[])
                .into_iter()
                .map(|it| {
                    let at = |offset| text[..offset].chars().count();
                    serde_json::json!([at(it.span.start), at(it.span.end), it.kind.name()])
                })
                .collect();
            writeln!(out, "{}", Value::Array(found))?;
        }
    }
    Ok(())
}

fn texts(file: &PathBuf) -> Result<Vec<Value>> {
    let bytes = std::fs::File::open(file).with_context(|| file.display().to_string())?;
    let lines = BufReader::new(flate2::read::GzDecoder::new(bytes)).lines();
    lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

/// A span of a class, in code points.
type Span = (usize, usize, String);

#[derive(Default)]
struct Counts {
    labelled: usize,
    covered: usize,
    reported: usize,
    right: usize,
}

fn measure(engines: &mut [(&str, Command, String)], file: &PathBuf) -> Result<()> {
    let texts = texts(file)?;
    let mut times = vec![Vec::new(); engines.len()];
    let mut outputs = vec![String::new(); engines.len()];
    for (_, command, argument) in engines.iter_mut() {
        command.arg(&*argument).arg(file);
    }
    for _ in 0..ROUNDS {
        for (at, (name, command, _)) in engines.iter_mut().enumerate() {
            let begun = Instant::now();
            let output = command.output().with_context(|| format!("cannot run {name}"))?;
            times[at].push(begun.elapsed());
            if !output.status.success() {
                bail!("{name}: {}", String::from_utf8_lossy(&output.stderr));
            }
            outputs[at] = String::from_utf8(output.stdout)?;
        }
    }
    println!("{} ({} texts)", file.file_name().unwrap_or_default().display(), texts.len());
    for (at, (name, command, _)) in engines.iter_mut().enumerate() {
        let program = command.get_program().to_owned();
        *command = Command::new(program);
        let found: Vec<Vec<Span>> = outputs[at]
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect::<Result<_>>()?;
        times[at].sort();
        let median: Duration = times[at][ROUNDS / 2];
        println!("  {name}: {:.3} s", median.as_secs_f64());
        for (class, counts) in count(&texts, &found) {
            let share = |part: usize, whole: usize| match whole {
                0 => "-".to_owned(),
                _ => format!("{:.3}", part as f64 / whole as f64),
            };
            println!(
                "    {class:12} recall {} of {:4}   precision {} of {:4}",
                share(counts.covered, counts.labelled),
                counts.labelled,
                share(counts.right, counts.reported),
                counts.reported,
            );
        }
    }
    Ok(())
}

fn count(texts: &[Value], found: &[Vec<Span>]) -> BTreeMap<String, Counts> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for (text, found) in texts.iter().zip(found) {
        let characters: Vec<char> = text["text"].as_str().unwrap_or_default().chars().collect();
        let labelled = labelled(text);
        for (start, end, class) in &labelled {
            let counts = counts.entry(class.clone()).or_default();
            counts.labelled += 1;
            let is_covered = |at: &usize| {
                found.iter().any(|(from, to, of)| of == class && (*from..*to).contains(at))
            };
            let said = (*start..*end).filter(|at| characters[*at].is_alphanumeric());
            counts.covered += usize::from(said.into_iter().all(|at| is_covered(&at)));
        }
        for (start, end, class) in found {
            let counts = counts.entry(class.clone()).or_default();
            counts.reported += 1;
            let is_right =
                labelled.iter().any(|(from, to, of)| of == class && from < end && start < to);
            counts.right += usize::from(is_right);
        }
    }
    counts
}

fn labelled(text: &Value) -> Vec<Span> {
    let spans = text.get("pii").or_else(|| text.get("spans")).and_then(Value::as_array);
    let spans = spans.into_iter().flatten();
    spans
        .filter_map(|span| {
            let at = |key| span[key].as_u64().map(|at| at as usize);
            Some((at("start")?, at("end")?, class(span["label"].as_str()?)?.to_owned()))
        })
        .collect()
}

/// The class that a label of these sets belongs to.
fn class(label: &str) -> Option<&'static str> {
    Some(match label {
        "EMAIL" | "EMAIL_ADDRESS" => "email",
        "PHONE" | "PHONE_NUMBER" => "phone",
        "IBAN" | "IBAN_CODE" => "iban",
        "CREDIT_CARD" => "card",
        "TAX_ID_DE" | "SOCIAL_SECURITY_DE" | "HEALTH_INSURANCE_DE" | "US_SSN" => "national_id",
        "DATE_OF_BIRTH" => "birthdate",
        "ADDRESS" | "STREET_ADDRESS" => "address",
        "PERSON" => "name",
        _ => return None,
    })
}
