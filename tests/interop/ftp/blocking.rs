//! The client for programs without async, against a scripted server on loopback.

use fairway_ftp::blocking::{Client, Site};
use fairway_ftp::calls::{LocalMode, T_BINARY};
use fairway_ftp::{ErrorNumber, ListOptions, Server};
use fairway_stack::Net;
use fairway_tests::ftp::{Config, FtpServer};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A server with a thread of its own.
struct Lab {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lab {
    fn start() -> Self {
        let (tell, told) = mpsc::channel();
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server = FtpServer::start(&Net::system(), Config::new()).unwrap();
                server.files().put("/a", "first\nsecond\n");
                server.files().put("/big", vec![7; 4 << 20]);
                tell.send(server.address()).unwrap();
                let _ = ended.await;
            });
        });
        Self {
            address: told.recv().unwrap(),
            end: Some(end),
            thread: Some(thread),
        }
    }

    fn site(&self, client: &Client) -> Site {
        let server = Server::new(self.address.ip().to_string()).on_port(self.address.port());
        client.site(server.login("u1", "secret"))
    }
}

/// A directory of a test's own.
struct TempDir(PathBuf);

impl TempDir {
    fn new(test: &str) -> Self {
        let name = format!("fairway-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.end.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn everything_waits() {
    let lab = Lab::start();
    let client = Client::new().unwrap();
    let site = lab.site(&client);
    site.mkdir("d").unwrap();
    site.cd("d").unwrap();
    assert_eq!(site.pwd().unwrap().to_string(), "/d");
    site.put("x").bytes("hello").unwrap();
    assert_eq!(site.size("x").unwrap(), 5);
    let names: Vec<String> = site
        .entries(None, ListOptions::default())
        .unwrap()
        .map(|entry| String::from_utf8(entry.unwrap().name.to_vec()).unwrap())
        .collect();
    assert_eq!(names, ["x"]);
    assert_eq!(site.detached().list(None).unwrap().len(), 1);
    site.append("x").from_reader(&mut &b", world"[..]).unwrap();
    let mut text = Vec::new();
    let report = site.get("x").to_writer(&mut text).unwrap();
    assert_eq!((report.octets, &*text), (12, &b"hello, world"[..]));
    assert_eq!(site.get("x").bytes().unwrap(), b"hello, world");
    site.rename("x", "y").unwrap();
    site.delete("y").unwrap();
    let error = site.delete("y").unwrap_err();
    assert_eq!(error.number(), ErrorNumber::COMMAND);
    assert_eq!(client.connections().logins, 1);
    client.close();
    assert_eq!(client.connections().idle, 0);
}

#[test]
fn files_and_streams() {
    let lab = Lab::start();
    let client = Client::new().unwrap();
    let site = lab.site(&client);
    let directory = TempDir::new("blocking");
    let local = directory.path().join("big");
    assert_eq!(site.get("big").to_file(&local).unwrap().octets, 4 << 20);
    site.put("copy").from_file(&local).unwrap();
    let mut reader = site.get("copy").reader().unwrap();
    let mut all = Vec::new();
    reader.read_to_end(&mut all).unwrap();
    reader.finish().unwrap();
    assert!(all.len() == 4 << 20 && all.iter().all(|octet| *octet == 7));
    let mut writer = site.put("w").writer().unwrap();
    writer.write_all(b"one").unwrap();
    writer.flush().unwrap();
    writer.finish().unwrap();
    assert_eq!(site.get("w").bytes().unwrap(), b"one");
}

#[test]
fn batches_run_beside_each_other() {
    let lab = Lab::start();
    let client = Client::new().unwrap();
    let site = lab.site(&client);
    let directory = TempDir::new("batch");
    let mut batch = client.batch(2);
    for n in 0..6 {
        batch.get(site.get("a"), directory.path().join(n.to_string()));
    }
    batch.get(site.get("none"), directory.path().join("none"));
    assert_eq!(batch.len(), 7);
    let results = batch.run();
    assert!(results[6].as_ref().unwrap_err().is_not_found());
    assert!(
        results
            .iter()
            .take(6)
            .all(|result| result.as_ref().unwrap().octets == 13)
    );
    assert!(client.connections().logins <= 2);
}

/// What was given up gets back in step while the program does something else.
#[test]
fn a_reader_dropped_in_the_middle_costs_no_connection() {
    let lab = Lab::start();
    let client = Client::new().unwrap();
    let site = lab.site(&client);
    let mut reader = site.get("big").reader().unwrap();
    reader.read_exact(&mut [0; 1000]).unwrap();
    drop(reader);
    // The next call waits for it.
    site.noop().unwrap();
    assert_eq!(client.connections().logins, 1);
}

#[test]
fn threads_share_a_client() {
    let lab = Lab::start();
    let client = Client::new().unwrap();
    let site = lab.site(&client);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(site.get("a").bytes().unwrap(), b"first\nsecond\n");
                }
            });
        }
    });
    assert!(client.connections().logins <= 4);
    // Dropped on another thread, in whatever order.
    let reader = site.get("big").reader().unwrap();
    drop(client);
    std::thread::spawn(move || drop((site, reader)))
        .join()
        .unwrap();
}

#[test]
fn classic_calls_wait_too() {
    let lab = Lab::start();
    let client = Client::with_limits(fairway_ftp::calls::Calls::limits()).unwrap();
    let ftp = client.calls();
    let host = format!("{} {}", lab.address.ip(), lab.address.port());
    let directory = TempDir::new("classic");
    let local = directory.path().join("a");
    let w = LocalMode::Overwrite;
    ftp.get(&host, "u1", "secret", None, &local, "a", w, T_BINARY)
        .unwrap();
    assert_eq!(std::fs::read(&local).unwrap(), b"first\nsecond\n");
    let error = ftp.cd(&host, "u1", "secret", None, "none").unwrap_err();
    assert_eq!(ftp.last_error(), Some(error.number()));
    ftp.logoff();
    assert_eq!(client.connections().idle, 0);
}
