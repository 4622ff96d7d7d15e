//! The pool of connections: many at a time, how much they take, and a server that begins anew.

use super::lab::{Lab, address_of, lab, limits, run};
use fairway_ftp::{Client, Site};
use fairway_stack::Net;
use fairway_tests::Child;
use fairway_tests::ftp::{Product, RealTls};
use std::process::Command;
use std::time::Duration;

const ALL: usize = 256;

/// Opens [`ALL`] sessions at once, by as many downloads that have begun.
async fn fill(site: &Site) {
    let downloads: Vec<_> = (0..ALL)
        .map(|_| {
            let get = site.get("pub/f");
            tokio::spawn(async move { get.reader().await.unwrap() })
        })
        .collect();
    let mut begun = Vec::new();
    for download in downloads {
        begun.push(download.await.unwrap());
    }
    for download in begun {
        let _reply = download.finish().await.unwrap();
    }
}

async fn all_call(site: &Site) -> usize {
    let calls: Vec<_> = (0..ALL)
        .map(|_| {
            let site = site.clone();
            tokio::spawn(async move { site.pwd().await })
        })
        .collect();
    let mut good = 0;
    for call in calls {
        good += usize::from(call.await.unwrap().is_ok());
    }
    good
}

#[test]
fn sessions_survive_a_restart_of_the_server() {
    for tls in [RealTls::None, RealTls::Explicit] {
        run(async {
            let name = "sessions_survive_a_restart_of_the_server";
            let Some(lab) = lab(name, (Product::Vsftpd, tls)) else {
                return;
            };
            let Lab {
                mut server,
                client,
                site,
            } = lab;
            server.put("pub/f", "x");
            let clock = client.net().clock();
            let start = clock.now();
            fill(&site).await;
            println!(
                "{tls:?}: {ALL} logins in {:?}",
                clock.now().saturating_duration_since(start)
            );
            let connections = client.connections();
            assert_eq!(
                (connections.idle, connections.busy, connections.logins),
                (ALL, 0, 256)
            );
            server.kill();
            server.start_again();
            assert_eq!(all_call(&site).await, ALL);
            client.close().await;
            assert_eq!(client.connections().idle, 0);
        });
    }
}

#[test]
fn the_longest_idle_makes_room_and_old_ones_are_reaped() {
    run(async {
        let name = "the_longest_idle_makes_room";
        let servers = [Product::Vsftpd, Product::PureFtpd, Product::ProFtpd];
        let labs: Option<Vec<Lab>> = servers
            .map(|product| lab(name, (product, RealTls::None)))
            .into_iter()
            .collect();
        let Some(labs) = labs else { return };
        let mut limits = limits();
        limits.connections = 2;
        limits.idle = Duration::from_secs(10);
        let client = Client::with_limits(Net::system(), limits);
        let sites: Vec<Site> = labs
            .iter()
            .map(|lab| client.site(address_of(&lab.server, RealTls::None)))
            .collect();
        for site in &sites {
            site.noop().await.unwrap();
        }
        assert_eq!(
            (client.connections().idle, client.connections().logins),
            (2, 3)
        );
        // The second and third are there; the first is not.
        sites[2].noop().await.unwrap();
        sites[1].noop().await.unwrap();
        assert_eq!(client.connections().logins, 3);
        sites[0].noop().await.unwrap();
        assert_eq!(
            (client.connections().idle, client.connections().logins),
            (2, 4)
        );
        let clock = client.net().clock();
        let reaped = clock.timeout(Duration::from_secs(60), async {
            while client.connections().idle > 0 {
                clock.sleep(Duration::from_millis(100)).await;
            }
        });
        reaped.await.expect("the idle are reaped");
    });
}

/// Memory of this process in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[ignore = "run by idle_sessions_are_small in a process of its own"]
fn measure() {
    let tls = match std::env::var("FAIRWAY_TLS") {
        Ok(_) => RealTls::Explicit,
        Err(_) => RealTls::None,
    };
    run(async {
        let Some(lab) = lab("measure", (Product::Vsftpd, tls)) else {
            return;
        };
        lab.server.put("pub/f", "x");
        // What is there once.
        let _file = lab.site.get("pub/f").bytes().await.unwrap();
        let before = resident();
        fill(&lab.site).await;
        assert_eq!(lab.client.connections().idle, ALL);
        println!("KiB each: {}", resident().saturating_sub(before) / ALL);
    });
}

#[test]
fn idle_sessions_are_small() {
    let (_, path) = module_path!().split_once("::").unwrap();
    for (tls, most) in [(false, 64), (true, 128)] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let measure = format!("{path}::measure");
        let _arguments = command.args(["--ignored", "--exact", "--nocapture", &measure]);
        if tls {
            let _variable = command.env("FAIRWAY_TLS", "yes");
        }
        let output = Child::output(&mut command, Duration::from_secs(60));
        assert!(output.status.success(), "{output:?}");
        let Some((_, rest)) = output.stdout.split_once("KiB each: ") else {
            // There is no server, as was said.
            return;
        };
        let each: usize = rest.lines().next().unwrap().parse().unwrap();
        println!("TLS {tls}: {each} KiB each");
        assert!(each <= most, "{each} KiB each, TLS: {tls}");
    }
}
