//! Transfers checked by size and digest, against a scripted server on a simulated network.

use super::world::World;
use fairway_ftp::verify::{Algorithm, Digest};
use fairway_ftp::{ErrorKind, ErrorNumber, Verify};
use fairway_tests::ftp::{Config, Reply};

/// draft-bryan-ftpext-hash: every algorithm by `HASH`.
#[test]
fn hash_tells_digests() {
    let world = World::new();
    world.network.run(async {
        let server = world.start(world.config());
        let site = world.site();
        assert_eq!(site.hashes().await.unwrap(), Algorithm::ALL);
        for algorithm in Algorithm::ALL {
            let digest = site.hash("a", algorithm).await.unwrap();
            assert_eq!(digest, Digest::of(b"first\nsecond\n", algorithm));
        }
        assert_eq!(server.count("HASH"), 5);
        let error = site.hash("none", Algorithm::Md5).await.unwrap_err();
        assert!(error.is_not_found());
        // This server has no RANG.
        let part = site.hash_part("a", 0..5, Algorithm::Md5).await.unwrap_err();
        assert!(matches!(part.kind(), ErrorKind::Unsupported(_)));
    });
}

/// The commands of older servers, and names with blanks.
#[test]
fn commands_of_their_own_tell_digests() {
    let world = World::new();
    world.network.run(async {
        let server = world.start(world.config().without(&["HASH"]));
        server.files().put("/with blank", "x");
        let site = world.site();
        for algorithm in site.hashes().await.unwrap() {
            let digest = site.hash("with blank", algorithm).await.unwrap();
            assert_eq!(digest, Digest::of(b"x", algorithm));
        }
        assert!(server.count("XCRC") == 1 && server.count("XSHA256") == 1);
        assert_eq!(server.count("HASH"), 0);
    });
}

/// `RANG` names the last octet, and the whole file is meant again afterwards.
#[test]
fn a_part_is_named_by_its_last_octet() {
    let world = World::new();
    let digest = Digest::of(b"irs", Algorithm::Sha1);
    let feat = b"211-Ext:\r\n HASH SHA-1*\r\n RANG STREAM\r\n211 end\r\n".to_vec();
    let config = world
        .config()
        .with(|config| config.feat = Some(feat))
        .on("OPTS", Reply::line("200 SHA-1"))
        .on("RANG", Reply::line("350 ok"))
        .on("HASH", Reply::line(&format!("213 SHA-1 1-3 {digest} a")));
    world.network.run(async {
        let server = world.start(config);
        let site = world.site();
        let told = site.hash_part("a", 1..4, Algorithm::Sha1).await.unwrap();
        assert_eq!(told, digest);
        let commands = server.commands(0);
        let tail = commands.get(commands.len() - 4..).unwrap();
        assert_eq!(tail, ["OPTS HASH SHA-1", "RANG 1 3", "HASH a", "RANG 1 0"]);
    });
}

/// Both ways; what is wrong once is moved once more, what is wrong twice is an error.
#[test]
fn transfers_are_checked_by_digest() {
    let world = World::new();
    world.network.run(async {
        let server = world.start(world.config());
        let (site, files) = (world.site(), world.client.net().files());
        let get = || site.get("a").verify(Verify::Hash);
        let report = get().to_file("/l").await.unwrap();
        assert_eq!(report.verified, Verify::Hash);
        assert_eq!(report.algorithm, Some(Algorithm::Sha256));
        let put = site.put("p").verify(Verify::Hash);
        assert_eq!(put.from_file("/l").await.unwrap().retries, 0);
        // Behind what the file has.
        let report = get().append_to_local(true).to_file("/l").await.unwrap();
        assert_eq!(report.octets, 13);
        assert_eq!(files.read("/l").await.unwrap().len(), 26);

        let wrong = || Reply::line("213 SHA-256 0-13 0000000000000000000000000000000000000000000000000000000000000000 a");
        let next = server.count("HASH") + 1;
        server.set(|config| config.rule("HASH", Some(next), wrong()));
        let report = get().to_file("/l").await.unwrap();
        assert_eq!((report.retries, report.octets), (1, 13));
        assert_eq!(files.read("/l").await.unwrap(), b"first\nsecond\n");
        let next = server.count("HASH") + 1;
        server.set(|config| config.rule("HASH", Some(next), wrong()));
        let put = site.put("p").verify(Verify::Hash);
        assert_eq!(put.from_file("/l").await.unwrap().retries, 1);

        server.set(|config| config.rule("HASH", None, wrong()));
        let error = get().to_file("/l").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Verify(_)), "{error}");
        assert_eq!(error.number(), ErrorNumber::ABORT);
        let put = site.put("p").verify(Verify::Hash);
        let error = put.from_file("/l").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Verify(_)), "{error}");
    });
}

/// What cannot be checked is refused before anything is moved.
#[test]
fn what_has_no_digest_is_not_moved() {
    let world = World::new();
    world.network.run(async {
        let without = [
            "HASH", "XCRC", "XMD5", "XSHA", "XSHA1", "XSHA256", "XSHA512",
        ];
        let server = world.start(world.config().without(&without));
        let site = world.site();
        let get = site.get("a").verify(Verify::Hash);
        let error = get.clone().to_file("/l").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported(_)), "{error}");
        assert!(get.text().to_file("/l").await.is_err());
        assert_eq!(server.count("RETR"), 0);
    });
}

/// A size that is wrong once.
#[test]
fn transfers_are_checked_by_size() {
    let world = World::new();
    world.network.run(async {
        let server = world.start(world.config().on_nth("SIZE", 1, Reply::line("213 12")));
        let site = world.site();
        let report = site.get("a").check_size(true).to_file("/l").await.unwrap();
        assert_eq!((report.verified, report.retries), (Verify::Size, 1));
        site.put("p")
            .check_size(true)
            .from_file("/l")
            .await
            .unwrap();
        let append = site.append("p").check_size(true).from_file("/l").await;
        assert_eq!(append.unwrap().verified, Verify::Size);
        server.set(|config: &mut Config| config.rule("SIZE", None, Reply::line("213 1")));
        let error = site
            .get("a")
            .check_size(true)
            .to_file("/l")
            .await
            .unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Verify(_)), "{error}");
        // A text has no size in common.
        let text = site.get("a").text().check_size(true).to_file("/l").await;
        assert_eq!(text.unwrap().verified, Verify::No);
    });
}
