//! The FTP client beside curl, lftp and suppaftp, against vsftpd and Pure-FTPd on loopback.
//!
//! curl and lftp are measured as programs, with their start and login (some hundredths of a second); suppaftp and ours
//! inside the process, after the login.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fairway_tests::ftp::{Product, RealConfig, RealServer, RealTls};
use nix::sys::resource::{UsageWho, getrusage};

use crate::lab::{Error, Lab, now, talk};

/// The servers that are measured with. `w` can be written to, `pub` holds what is read.
const SERVERS: [(&str, Product); 2] =
    [("vsftpd", Product::Vsftpd), ("pureftpd", Product::PureFtpd)];
const SMALL_FILES: usize = 1000;
const ENTRIES: usize = 10_000;

/// A server and what it serves, in memory.
struct Place {
    name: &'static str,
    server: RealServer,
}

impl Place {
    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    fn url(&self, path: &str) -> String {
        self.server.url(path)
    }
}

/// Files in memory, removed at the end.
struct Files(PathBuf);

impl Drop for Files {
    fn drop(&mut self) {
        // What remains is in memory, and goes with the machine.
        drop(fs::remove_dir_all(&self.0));
    }
}

struct Bench<'a> {
    lab: &'a mut Lab,
    places: Vec<Place>,
    /// The large file, as the client has it.
    large: PathBuf,
    octets: u64,
}

/// Starts the servers and makes what they serve.
fn prepare<'a>(lab: &'a mut Lab, files: &Files, config: &RealConfig) -> Result<Bench<'a>, Error> {
    let octets: u64 = if lab.quick() { 256 << 20 } else { 1 << 30 };
    fs::create_dir_all(&files.0)?;
    let large = files.0.join("large");
    let pattern: Vec<u8> = (0..1u32 << 20)
        .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    if !large.exists() {
        use std::io::Write as _;
        let mut file = fs::File::create(&large)?;
        for _ in 0..octets >> 20 {
            file.write_all(&pattern)?;
        }
    }
    let mut places = Vec::new();
    for (name, product) in SERVERS {
        let config = RealConfig {
            files: Some(files.0.clone()),
            ..config.clone()
        };
        let Some(server) = RealServer::start("bench", product, &config) else {
            lab.notes.push(format!(
                "{name} is not there: tests/run --install unpacks it"
            ));
            continue;
        };
        fs::hard_link(&large, server.root().join("pub/large"))?;
        for file in 0..SMALL_FILES {
            server.put(
                &format!("pub/small/f{file:04}"),
                pattern.get(..1024).unwrap_or_default(),
            );
        }
        for file in 0..ENTRIES {
            server.put(&format!("pub/many/file-{file:05}.txt"), "");
        }
        places.push(Place { name, server });
    }
    Ok(Bench {
        lab,
        places,
        large,
        octets,
    })
}

