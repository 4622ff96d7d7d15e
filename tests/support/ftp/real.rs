//! FTP servers that others wrote, started for a test: vsftpd, Pure-FTPd, ProFTPD.
//!
//! Each has a loopback address of its own (127.x.y.z, drawn at random), so that it can tell the client from another
//! server as the data peer; a free port, a range of passive ports, and a folder of its own. `tests/run --install`
//! unpacks the programs below the target directory; without that they are looked for in the search path.

use super::Certificate;
use crate::{have, have_root, leave_out, scratch, until};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Gid, Pid, Uid, chown};
use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// vsftpd: `anonymous`, who needs no password.
    Vsftpd,
    /// Pure-FTPd: `u1` with `secret`.
    PureFtpd,
    /// ProFTPD: `u1` with `secret`.
    ProFtpd,
}

/// All of them.
pub const PRODUCTS: [Product; 3] = [Product::Vsftpd, Product::PureFtpd, Product::ProFtpd];

/// How a server of others is started. The default: plain FTP, transfers between servers refused.
#[derive(Clone, Debug, Default)]
pub struct RealConfig {
    /// TLS, with this certificate; [`RealServer::certificate`] makes one if need be.
    pub tls: RealTls,
    /// Data connections must resume the session of the control connection (never with Pure-FTPd).
    pub reuse_required: bool,
    /// TLS 1.2 only.
    pub only_tls12: bool,
    /// Transfers between servers.
    pub fxp: bool,
    /// MODE Z (ProFTPD only).
    pub mode_z: bool,
    /// After which time an idle client is thrown out; Pure-FTPd counts in minutes.
    pub idle: Option<Duration>,
    /// Clients at a time.
    pub max_clients: Option<u32>,
    /// Whom it trusts as the client's side of TLS, besides itself (ProFTPD, for SSCN).
    pub trusted: Vec<Certificate>,
    /// How many passive ports it has; else a thousand.
    pub passive_ports: Option<u16>,
    /// Where its files are; else below the target directory.
    pub files: Option<PathBuf>,
    /// Further lines of the configuration file, or words of the command line (Pure-FTPd).
    pub more: Vec<String>,
}

/// TLS of a server of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RealTls {
    /// None.
    #[default]
    None,
    /// AUTH TLS.
    Explicit,
    /// From the first octet (not with Pure-FTPd).
    Implicit,
}

/// A server of others that runs; killed with its sessions when dropped.
#[derive(Debug)]
pub struct RealServer {
    product: Product,
    command: Command,
    process: Child,
    /// Whether it speaks first.
    greets: bool,
    address: SocketAddr,
    root: PathBuf,
    folder: PathBuf,
    certificate: Certificate,
    passive: (u16, u16),
}

/// Uid and gid of `daemon` on Debian: whose files the servers serve.
const DAEMON: u32 = 1;

impl RealServer {
    /// Starts a server for `test`, whose name is that of its folder: `None` if the program is not there, which is said
    /// as [`have`] says it. It has the folders `pub`, to read, and `w`, to write.
    ///
    /// # Panics
    /// When it does not start, or does not do what `config` asks for; under `CI=true` when it is not there.
    #[must_use]
    pub fn start(test: &str, product: Product, config: &RealConfig) -> Option<Self> {
        let programs: &[&str] = match product {
            Product::Vsftpd => &["vsftpd"],
            Product::PureFtpd => &["pure-ftpd", "pure-pw"],
            Product::ProFtpd => &["proftpd"],
        };
        let (there, missing) = found(programs);
        if !missing.is_empty() {
            let _left_out = leave_out(test, &format!("needs {}", missing.join(", ")));
            return None;
        }
        if !have_root(test) || (product != Product::Vsftpd && !have(test, &["openssl"])) {
            return None;
        }
        Some(Self::launch(test, product, config, &there))
    }

