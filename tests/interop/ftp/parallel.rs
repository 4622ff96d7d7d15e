//! Segments of one file and batches of many, against a scripted server on a simulated network.

use super::world::World;
use fairway_ftp::{Client, ErrorKind, Limits, Server, Verify};
use fairway_tests::ftp::{Config, DataFault, FtpServer, Reply};
use std::time::Duration;

const SIZE: usize = 5 << 20;
const WORDS: u32 = 5 << 18;

fn content() -> Vec<u8> {
    // No two places alike.
    (0..WORDS).flat_map(u32::to_be_bytes).collect()
}

fn start(world: &World, config: Config) -> FtpServer {
    let server = world.start(config);
    server.files().put("/big", content());
    server
}

#[test]
fn a_file_comes_over_several_connections() {
    let world = World::new();
    world.network.run(async {
        let server = start(&world, world.config());
        let (site, files) = (world.site(), world.client.net().files());
        files.write("/l", vec![1; SIZE + 100]).await.unwrap();
        let get = site.get("big").segments(4).verify(Verify::Hash);
        let report = get.to_file("/l").await.unwrap();
        assert_eq!((report.octets, report.from), (SIZE as u64, 0));
        assert!(report.reply.is_some());
        assert!(files.read("/l").await.unwrap() == content());
        assert!(!files.exists("/l.segments").await.unwrap());
        assert_eq!(server.count("RETR"), 4);
        assert_eq!(server.count("REST"), 3);
        // The connections are of use afterwards.
        site.noop().await.unwrap();
        assert!(site.get("a").bytes().await.is_ok());
    });
}

#[test]
fn small_files_come_over_one() {
    let world = World::new();
    world.network.run(async {
        let server = start(&world, world.config());
        let site = world.site();
        let report = site.get("a").segments(4).to_file("/l").await.unwrap();
        assert_eq!((report.octets, server.count("RETR")), (13, 1));
        assert!(
            !world
                .client
                .net()
                .files()
                .exists("/l.segments")
                .await
                .unwrap()
        );
        let error = site
            .get("none")
            .segments(4)
            .to_file("/m")
            .await
            .unwrap_err();
        assert!(error.is_not_found());
        assert!(!world.client.net().files().exists("/m").await.unwrap());
    });
}

/// No REST, a REST without effect, no SIZE: one connection, and the whole file.
#[test]
fn servers_that_cannot_begin_in_the_middle_send_it_over_one() {
    for fault in 0..3 {
        let world = World::new();
        let config = match fault {
            0 => world.config().on("REST", Reply::line("502 no")),
            1 => world
                .config()
                .with(|config| config.rest_is_forgotten = true),
            _ => world.config().without(&["SIZE"]),
        };
        world.network.run(async {
            let server = start(&world, config);
            let (site, files) = (world.site(), world.client.net().files());
            let report = site.get("big").segments(4).to_file("/l").await.unwrap();
            assert_eq!(report.octets, SIZE as u64, "{fault}");
            assert!(files.read("/l").await.unwrap() == content(), "{fault}");
            assert!(!files.exists("/l.segments").await.unwrap());
            assert!(server.count("RETR") > 0);
        });
    }
}

/// A server, or a pool, with room for two.
#[test]
fn few_connections_get_all_parts() {
    let world = World::new();
    world.network.run(async {
        let server = start(
            &world,
            world.config().with(|config| config.max_connections = 2),
        );
        let (site, files) = (world.site(), world.client.net().files());
        let report = site.get("big").segments(4).to_file("/l").await.unwrap();
        assert_eq!(report.octets, SIZE as u64);
        assert!(files.read("/l").await.unwrap() == content());
        assert_eq!(server.count("RETR"), 4);
        drop(site);
    });
}

/// What breaks is taken up again; what cannot be is resumed later, and only what is missing.
#[test]
fn broken_segments_are_resumed() {
    let world = World::new();
    world.network.run(async {
        let break_off = Reply::Data(DataFault::ResetAt(300_000));
        let server = start(&world, world.config().on_nth("RETR", 3, break_off.clone()));
        let mut limits = Limits::default();
        let (site, files) = (world.site_with(limits.clone()), world.client.net().files());
        let report = site.get("big").segments(4).to_file("/l").await.unwrap();
        assert_eq!((report.octets, report.retries), (SIZE as u64, 1));
        assert!(files.read("/l").await.unwrap() == content());

        limits.retries = 0;
        let site = world.site_with(limits);
        let next = server.count("RETR") + 2;
        server.set(|config| config.rule("RETR", Some(next), break_off));
        let get = || site.get("big").segments(4);
        let error = get().to_file("/m").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Aborted { .. }), "{error}");
        let map = files.read("/m.segments").await.unwrap();
        assert!(map.starts_with(b"fairway-ftp segments 1\nsize 5242880 modified "));
        // Without asking for segments, the map is honoured too.
        let report = site.get("big").resume(true).to_file("/m").await.unwrap();
        assert!(
            report.octets > 0 && report.octets < SIZE as u64,
            "{report:?}"
        );
        assert_eq!(report.from + report.octets, SIZE as u64);
        assert!(files.read("/m").await.unwrap() == content());
        assert!(!files.exists("/m.segments").await.unwrap());
    });
}

