//! suppaftp, one operation a run: `ftp-peers PREFIX OPERATION HOST PORT USER PASSWORD TLS [ARGUMENTS]`.
//!
//! Prints `name value unit` lines: rates after login, CPU time and the process's highest memory.

use std::sync::Arc;
use std::time::Instant;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use suppaftp::list::ListParser;
use suppaftp::tokio::{AsyncRustlsConnector, AsyncRustlsFtpStream};
use suppaftp::types::{FileType, Mode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Trusts everybody: what is measured is the speed.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// CPU seconds of this process so far, and its highest memory in KiB. (What `getrusage` says of memory is the parent's,
/// where that was larger.)
fn usage() -> (f64, f64) {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).expect("usage");
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let peak = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    (seconds(usage.user_time()) + seconds(usage.system_time()), peak)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [prefix, operation, host, port, user, password, tls, rest @ ..] = arguments.as_slice() else {
        panic!("PREFIX OPERATION HOST PORT USER PASSWORD TLS [ARGUMENTS]");
    };
    let mut ftp = AsyncRustlsFtpStream::connect(format!("{host}:{port}")).await.expect("a connection");
    if tls == "1" {
        let provider = rustls::crypto::ring::default_provider();
        let config = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        let connector = suppaftp::tokio_rustls::TlsConnector::from(Arc::new(config));
        let connector = AsyncRustlsConnector::from(connector);
        ftp = ftp.into_secure(connector, host).await.expect("TLS");
    }
    ftp.login(user.as_str(), password.as_str()).await.expect("a login");
    ftp.transfer_type(FileType::Binary).await.expect("type I");
    ftp.set_mode(Mode::ExtendedPassive);
    let name = |at: usize| rest.get(at).expect("an argument");
    let number = |at: usize| name(at).parse::<u64>().expect("a number");
    let start = Instant::now();
    let (before, _) = usage();
    let (amount, unit) = match operation.as_str() {
        "download" => {
            let mut stream = ftp.retr_as_stream(name(0)).await.expect("RETR");
            let mut buffer = vec![0; 64 * 1024];
            let mut octets = 0;
            loop {
                match stream.read(&mut buffer).await.expect("octets") {
                    0 => break,
                    n => octets += n as u64,
                }
            }
            stream.finish().await.expect("226");
            (octets as f64 / 1_048_576.0, "MiB/s")
        }
        "upload" => {
            let mut file = tokio::fs::File::open(name(1)).await.expect("a file");
            let mut stream = ftp.put_with_stream(name(0)).await.expect("STOR");
            let mut buffer = vec![0; 64 * 1024];
            let mut octets = 0;
            loop {
                let n = file.read(&mut buffer).await.expect("octets");
                if n == 0 {
                    break;
                }
                stream.write_all(&buffer[..n]).await.expect("sent");
                octets += n as u64;
            }
            stream.finish().await.expect("226");
            (octets as f64 / 1_048_576.0, "MiB/s")
        }
        "memory" => {
            let octets = number(1);
            let buffer = vec![0x5a; 64 * 1024];
            let mut stream = ftp.put_with_stream(name(0)).await.expect("STOR");
            for _ in 0..octets / buffer.len() as u64 {
                stream.write_all(&buffer).await.expect("sent");
            }
            stream.finish().await.expect("226");
            (octets as f64 / 1_048_576.0, "MiB/s")
        }
        "small" => {
            let mut buffer = Vec::with_capacity(4096);
            for file in 0..number(1) {
                buffer.clear();
                let mut stream = ftp.retr_as_stream(format!("{}/f{file:04}", name(0))).await.expect("RETR");
                stream.read_to_end(&mut buffer).await.expect("octets");
                stream.finish().await.expect("226");
            }
            (number(1) as f64, "files/s")
        }
        "list" => {
            let lines = ftp.list(Some(name(0))).await.expect("LIST");
            (lines.len() as f64, "entries/s")
        }
        "listed" => {
            let lines = ftp.list(Some(name(0))).await.expect("LIST");
            let parsed = lines.iter().filter(|line| ListParser::parse_posix(line).is_ok()).count();
            (parsed as f64, "entries/s")
        }
        other => panic!("{other}: unknown"),
    };
    let wall = start.elapsed().as_secs_f64();
    let (after, memory) = usage();
    println!("{prefix}.rate {} {unit}", amount / wall);
    println!("{prefix}.wall {wall} s");
    println!("{prefix}.cpu {} s", after - before);
    println!("{prefix}.memory {memory} KiB");
}
