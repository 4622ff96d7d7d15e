use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};

use proptest::prelude::*;

use super::{Credentials, Local, LocalId, LocalKind, LocalName, LocalReceived};
use crate::Errno;
use crate::config::LocalConfig;
use crate::limits::LocalLimits;
use LocalKind::{Datagram, Stream};

const ME: Credentials = Credentials {
    uid: 1,
    gid: 2,
    pid: Some(3),
};
const OTHER: Credentials = Credentials {
    uid: 9,
    gid: 8,
    pid: None,
};

fn local() -> Local {
    Local::new(LocalLimits::default())
}

fn path(name: &str) -> LocalName {
    LocalName::Path(name.into())
}

fn abstract_name(name: &str) -> LocalName {
    LocalName::Abstract(name.into())
}

fn socket(local: &mut Local, kind: LocalKind) -> LocalId {
    local.create(kind, &LocalConfig::default(), ME).unwrap()
}

fn bound(local: &mut Local, kind: LocalKind, name: &LocalName) -> LocalId {
    let id = socket(local, kind);
    local.bind(id, name).unwrap();
    id
}

fn listener(local: &mut Local, name: &LocalName, backlog: usize) -> LocalId {
    let id = local
        .create(Stream, &LocalConfig::default(), OTHER)
        .unwrap();
    local.bind(id, name).unwrap();
    local.listen(id, backlog).unwrap();
    id
}

fn connected(local: &mut Local) -> (LocalId, LocalId) {
    local.pair(Stream, &LocalConfig::default(), ME).unwrap()
}

fn send(local: &mut Local, id: LocalId, octets: &[u8]) -> Result<usize, Errno> {
    local.send(id, &[IoSlice::new(octets)])
}

fn send_to(local: &mut Local, id: LocalId, octets: &[u8], to: &LocalName) -> Result<usize, Errno> {
    local.send_datagram(id, &[IoSlice::new(octets)], Some(to))
}

fn send_one(local: &mut Local, id: LocalId, octets: &[u8]) -> Result<usize, Errno> {
    local.send_datagram(id, &[IoSlice::new(octets)], None)
}

fn receive(
    local: &mut Local,
    id: LocalId,
    room: usize,
    peek: bool,
) -> Result<(Vec<u8>, LocalReceived), Errno> {
    let mut buf = vec![0; room];
    let received = local.recv(id, &mut [IoSliceMut::new(&mut buf)], peek)?;
    buf.truncate(received.len);
    Ok((buf, received))
}

fn recv(local: &mut Local, id: LocalId, room: usize) -> Result<Vec<u8>, Errno> {
    receive(local, id, room, false).map(|(octets, _)| octets)
}

/// The sockets that have become ready, in order: whether to receive, whether to send.
fn notices(local: &mut Local) -> Vec<(LocalId, bool, bool)> {
    std::iter::from_fn(|| local.poll_notice())
        .map(|notice| (notice.id, notice.readiness.read, notice.readiness.write))
        .collect()
}

mod names {
    use super::*;

    /// LIP-2
    #[test]
    fn have_a_limit_and_some_octets() {
        let mut local = local();
        for (length, fits) in [(107, true), (108, false)] {
            for name in [
                LocalName::Path(vec![b'x'; length]),
                LocalName::Abstract(vec![0; length]),
            ] {
                let id = socket(&mut local, Stream);
                assert_eq!(local.bind(id, &name).err(), (!fits).then_some(Errno::Inval));
            }
        }
        let id = socket(&mut local, Stream);
        assert_eq!(local.bind(id, &path("")), Err(Errno::Inval));
    }

    /// BND-3, LIP-2: unique; abstract names are apart by kind, paths are not.
    #[test]
    fn are_held_by_one() {
        let mut local = local();
        bound(&mut local, Stream, &path("/a"));
        bound(&mut local, Stream, &abstract_name("a"));
        let (stream, datagram) = (socket(&mut local, Stream), socket(&mut local, Datagram));
        for (id, name, taken) in [
            (stream, path("/a"), true),
            (stream, abstract_name("a"), true),
            (datagram, path("/a"), true),
            (datagram, abstract_name("a"), false),
        ] {
            assert_eq!(
                local.bind(id, &name).err(),
                taken.then_some(Errno::AddrInUse),
                "{name}"
            );
        }
    }

