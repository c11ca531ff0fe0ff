// SPDX-License-Identifier: Apache-2.0
//! Whether the time that it takes tells an attacker something: how much of an API key is right,
//! and whether there is a token (TOK-026 and TOK-027 of the abuse scenarios).
//!
//!     taskset --cpu-list 0 cargo bench --bench timing -- [DIRECTORY [SAMPLES]]
//!
//! Classes take turns in a random order. Shown is Welch's t of each class against the first, of
//! the fastest nine tenths of all samples: the rest is what else the machine does. Beyond ±4.5 a
//! difference is taken for real (Goodwill et al., "A testing methodology for side-channel
//! resistance validation", 2011).

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program for a terminal"
)]

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
use zollhaus::base::{Category, Cleartext, Clock, Scope, Secret, SubjectId, SystemClock, Tenant};
use zollhaus::caller::{ApiKey, ApiKeys, KeyKind, api_key_mac, generate_api_key};
use zollhaus::keys::{Keyset, MemoryKeyService};
use zollhaus::sqlite::Database;
use zollhaus::vault::{Form, MemoryStore, SqliteStore, ToKeep, Token, Vault};

/// Leading characters of the random part of a key that are right.
const SHARED: [usize; 4] = [0, 8, 16, 31];

const CALLERS: usize = 16;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.iter().any(|argument| argument.starts_with('-')) {
        println!("usage: cargo bench --bench timing -- [DIRECTORY [SAMPLES]]");
        return;
    }
    let parent = arguments.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let samples = arguments.get(1).map_or(100_000, |text| text.parse().expect("a number"));
    let folder = parent.join(format!("zollhaus-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("the folder can be made");
    api_keys(samples);
    for (place, cache) in [("in the file", 0), ("in memory", 1 << 20)] {
        tokens(&folder.join(format!("vault-{cache}")), place, cache, samples / 10).await;
    }
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
}

/// A key in force, and wrong ones that begin as it does.
fn api_keys(samples: usize) {
    let caller_mac = Secret::new("a key of this benchmark");
    let generate = || generate_api_key(KeyKind::Caller).expect("random bytes");
    let keys: Vec<Secret> = (0..CALLERS).map(|_| generate()).collect();
    let known = keys
        .iter()
        .enumerate()
        .map(|(principal, key)| ApiKey { principal, mac: api_key_mac(&caller_mac, key.expose()) });
    let in_force = ApiKeys::new(KeyKind::Caller, caller_mac.clone(), known.collect());
    let right = keys.last().expect("there are some").expose();
    let wrong = SHARED.map(|shared| {
        let (prefix, other) = ("zhk_".len() + shared, generate());
        let key: Vec<u8> =
            right.iter().take(prefix).chain(other.expose().iter().skip(prefix)).copied().collect();
        let key = HeaderValue::from_bytes(&key).expect("base64url");
        HeaderMap::from_iter([(http::HeaderName::from_static("zollhaus-key"), key)])
    });
    let mut classes = SHARED.map(|_| Vec::with_capacity(samples));
    for class in turns(SHARED.len(), samples) {
        let start = Instant::now();
        let found = in_force.identify(black_box(&wrong[class]));
        let took = start.elapsed();
        assert!(black_box(found).is_err(), "it is a wrong one");
        classes[class].push(took.as_nanos() as f64);
    }
    println!("a wrong API key, by how many characters of it are right");
    show(&SHARED.map(|shared| shared.to_string()), &classes);
}

/// Tokens that stand for a value, for one that is erased, and for none.
async fn tokens(path: &std::path::Path, place: &str, cache: usize, samples: usize) {
    let tenant = Tenant::new("bench");
    let service = MemoryKeyService::generate().expect("random bytes");
    let today = SystemClock.now().date();
    let keyset = Keyset::create(&path.with_extension("keyset"), &service, &tenant, today);
    let keyset = keyset.expect("a keyset");
    let database = Database::open(path, &tenant).expect("a database");
    let store = Arc::new(SqliteStore::new(&database).expect("its tables"));
    let vault = Vault::new(store, &keyset).with_cache(cache);
    let elsewhere = Vault::new(Arc::new(MemoryStore::default()), &keyset);
    let [anna, bert] = [1, 2].map(|id| SubjectId([id; 16]));
    let classes = [
        keep(&vault, "there", anna).await,
        keep(&vault, "erased", bert).await,
        keep(&elsewhere, "never given", anna).await,
    ];
    vault.erase(&[bert]).await.expect("it is erased");
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for class in turns(classes.len(), samples) {
        let asked = vec![classes[class].clone()];
        let start = Instant::now();
        let opened = vault.detokenize(asked).await;
        let took = start.elapsed();
        black_box(opened).expect("the vault answers");
        times[class].push(took.as_nanos() as f64);
    }
    println!("a token, its row {place}");
    show(&["there", "erased", "never given"].map(str::to_owned), &times);
}

async fn keep(vault: &Vault, text: &str, holder: SubjectId) -> Token {
    let (category, value) = (Category::from("name"), Cleartext::new(text));
    let item = ToKeep {
        item: (&category, &value),
        form: Form::Word,
        holder: Some(holder),
        realms: &[],
        scope: Scope::Tenant,
    };
    vault.keep(&[item]).await.expect("a token").remove(0)
}

/// The class of each sample, so that none is always behind the same other one.
fn turns(classes: usize, samples: usize) -> impl Iterator<Item = usize> {
    let random = RandomState::new();
    (0..samples * classes).map(move |at| random.hash_one(at) as usize % classes)
}

fn show<const N: usize>(names: &[String; N], classes: &[Vec<f64>; N]) {
    let mut all: Vec<f64> = classes.iter().flatten().copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let longest = all.get(all.len() * 9 / 10).copied().unwrap_or(f64::MAX);
    let moments = classes.each_ref().map(|times| {
        let times = || times.iter().filter(|took| **took <= longest);
        let count = times().count() as f64;
        let mean = times().sum::<f64>() / count;
        (count, mean, times().map(|took| (took - mean).powi(2)).sum::<f64>() / (count - 1.0))
    });
    let [(count, mean, variance), ..] = moments[..] else { return };
    for (name, (other_count, other_mean, other_variance)) in names.iter().zip(moments) {
        let error = (variance / count + other_variance / other_count).sqrt();
        println!("  {name}: {other_mean:.0} ns, t = {:.1}", (other_mean - mean) / error);
    }
}