/// A transfer that is dropped leaves a map; the file may change in the meantime.
#[test]
fn a_map_of_another_file_is_not_believed() {
    let world = World::new();
    world.network.run(async {
        let pace = (64 * 1024, Duration::from_millis(100));
        let server = start(
            &world,
            world.config().with(|config| config.pace = Some(pace)),
        );
        let (site, files) = (world.site(), world.client.net().files());
        let clock = world.client.net().clock();
        let get = || site.get("big").segments(2).resume(true);
        let cut = clock
            .timeout(Duration::from_secs(3), get().to_file("/l"))
            .await;
        assert!(cut.is_err());
        assert!(files.exists("/l.segments").await.unwrap());
        server.set(|config| config.pace = None);
        let other: Vec<u8> = content().into_iter().map(|octet| !octet).collect();
        server.files().put("/big", [&other[..], b"more"].concat());
        let report = get().to_file("/l").await.unwrap();
        assert_eq!((report.from, report.octets), (0, SIZE as u64 + 4));
        assert!(files.read("/l").await.unwrap() == [&other[..], b"more"].concat());
        // Nonsense for a map is no map.
        files.write("/l.segments", b"nonsense").await.unwrap();
        let report = get().to_file("/l").await.unwrap();
        assert_eq!(report.octets, SIZE as u64 + 4);
    });
}

/// The file was removed, and its map was not: what was there is got again.
#[test]
fn a_map_without_its_file_is_not_believed() {
    let world = World::new();
    world.network.run(async {
        let server = start(&world, world.config());
        let (site, files) = (world.site(), world.client.net().files());
        let modified = site.modified("big").await.unwrap();
        let map =
            format!("fairway-ftp segments 1\nsize {SIZE} modified {modified}\n1000000 2000000\n");
        for rest in [0, 1_500_000, SIZE] {
            files.write("/l.segments", map.as_bytes()).await.unwrap();
            files.write("/l", &content()[..rest]).await.unwrap();
            let get = site.get("big").segments(2).resume(true);
            let report = get.to_file("/l").await.unwrap();
            assert!(files.read("/l").await.unwrap() == content(), "{rest}");
            let got = if rest == SIZE { 1_000_000 } else { SIZE };
            assert_eq!(report.octets, got as u64, "{rest}");
        }
        drop(server);
    });
}

/// At most so many at once, results in order, an error on its own.
#[test]
fn a_batch_does_all() {
    let world = World::new();
    world.network.run(async {
        let server = world.start(world.config());
        let net = world.client.net();
        let client = Client::new(net.clone());
        let site = client.site(Server::new(world.host()).login("u1", "secret"));
        for n in 0..20 {
            server.files().put(format!("/f{n}"), vec![b'x'; n]);
        }
        server.files().remove("/f7");
        let mut batch = client.batch(4);
        for n in 0..20 {
            batch.get(site.get(format!("f{n}")), format!("/l{n}"));
        }
        batch.put(site.put("up"), "/l3");
        assert_eq!(batch.len(), 21);
        let results = batch.run().await;
        for (n, result) in results.iter().take(20).enumerate() {
            match result {
                Ok(report) => assert_eq!(report.octets, n as u64),
                Err(error) => assert!(n == 7 && error.is_not_found()),
            }
        }
        // `up` may have gone before `l3` came; either way it has its result.
        assert_eq!(results.len(), 21);
        assert_eq!(client.connections().logins, 4);
    });
}

#[test]
fn a_batch_may_stop_at_an_error() {
    let world = World::new();
    world.network.run(async {
        let _server = world.start(world.config());
        let client = Client::new(world.client.net());
        let site = client.site(Server::new(world.host()).login("u1", "secret"));
        let mut batch = client.batch(1).stop_at_error(true);
        for name in ["a", "none", "a"] {
            let site = site.clone();
            batch.add(async move { site.size(name).await });
        }
        let results = batch.run().await;
        assert_eq!(*results[0].as_ref().unwrap(), 13);
        assert!(results[1].as_ref().unwrap_err().is_not_found());
        let skipped = results[2].as_ref().unwrap_err();
        assert!(matches!(skipped.kind(), ErrorKind::Skipped));
        assert!(client.batch::<()>(1).is_empty());
    });
}
