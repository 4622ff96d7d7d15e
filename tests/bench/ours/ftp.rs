//! Our FTP client, one operation a run.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fairway_ftp::tls::TlsOptions;
use fairway_ftp::{Client, Limits, ListOptions, Name, Server, Site, Tls};
use fairway_stack::Net;
use nix::sys::resource::{UsageWho, getrusage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::lab::{Error, now, put};

/// Where a server is, and as whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// Its address.
    address: SocketAddr,
    user: String,
    password: String,
    /// With TLS, whose certificate is taken unseen: what is measured is the speed.
    #[arg(long)]
    tls: bool,
}

impl Where {
    fn site(&self, client: &Client) -> Site {
        let mut server = Server::new(self.address.ip().to_string())
            .on_port(self.address.port())
            .login(&self.user, &self.password);
        if self.tls {
            let options = TlsOptions::new().dangerous_accept_any_certificate(true);
            server = server.tls(Tls::Explicit).tls_options(options);
        }
        client.site(server)
    }
}

/// CPU seconds of this process so far, and its highest memory in KiB. (What `getrusage` says of memory is the parent's,
/// where that was larger.)
fn usage() -> Result<(f64, f64), Error> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        Duration::from_micros(u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000).as_secs_f64()
            + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0)).as_secs_f64()
    };
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.ok_or("no peak")?.trim().trim_end_matches(" kB");
    Ok((cpu, peak.parse()?))
}

/// Measures `operation`, after a login.
pub(crate) async fn run(
    prefix: &str,
    operation: &str,
    place: &Where,
    arguments: &[String],
) -> Result<(), Error> {
    if operation == "noop" {
        let times = arguments
            .first()
            .map(String::as_str)
            .ok_or("an argument is missing")?;
        return noop(prefix, place, times.parse()?).await;
    }
    let client = Client::with_limits(Net::system(), Limits::default());
    let site = place.site(&client);
    site.noop().await?;
    let name = |at: usize| {
        arguments
            .get(at)
            .map(String::as_str)
            .ok_or("an argument is missing")
    };
    let number = |at: usize| -> Result<u64, Error> { Ok(name(at)?.parse()?) };
    let start = now();
    let (before, _) = usage()?;
    let mebibytes = |octets: u64| octets as f64 / f64::from(1 << 20);
    let (amount, unit) = match operation {
        "download" => {
            let mut sink = tokio::io::sink();
            let report = site.get(name(0)?).to_writer(&mut sink).await?;
            (mebibytes(report.octets), "MiB/s")
        }
        "upload" => {
            let report = site.put(name(0)?).from_file(Path::new(name(1)?)).await?;
            (mebibytes(report.octets), "MiB/s")
        }
        "memory" => {
            let octets = number(1)?;
            let buffer = vec![0x5a; 64 * 1024];
            let mut upload = site.put(name(0)?).writer().await?;
            for _ in 0..octets / buffer.len() as u64 {
                upload.write_all(&buffer).await?;
            }
            upload.finish().await?;
            (mebibytes(octets), "MiB/s")
        }
        "small" => {
            small(&site, name(0)?, 0, number(1)?, 1).await?;
            (number(1)? as f64, "files/s")
        }
        // The same over several connections.
        "pool" => {
            let (directory, workers) = (Arc::new(name(0)?.to_owned()), number(2)?);
            let mut tasks = Vec::new();
            for worker in 0..workers {
                let (site, directory, files) = (site.clone(), Arc::clone(&directory), number(1)?);
                let work = async move { small(&site, &directory, worker, files, workers).await };
                tasks.push(
                    client
                        .net()
                        .spawn(async move { work.await.map_err(|e| e.to_string()) }),
                );
            }
            for task in tasks {
                task.await??;
            }
            (number(1)? as f64, "files/s")
        }
        // Fetched and parsed, by LIST as the peers do, or by what the server does best.
        "list" | "best-list" => {
            let directory = Name::from(name(0)?);
            let mut options = ListOptions::default();
            options.classic = operation == "list";
            let mut entries = site.entries(Some(&directory), options).await?;
            let mut count = 0u32;
            while entries.next().await?.is_some() {
                count += 1;
            }
            (f64::from(count), "entries/s")
        }
        // To another server, past this process: TARGET USER PASSWORD FROM TO.
        "copy" => {
            let target = Where {
                address: name(0)?.parse()?,
                user: name(1)?.to_owned(),
                password: name(2)?.to_owned(),
                tls: place.tls,
            };
            let to = target.site(&client);
            let report = client
                .copy((&site, name(3)?), (&to, name(4)?))
                .run()
                .await?;
            (mebibytes(report.octets.unwrap_or(0)), "MiB/s")
        }
        // A cached one-line call.
        "pwd" => {
            for _ in 0..number(0)? {
                site.pwd().await?;
            }
            (number(0)? as f64, "calls/s")
        }
        other => return Err(format!("{other}: unknown").into()),
    };
    let wall = start.elapsed().as_secs_f64();
    let (after, memory) = usage()?;
    put(&format!("{prefix}.rate"), amount / wall, unit);
    put(&format!("{prefix}.wall"), wall, "s");
    put(&format!("{prefix}.cpu"), after - before, "s");
    put(&format!("{prefix}.memory"), memory, "KiB");
    client.close().await;
    Ok(())
}

/// Gets every `step`-th of `files` small files, from the `first` on.
async fn small(
    site: &Site,
    directory: &str,
    first: u64,
    files: u64,
    step: u64,
) -> Result<(), fairway_ftp::Error> {
    let mut file = first;
    while file < files {
        site.get(format!("{directory}/f{file:04}")).bytes().await?;
        file += step;
    }
    Ok(())
}

/// A bare round trip of `NOOP` over a socket, as little as can be done.
async fn noop(prefix: &str, place: &Where, times: u64) -> Result<(), Error> {
    let mut stream = Net::system().connect_tcp(place.address).await?;
    let mut buffer = vec![0; 4096];
    let mut hear = async |stream: &mut fairway_stack::TcpStream| -> Result<usize, Error> {
        Ok(stream.read(&mut buffer).await?)
    };
    hear(&mut stream).await?;
    for line in [
        format!("USER {}\r\n", place.user),
        format!("PASS {}\r\n", place.password),
    ] {
        stream.write_all(line.as_bytes()).await?;
        hear(&mut stream).await?;
    }
    let start = now();
    for _ in 0..times {
        stream.write_all(b"NOOP\r\n").await?;
        hear(&mut stream).await?;
    }
    put(
        &format!("{prefix}.rate"),
        times as f64 / start.elapsed().as_secs_f64(),
        "calls/s",
    );
    Ok(())
}