impl Bench<'_> {
    /// Runs our operation in a process of its own.
    fn ours(&mut self, at: usize, case: &str, operation: &str, arguments: &[&str], tls: bool) {
        let Some(place) = self.places.get(at) else {
            return;
        };
        let prefix = format!("ours.{}.{case}", place.name);
        let mut command = self.lab.ours();
        command.args([
            "ftp-client",
            &prefix,
            operation,
            &place.address().to_string(),
        ]);
        command.args([place.server.user(), place.server.password()]);
        command
            .args(tls.then_some("--tls"))
            .arg("--")
            .args(arguments);
        self.lab.measure(&mut command, None);
    }

    fn suppaftp(&mut self, at: usize, case: &str, operation: &str, arguments: &[&str], tls: bool) {
        let Some(place) = self.places.get(at) else {
            return;
        };
        let prefix = format!("suppaftp.{}.{case}", place.name);
        let address = place.address();
        let mut command = self.lab.ftp_peers();
        command.args([
            prefix,
            operation.to_owned(),
            address.ip().to_string(),
            address.port().to_string(),
        ]);
        command.args([
            place.server.user(),
            place.server.password(),
            if tls { "1" } else { "0" },
        ]);
        command.args(arguments);
        self.lab.measure(&mut command, None);
    }

    /// Runs a program that does one thing, and counts its time, its processor's and its memory.
    fn program(
        &mut self,
        prefix: &str,
        amount: f64,
        unit: &str,
        program: &str,
        arguments: &[String],
    ) {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let before = children();
        let start = now();
        let output = command.output();
        let wall = start.elapsed().as_secs_f64();
        let cpu = children() - before;
        match output {
            Ok(output) if output.status.success() => {
                self.lab
                    .readings
                    .add(&format!("{prefix}.rate"), amount / wall, unit);
                self.lab.readings.add(&format!("{prefix}.wall"), wall, "s");
                self.lab.readings.add(&format!("{prefix}.cpu"), cpu, "s");
            }
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                self.lab
                    .notes
                    .push(format!("{prefix}: {} {}", output.status, said.trim()));
            }
            Err(error) => self.lab.notes.push(format!("{prefix}: {error}")),
        }
    }

    fn curl(&mut self, at: usize, case: &str, more: &[&str], path: &str) {
        let Some(place) = self.places.get(at) else {
            return;
        };
        let prefix = format!("curl.{}.{case}", place.name);
        let mut arguments: Vec<String> = ["-sSk"].map(str::to_owned).into();
        arguments.extend(more.iter().map(ToString::to_string));
        arguments.push(place.url(path));
        let amount = self.octets as f64 / f64::from(1 << 20);
        self.program(&prefix, amount, "MiB/s", "curl", &arguments);
    }

    fn lftp(&mut self, prefix: &str, amount: f64, unit: &str, script: &str) {
        let settings = "set net:max-retries 1; set net:timeout 30; set ftp:use-mode-z no; set ssl:verify-certificate no; set xfer:clobber yes";
        let arguments = [
            "--norc".to_owned(),
            "-c".to_owned(),
            format!("{settings}; {script}"),
        ];
        self.program(prefix, amount, unit, "lftp", &arguments);
    }
}

/// CPU seconds of the processes that have ended.
fn children() -> f64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return 0.0;
    };
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

fn files() -> Files {
    Files(Path::new("/dev/shm").join(format!("fairway-bench-{}", std::process::id())))
}

/// Large files both ways, many small ones, and a long listing.
pub(crate) fn plain(lab: &mut Lab) -> Result<(), Error> {
    talk("FTP");
    let files = files();
    let mut bench = prepare(lab, &files, &RealConfig::default())?;
    let rounds = if bench.lab.quick() { 3 } else { 7 };
    let octets = bench.octets.to_string();
    let large = bench.large.display().to_string();
    let (small, entries) = (SMALL_FILES.to_string(), ENTRIES as f64);
    for _ in 0..rounds {
        for at in 0..bench.places.len() {
            let name = bench.places.get(at).map_or("", |place| place.name);
            bench.curl(at, "download", &["-o", "/dev/null"], "pub/large");
            bench.suppaftp(at, "download", "download", &["pub/large"], false);
            bench.ours(at, "download", "download", &["pub/large"], false);

            bench.curl(at, "upload", &["-T", &large], "w/curl");
            bench.suppaftp(at, "upload", "upload", &["w/suppaftp", &large], false);
            bench.ours(at, "upload", "upload", &["w/ours", &large], false);
            bench.suppaftp(at, "memory", "memory", &["w/suppaftp", &octets], false);
            bench.ours(at, "memory", "memory", &["w/ours", &octets], false);

            bench.suppaftp(at, "small", "small", &["pub/small", &small], false);
            bench.ours(at, "small", "small", &["pub/small", &small], false);
            bench.ours(at, "pool", "pool", &["pub/small", &small, "4"], false);
            let url = bench
                .places
                .get(at)
                .map(|place| place.url("pub"))
                .unwrap_or_default();
            let all: Vec<String> = (0..SMALL_FILES).map(|file| format!("f{file:04}")).collect();
            let script = format!(
                "set ftp:ssl-allow no; open {url}; cd small; cat {}",
                all.join(" ")
            );
            bench.lftp(
                &format!("lftp.{name}.small"),
                SMALL_FILES as f64,
                "files/s",
                &script,
            );

            bench.suppaftp(at, "list", "list", &["pub/many"], false);
            bench.ours(at, "list", "list", &["pub/many"], false);
            bench.ours(at, "best-list", "best-list", &["pub/many"], false);
            let script = format!("set ftp:ssl-allow no; open {url}; ls many");
            bench.lftp(&format!("lftp.{name}.list"), entries, "entries/s", &script);

            bench.ours(at, "noop", "noop", &["3000"], false);
            bench.ours(at, "pwd", "pwd", &["3000"], false);
            let ours = |what: &str| format!("ours.{name}.{what}.memory");
            let of = |name: &str| bench.lab.readings.median(name).map(|(value, _)| value);
            if let (Some(list), Some(pwd)) = (of(&ours("list")), of(&ours("pwd"))) {
                bench
                    .lab
                    .readings
                    .add(&format!("ours.{name}.list.growth"), list - pwd, "KiB");
            }
        }
    }
    Ok(())
}

