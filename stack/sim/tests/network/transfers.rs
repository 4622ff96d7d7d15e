//! TCP over links on which things go wrong: what arrives is what was sent, in order, once.

use crate::{any, ms};
use fairway_sim::{BitsPerSec, DirectionBuilder, Network, Node, Queue, pcap};
use fairway_stack::TcpStream;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Octets without a pattern that a shift or a swap would leave alone.
fn data(length: usize, salt: u64) -> Vec<u8> {
    let mut state = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[3]
        })
        .collect()
}

/// Sends `length` octets both ways at once over a connection, and says what came.
async fn exchange(stream: TcpStream, length: usize, salts: [u64; 2]) -> io::Result<()> {
    let (mine, theirs) = (data(length, salts[0]), data(length, salts[1]));
    let (mut reader, mut writer) = stream.into_split();
    let sending = async {
        writer.write_all(&mine).await?;
        writer.shutdown().await
    };
    let receiving = async {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).await?;
        assert!(
            got == theirs,
            "{} of {} octets, or others",
            got.len(),
            theirs.len()
        );
        io::Result::Ok(())
    };
    tokio::try_join!(biased; sending, receiving)?;
    Ok(())
}

/// Two hosts exchange `length` octets each way over a link of that nature.
fn over(
    seed: u64,
    length: usize,
    nature: impl Fn(DirectionBuilder) -> DirectionBuilder,
) -> Duration {
    let network = Network::new(seed);
    let (a, b) = (network.node("a"), network.node("b"));
    network.link(&a, &b).both(nature).connect();
    transfer(&network, &a, &b, length);
    network.now().since_start()
}

fn transfer(network: &Network, a: &Node, b: &Node, length: usize) {
    let listener = b.net().listen_tcp(any(80)).unwrap();
    let server = b.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        exchange(stream, length, [2, 1]).await
    });
    let net = a.net();
    let peer = (b.address(), 80).into();
    network.run(async {
        let stream = net.connect_tcp(peer).await.unwrap();
        exchange(stream, length, [1, 2]).await.unwrap();
        server.await.unwrap().unwrap();
    });
}

#[test]
fn an_ideal_link_carries_a_megabyte_both_ways() {
    over(1, 1_000_000, |way| way);
}

#[test]
fn a_link_with_offload_carries_long_segments_uncut_and_others_do_not() {
    let longest = |offload: bool| {
        let network = Network::new(1);
        let (a, b, r) = (network.node("a"), network.node("b"), network.router("r"));
        let mut near = network.link(&a, &r).delay(ms(1));
        if offload {
            near = near.offload();
        }
        let near = near.connect();
        let far = network.link(&r, &b).connect();
        network.route_all();
        let captures = [near.capture(), far.capture()];
        transfer(&network, &a, &b, 300_000);
        captures.map(|capture| {
            let file = capture.octets();
            let mut reader = pcap::Reader::new(&file[..]);
            let mut longest = 0;
            while let Some(packet) = reader.next_packet().unwrap() {
                longest = longest.max(packet.octets.len());
            }
            longest
        })
    };
    assert_eq!(longest(false), [1514, 1514]);
    let [near, far] = longest(true);
    assert!(near > 10_000, "{near}");
    assert_eq!(far, 1514, "the router cuts them");
}

#[test]
fn a_transfer_takes_the_time_of_the_link() {
    // 2 MB at 10 Mbit/s: 1.6 s, the headers of each 1448 octets, acknowledgments, and what slow start overshoots.
    let took = over(1, 2_000_000, |way| {
        way.rate(BitsPerSec::mega(10))
            .delay(ms(5))
            .queue(Queue::frames(100))
    });
    assert!((ms(1_650)..ms(2_500)).contains(&took), "{took:?}");
}

#[test]
fn any_schedule_of_faults_delivers_what_was_sent() {
    for seed in 1..=12 {
        over(seed, 60_000, |way| {
            let way = way
                .rate(BitsPerSec::mega(20))
                .delay(ms(4))
                .queue(Queue::frames(30));
            match seed % 6 {
                0 => way.loss(0.05),
                1 => way.burst_loss(0.02, 0.4),
                2 => way.reorder(0.1, ms(6)).swap(0.05),
                3 => way.duplicate(0.2),
                4 => way.corrupt(0.05),
                _ => way
                    .loss(0.02)
                    .reorder(0.05, ms(6))
                    .duplicate(0.05)
                    .corrupt(0.02)
                    .jitter(ms(2)),
            }
        });
    }
}

#[test]
fn a_transfer_survives_a_link_that_breaks_for_a_while() {
    let network = Network::new(1);
    let (a, b) = (network.node("a"), network.node("b"));
    let link = network
        .link(&a, &b)
        .rate(BitsPerSec::mega(10))
        .delay(ms(5))
        .queue(Queue::frames(50))
        .connect();
    let clock = network.clock();
    let breaking = a.spawn(async move {
        clock.sleep(ms(200)).await;
        link.down();
        clock.sleep(ms(4_000)).await;
        link.up();
    });
    transfer(&network, &a, &b, 1_000_000);
    assert!(breaking.is_finished());
    assert!(network.now().since_start() > ms(4_200));
}

#[test]
fn a_server_that_crashes_resets_the_connection_when_it_is_back() {
    let network = Network::new(1);
    let (a, b) = (network.node("a"), network.node("b"));
    network.link(&a, &b).delay(ms(1)).connect();
    let listener = b.net().listen_tcp(any(80)).unwrap();
    b.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _cut_short = stream.read_u8().await;
    })
    .detach();
    let net = a.net();
    network.run(async {
        let mut stream = net.connect_tcp((b.address(), 80).into()).await.unwrap();
        network.clock().sleep(ms(10)).await;
        b.crash();
        network.clock().sleep(ms(10)).await;
        b.restart();
        // RFC 9293 §3.5.1: the host that lost its memory answers with a reset.
        stream.write_all(b"are you there?").await.unwrap();
        let error = stream.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    });
}