    #[expect(clippy::expect_used, reason = "a test helper")]
    fn launch(test: &str, product: Product, config: &RealConfig, programs: &[PathBuf]) -> Self {
        let host = Ipv4Addr::from([127, draw(1, 254), draw(0, 255), draw(1, 254)]);
        let name = format!("{product:?}-{host}").to_lowercase();
        let folder = scratch(&format!("ftp-{test}-{name}"));
        let root = match &config.files {
            Some(files) => files.join(&name),
            None => folder.join("root"),
        };
        for part in ["pub", "w"] {
            fs::create_dir_all(root.join(part)).expect("a folder");
        }
        give(&root.join("w"));
        let listener = TcpListener::bind((host, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        drop(listener);
        let names = [host.to_string(), "localhost".to_owned()];
        let certificate = Certificate::new(&names.each_ref().map(String::as_str));
        let setup = Setup {
            config,
            folder: &folder,
            root: &root,
            host,
            port: address.port(),
            passive: 10_000 + 1000 * u16::from(draw(0, 20)),
            certificate: &certificate,
        };
        let passive = (setup.passive, setup.last_port());
        let mut command = match product {
            Product::Vsftpd => setup.vsftpd(programs),
            Product::PureFtpd => setup.pure_ftpd(programs),
            Product::ProFtpd => setup.proftpd(programs),
        };
        if config.only_tls12 {
            // Neither vsftpd nor Pure-FTPd has a word for it; the library has.
            let text = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = TLSv1.2\n";
            command.env("OPENSSL_CONF", setup.write("openssl.cnf", text));
        }
        let log = File::options();
        let log = log
            .clone()
            .create(true)
            .append(true)
            .read(true)
            .open(folder.join("output"));
        let log = log.expect("a log");
        command
            // Where vsftpd says why it does not start.
            .stdin(log.try_clone().expect("a log"))
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .current_dir(&folder)
            .process_group(0);
        let process = command.spawn().expect("the server starts");
        let mut server = Self {
            product,
            command,
            process,
            greets: config.tls != RealTls::Implicit,
            address,
            passive,
            root,
            folder,
            certificate,
        };
        server.wait();
        server
    }

    /// Starts it again after [`kill`](Self::kill), at the same address.
    ///
    /// # Panics
    /// When it does not start.
    #[expect(clippy::expect_used, reason = "a test helper")]
    pub fn start_again(&mut self) {
        self.process = self.command.spawn().expect("the server starts");
        self.wait();
    }

    /// Waits until it serves, and nobody else.
    fn wait(&mut self) {
        until(
            &format!(
                "{:?} (its log is in {})",
                self.product,
                self.folder.display()
            ),
            Duration::from_secs(20),
            || {
                let ended = self.process.try_wait().ok().flatten();
                assert!(ended.is_none(), "{:?} ended: {}", self.product, self.log());
                greeted(self.address, self.greets).then_some(())
            },
        );
        // Who asked is no client any more when the session's process is gone.
        let id = self.process.id();
        let sessions = format!("/proc/{id}/task/{id}/children");
        until("the end of a session", Duration::from_secs(5), || {
            let left = fs::read_to_string(&sessions).unwrap_or_default();
            left.is_empty().then_some(())
        });
    }

    /// What it is.
    #[must_use]
    pub const fn product(&self) -> Product {
        self.product
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its passive ports, first and last.
    #[must_use]
    pub const fn passive_ports(&self) -> (u16, u16) {
        self.passive
    }

    /// Who may log in.
    #[must_use]
    pub const fn user(&self) -> &'static str {
        match self.product {
            Product::Vsftpd => "anonymous",
            Product::PureFtpd | Product::ProFtpd => "u1",
        }
    }

    /// The password; vsftpd asks for none.
    #[must_use]
    pub const fn password(&self) -> &'static str {
        match self.product {
            Product::Vsftpd => "",
            Product::PureFtpd | Product::ProFtpd => "secret",
        }
    }

    /// The folder that clients see as `/`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its certificate, for its address and `localhost`.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The file of its certificate (PEM), if it does TLS.
    #[must_use]
    pub fn certificate_file(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }

    /// Puts a file where clients see `path`; they may read it, replace it and remove it below `w`.
    ///
    /// # Panics
    /// When it cannot.
    #[expect(clippy::expect_used, reason = "a test helper")]
    pub fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.root.join(path.trim_start_matches('/'));
        if let Some(above) = file.parent()
            && !above.exists()
        {
            fs::create_dir_all(above).expect("a folder");
            give(above);
        }
        fs::write(&file, content).expect("a file");
        give(&file);
    }

