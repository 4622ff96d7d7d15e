//! Generated code against octets that libtirpc wrote: what `rpcgen --borrowed` makes of the benchmark's mix.x.
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(unreachable_pub, unnameable_types, reason = "generated code")]
#[path = "../../../rpcgen/testdata/output/mix.rs"]
mod types;

use fairway_xdr::{
    Bytes, Decode, DecodeErrorKind, Decoder, Encode, EncodeErrorKind, Encoder, Limits, Mode,
    from_bytes, from_slice, to_vec,
};
use proptest::prelude::*;
use types::{
    Blob, Handle, N3entryplus, N3fattr, N3postAttr, N3postFh, N3spec, N3time, RdpRes, RdpResRef,
    Rec, RecKind, RecRef, Recs, RecsRef, Tags, Verf8,
};

/// Written by the code that the C rpcgen makes of mix.x, with libtirpc.
const REC: &[u8] = include_bytes!("../../../rpcgen/testdata/output/rec.xdr");
const RECS: &[u8] = include_bytes!("../../../rpcgen/testdata/output/recs.xdr");
const RDP_RES: &[u8] = include_bytes!("../../../rpcgen/testdata/output/rdp_res.xdr");

/// Octets that count up from `first`.
fn counting(first: u32, step: u32, count: u32) -> Vec<u8> {
    (0..count)
        .map(|at| (first + at * step).to_le_bytes()[0])
        .collect()
}

/// The record that the C program fills in for this number.
fn rec(i: u32) -> Rec {
    let wide = u64::from(i);
    let signed = i64::from(i);
    let kinds = [RecKind::REC_PLAIN, RecKind::REC_DIR, RecKind::REC_LINK];
    Rec {
        id: i,
        delta: i32::try_from(signed * -7).unwrap(),
        size: 0x1_0000_0000 * (wide % 9) + wide * 4096,
        stamp: -1_000_000_000 * (signed % 4) + signed,
        kind: *kinds.get(usize::try_from(i % 3).unwrap()).unwrap(),
        live: i % 2 == 1,
        score: f64::from(i) * 0.5,
        ratio: f32::from(u16::try_from(i).unwrap()) * 0.25,
        name: format!("record-name-{i:06}.dat"),
        note: format!("a note of moderate length about item {i}, no more"),
        fh: Handle(counting(i, 1, 16 + (i % 5) * 4 + i % 3).into()),
        verf: Verf8(counting(i * 3, 1, 8).try_into().unwrap()),
        tag: Tags((0..i % 5).map(|k| i * 10 + k).collect()),
    }
}

fn attributes(i: u32) -> N3fattr {
    let time = N3time {
        seconds: 1_700_000_000 + i,
        nseconds: i,
    };
    N3fattr {
        ftype: 1 + i % 2,
        mode: 0o644,
        nlink: 1,
        uid: 1000,
        gid: 1000 + i % 7,
        size: 4096 * u64::from(i),
        used: 8192 * u64::from(i),
        rdev: N3spec::default(),
        fsid: 0x1122_3344_5566_7788,
        fileid: 100_000 + u64::from(i),
        atime: time,
        mtime: time,
        ctime: time,
    }
}

fn rdp_res(entries: u32) -> RdpRes {
    let entry = |i: u32| N3entryplus {
        fileid: 100_000 + u64::from(i),
        name: format!("file-{i:05}.txt"),
        cookie: u64::from(i) + 1,
        name_attributes: if i % 8 == 7 {
            N3postAttr::False
        } else {
            N3postAttr::True(attributes(i))
        },
        name_handle: if i % 8 == 7 {
            N3postFh::False
        } else {
            N3postFh::True(Handle(counting(i, 1, 32).into()))
        },
    };
    RdpRes {
        dir_attributes: N3postAttr::True(attributes(1)),
        cookieverf: Verf8([0, 1, 2, 3, 4, 5, 6, 7]),
        entries: (0..entries).map(entry).collect(),
        eof: true,
    }
}

mod golden {
    use super::*;

    #[test]
    fn struct_has_the_octets_of_libtirpc() {
        assert_eq!(to_vec(&rec(7)).unwrap(), REC);
        assert_eq!(from_slice::<Rec>(REC).unwrap(), rec(7));
        assert_eq!(rec(7).encoded_len(), REC.len());
    }

    #[test]
    fn array_has_the_octets_of_libtirpc() {
        let recs = Recs((0..3).map(rec).collect());
        assert_eq!(to_vec(&recs).unwrap(), RECS);
        assert_eq!(from_slice::<Recs>(RECS).unwrap(), recs);
        assert_eq!(recs.encoded_len(), RECS.len());
    }

    #[test]
    fn list_has_the_octets_of_libtirpc() {
        assert_eq!(to_vec(&rdp_res(9)).unwrap(), RDP_RES);
        assert_eq!(from_slice::<RdpRes>(RDP_RES).unwrap(), rdp_res(9));
        assert_eq!(rdp_res(9).encoded_len(), RDP_RES.len());
    }

