// SPDX-License-Identifier: Apache-2.0
//! A PostgreSQL server of the tests' own: from Debian's packages, on a private port, with
//! its files in a folder that goes away with the process. It syncs as any other.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Whom the server runs as when the tests run as root, which it refuses: nobody.
const UNPRIVILEGED: u32 = 65_534;

pub const USER: &str = "house";
pub const PASSWORD: &str = "a password with 'signs' in it";
pub const DATABASE: &str = "postgres";

pub struct Server {
    pub programs: Programs,
    pub folder: PathBuf,
    pub port: u16,
    /// Ends what is left when its standard input closes, even if we are killed.
    watcher: Child,
}

impl Server {
    pub fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("zollhaus-postgres-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a temporary folder");
        let programs = Programs::find();
        if programs.is_root {
            chown(&folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root may");
        }
        let password = folder.join("password");
        fs::write(&password, PASSWORD).expect("the folder can be written");
        let initdb = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--username", USER];
        let mut initdb = programs.command("initdb", &initdb);
        initdb.arg("--pwfile").arg(&password).arg("--pgdata").arg(folder.join("data"));
        run(&mut initdb, &folder).unwrap_or_else(|said| panic!("initdb: {said}"));
        let script = "cat > /dev/null; kill -s QUIT \"$(head -n 1 \"$0/data/postmaster.pid\")\"; \
                      sleep 1; rm -rf \"$0\"";
        let mut watcher = Command::new("sh");
        // Of a group of its own: what ends ours is not to end it.
        watcher.args(["-c", script]).arg(&folder).stdin(Stdio::piped()).process_group(0);
        let watcher = watcher.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let watcher = watcher.expect("sh runs");
        let server = Self { programs, folder, port: free_port(), watcher };
        server.run();
        server
    }

    /// Starts it again, on the same port; it must not be running.
    pub fn run(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={} -c fsync=on \
             -c max_connections=200 -c log_statement=all",
            self.port,
            self.folder.display()
        );
        // One that was killed holds its memory until the last of its processes has seen it.
        loop {
            let mut start = self.control(&["start", "-w", "-t", "30", "-o", &options]);
            let started = run(start.arg("-l").arg(self.folder.join("log")), &self.folder);
            let Err(said) = started else { return };
            assert!(Instant::now() < deadline, "{said}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends it as a crash does: it writes nothing any more, and recovers at the next start.
    pub fn stop_immediately(&self) {
        let mut stop = self.control(&["stop", "-m", "immediate", "-w"]);
        run(&mut stop, &self.folder).unwrap_or_else(|said| panic!("{said}"));
    }

    /// Kills its first process; the others end when they see it.
    pub fn kill(&self) {
        let pid = fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("it runs");
        let pid = pid.lines().next().expect("a process").to_owned();
        run(Command::new("kill").args(["-KILL", &pid]), &self.folder)
            .unwrap_or_else(|said| panic!("{said}"));
    }

    /// Takes connections with TLS only, with this certificate and key, from its next start on.
    pub fn require_tls(&self, certificate: &Path, key: &Path) {
        let data = self.folder.join("data");
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = data.join(name);
            fs::copy(from, &to).expect("it can be copied");
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("its mode is set");
            if self.programs.is_root {
                chown(&to, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root may");
            }
        }
        let settings = data.join("postgresql.auto.conf");
        fs::write(settings, "ssl = on\n").expect("it can be written");
        let rules = "hostssl all all all scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), rules).expect("it can be written");
    }

    /// What it has logged, statements included.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn control(&self, words: &[&str]) -> Command {
        let mut control = self.programs.command("pg_ctl", words);
        control.arg("--pgdata").arg(self.folder.join("data"));
        control
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut input) = self.watcher.stdin.take() {
            let _ = input.write_all(b"\n");
        }
        let _ = self.watcher.wait();
    }
}

pub struct Programs {
    folder: PathBuf,
    libraries: Option<PathBuf>,
    is_root: bool,
}

impl Programs {
    /// Of the newest version that is installed, or that `tests/run` has unpacked.
    fn find() -> Self {
        let variable = |name: &str| std::env::vars_os().find(|(found, _)| *found == *name);
        let unpacked = variable("ZOLLHAUS_TEST_POSTGRES").map(|(_, value)| PathBuf::from(value));
        let root = unpacked.clone().unwrap_or_else(|| "/".into());
        let versions = fs::read_dir(root.join("usr/lib/postgresql")).into_iter().flatten();
        let versions = versions.flatten().map(|version| version.path().join("bin"));
        let mut versions: Vec<PathBuf> =
            versions.filter(|programs| programs.join("postgres").exists()).collect();
        versions.sort();
        let folder = versions.pop();
        let folder = folder.expect("PostgreSQL is not there; tests/run unpacks it, run that");
        let libraries = unpacked.map(|root| {
            let machine = format!("{}-linux-gnu", std::env::consts::ARCH);
            root.join("usr/lib").join(machine)
        });
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        Self { folder, libraries, is_root }
    }

    pub fn command(&self, program: &str, words: &[&str]) -> Command {
        let program: OsString = self.folder.join(program).into();
        let mut command = if self.is_root {
            let id = UNPRIVILEGED.to_string();
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command.args(words).current_dir("/").env("LC_ALL", "C").env("HOME", std::env::temp_dir());
        command
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("an address").port()
}

/// What it said, if it failed. That is not for a pipe: the server would hold it open.
fn run(command: &mut Command, folder: &Path) -> Result<(), String> {
    let said = folder.join("said");
    let output = fs::File::create(&said).expect("the folder can be written");
    command.stdout(output.try_clone().expect("a handle")).stderr(output);
    let status = command.stdin(Stdio::null()).status().expect("it can be started");
    if status.success() { Ok(()) } else { Err(fs::read_to_string(said).unwrap_or_default()) }
}
