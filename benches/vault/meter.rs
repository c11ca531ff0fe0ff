// SPDX-License-Identifier: Apache-2.0
//! Time on the wall, and of processors.

use std::fs;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use super::server::Server;

/// Of this process, and of a server beside it.
pub struct Meter(Option<u32>);

pub struct Running<'m>(&'m Meter, Instant, f64);

#[derive(Default)]
pub struct Cost {
    elapsed: Duration,
    cpu: f64,
    count: usize,
}

impl Meter {
    pub fn of_process() -> Self {
        Self(None)
    }

    pub fn with(server: &Server) -> Self {
        let pid = fs::read_to_string(server.folder.join("data/postmaster.pid")).expect("it runs");
        Self(pid.lines().next().and_then(|pid| pid.parse().ok()))
    }

    pub fn start(&self) -> Running<'_> {
        Running(self, Instant::now(), self.cpu())
    }

    fn cpu(&self) -> f64 {
        let own = Stat::read("self").map_or(0, |stat| stat.own);
        let Some(first) = self.0 else { return seconds(own) };
        let server = Stat::read(&first.to_string()).map_or(0, |stat| stat.own + stat.ended);
        let processes = fs::read_dir("/proc").expect("Linux").flatten();
        let stats = processes.filter_map(|process| Stat::read(process.file_name().to_str()?));
        let children: u64 = stats.filter(|stat| stat.parent == first).map(|stat| stat.own).sum();
        seconds(own + server + children)
    }
}

impl Running<'_> {
    pub fn elapsed(&self) -> Duration {
        self.1.elapsed()
    }

    pub fn stop(self, count: usize) -> Cost {
        Cost { elapsed: self.1.elapsed(), cpu: self.0.cpu() - self.2, count }
    }
}

impl Cost {
    /// Microseconds of the wall, and of processors.
    pub fn each(&self) -> [f64; 2] {
        [self.elapsed.as_secs_f64(), self.cpu].map(|seconds| seconds * 1e6 / self.count as f64)
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.cpu += other.cpu;
        self.count += other.count;
    }
}

/// Ticks of a process, user and system.
struct Stat {
    parent: u32,
    own: u64,
    /// Of its children that have ended.
    ended: u64,
}

impl Stat {
    fn read(process: &str) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<u64> = stat
            .rsplit(") ")
            .next()?
            .split(' ')
            .skip(1)
            .map(|field| field.parse().unwrap_or_default())
            .collect();
        let sum = |from: usize| fields.iter().skip(from).take(2).sum();
        Some(Self { parent: *fields.first()? as u32, own: sum(10), ended: sum(12) })
    }
}

/// USER_HZ is 100 on every Linux that is in use.
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / 100.0
}