    #[test]
    fn are_given_once_and_go_with_their_socket() {
        let mut local = local();
        let name = path("\\socket\\x");
        let id = bound(&mut local, Datagram, &name);
        assert_eq!(local.bind(id, &path("y")), Err(Errno::Inval));
        assert_eq!(local.name(id), Ok(&name));
        local.close(id);
        assert_eq!(local.name(id), Err(Errno::NotSock));
        bound(&mut local, Stream, &name);
    }

    /// LIP-3
    #[test]
    fn are_chosen_where_none_is_given() {
        let mut local = local();
        bound(&mut local, Datagram, &abstract_name("00001"));
        let chosen: Vec<LocalName> = (0..3)
            .map(|_| {
                let id = bound(&mut local, Datagram, &LocalName::Unnamed);
                local.name(id).unwrap().clone()
            })
            .collect();
        assert_eq!(chosen, ["00000", "00002", "00003"].map(abstract_name));
        assert_eq!(chosen[0].to_string(), "@00000");
    }

    #[test]
    fn nobody_has() {
        let mut local = local();
        let (stream, datagram) = (socket(&mut local, Stream), socket(&mut local, Datagram));
        for (name, error) in [
            (path("/none"), Errno::NoEnt),
            (abstract_name("none"), Errno::ConnRefused),
            (LocalName::Unnamed, Errno::DestAddrReq),
        ] {
            assert_eq!(local.connect(stream, &name), Err(error));
            assert_eq!(send_to(&mut local, datagram, b"x", &name), Err(error));
        }
    }
}

mod connecting {
    use super::*;

    /// LIP-1, ACC-1
    #[test]
    fn gives_two_ends_that_know_each_other() {
        let mut local = local();
        let name = path("/s");
        let server = listener(&mut local, &name, 5);
        assert_eq!(local.accept(server), Err(Errno::WouldBlock));
        let client = socket(&mut local, Stream);
        local.connect(client, &name).unwrap();
        assert_eq!(notices(&mut local), [(server, true, false)]);
        // It may send before it is accepted.
        send(&mut local, client, b"early").unwrap();
        let (accepted, peer) = local.accept(server).unwrap();
        assert_eq!(peer, LocalName::Unnamed);
        assert_eq!(recv(&mut local, accepted, 9).unwrap(), b"early");
        assert_eq!(
            (local.name(accepted), local.peer_name(client)),
            (Ok(&name), Ok(&name))
        );
        assert_eq!(local.peer_credentials(client), Ok(OTHER));
        assert_eq!(local.peer_credentials(accepted), Ok(ME));
        assert_eq!(local.connect(client, &name), Err(Errno::IsConn));
        // The end that a listener made does not hold the name.
        local.close(accepted);
        local.connect(client, &name).unwrap_err();
        let another = socket(&mut local, Stream);
        local.connect(another, &name).unwrap();
    }

    #[test]
    fn to_what_does_not_listen_is_refused() {
        let mut local = local();
        let id = socket(&mut local, Stream);
        bound(&mut local, Stream, &path("/idle"));
        bound(&mut local, Datagram, &path("/datagram"));
        assert_eq!(local.connect(id, &path("/idle")), Err(Errno::ConnRefused));
        assert_eq!(local.connect(id, &path("/datagram")), Err(Errno::ProtoType));
        let server = listener(&mut local, &path("/s"), 1);
        assert_eq!(local.connect(server, &path("/idle")), Err(Errno::OpNotSupp));
        local.close(server);
        assert_eq!(local.connect(id, &path("/s")), Err(Errno::NoEnt));
    }

