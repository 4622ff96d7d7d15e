//! Transfers given up at any octet: the session is in step again, and need not log in anew.

use super::lab::{KINDS, Lab, is_long, lab, octets, run, say};
use fairway_ftp::ListOptions;
use fairway_tests::Random;
use fairway_tests::ftp::{Product, RealTls};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SIZE: usize = 4 << 20;

/// Gives up a download, upload or listing somewhere.
async fn give_up(lab: &Lab, random: &mut Random, content: &[u8]) {
    let site = &lab.site;
    // Often near the beginning or the end, where transfers have their edges.
    let at = match random.below(4) {
        0 => random.below(2_000),
        1 => SIZE - random.below(2_000),
        _ => random.below(SIZE),
    };
    match random.below(8) {
        0..=2 => {
            let mut download = site.get("pub/big").reader().await.unwrap();
            let mut part = vec![0; at];
            let _read = download.read_exact(&mut part).await.unwrap();
            assert!(part == content[..at]);
        }
        3 | 4 => {
            let mut upload = site.put("w/big").writer().await.unwrap();
            upload.write_all(&content[..at]).await.unwrap();
        }
        5 => {
            let mut entries = site.entries(None, ListOptions::default()).await.unwrap();
            let _first = entries.next().await.unwrap();
        }
        // Anywhere: between commands, in a handshake, behind the end of the data.
        what => {
            let limit = Duration::from_micros(random.below(8_000) as u64);
            let clock = lab.client.net().clock();
            if what == 6 {
                let _outcome = clock.timeout(limit, site.get("pub/small").bytes()).await;
            } else {
                let put = site.put("w/small").bytes(&content[..30_000]);
                let _outcome = clock.timeout(limit, put).await;
            }
        }
    }
}

async fn cancelled(lab: Lab, kind: (Product, RealTls), times: usize) {
    let content = octets(SIZE);
    lab.server.put("pub/big", &content);
    lab.server.put("pub/small", &content[..30_000]);
    let name = format!("cancelled_{kind:?}");
    let mut random = Random::for_test(&name, 3);
    let mut longest = Duration::ZERO;
    let clock = lab.client.net().clock();
    for i in 0..times {
        give_up(&lab, &mut random, &content).await;
        let start = clock.now();
        let pwd = lab.site.pwd().await;
        assert!(
            pwd.as_ref().is_ok_and(|path| path.display() == "/"),
            "{i}: {pwd:?} {}",
            lab.server.log()
        );
        longest = longest.max(clock.now().saturating_duration_since(start));
        if i % 4 == 0 {
            let all = lab.site.get("pub/small").bytes().await.unwrap();
            assert!(all == content[..30_000], "{i}");
        }
    }
    let connections = lab.client.connections();
    say(&format!(
        "{kind:?}: {times} given up, longest wait {longest:?}, {connections:?}"
    ));
    // mod_tls of ProFTPD ends a session now and then when a write to a broken data connection fails with EPIPE.
    let breaks = kind == (Product::ProFtpd, RealTls::Explicit);
    let most = if breaks { 2 + times as u64 / 200 } else { 1 };
    assert!(connections.logins <= most, "{connections:?}");
    assert_eq!(connections.busy, 0);
}

fn on(kind: (Product, RealTls)) {
    let name = format!("given_up_{kind:?}").replace(['(', ')', ' ', ','], "");
    run(async {
        if let Some(lab) = lab(&name, kind) {
            cancelled(lab, kind, if is_long() { 1_000 } else { 60 }).await;
        }
    });
}

#[test]
fn vsftpd() {
    on(KINDS[0]);
}

#[test]
fn vsftpd_tls() {
    on(KINDS[1]);
}

#[test]
fn pure_ftpd() {
    on(KINDS[3]);
}

#[test]
fn pure_ftpd_tls() {
    on(KINDS[4]);
}

#[test]
fn proftpd() {
    on(KINDS[5]);
}

#[test]
fn proftpd_tls() {
    on(KINDS[6]);
}
