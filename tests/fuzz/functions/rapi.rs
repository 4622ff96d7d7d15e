//! What an application's library and the RSVP daemon may say to each other.

use bytes::Bytes;
use fairway_rsvp::api::client::Core;
use fairway_rsvp::api::proto::{Assembler, Frames, ToDaemon, ToLibrary};
use fairway_rsvp::api::server::{CloseReason, Limits, Output, Peer, Server};
use fairway_rsvp::api::{ApiError, ApiId, Call, Event};

/// The first word says what the engine answers, the octets behind it are what a library says. In one piece or octet by
/// octet, it means the same; calls are read as they would be written; what is refused goes nowhere.
pub(super) fn calls(input: &[u8]) -> bool {
    let Some((which, said)) = super::parted(input) else {
        return false;
    };
    let whole = serve(which, said, usize::MAX);
    assert_eq!(whole, serve(which, said, 1), "the pieces matter");
    let (calls, _) = whole;
    for (_, call) in &calls {
        assert_eq!(Some(call), again(call).as_ref(), "written otherwise");
    }
    calls.iter().any(|(_, call)| *call != Call::Release)
}

/// What the engine is asked, and why the library is disconnected, if it is.
fn serve(which: u8, said: &[u8], piece: usize) -> (Vec<(ApiId, Call)>, Option<CloseReason>) {
    let limits = Limits {
        sessions_per_client: 8,
        ..Limits::default()
    };
    let mut server = Server::new(limits, 1);
    let peer = Peer { uid: 0, pid: None };
    let client = server.handle_connect(peer).expect("it is the first");
    let (mut calls, mut closed) = (Vec::new(), None);
    for part in said.chunks(piece.min(said.len()).max(1)) {
        server.handle_octets(client, part);
        while let Some(output) = server.poll_output() {
            match output {
                Output::Call { id, call } => {
                    let refused = which & 1 != 0 && call != Call::Release;
                    let result = if refused {
                        Err(ApiError::Invalid)
                    } else {
                        Ok(())
                    };
                    server.handle_result(id, result);
                    server.handle_event(id, Event::Path(Vec::new()));
                    calls.push((id, call));
                }
                Output::Ready(_) => while server.poll_send(client).is_some() {},
                Output::Close { why, .. } => closed = Some(why),
            }
        }
    }
    server.handle_disconnect(client);
    while let Some(output) = server.poll_output() {
        let Output::Call { id, call } = output else {
            continue;
        };
        assert_eq!(call, Call::Release, "of one that is gone");
        calls.push((id, call));
    }
    assert_eq!(server.clients().count(), 0, "nothing is left");
    // How long it took to notice differs with the pieces; of what came before the end, nothing does.
    (calls, closed)
}

fn again(call: &Call) -> Option<Call> {
    let message = ToDaemon::Request {
        request: 1,
        session: 1,
        call: Some(call.clone()),
    };
    let mut frames = Frames::new();
    frames.extend(&message.encode().expect("it came in one frame"));
    let frame = frames.next_frame().ok()??;
    match ToDaemon::decode(&frame) {
        Ok(ToDaemon::Request { call, .. }) => call,
        _ => None,
    }
}

/// What a daemon says. Events are read as they would be written; a library hears of its own sessions only.
pub(super) fn events(input: &[u8]) -> bool {
    let mut core = Core::new();
    core.handle_connected();
    let heard = core.handle_octets(input);
    assert!(core.poll_notice().is_none(), "of a session it never opened");
    let mut understood = false;
    let mut frames = Frames::new();
    frames.extend(input);
    let mut assembler = Assembler::new();
    while let Ok(Some(frame)) = frames.next_frame() {
        let Ok(message) = assembler.handle_frame(&frame) else {
            assert!(heard.is_err(), "understood by one of two");
            break;
        };
        if let Some(message @ ToLibrary::Event { event: Some(_), .. }) = message {
            understood = true;
            assert_eq!(
                Some(&message),
                reread(&message.encode()).as_ref(),
                "written otherwise"
            );
        }
    }
    understood
}

fn reread(octets: &Bytes) -> Option<ToLibrary> {
    let (mut frames, mut assembler) = (Frames::new(), Assembler::new());
    frames.extend(octets);
    while let Some(frame) = frames.next_frame().ok()? {
        if let Some(message) = assembler.handle_frame(&frame).ok()? {
            return Some(message);
        }
    }
    None
}
