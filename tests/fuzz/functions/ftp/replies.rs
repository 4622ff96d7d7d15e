//! What a server may say on the control connection.

use fairway_ftp::reply::{Code, LONG_GRACE, Reply, ReplyError, ReplyLimits, ReplyParser};
use fairway_ftp::{Features, answer};
use fairway_stack::Instant;

/// Octets however cut, and silence anywhere: the replies are the same, within their limits, and one written by the book
/// is read as it was.
pub(in super::super) fn replies(input: &[u8]) -> bool {
    let whole = read(input, input.len().max(1), ReplyLimits::default());
    for step in [1, 3, 7] {
        let pieces = read(input, step, ReplyLimits::default());
        assert_eq!(whole, pieces, "the pieces matter");
    }
    let small = ReplyLimits {
        line: 64,
        lines: 8,
        reply: 256,
        noise: 3,
    };
    let few = read(input, input.len().max(1), small);
    assert_eq!(few, read(input, 5, small), "the pieces matter");
    for reply in &few.0 {
        // A reply of one line is as long as a line.
        assert!(reply.octets().len() <= small.reply.max(small.line));
        assert!(reply.lines().count() <= small.lines);
    }
    with_silence(input);
    for reply in &whole.0 {
        answers(reply);
        written(reply);
    }
    !whole.0.is_empty()
}

/// All replies, and what ended them.
fn read(octets: &[u8], step: usize, limits: ReplyLimits) -> (Vec<Reply>, Option<ReplyError>) {
    let mut parser = ReplyParser::new(limits);
    let mut replies = Vec::new();
    let now = Instant::from_nanos(1);
    let mut error = None;
    for piece in octets.chunks(step) {
        error = parser.handle_input(now, piece).err();
        replies.extend(std::iter::from_fn(|| parser.poll_reply()));
        if error.is_some() {
            break;
        }
    }
    if error.is_none() {
        error = parser.handle_eof(now).err();
        replies.extend(std::iter::from_fn(|| parser.poll_reply()));
    }
    (replies, error)
}

/// A pause behind each line: every deadline lies ahead, and is gone once it was met.
fn with_silence(octets: &[u8]) {
    let mut parser = ReplyParser::default();
    let mut now = Instant::from_nanos(1);
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        let failed = parser.handle_input(now, line).is_err();
        while parser.poll_reply().is_some() {}
        if failed {
            break;
        }
        if let Some(at) = parser.poll_timeout() {
            assert!(at > now && at <= now + LONG_GRACE);
            now = at;
            parser.handle_timeout(now);
            assert!(parser.poll_reply().is_some(), "it was believed");
            assert_eq!(parser.poll_timeout(), None);
            assert!(parser.is_idle());
        }
    }
}

/// What the text says is fit to be used.
fn answers(reply: &Reply) {
    if let Some(address) = answer::passive(reply) {
        assert_ne!(address.port(), 0);
        let again = Reply::new(reply.code(), answer::port_argument(address));
        assert_eq!(answer::passive(&again), Some(address));
    }
    assert_ne!(answer::extended_passive(reply), Some(0));
    if let Some(address) = answer::extended_address(reply.last_line()) {
        let written = answer::extended_port_argument(address);
        let again = answer::extended_address(written.as_bytes());
        assert_eq!(again.map(|it| it.ip()), Some(address.ip()));
    }
    if let Some(time) = answer::time(reply) {
        let written = answer::time_argument(time);
        let again = answer::time_value(written.as_bytes());
        assert_eq!(again.map(answer::time_argument), Some(written));
    }
    if let Some(path) = answer::path(reply) {
        assert!(!path.is_empty() && !path.iter().any(u8::is_ascii_control));
    }
    if let Some(name) = answer::unique_name(reply) {
        assert!(!name.is_empty() && name.len() <= reply.octets().len());
    }
    let sizes = [answer::size(reply), answer::announced_size(reply)];
    for size in sizes.into_iter().flatten() {
        let digits = size.to_string();
        let said = reply.last_line().windows(digits.len());
        assert!(said.into_iter().any(|word| word == digits.as_bytes()));
    }
    let features = Features::read(reply);
    for (name, _) in features.iter() {
        assert!(features.has(name));
    }
    assert!(!reply.text().chars().any(|c| c.is_control() && c != '\n'));
}

/// RFC 959 §4.2, with 255 doubled (RFC 854).
fn written(reply: &Reply) {
    let Some(code) = Code::new(reply.code().get()) else {
        panic!("a code that does not exist")
    };
    let mut lines: Vec<&[u8]> = reply.lines().collect();
    let last = lines.pop().unwrap_or_default();
    let mut octets = Vec::new();
    let mut line = |separator, text: &[u8]| {
        octets.extend_from_slice(code.to_string().as_bytes());
        octets.push(separator);
        for octet in text {
            octets.push(*octet);
            if *octet == 255 {
                octets.push(255);
            }
        }
        octets.extend_from_slice(b"\r\n");
    };
    for text in lines {
        line(b'-', text);
    }
    line(b' ', last);
    let again = read(&octets, octets.len(), ReplyLimits::default());
    assert_eq!(again, (vec![reply.clone()], None));
}
