//! Random messages survive; random octets do no harm.

use bytes::Bytes;
use fairway_rsvp::intserv::{Adspec, Flowspec, Reading, Tspec};
use fairway_rsvp::msg::{Body, Bundle, Flows, Limits, Message, SenderDescriptor};
use fairway_rsvp::wire::{FlowspecObject, fill_checksum};
use fairway_rsvp::{DecodeError, Disposition};
use proptest::prelude::*;

use crate::any::any_message;

/// Reads everything in a message that can be read.
fn read_all(message: &Message) {
    let reading = Reading::Deployed { mtu: 1500 };
    let sender = |sender: &Option<SenderDescriptor>| {
        if let Some(sender) = sender {
            let _ = Tspec::from_object(&sender.tspec, reading);
            sender.adspec.as_ref().map(Adspec::from_object);
        }
    };
    let flowspec = |object: &FlowspecObject| {
        let _ = Flowspec::from_object(object, reading);
    };
    match &message.body {
        Body::Path(path) => sender(&path.sender),
        Body::PathErr(error) => sender(&error.sender),
        Body::Resv(resv) => match &resv.flows {
            Flows::Wf(object)
            | Flows::Se {
                flowspec: object, ..
            } => flowspec(object),
            Flows::Ff(list) => list.iter().for_each(|one| flowspec(&one.flowspec)),
            Flows::Unknown { .. } => {}
        },
        Body::Bundle(bundle) => bundle
            .messages(&Limits::default())
            .for_each(|part| part.iter().for_each(read_all)),
        _ => {}
    }
}

/// What was accepted is written so that it is read the same, and then written the same.
fn check(octets: &Bytes) -> Result<(), DecodeError> {
    let message = Message::decode(octets).inspect_err(|error| {
        let _ = Disposition::of_message(error);
        let _ = error.to_string();
        error.refused().inspect(|message| {
            let _ = message.encode();
        });
    })?;
    read_all(&message);
    let first = Bytes::from(message.encode().unwrap());
    assert!(first.len() <= octets.len());
    assert_eq!(Message::decode(&first).unwrap(), message);
    let second = Message::decode(&first).unwrap().encode().unwrap();
    assert_eq!(first, second);
    Ok(())
}

fn with_header(message_type: u8, mut octets: Vec<u8>) -> Bytes {
    octets.splice(0..0, [0x10, message_type, 0, 0, 64, 0, 0, 0]);
    let length = u16::try_from(octets.len()).unwrap();
    octets[6..8].copy_from_slice(&length.to_be_bytes());
    octets.into()
}

fn any_object() -> impl Strategy<Value = Vec<u8>> {
    let class = prop_oneof![4 => 0_u8..26, 1 => Just(64_u8), 1 => any::<u8>()];
    let c_type = prop_oneof![4 => 1_u8..4, 1 => any::<u8>()];
    let body = prop::collection::vec(
        prop_oneof![
            any::<u32>(),
            0_u32..20,
            Just(0x0100_0006),
            Just(0x7f00_0005)
        ],
        0..12,
    );
    (
        class,
        c_type,
        body,
        prop_oneof![9 => Just(0_u16), 1 => any::<u16>()],
    )
        .prop_map(|(class, c_type, body, wrong)| {
            let length = u16::try_from(body.len() * 4 + 4).unwrap() ^ wrong;
            let mut object = length.to_be_bytes().to_vec();
            object.extend([class, c_type]);
            body.iter()
                .for_each(|word| object.extend(word.to_be_bytes()));
            object
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn messages_survive(message in any_message()) {
        let octets = Bytes::from(message.encode().unwrap());
        prop_assert_eq!(Message::decode(&octets), Ok(message));
        check(&octets).unwrap();
    }

    #[test]
    fn bundles_survive(messages in prop::collection::vec(any_message(), 1..5), send_ttl in any::<u8>()) {
        let bundle = Message::new(send_ttl, Body::Bundle(Bundle::new(&messages).unwrap()));
        let octets = Bytes::from(bundle.encode().unwrap());
        prop_assert_eq!(Message::decode(&octets), Ok(bundle));
        check(&octets).unwrap();
    }

    /// Octets of good messages, changed, cut and put together anew.
    #[test]
    fn damaged_messages_do_no_harm(message in any_message(), changes in prop::collection::vec((any::<prop::sample::Index>(),
        any::<u8>()), 1..4), cut in any::<prop::sample::Index>(), cuts in any::<bool>()) {
        let mut octets = message.encode().unwrap();
        if cuts {
            octets.truncate(cut.index(octets.len()) & !3);
        }
        for (at, value) in changes {
            if !octets.is_empty() {
                let at = at.index(octets.len());
                octets[at] ^= value;
            }
        }
        let len = u16::try_from(octets.len()).unwrap();
        if let Some(field) = octets.get_mut(6..8) {
            field.copy_from_slice(&len.to_be_bytes());
        }
        fill_checksum(&mut octets);
        drop(check(&octets.into()));
    }

    #[test]
    fn arbitrary_octets_do_no_harm(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(check(&octets.into()));
    }

    #[test]
    fn arbitrary_objects_do_no_harm(message_type in 0_u8..30, objects in prop::collection::vec(any_object(), 0..10)) {
        drop(check(&with_header(message_type, objects.concat())));
    }
}
