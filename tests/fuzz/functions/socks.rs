//! What a SOCKS proxy may say.

use fairway_stack::socks::{Command, Handshake, Output, Proxy, Version};

/// The first word says what was asked, the octets behind it are what the proxy says. In one piece or octet by
/// octet, it means the same, no more is asked for than the longest reply, and what is behind the last one is left.
pub(super) fn handshake(input: &[u8]) -> bool {
    let Some((which, said)) = super::parted(input) else {
        return false;
    };
    let whole = hear(which, said, usize::MAX);
    assert_eq!(whole, hear(which, said, 1), "the pieces matter");
    matches!(whole.0.last(), Some(Output::Connected(_)))
}

/// What comes of it, and how much of it was taken if it comes to a connection.
fn hear(which: u8, said: &[u8], piece: usize) -> (Vec<Output>, Option<usize>) {
    let version = match which % 3 {
        0 => Version::V4,
        1 => Version::V4a,
        _ => Version::V5,
    };
    let command = match which & 8 {
        0 => Command::Connect,
        _ => Command::Bind,
    };
    let mut proxy = Proxy::new(version, ([192, 0, 2, 1], 1080).into());
    if which & 16 != 0 {
        proxy = proxy.login("anna", "key");
    }
    let mut handshake =
        Handshake::new(&proxy, command, &("192.0.2.7", 21).into()).expect("it can be said");
    let (mut outputs, mut taken) = (Vec::new(), 0);
    for part in said.chunks(piece.min(said.len()).max(1)) {
        let wanted = handshake.wanted();
        assert!(wanted <= 262, "{wanted} octets");
        let took = handshake.handle_input(part);
        assert!(took <= part.len(), "more than there is");
        assert!(
            took == part.len() || handshake.wanted() == 0,
            "left what it wants"
        );
        taken += took;
        outputs.extend(std::iter::from_fn(|| handshake.poll_output()));
    }
    handshake.handle_end();
    outputs.extend(std::iter::from_fn(|| handshake.poll_output()));
    let ends = outputs
        .iter()
        .filter(|output| matches!(output, Output::Connected(_) | Output::Failed(_)))
        .count();
    assert_eq!(ends, 1, "one end");
    // Of a conversation that fails nothing is left to anybody.
    let stands = matches!(outputs.last(), Some(Output::Connected(_)));
    (outputs, stands.then_some(taken))
}