    #[test]
    fn borrowed_values_hold_slices_and_encode_to_the_same_octets() {
        let mut decoder = Decoder::new(RECS);
        let recs = RecsRef::decode(&mut decoder).unwrap();
        decoder.finish().unwrap();
        let first = recs.0.first().unwrap();
        assert_eq!(first.name, "record-name-000000.dat");
        assert!(RECS.as_ptr_range().contains(&first.name.as_ptr()));
        assert_eq!(to_vec(&recs).unwrap(), RECS);

        let res = RdpResRef::decode(&mut Decoder::new(RDP_RES)).unwrap();
        assert_eq!(res.entries.len(), 9);
        assert_eq!(to_vec(&res).unwrap(), RDP_RES);
    }
}

/// C6: a payload is neither copied in nor out.
#[test]
fn a_large_payload_stays_where_it_is() {
    let blob = Blob(vec![0x5a; 1 << 20].into());
    let mut encoder = Encoder::segmented(4);
    blob.encode(&mut encoder).unwrap();
    let segments = encoder.into_segments();
    assert_eq!(
        segments.iter().map(Bytes::len).collect::<Vec<_>>(),
        [4, 1 << 20]
    );
    assert_eq!(segments.get(1).unwrap().as_ptr(), blob.0.as_ptr());
    let wire: Bytes = segments.concat().into();
    let back = from_bytes::<Blob>(&wire).unwrap();
    assert_eq!(back, blob);
    assert_eq!(back.0.as_ptr(), wire.slice(4..).as_ptr());
}

mod errors {
    use super::*;

    /// The octets with the word at `at` replaced.
    fn with_word(octets: &[u8], at: usize, word: u32) -> Vec<u8> {
        let mut octets = octets.to_vec();
        octets
            .get_mut(at..at + 4)
            .unwrap()
            .copy_from_slice(&word.to_be_bytes());
        octets
    }

    #[test]
    fn name_the_field_and_the_octet() {
        // The first record begins at octet 4; its name at octet 48.
        let error = from_slice::<Recs>(&with_word(RECS, 48, 256)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "[0].name at octet 48: 256 octets, at most 255"
        );
        let error = from_slice::<Recs>(&with_word(RECS, 28, 3)).unwrap_err();
        assert_eq!(error.to_string(), "[0].kind at octet 28: 3 is no rec_kind");
        let error = from_slice::<Recs>(&with_word(RECS, 32, 2)).unwrap_err();
        assert_eq!(error.to_string(), "[0].live at octet 32: 2 is no bool");
        let error = from_slice::<RdpRes>(&with_word(RDP_RES, 96, 7)).unwrap_err();
        assert_eq!(error.to_string(), "entries at octet 96: 7 is no bool");
        // The name of the first entry: flag at 96, fileid at 100, length at 108.
        let error = from_slice::<RdpRes>(&with_word(RDP_RES, 108, u32::MAX)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "entries[0].name at octet 112: 4294967296 octets needed, {} left",
                RDP_RES.len() - 112
            ),
        );
    }

    #[test]
    fn truncation_is_found_at_every_octet() {
        for len in 0..REC.len() {
            let error = from_slice::<Rec>(REC.get(..len).unwrap()).unwrap_err();
            assert!(
                matches!(error.kind(), DecodeErrorKind::Truncated { .. }),
                "{len}: {error}"
            );
            assert!(error.offset() <= len);
        }
        for len in 0..RDP_RES.len() {
            let error = from_slice::<RdpRes>(RDP_RES.get(..len).unwrap()).unwrap_err();
            assert!(
                matches!(error.kind(), DecodeErrorKind::Truncated { .. }),
                "{len}: {error}"
            );
        }
    }

    #[test]
    fn octets_that_follow_are_refused() {
        let error = from_slice::<Rec>(&[REC, &[0; 4]].concat()).unwrap_err();
        assert_eq!(error.to_string(), "at octet 176: 4 octets too many");
    }

    #[test]
    fn values_beyond_their_bounds_do_not_encode() {
        let long = Rec {
            name: "x".repeat(256),
            ..rec(1)
        };
        let error = to_vec(&Recs(vec![rec(0), long])).unwrap_err();
        assert_eq!(error.to_string(), "[1].name: 256 octets, at most 255");
        let tags = Rec {
            tag: Tags(vec![0; 17]),
            ..rec(1)
        };
        let error = to_vec(&tags).unwrap_err();
        assert_eq!(
            *error.kind(),
            EncodeErrorKind::TooMany { count: 17, max: 16 }
        );
        assert_eq!(error.to_string(), "tag: 17 elements, at most 16");
    }
}

fn handle() -> impl Strategy<Value = Handle> {
    prop::collection::vec(any::<u8>(), 0..=64).prop_map(|octets| Handle(octets.into()))
}