    /// Makes the file that clients see as `path` one of so many zeros, which take no room until they are written to.
    ///
    /// # Panics
    /// When that fails.
    #[expect(clippy::expect_used, reason = "a test helper")]
    pub fn put_zeros(&self, path: &str, length: u64) {
        self.put(path, "");
        let file = File::options()
            .write(true)
            .open(self.root.join(path.trim_start_matches('/')))
            .expect("a file");
        file.set_len(length).expect("a long file");
    }

    /// What is in the file that clients see as `path`.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.root.join(path.trim_start_matches('/'))).ok()
    }

    /// `ftp://user:password@host:port/path`, as curl and lftp take it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let (user, password) = (self.user(), self.password());
        let path = path.trim_start_matches('/');
        format!("ftp://{user}:{password}@{}/{path}", self.address)
    }

    /// What it said, for a failing test.
    #[must_use]
    pub fn log(&self) -> String {
        let logs = ["output", "xferlog", "log", "tls.log"].map(|name| self.folder.join(name));
        logs.iter()
            .filter_map(|log| fs::read_to_string(log).ok())
            .collect()
    }

    /// Ends it and every session, in no order.
    pub fn kill(&mut self) {
        if let Ok(id) = i32::try_from(self.process.id()) {
            // Sessions are in the group; those that are gone need no signal.
            let _none_left = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
        drop(self.process.wait());
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        self.kill();
        if !std::thread::panicking() {
            // Some tests fill it with tens of thousands of files.
            for folder in [&self.folder, &self.root] {
                drop(fs::remove_dir_all(folder));
            }
        }
    }
}

/// What the configuration files are written from.
struct Setup<'a> {
    config: &'a RealConfig,
    folder: &'a Path,
    root: &'a Path,
    host: Ipv4Addr,
    port: u16,
    passive: u16,
    certificate: &'a Certificate,
}