    /// LIP-4, CON-3, CON-4: no time limit; a full queue is waited out, in order.
    #[test]
    fn waits_for_room_in_the_queue() {
        let mut local = local();
        let name = abstract_name("s");
        let server = listener(&mut local, &name, 0);
        let clients: Vec<LocalId> = (0..3).map(|_| socket(&mut local, Stream)).collect();
        // A queue of none holds one.
        local.connect(clients[0], &name).unwrap();
        for &client in &clients[1..] {
            assert_eq!(local.connect(client, &name), Err(Errno::InProgress));
            assert_eq!(local.connect(client, &name), Err(Errno::Already));
            assert!(!local.readiness(client).unwrap().write);
        }
        notices(&mut local);
        let (first, _) = local.accept(server).unwrap();
        assert_eq!(
            notices(&mut local),
            [(server, true, false), (clients[1], false, true)]
        );
        send(&mut local, clients[0], b"0").unwrap();
        assert_eq!(recv(&mut local, first, 9).unwrap(), b"0");
        assert_eq!(local.take_error(clients[1]), Ok(None));
        assert_eq!(send(&mut local, clients[2], b"x"), Err(Errno::NotConn));
        // A larger backlog lets in who waits.
        local.listen(server, 4).unwrap();
        send(&mut local, clients[2], b"2").unwrap();
    }

    #[test]
    fn ends_when_the_listener_is_gone() {
        let mut local = local();
        let name = path("/s");
        let server = listener(&mut local, &name, 0);
        let clients: Vec<LocalId> = (0..3).map(|_| socket(&mut local, Stream)).collect();
        for &client in &clients {
            let _ = local.connect(client, &name);
        }
        local.close(clients[1]); // gives up
        local.close(server);
        // The one in the queue was connected; the other was not.
        assert_eq!(recv(&mut local, clients[0], 9), Err(Errno::ConnReset));
        assert_eq!(recv(&mut local, clients[0], 9).unwrap(), b"");
        assert_eq!(send(&mut local, clients[0], b"x"), Err(Errno::Pipe));
        assert_eq!(local.take_error(clients[2]), Ok(Some(Errno::ConnRefused)));
        assert_eq!(local.connect(clients[2], &name), Err(Errno::NoEnt));
        assert_eq!(local.len(), 2);
    }

    /// ACC-5, LSN
    #[test]
    fn listening_and_accepting_want_a_stream_with_a_name() {
        let mut local = local();
        let (stream, datagram) = (socket(&mut local, Stream), socket(&mut local, Datagram));
        assert_eq!(local.listen(datagram, 1), Err(Errno::OpNotSupp));
        assert_eq!(local.accept(datagram), Err(Errno::OpNotSupp));
        assert_eq!(local.listen(stream, 1), Err(Errno::Inval));
        assert_eq!(local.accept(stream), Err(Errno::Inval));
        let (one, _) = connected(&mut local);
        assert_eq!(local.listen(one, 1), Err(Errno::Inval));
        assert!(!local.is_listening(one).unwrap());
    }
}

mod streams {
    use super::*;

    #[test]
    fn octets_come_in_order_and_can_be_looked_at() {
        let mut local = local();
        let (one, other) = connected(&mut local);
        assert_eq!(recv(&mut local, other, 4), Err(Errno::WouldBlock));
        let parts = [
            IoSlice::new(b"ab"),
            IoSlice::new(b""),
            IoSlice::new(b"cdef"),
        ];
        assert_eq!(local.send(one, &parts), Ok(6));
        assert_eq!(notices(&mut local), [(other, true, true)]);
        assert_eq!(local.waiting(other), Ok(6));
        assert_eq!(receive(&mut local, other, 4, true).unwrap().0, b"abcd");
        let (mut head, mut tail) = ([0; 1], [0; 9]);
        let mut parts = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
        assert_eq!(local.recv(other, &mut parts, false).unwrap().len, 6);
        assert_eq!((&head, &tail[..5]), (b"a", &b"bcdef"[..]));
    }