prop_compose! {
    fn any_rec()(
        (id, delta, size, stamp) in any::<(u32, i32, u64, i64)>(),
        kind in prop::sample::select(vec![1, 2, 5]),
        (live, score, ratio) in any::<(bool, f64, f32)>(),
        name in "[a-zé\u{10ff80}]{0,60}",
        note in ".{0,40}",
        fh in handle(),
        verf in any::<[u8; 8]>(),
        tag in prop::collection::vec(any::<u32>(), 0..=16),
    ) -> Rec {
        Rec {
            id, delta, size, stamp, kind: RecKind(kind), live, score, ratio, name, note, fh,
            verf: Verf8(verf), tag: Tags(tag),
        }
    }
}

prop_compose! {
    fn any_entry()(
        (fileid, cookie) in any::<(u64, u64)>(),
        name in ".{0,20}",
        attr in prop::option::of(0u32..1_000_000),
        fh in prop::option::of(handle()),
    ) -> N3entryplus {
        N3entryplus {
            fileid, name, cookie,
            name_attributes: attr.map_or(N3postAttr::False, |i| N3postAttr::True(attributes(i))),
            name_handle: fh.map_or(N3postFh::False, N3postFh::True),
        }
    }
}

/// Decodes what may be anything, every way there is, and checks that no memory is promised beyond the octets there are.
fn survive(octets: &[u8]) {
    for mode in [Mode::Strict, Mode::Lax] {
        if let Some(recs) = reencodes::<Recs>(octets, mode) {
            assert!(recs.0.capacity() <= octets.len() / Rec::MIN_LEN);
        }
        if let Some(res) = reencodes::<RdpRes>(octets, mode) {
            assert!(res.entries.capacity() <= octets.len() / (4 + N3entryplus::MIN_LEN) + 1);
        }
        let _ = RecsRef::decode(&mut Decoder::new(octets).with_mode(mode));
        let _ = RdpResRef::decode(&mut Decoder::new(octets).with_mode(mode));
        let shared = Bytes::copy_from_slice(octets);
        let small = Limits {
            memory: 1000,
            max_len: 20,
            max_depth: 1,
        };
        let _ = Recs::decode(&mut Decoder::shared(&shared).with_limits(small).with_mode(mode));
        let _ = RdpRes::decode(&mut Decoder::shared(&shared).with_limits(small).with_mode(mode));
    }
}

/// What decodes, encodes: to the very octets it was decoded from if strict, and if lax to as many.
fn reencodes<T: Encode + for<'de> Decode<'de>>(octets: &[u8], mode: Mode) -> Option<T> {
    let mut decoder = Decoder::new(octets).with_mode(mode);
    let value = T::decode(&mut decoder).ok()?;
    let mut encoder = Encoder::new().with_mode(mode);
    value.encode(&mut encoder).unwrap();
    let wire = encoder.into_vec();
    assert_eq!(wire.len(), decoder.offset());
    assert!(wire.len() <= value.encoded_len());
    if mode == Mode::Strict {
        assert_eq!(wire, octets.get(..decoder.offset()).unwrap());
        assert_eq!(wire.len(), value.encoded_len());
    }
    Some(value)
}

proptest! {
    #[test]
    fn structs_round_trip(rec in any_rec()) {
        let wire = to_vec(&rec).unwrap();
        prop_assert_eq!(wire.len(), rec.encoded_len());
        prop_assert_eq!(&from_slice::<Rec>(&wire).unwrap(), &rec);
        prop_assert_eq!(&from_bytes::<Rec>(&wire.clone().into()).unwrap(), &rec);
        let borrowed = RecRef::decode(&mut Decoder::new(&wire)).unwrap();
        prop_assert_eq!(to_vec(&borrowed).unwrap(), wire);
    }

    #[test]
    fn lists_round_trip(entries in prop::collection::vec(any_entry(), 0..20), eof: bool) {
        let res = RdpRes { entries, eof, ..rdp_res(0) };
        let wire = to_vec(&res).unwrap();
        prop_assert_eq!(wire.len(), res.encoded_len());
        prop_assert_eq!(from_slice::<RdpRes>(&wire).unwrap(), res);
    }

    #[test]
    fn any_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        survive(&octets);
    }

    /// Mostly right, so that the decoders get far.
    #[test]
    fn altered_octets_are_survived(
        at in any::<prop::sample::Index>(),
        by in any::<prop::sample::Index>(),
        word in prop::sample::select(vec![0u32, 1, 2, 3, 5, 17, 65, 256, 0x7fff_ffff, u32::MAX]),
        octet: u8,
    ) {
        for golden in [RECS, RDP_RES] {
            let mut octets = golden.to_vec();
            let word_at = at.index(octets.len() / 4) * 4;
            octets.get_mut(word_at..word_at + 4).unwrap().copy_from_slice(&word.to_be_bytes());
            *octets.get_mut(by.index(golden.len())).unwrap() = octet;
            survive(&octets);
        }
    }
}