impl Setup<'_> {
    fn last_port(&self) -> u16 {
        self.passive + self.config.passive_ports.unwrap_or(1000).saturating_sub(1)
    }

    fn vsftpd(&self, programs: &[PathBuf]) -> Command {
        assert!(!self.config.mode_z, "vsftpd has no MODE Z");
        let yes = |yes| if yes { "YES" } else { "NO" };
        let empty = self.folder.join("empty");
        drop(fs::create_dir_all(&empty));
        let tls = self.config.tls;
        let idle = self.config.idle.unwrap_or(Duration::from_secs(300));
        let most = self.config.max_clients.unwrap_or(400);
        let mut text = format!(
            "listen=YES\nbackground=NO\nlisten_address={}\nlisten_port={}\nanonymous_enable=YES\nlocal_enable=NO\n\
             no_anon_password=YES\nftp_username=daemon\nanon_root={}\nsecure_chroot_dir={}\nwrite_enable=YES\n\
             anon_upload_enable=YES\nanon_mkdir_write_enable=YES\nanon_other_write_enable=YES\n\
             anon_world_readable_only=NO\nanon_umask=022\nseccomp_sandbox=NO\nconnect_from_port_20=NO\n\
             pasv_min_port={}\npasv_max_port={}\nascii_download_enable=YES\nascii_upload_enable=YES\n\
             async_abor_enable=YES\nmdtm_write=YES\nmax_clients={most}\nmax_per_ip={most}\nxferlog_enable=YES\n\
             xferlog_file={}\nidle_session_timeout={}\npasv_promiscuous={fxp}\nport_promiscuous={fxp}\n",
            self.host,
            self.port,
            self.root.display(),
            empty.display(),
            self.passive,
            self.last_port(),
            self.folder.join("xferlog").display(),
            idle.as_secs(),
            fxp = yes(self.config.fxp),
        );
        if tls != RealTls::None {
            let (certificate, key) = self.pem();
            text += &format!(
                "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=NO\nforce_anon_data_ssl=NO\n\
                 rsa_cert_file={}\nrsa_private_key_file={}\ndebug_ssl=YES\nrequire_ssl_reuse={}\nimplicit_ssl={}\n\
                 ssl_ciphers=HIGH\n",
                certificate.display(),
                key.display(),
                yes(self.config.reuse_required),
                yes(tls == RealTls::Implicit),
            );
        }
        let file = self.write("vsftpd.conf", &(text + &self.config.more.join("\n")));
        let mut command = Command::new(first(programs));
        command.arg(file);
        command
    }

    fn pure_ftpd(&self, programs: &[PathBuf]) -> Command {
        let config = self.config;
        assert!(
            !config.mode_z && !config.reuse_required && config.tls != RealTls::Implicit,
            "Pure-FTPd has no such thing"
        );
        give(self.root);
        give(&self.root.join("pub"));
        let hash = hash("-6");
        let line = format!("u1:{hash}:1:1::{}/./::::::::::::\n", self.root.display());
        let users = self.write("passwd", &line);
        let database = self.folder.join("pdb");
        crate::built(
            Command::new(
                programs
                    .last()
                    .map_or(Path::new("pure-pw"), PathBuf::as_path),
            )
            .arg("mkdb")
            .arg(&database)
            .arg("-f")
            .arg(users),
        );
        let most = config.max_clients.unwrap_or(400).to_string();
        let minutes = config.idle.map_or(15, |idle| idle.as_secs().div_ceil(60));
        let mut command = Command::new(first(programs));
        command
            .arg("-4")
            .arg("-S")
            .arg(format!("{},{}", self.host, self.port));
        command.args(["-E", "-A", "-H", "-u", "1", "-f", "none", "-L", "20000:5"]);
        command.args(["-c", &most, "-C", &most, "-I", &minutes.to_string()]);
        command
            .arg("-p")
            .arg(format!("{}:{}", self.passive, self.last_port()));
        command.arg("-g").arg(self.folder.join("pid"));
        command
            .arg("-l")
            .arg(format!("puredb:{}", database.display()));
        if config.fxp {
            command.arg("-w");
        }
        if config.tls == RealTls::Explicit {
            let _files = self.pem();
            let both = [self.certificate.key_pem(), self.certificate.pem()].concat();
            command
                .args(["-Y", "1", "-2"])
                .arg(self.write("both.pem", &both));
        }
        command.args(&config.more);
        command
    }

    fn proftpd(&self, programs: &[PathBuf]) -> Command {
        let config = self.config;
        give(self.root);
        give(&self.root.join("pub"));
        let modules = first(programs)
            .ancestors()
            .map(|folder| folder.join("usr/lib/proftpd"))
            .find(|folder| folder.exists())
            .unwrap_or_else(|| "/usr/lib/proftpd".into());
        let hash = hash("-5");
        let line = format!("u1:{hash}:1:1::{}:/bin/false\n", self.root.display());
        let users = self.write("passwd", &line);
        let on = |on| if on { "on" } else { "off" };
        let within = |name: &str| self.folder.join(name).display().to_string();
        let mut text = format!(
            "ServerName \"pro\"\nServerType standalone\nDefaultServer on\nModulePath {}\nLoadModule mod_tls.c\n\
             LoadModule mod_tls_shmcache.c\nLoadModule mod_digest.c\nLoadModule mod_copy.c\n\
             LoadModule mod_site_misc.c\nControlsEngine off\nUseIPv6 off\nDefaultAddress {}\nPort {}\nUser daemon\n\
             Group daemon\nUmask 022\nMaxInstances 400\nUseReverseDNS off\nRequireValidShell off\nAuthPAM off\n\
             AuthOrder mod_auth_file.c\nAuthUserFile {}\nWtmpLog off\nUseLastlog off\nUseFtpUsers off\n\
             DelayEngine off\nPidFile {}\nScoreboardFile {}\nSystemLog {}\nTransferLog {}\nPassivePorts {} {}\n\
             AllowOverwrite on\nAllowStoreRestart on\nAllowRetrieveRestart on\nDefaultRoot ~\n\
             AllowForeignAddress {}\n",
            modules.display(),
            self.host,
            self.port,
            users.display(),
            within("pid"),
            within("scoreboard"),
            within("log"),
            within("xferlog"),
            self.passive,
            self.last_port(),
            on(config.fxp),
        );
        if config.mode_z {
            text += "LoadModule mod_deflate.c\nDeflateEngine on\n";
        }
        if let Some(idle) = config.idle {
            text += &format!("TimeoutIdle {}\n", idle.as_secs());
        }
        if let Some(most) = config.max_clients {
            text += &format!("MaxClients {most}\n");
        }
        if config.tls != RealTls::None {
            let (certificate, key) = self.pem();
            let trusted = config.trusted.iter().chain([self.certificate]);
            let trusted: String = trusted.map(Certificate::pem).collect();
            let trusted = self.write("trusted.pem", &trusted);
            let mut options = String::new();
            if !config.reuse_required {
                options += " NoSessionReuseRequired";
            }
            if config.tls == RealTls::Implicit {
                options += " UseImplicitSSL";
            }
            if !options.is_empty() {
                options = format!("TLSOptions{options}\n");
            }
            let versions = if config.only_tls12 {
                "TLSv1.2"
            } else {
                "TLSv1.2 TLSv1.3"
            };
            text += &format!(
                "TLSEngine on\nTLSRequired off\nTLSProtocol {versions}\nTLSECCertificateFile {}\n\
                 TLSECCertificateKeyFile {}\nTLSCACertificateFile {}\nTLSVerifyClient off\nTLSLog {}\n\
                 TLSSessionCache shm:/file={}\n{options}",
                certificate.display(),
                key.display(),
                trusted.display(),
                within("tls.log"),
                within("sessions"),
            );
        }
        let file = self.write("proftpd.conf", &(text + &config.more.join("\n") + "\n"));
        let mut command = Command::new(first(programs));
        command.arg("-n").arg("-c").arg(file);
        command
    }

    /// Files of the certificate and its key.
    fn pem(&self) -> (PathBuf, PathBuf) {
        (
            self.write("cert.pem", self.certificate.pem()),
            self.write("key.pem", self.certificate.key_pem()),
        )
    }

    /// Writes a file that nobody else may read: some servers insist.
    #[expect(clippy::expect_used, reason = "a test helper")]
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its mode");
        path
    }
}