    /// SND-3, SND-4, LIP-6: what fits is taken; the sender waits, and is told when it is worth coming back.
    #[test]
    fn a_full_queue_makes_the_sender_wait() {
        let mut local = local();
        let (one, other) = connected(&mut local);
        local.set_recv_buffer(other, 6000).unwrap();
        local.set_send_buffer(one, 4000).unwrap();
        assert_eq!(send(&mut local, one, &[1; 20_000]), Ok(10_000));
        assert_eq!(send(&mut local, one, &[1]), Err(Errno::WouldBlock));
        assert_eq!(send(&mut local, one, &[]), Ok(0));
        notices(&mut local);
        recv(&mut local, other, 1000).unwrap();
        assert_eq!(notices(&mut local), [(one, false, false)]);
        recv(&mut local, other, 1048).unwrap();
        assert_eq!(notices(&mut local), [(one, false, true)]);
        assert_eq!(send(&mut local, one, &[1; 5000]), Ok(2048));
    }

    /// SHD-1, SHD-4
    #[test]
    fn each_direction_ends_by_itself() {
        let mut local = local();
        let (one, other) = connected(&mut local);
        send(&mut local, one, b"last").unwrap();
        local.shutdown(one, false, true).unwrap();
        assert_eq!(send(&mut local, one, b"x"), Err(Errno::Pipe));
        assert_eq!(recv(&mut local, other, 9).unwrap(), b"last");
        assert_eq!(recv(&mut local, other, 9).unwrap(), b"");
        send(&mut local, other, b"still").unwrap();
        assert_eq!(recv(&mut local, one, 9).unwrap(), b"still");
        local.shutdown(one, true, false).unwrap();
        assert_eq!(local.is_shut(one), Ok((true, true)));
        assert_eq!(recv(&mut local, one, 9).unwrap(), b"");
        assert_eq!(send(&mut local, other, b"x"), Err(Errno::Pipe));
        assert!(local.readiness(one).unwrap().closed);
        let idle = socket(&mut local, Stream);
        assert_eq!(local.shutdown(idle, true, true), Err(Errno::NotConn));
    }

    #[test]
    fn closing_ends_both_and_resets_if_something_was_not_read() {
        let mut local = local();
        let (one, other) = connected(&mut local);
        send(&mut local, one, b"read me").unwrap();
        local.close(one);
        assert_eq!(recv(&mut local, other, 9).unwrap(), b"read me");
        assert_eq!(recv(&mut local, other, 9).unwrap(), b"");
        assert_eq!(send(&mut local, other, b"x"), Err(Errno::Pipe));

        let (one, other) = connected(&mut local);
        send(&mut local, one, b"unread").unwrap();
        send(&mut local, other, b"answer").unwrap();
        local.close(other);
        assert_eq!(recv(&mut local, one, 9).unwrap(), b"answer");
        assert!(local.readiness(one).unwrap().error);
        assert_eq!(recv(&mut local, one, 9), Err(Errno::ConnReset));
        assert_eq!(recv(&mut local, one, 9).unwrap(), b"");
    }

    #[test]
    fn messages_are_not_for_streams_nor_octets_for_datagrams() {
        let mut local = local();
        let (stream, datagram) = (socket(&mut local, Stream), socket(&mut local, Datagram));
        assert_eq!(send_one(&mut local, stream, b"x"), Err(Errno::OpNotSupp));
        assert_eq!(send(&mut local, datagram, b"x"), Err(Errno::NotConn));
        assert_eq!(recv(&mut local, stream, 1), Err(Errno::NotConn));
    }
}

mod datagrams {
    use super::*;

