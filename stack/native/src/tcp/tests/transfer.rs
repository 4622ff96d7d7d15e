//! Data: streams over good links and bad.

use super::*;

// RFC 9293 §3.8
#[test]
fn a_stream_arrives_whole_in_both_directions() {
    let mut pair = Pair::new(Link {
        delay: ms(1),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    pair.transfer(A, one, other, 1 << 20);
    pair.transfer(B, other, one, 1 << 20);
    assert_eq!(pair.hosts[A].tcp.counters().retransmitted_packets, 0);
}

#[test]
fn super_segments_go_out_where_the_path_cuts_them() {
    let mut pair = Pair::new(Link {
        delay: ms(1),
        ..Link::default()
    });
    pair.set_gso(65_535);
    let (one, other) = pair.connected();
    pair.transfer(A, one, other, 1 << 20);
    let longest = pair.sent_by(A).map(|seen| seen.len).max().unwrap();
    assert!(longest > 40_000 && longest % 1448 == 0, "{longest}");
}

#[test]
fn trusted_paths_carry_no_checksums() {
    let mut pair = Pair::new(Link::default());
    pair.trust();
    let (one, other) = pair.connected();
    pair.transfer(A, one, other, 100_000);
    assert!(
        pair.sent_by(A)
            .skip(2)
            .all(|seen| seen.header.checksum == 0)
    );
}

/// Any schedule of losses, duplicates, damage and reordering with fair delivery: the stream arrives.
#[test]
fn a_stream_survives_a_bad_link() {
    for seed in 0..12 {
        let link = Link {
            delay: ms(5),
            rate: 2_000_000,
            queue: 40,
            loss: u64::from(seed) * 8,
            duplicate: 20,
            corrupt: 20,
            reorder: 50,
            reorder_by: ms(3),
        };
        let mut pair = Pair::seeded(link, seed);
        pair.record = false;
        if seed % 3 == 1 {
            for host in &mut pair.hosts {
                host.config.sack = false;
            }
        }
        if seed % 4 == 1 {
            pair.hosts[B].config.timestamps = false;
        }
        let (one, other) = pair.connected();
        pair.transfer(A, one, other, 1 << 20);
        pair.transfer(B, other, one, 200_000);
    }
}