/// Large files from server to server.
pub(crate) fn copies(lab: &mut Lab) -> Result<(), Error> {
    talk("FTP, from server to server");
    let files = files();
    let config = RealConfig {
        fxp: true,
        ..RealConfig::default()
    };
    let mut bench = prepare(lab, &files, &config)?;
    let rounds = if bench.lab.quick() { 3 } else { 7 };
    let amount = bench.octets as f64 / f64::from(1 << 20);
    for _ in 0..rounds {
        for (from, to) in [(0, 1), (1, 0)] {
            let (Some(source), Some(target)) = (bench.places.get(from), bench.places.get(to))
            else {
                return Err("two servers are needed".into());
            };
            let name = source.name;
            let other = [
                target.address().to_string(),
                target.server.user().to_owned(),
                target.server.password().to_owned(),
            ];
            let settings = "set ftp:ssl-allow no; set ftp:use-fxp yes; set ftp:fxp-force yes";
            let (source, target) = (source.url("pub/large"), target.url("w/lftp"));
            let script = format!("{settings}; get {source} -o {target}");
            bench.lftp(&format!("lftp.{name}.copy"), amount, "MiB/s", &script);
            let [address, user, password] = other.each_ref().map(String::as_str);
            bench.ours(
                from,
                "copy",
                "copy",
                &[address, user, password, "pub/large", "w/ours"],
                false,
            );
        }
    }
    Ok(())
}

/// Large files under TLS 1.3.
pub(crate) fn tls(lab: &mut Lab) -> Result<(), Error> {
    talk("FTP over TLS");
    let files = files();
    let config = RealConfig {
        tls: RealTls::Explicit,
        ..RealConfig::default()
    };
    let mut bench = prepare(lab, &files, &config)?;
    let rounds = if bench.lab.quick() { 3 } else { 7 };
    let (large, octets) = (bench.large.display().to_string(), bench.octets.to_string());
    for _ in 0..rounds {
        for at in 0..bench.places.len() {
            let required = ["--ssl-reqd", "-o", "/dev/null"];
            bench.curl(at, "tls-download", &required, "pub/large");
            bench.suppaftp(at, "tls-download", "download", &["pub/large"], true);
            bench.ours(at, "tls-download", "download", &["pub/large"], true);
            bench.curl(at, "tls-upload", &["--ssl-reqd", "-T", &large], "w/curl");
            bench.suppaftp(at, "tls-upload", "memory", &["w/suppaftp", &octets], true);
            bench.ours(at, "tls-upload", "memory", &["w/ours", &octets], true);
        }
    }
    Ok(())
}