    /// LIP-4, RCV-3
    #[test]
    fn are_whole_in_order_and_tell_their_sender() {
        let mut local = local();
        let (to, from) = (path("/d"), abstract_name("from"));
        let server = bound(&mut local, Datagram, &to);
        let client = bound(&mut local, Datagram, &from);
        for text in ["one", "", "three"] {
            assert_eq!(
                send_to(&mut local, client, text.as_bytes(), &to),
                Ok(text.len())
            );
        }
        assert_eq!(notices(&mut local), [(server, true, true)]);
        assert_eq!(local.waiting(server), Ok(3));
        local.set_pass_credentials(server, true).unwrap();
        let (octets, about) = receive(&mut local, server, 9, true).unwrap();
        assert_eq!(
            (&octets[..], &about.from, about.credentials),
            (&b"one"[..], &from, Some(ME))
        );
        local.set_pass_credentials(server, false).unwrap();
        assert_eq!(
            receive(&mut local, server, 9, false).unwrap().1.credentials,
            None
        );
        assert_eq!(recv(&mut local, server, 9).unwrap(), b"");
        let (octets, about) = receive(&mut local, server, 2, false).unwrap();
        assert_eq!((&octets[..], about.truncated), (&b"th"[..], true));
        assert_eq!(recv(&mut local, server, 9), Err(Errno::WouldBlock));
    }

    #[test]
    fn a_full_queue_makes_every_sender_wait() {
        let mut local = Local::new(LocalLimits {
            datagrams: 2,
            ..LocalLimits::default()
        });
        let to = path("/d");
        let server = bound(&mut local, Datagram, &to);
        let senders: Vec<LocalId> = (0..2).map(|_| socket(&mut local, Datagram)).collect();
        for &sender in &senders {
            send_to(&mut local, sender, b"x", &to).unwrap();
        }
        for &sender in &senders {
            assert_eq!(
                send_to(&mut local, sender, b"y", &to),
                Err(Errno::WouldBlock)
            );
            assert!(!local.readiness(sender).unwrap().write);
        }
        notices(&mut local);
        recv(&mut local, server, 9).unwrap();
        let told = notices(&mut local);
        assert_eq!(told, [(senders[0], false, true), (senders[1], false, true)]);
        send_to(&mut local, senders[0], b"y", &to).unwrap();
        assert_eq!(
            send_to(&mut local, senders[1], b"y", &to),
            Err(Errno::WouldBlock)
        );
        // A receiver that goes leaves nobody waiting.
        local.close(server);
        assert!(local.readiness(senders[1]).unwrap().write);
        assert_eq!(
            send_to(&mut local, senders[1], b"y", &to),
            Err(Errno::NoEnt)
        );
    }

    /// LIP-6
    #[test]
    fn buffers_limit_their_length_and_their_sum() {
        let mut local = local();
        let to = path("/d");
        let server = bound(&mut local, Datagram, &to);
        let client = socket(&mut local, Datagram);
        local.set_send_buffer(client, 100).unwrap();
        assert_eq!(
            send_to(&mut local, client, &[0; 101], &to),
            Err(Errno::MsgSize)
        );
        local.set_recv_buffer(server, 50).unwrap();
        // One is taken, however long.
        send_to(&mut local, client, &[0; 100], &to).unwrap();
        assert_eq!(
            send_to(&mut local, client, &[0; 1], &to),
            Err(Errno::WouldBlock)
        );
    }

    /// CON-6, CON-7, CON-8, SND-8
    #[test]
    fn a_peer_can_be_fixed_changed_and_forgotten() {
        let mut local = local();
        let (a, b) = (path("/a"), path("/b"));
        let (one, other) = (
            bound(&mut local, Datagram, &a),
            bound(&mut local, Datagram, &b),
        );
        let id = socket(&mut local, Datagram);
        assert_eq!(send_one(&mut local, id, b"x"), Err(Errno::NotConn));
        local.connect(id, &a).unwrap();
        assert_eq!(local.peer_name(id), Ok(&a));
        send_one(&mut local, id, b"to a").unwrap();
        assert_eq!(send_to(&mut local, id, b"x", &b), Err(Errno::IsConn));
        local.connect(id, &b).unwrap();
        send_one(&mut local, id, b"to b").unwrap();
        assert_eq!(recv(&mut local, one, 9).unwrap(), b"to a");
        assert_eq!(recv(&mut local, other, 9).unwrap(), b"to b");
        local.connect(id, &LocalName::Unnamed).unwrap();
        assert_eq!(local.peer_name(id), Err(Errno::NotConn));
        send_to(&mut local, id, b"to a", &a).unwrap();
        let stream = path("/s");
        listener(&mut local, &stream, 1);
        assert_eq!(local.connect(id, &stream), Err(Errno::ProtoType));
    }

