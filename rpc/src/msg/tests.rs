use bytes::Bytes;
use fairway_xdr::Encoder;
use proptest::prelude::*;

use super::*;
use crate::error::AuthStat;

fn octets(put: impl FnOnce(&mut Encoder)) -> Bytes {
    let mut e = Encoder::new();
    put(&mut e);
    e.into_bytes()
}

fn auth(flavor: u32, body: &'static [u8]) -> OpaqueAuth {
    OpaqueAuth::new(AuthFlavor(flavor), Bytes::from_static(body)).unwrap()
}

/// RFC 5531 §9.
mod section_9 {
    use super::*;

    #[test]
    fn call_has_these_octets() {
        let header = CallHeader {
            xid: 0x0102_0304,
            procedure: Procedure::new(100_003, 3, 7),
            credential: auth(1, b"abcde"),
            verifier: OpaqueAuth::NONE,
        };
        let golden: &[u8] = &[
            1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa3, 0, 0, 0, 3, 0, 0, 0,
            7, // fixed
            0, 0, 0, 1, 0, 0, 0, 5, b'a', b'b', b'c', b'd', b'e', 0, 0, 0, // credential
            0, 0, 0, 0, 0, 0, 0, 0, // verifier
        ];
        assert_eq!(octets(|e| header.put(e)), golden);
        assert_eq!(header.encoded_len(), golden.len());
        let record = Bytes::from([golden, b"args"].concat());
        let (parsed, args) = CallHeader::parse(&record).unwrap();
        assert_eq!((parsed, &args[..]), (header, &b"args"[..]));
        assert_eq!(ReplyHeader::peek(&record), Some((0x0102_0304, Some(true))));
    }

    #[test]
    fn replies_have_these_octets() {
        let accepted: &[u8] = &[0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let denied: &[u8] = &[0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1];
        for (header, start, rest) in [
            (ReplyHeader::success(9), accepted, &[0, 0, 0, 0][..]),
            (
                ReplyHeader::accepted(9, AcceptStat::ProgUnavail),
                accepted,
                &[0, 0, 0, 1],
            ),
            (
                ReplyHeader::accepted(9, AcceptStat::ProgMismatch { low: 2, high: 4 }),
                accepted,
                &[0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 4],
            ),
            (
                ReplyHeader::accepted(9, AcceptStat::ProcUnavail),
                accepted,
                &[0, 0, 0, 3],
            ),
            (
                ReplyHeader::accepted(9, AcceptStat::GarbageArgs),
                accepted,
                &[0, 0, 0, 4],
            ),
            (
                ReplyHeader::accepted(9, AcceptStat::SystemErr),
                accepted,
                &[0, 0, 0, 5],
            ),
            (
                ReplyHeader::denied(9, RejectStat::RpcMismatch { low: 2, high: 2 }),
                denied,
                &[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2],
            ),
            (
                ReplyHeader::denied(9, RejectStat::AuthError(AuthStat::TOOWEAK)),
                denied,
                &[0, 0, 0, 1, 0, 0, 0, 5],
            ),
        ] {
            let golden = [start, rest].concat();
            assert_eq!(octets(|e| header.put(e)), golden);
            assert_eq!(header.encoded_len(), golden.len());
            let record = Bytes::from([&golden[..], b"body"].concat());
            let (parsed, body) = ReplyHeader::parse(&record).unwrap();
            assert_eq!((parsed, &body[..]), (header, &b"body"[..]));
            assert_eq!(ReplyHeader::peek(&record), Some((9, Some(false))));
        }
    }

    #[test]
    fn bodies_share_the_record() {
        let record = octets(|e| {
            ReplyHeader::success(1).put(e);
            e.fixed_opaque(&[7; 4096]);
        });
        let (_, body) = ReplyHeader::parse(&record).unwrap();
        assert_eq!(body.as_ptr(), record[24..].as_ptr());
    }

    #[test]
    fn another_protocol_version_is_told_from_nonsense() {
        let call =
            |words: &[u32]| -> Bytes { words.iter().flat_map(|word| word.to_be_bytes()).collect() };
        let mismatch = CallFault::RpcMismatch { xid: 5, version: 3 };
        // What follows the version is not looked at.
        assert_eq!(CallHeader::parse(&call(&[5, 0, 3])), Err(mismatch));
        assert_eq!(
            CallHeader::parse(&call(&[5, 1, 2])),
            Err(CallFault::NotACall(1))
        );
        assert_eq!(
            CallHeader::parse(&call(&[5, 0, 2, 1, 1, 1, 0, 0, 0])),
            Err(CallFault::Truncated)
        );
    }
}

/// RFC 5531 §8.2: `opaque body<400>`.
mod section_8_2 {
    use super::*;

    fn with_credential(length: u32, padding: [u8; 4]) -> Bytes {
        octets(|e| {
            CallHeader::put_fixed(5, Procedure::new(1, 1, 1), e);
            e.u32(1);
            e.u32(length);
            e.fixed_opaque(&vec![1; usize::try_from(length & !3).unwrap()]);
            e.put(padding);
            OpaqueAuth::NONE.put(e);
        })
    }

    #[test]
    fn four_hundred_octets_are_the_most() {
        assert!(OpaqueAuth::new(AuthFlavor::SYS, vec![0; 400].into()).is_some());
        assert!(OpaqueAuth::new(AuthFlavor::SYS, vec![0; 401].into()).is_none());
        let bad = Err(CallFault::BadCredential { xid: 5 });
        assert_eq!(CallHeader::parse(&with_credential(401, [1, 0, 0, 0])), bad);
        assert!(CallHeader::parse(&with_credential(397, [1, 0, 0, 0])).is_ok());
        assert_eq!(CallHeader::parse(&with_credential(397, [1, 0, 1, 0])), bad);
    }

    #[test]
    fn printing_keeps_the_body_to_itself() {
        assert_eq!(format!("{:?}", auth(1, b"secret")), "AUTH_SYS[6 octets]");
    }
}

proptest! {
    #[test]
    fn no_octets_panic(octets: Vec<u8>) {
        let record = Bytes::from(octets);
        let _ = CallHeader::parse(&record);
        let _ = ReplyHeader::parse(&record);
        let _ = ReplyHeader::peek(&record);
    }

    #[test]
    fn cut_headers_are_errors(
        xid: u32, program: u32, flavor: u32, body in proptest::collection::vec(any::<u8>(), 0..=400),
    ) {
        let header = CallHeader {
            xid,
            procedure: Procedure::new(program, 2, 3),
            credential: OpaqueAuth::new(AuthFlavor(flavor), body.into()).unwrap(),
            verifier: OpaqueAuth::NONE,
        };
        let record = octets(|e| header.put(e));
        for end in 0..record.len() {
            prop_assert_eq!(CallHeader::parse(&record.slice(..end)), Err(CallFault::Truncated));
        }
        prop_assert_eq!(CallHeader::parse(&record), Ok((header, Bytes::new())));
    }
}