fn first(programs: &[PathBuf]) -> &Path {
    programs.first().map_or(Path::new("ftpd"), PathBuf::as_path)
}

/// Where the programs are, and which are nowhere.
fn found(programs: &[&'static str]) -> (Vec<PathBuf>, Vec<&'static str>) {
    let here = std::env::current_exe().unwrap_or_default();
    let unpacked = here.ancestors().map(|folder| folder.join("ftp-servers"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = unpacked
        .flat_map(|folder| [folder.join("usr/sbin"), folder.join("usr/bin")])
        .chain(std::env::split_paths(&path))
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .collect();
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for program in programs {
        match folders
            .iter()
            .map(|folder| folder.join(program))
            .find(|file| file.exists())
        {
            Some(file) => there.push(file),
            None => missing.push(*program),
        }
    }
    (there, missing)
}

/// A number of this range, at random.
fn draw(from: u8, to: u8) -> u8 {
    let bits = RandomState::new().build_hasher().finish();
    let span = u64::from(to - from) + 1;
    from + u8::try_from(bits % span).unwrap_or(0)
}

/// Makes `daemon` the owner.
#[expect(clippy::expect_used, reason = "a test helper")]
fn give(path: &Path) {
    chown(
        path,
        Some(Uid::from_raw(DAEMON)),
        Some(Gid::from_raw(DAEMON)),
    )
    .expect("root may");
}

/// The hash of `secret` by the method of this letter.
#[expect(clippy::expect_used, reason = "a test helper")]
fn hash(method: &str) -> String {
    let mut command = Command::new("openssl");
    let output = command.args(["passwd", method, "secret"]).output();
    String::from_utf8_lossy(&output.expect("openssl starts").stdout)
        .trim()
        .to_owned()
}

/// Whether a server says 220 there (takes a connection, if it is not to say anything), and is done with who asked.
fn greeted(address: SocketAddr, says: bool) -> bool {
    let limit = Duration::from_secs(5);
    let Ok(mut stream) = TcpStream::connect_timeout(&address, limit) else {
        return false;
    };
    if !says {
        return true;
    }
    drop(stream.set_read_timeout(Some(limit)));
    let mut said = vec![0; 3];
    let greeted = stream.read_exact(&mut said).is_ok() && said == b"220";
    // To the end: a limit of clients may count this one.
    drop(stream.write_all(b"QUIT\r\n"));
    drop(stream.read_to_end(&mut said));
    greeted
}

/// The address that clients of these servers have.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