    /// CON-7: only data from the peer is delivered.
    #[test]
    fn who_has_a_peer_takes_nothing_from_others() {
        let mut local = local();
        let (a, b) = (path("/a"), path("/b"));
        let (one, other) = (
            bound(&mut local, Datagram, &a),
            bound(&mut local, Datagram, &b),
        );
        local.connect(one, &b).unwrap();
        let stranger = socket(&mut local, Datagram);
        assert_eq!(send_to(&mut local, stranger, b"x", &a), Err(Errno::Perm));
        assert_eq!(local.connect(stranger, &a), Err(Errno::Perm));
        local.connect(other, &a).unwrap();
        send_one(&mut local, other, b"x").unwrap();
        // A peer that turns away is noticed.
        local.connect(one, &LocalName::Unnamed).unwrap();
        assert_eq!(recv(&mut local, one, 9), Err(Errno::WouldBlock));
        assert_eq!(recv(&mut local, other, 9), Err(Errno::ConnReset));
    }

    #[test]
    fn a_peer_that_is_gone_refuses() {
        let mut local = local();
        let (one, other) = local.pair(Datagram, &LocalConfig::default(), ME).unwrap();
        send_one(&mut local, one, b"x").unwrap();
        local.shutdown(other, true, false).unwrap();
        assert_eq!(send_one(&mut local, one, b"x"), Err(Errno::Pipe));
        local.close(other);
        assert_eq!(send_one(&mut local, one, b"x"), Err(Errno::ConnRefused));
        assert_eq!(send_one(&mut local, one, b"x"), Err(Errno::NotConn));
    }
}

