//! What a portmapper answers over UDP to a host it does not know.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use crate::lab::{Error, answers_udp, now, null_call, pause, put};

/// Questions that a stranger may ask: (version, procedure, arguments). Those with the longest answers first.
fn questions() -> Vec<(&'static str, Vec<u8>)> {
    let call = |version, procedure, arguments: &[u32]| {
        let mut octets = null_call((100_000, version), procedure);
        octets.extend(arguments.iter().flat_map(|word| word.to_be_bytes()));
        octets
    };
    // An rpcb: program, version, netid, address, owner, the last three empty.
    let rpcb = [0x2001_0001, 1, 0, 0, 0];
    let mut all = vec![
        ("null v2", call(2, 0, &[])),
        ("GETPORT", call(2, 3, &[0x2001_0001, 1, 6, 0])),
        ("DUMP v2", call(2, 4, &[])),
        ("CALLIT", call(2, 5, &[100_000, 2, 4, 0])),
    ];
    for version in [3, 4] {
        all.push(("GETADDR", call(version, 3, &rpcb)));
        all.push(("DUMP", call(version, 4, &[])));
        all.push(("CALLIT/BCAST", call(version, 5, &[100_000, 3, 4, 0])));
        all.push(("GETTIME", call(version, 6, &[])));
        all.push(("UADDR2TADDR", call(version, 7, &[0])));
    }
    all.push(("GETVERSADDR", call(4, 9, &rpcb)));
    all.push(("INDIRECT", call(4, 10, &[100_000, 3, 4, 0])));
    all.push(("GETADDRLIST", call(4, 11, &rpcb)));
    all.push(("GETSTAT", call(4, 12, &[])));
    all
}

/// Asks `host` everything, and prints the largest ratio of answer to question.
pub(crate) fn run(host: &str, name: &str) -> Result<(), Error> {
    let to: SocketAddr = format!("{host}:111").parse()?;
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut largest = 0.0_f64;
    let mut buffer = vec![0; 65_536];
    for (_what, question) in questions() {
        socket.send(&question)?;
        let mut answered = 0;
        // All datagrams that come for one question count.
        while let Ok(octets) = socket.recv(&mut buffer) {
            answered += octets;
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let ratio = answered as f64 / question.len() as f64;
        largest = largest.max(ratio);
    }
    put(name, largest, "times");
    Ok(())
}

/// Waits until the portmapper of `host` answers.
pub(crate) fn wait(host: &str) -> Result<(), Error> {
    let since = now();
    while !answers_udp(&format!("{host}:111"), (100_000, 2)) {
        if since.elapsed() > Duration::from_secs(10) {
            return Err("the portmapper does not answer".into());
        }
        pause();
    }
    Ok(())
}
