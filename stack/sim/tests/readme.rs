//! The network of the README: it runs, and is what the README shows.

use fairway_sim::{BitsPerSec, Network};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn main() -> std::io::Result<()> {
    // The seed: the same packets at every run.
    let network = Network::new(42);
    let (alice, bob) = (network.node("alice"), network.node("bob"));
    let router = network.router("router");
    network.link(&alice, &router).connect();
    let slow = network
        .link(&router, &bob)
        .rate(BitsPerSec::mega(10))
        .delay(Duration::from_millis(20))
        .loss(0.01)
        .connect();
    network.route_all();
    let capture = slow.capture();

    let listener = bob.net().listen_tcp((Ipv4Addr::UNSPECIFIED, 7).into())?;
    bob.spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.write_all(b"hello").await
    })
    .detach();
    let (net, peer) = (alice.net(), bob.address());
    network.run(async {
        let mut stream = net.connect_tcp((peer, 7).into()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        assert_eq!(text, "hello");
        std::io::Result::Ok(())
    })?;
    capture.save(std::env::temp_dir().join("slow.pcapng")) // wireshark slow.pcapng
}

#[test]
fn it_runs() {
    main().unwrap();
}

/// The README has this very code.
#[test]
fn it_is_what_the_readme_shows() {
    let (_, code) = include_str!("readme.rs").split_once("\nuse ").unwrap();
    let (code, _) = code.split_once("\n#[test]").unwrap();
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    assert!(
        readme.contains(code.trim_end()),
        "the README shows something else"
    );
}