#[test]
fn sockets_have_a_limit_and_are_never_mistaken_for_others() {
    let mut local = Local::new(LocalLimits {
        sockets: 3,
        ..LocalLimits::default()
    });
    let name = path("/s");
    let server = listener(&mut local, &name, 9);
    let (one, other) = (socket(&mut local, Stream), socket(&mut local, Stream));
    assert_eq!(
        local.create(Stream, &LocalConfig::default(), ME),
        Err(Errno::NoBufs)
    );
    // A connection needs two ends.
    assert_eq!(local.connect(one, &name), Err(Errno::NoBufs));
    local.close(other);
    local.connect(one, &name).unwrap();
    assert_eq!(local.name(other), Err(Errno::NotSock));
    assert_eq!(
        local.pair(Stream, &LocalConfig::default(), ME),
        Err(Errno::NoBufs)
    );
    for id in [server, one] {
        local.close(id);
    }
    assert!(local.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is sent is received, in order, exactly once; whoever was told to wait is told to come back.
    #[test]
    fn nothing_is_lost(
        steps in prop::collection::vec((any::<bool>(), 0..9000_usize), 1..200),
        buffers in (1..9000_usize, 1..9000_usize),
    ) {
        let mut local = local();
        let (one, other) = connected(&mut local);
        local.set_recv_buffer(other, buffers.0).unwrap();
        local.set_send_buffer(one, buffers.1).unwrap();
        let mut sent = VecDeque::new();
        let mut next = 0_u8;
        let mut blocked = false;
        for (sends, len) in steps {
            if sends {
                let octets: Vec<u8> = (0..len).map(|n| next.wrapping_add(u8::try_from(n % 256).unwrap())).collect();
                match send(&mut local, one, &octets) {
                    Ok(taken) => {
                        sent.extend(&octets[..taken]);
                        next = next.wrapping_add(u8::try_from(taken % 256).unwrap());
                    }
                    Err(error) => {
                        prop_assert_eq!(error, Errno::WouldBlock);
                        prop_assert!(!local.readiness(one).unwrap().write);
                        blocked = true;
                        notices(&mut local);
                    }
                }
            } else if let Ok(got) = recv(&mut local, other, len) {
                prop_assert_eq!(&got, &sent.drain(..got.len()).collect::<Vec<u8>>());
            }
            prop_assert_eq!(local.waiting(other).unwrap(), sent.len());
            prop_assert!(sent.len() <= buffers.0 + buffers.1);
        }
        recv(&mut local, other, 100_000).unwrap_or_default();
        let told = notices(&mut local).contains(&(one, false, true));
        prop_assert!(!blocked || told || local.readiness(one).unwrap().write);
        prop_assert!(local.readiness(one).unwrap().write);
    }

    /// Whatever is called in whatever order: nothing panics, everything fits together, and who was told to wait can go on
    /// once everybody else has done what they can.
    #[test]
    fn calls_in_any_order_leave_everything_consistent(
        steps in prop::collection::vec((0..12_u8, 0..8_usize, 0..8_usize, 0..300_usize), 1..200),
    ) {
        let mut local = Local::new(LocalLimits {
            sockets: 12,
            datagrams: 2,
            backlog: 1,
        });
        let config = LocalConfig {
            datagram_recv: 200,
            datagram_send: 250,
            stream_recv: 100,
            stream_send: 50,
        };
        let names = [path("/a"), path("/b"), abstract_name("a"), LocalName::Unnamed];
        let mut ids: Vec<LocalId> = Vec::new();
        for (what, one, other, number) in steps {
            let id = ids.get(one % ids.len().max(1)).copied();
            let name = &names[other % names.len()];
            match (what, id) {
                (0, _) | (_, None) => {
                    let kind = if number % 2 == 0 { Stream } else { Datagram };
                    ids.extend(local.create(kind, &config, ME));
                }
                (1, _) => {
                    let kind = if number % 2 == 0 { Stream } else { Datagram };
                    if let Ok((one, other)) = local.pair(kind, &config, ME) {
                        ids.extend([one, other]);
                    }
                }
                (2, Some(id)) => drop(local.bind(id, name)),
                (3, Some(id)) => drop(local.listen(id, number % 3)),
                (4, Some(id)) => drop(local.connect(id, name)),
                (5, Some(id)) => ids.extend(local.accept(id).map(|(accepted, _)| accepted)),
                (6, Some(id)) => drop(send(&mut local, id, &vec![1; number])),
                (7, Some(id)) => drop(send_to(&mut local, id, &vec![1; number], name)),
                (8, Some(id)) => drop(send_one(&mut local, id, &vec![1; number])),
                (9, Some(id)) => drop(receive(&mut local, id, number, number % 5 == 0)),
                (10, Some(id)) => drop(local.shutdown(id, number % 2 == 0, number % 3 == 0)),
                (_, Some(id)) => {
                    local.close(id);
                    ids.retain(|other| *other != id);
                }
            }
            prop_assert_eq!(local.check(), Ok(()));
        }
        // Everybody accepts and receives all there is, twice: what was accepted has something too.
        for _ in 0..20 {
            for id in ids.clone() {
                while let Ok((accepted, _)) = local.accept(id) {
                    ids.push(accepted);
                }
                while recv(&mut local, id, 1000).is_ok_and(|octets| !octets.is_empty()) {}
            }
        }
        for &id in &ids {
            let ready = local.readiness(id).unwrap();
            let waits = send_one(&mut local, id, b"x") == Err(Errno::WouldBlock)
                || send(&mut local, id, b"x") == Err(Errno::WouldBlock);
            prop_assert!(!waits || !ready.write, "{:?} is said to be writable and is not", id);
        }
        for id in ids {
            local.close(id);
        }
        prop_assert!(local.is_empty());
        prop_assert_eq!(local.check(), Ok(()));
        while local.poll_notice().is_some() {}
    }
}
