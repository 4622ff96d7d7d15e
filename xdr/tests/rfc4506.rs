//! RFC 4506, section by section: golden octets both ways, and what is refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use fairway_xdr::{
    Array, Bytes, Chain, Context, Decode, DecodeError, DecodeErrorKind, DecodeOwned, Decoder,
    Encode, EncodeError, EncodeErrorKind, Encoder, Limits, List, Mode, Opaque, OpaqueRef, Quad,
    RunMut, Text, TextRef, XdrEnum, from_bytes, from_chunks, from_slice, opaque_len, padded,
    string_len, sum, to_bytes, to_vec,
};
use proptest::prelude::*;
use std::fmt::Debug;

/// Both ways, with the lengths the traits promise.
#[track_caller]
fn golden<T: Encode + DecodeOwned + PartialEq + Debug>(value: &T, wire: &[u8]) {
    assert_eq!(to_vec(value).unwrap(), wire);
    assert_eq!(&from_slice::<T>(wire).unwrap(), value);
    assert_eq!(
        &from_bytes::<T>(&Bytes::copy_from_slice(wire)).unwrap(),
        value
    );
    assert_eq!(value.encoded_len(), wire.len());
    assert!(T::fixed_len().is_none_or(|len| len == wire.len()));
    assert!(T::MIN_LEN <= wire.len());
}

#[track_caller]
fn refused<T: DecodeOwned + Debug>(wire: &[u8], kind: DecodeErrorKind, offset: usize) {
    let error = from_slice::<T>(wire).unwrap_err();
    assert_eq!((*error.kind(), error.offset()), (kind, offset));
}

fn lax<T: DecodeOwned>(wire: &[u8]) -> Result<T, DecodeError> {
    let mut decoder = Decoder::new(wire).with_mode(Mode::Lax);
    let value = T::decode(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}

fn lax_octets<T: Encode>(value: &T) -> Vec<u8> {
    let mut encoder = Encoder::new().with_mode(Mode::Lax);
    value.encode(&mut encoder).unwrap();
    encoder.into_vec()
}

/// `enum filekind { TEXT = 0, DATA = 1, EXEC = 2 };` of §7, as generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Filekind(i32);

impl Filekind {
    const TEXT: Self = Self(0);
    const DATA: Self = Self(1);
    const EXEC: Self = Self(2);
}

impl XdrEnum for Filekind {
    const NAME: &'static str = "filekind";

    fn from_i32(number: i32) -> Option<Self> {
        matches!(number, 0..=2).then_some(Self(number))
    }

    fn from_i32_lax(number: i32) -> Self {
        Self(number)
    }

    fn to_i32(self) -> i32 {
        self.0
    }
}

impl Encode for Filekind {
    fn fixed_len() -> Option<usize> {
        Some(4)
    }

    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.enumeration(*self);
        Ok(())
    }
}

impl<'de> Decode<'de> for Filekind {
    const MIN_LEN: usize = 4;

    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        d.enumeration()
    }
}

mod section_4_1_to_4_5 {
    use super::*;

    #[test]
    fn numbers_are_big_endian_twos_complement() {
        golden(&-2i32, &[0xff, 0xff, 0xff, 0xfe]);
        golden(&i32::MIN, &[0x80, 0, 0, 0]);
        golden(&0x0102_0304u32, &[1, 2, 3, 4]);
        golden(&-2i64, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]);
        golden(&0x0102_0304_0506_0708u64, &[1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn truncated_numbers_are_refused() {
        let kind = DecodeErrorKind::Truncated {
            needed: 4,
            remaining: 3,
        };
        refused::<u32>(&[0; 3], kind, 0);
        let kind = DecodeErrorKind::Truncated {
            needed: 8,
            remaining: 4,
        };
        refused::<(u32, u64)>(&[0; 8], kind, 4);
    }

    #[test]
    fn small_numbers_take_four_octets_and_keep_their_range() {
        golden(&-1i8, &[0xff; 4]);
        golden(&200u8, &[0, 0, 0, 200]);
        golden(&-300i16, &[0xff, 0xff, 0xfe, 0xd4]);
        golden(&60000u16, &[0, 0, 0xea, 0x60]);
        refused::<i8>(&[0, 0, 0, 0x80], DecodeErrorKind::Range { value: 128 }, 0);
        refused::<u8>(&[0, 0, 1, 0], DecodeErrorKind::Range { value: 256 }, 0);
        refused::<(u32, i16)>(
            &[0, 0, 0, 0, 0xff, 0, 0, 0],
            DecodeErrorKind::Range { value: -16_777_216 },
            4,
        );
        refused::<u16>(&[0xff; 4], DecodeErrorKind::Range { value: 0xffff_ffff }, 0);
    }

    #[test]
    fn lax_small_numbers_lose_their_upper_bits() {
        assert_eq!(lax::<u8>(&[0, 0, 1, 2]).unwrap(), 2);
        assert_eq!(lax::<i16>(&[0, 1, 0xff, 0xff]).unwrap(), -1);
    }

    #[test]
    fn enums_are_numbers_with_names() {
        golden(&Filekind::EXEC, &[0, 0, 0, 2]);
        refused::<Filekind>(
            &[0, 0, 0, 3],
            DecodeErrorKind::Enum {
                name: "filekind",
                value: 3,
            },
            0,
        );
        refused::<(u32, Filekind)>(
            &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            DecodeErrorKind::Enum {
                name: "filekind",
                value: -1,
            },
            4,
        );
        assert_eq!(
            lax_octets(&lax::<Filekind>(&[0, 0, 0, 3]).unwrap()),
            [0, 0, 0, 3]
        );
    }

    #[test]
    fn bools_are_zero_or_one() {
        golden(&true, &[0, 0, 0, 1]);
        golden(&false, &[0; 4]);
        refused::<bool>(&[0, 0, 0, 2], DecodeErrorKind::Bool(2), 0);
        refused::<(bool, bool)>(
            &[0, 0, 0, 1, 1, 0, 0, 0],
            DecodeErrorKind::Bool(0x0100_0000),
            4,
        );
        assert_eq!(
            lax_octets(&lax::<bool>(&[1, 0, 0, 0]).unwrap()),
            [0, 0, 0, 1]
        );
    }
}

mod section_4_6_to_4_8 {
    use super::*;

    #[test]
    fn floats_are_ieee() {
        golden(&-118.625f32, &[0xc2, 0xed, 0x40, 0]);
        golden(&1.5f64, &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
        golden(&f64::NEG_INFINITY, &[0xff, 0xf0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn nans_keep_their_octets() {
        let wire = [0x7f, 0xa0, 0, 1];
        assert_eq!(to_vec(&from_slice::<f32>(&wire).unwrap()).unwrap(), wire);
    }

    #[test]
    fn quadruples_are_binary128() {
        let one = [0x3f, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        golden(&Quad::from(1.0), &one);
        // −2.5 = −1.25 × 2¹
        let wire = [0xc0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        golden(&Quad::from(-2.5), &wire);
        // The least subnormal double is 2⁻¹⁰⁷⁴: exponent 16383 − 1074 = 0x3bcd.
        assert_eq!(
            Quad::from(f64::from_bits(1)).0.first_chunk(),
            Some(&[0x3b, 0xcd, 0, 0])
        );
    }

    /// A quadruple of this sign, biased exponent and fraction.
    fn quad(sign: u128, exponent: u128, fraction: u128) -> Quad {
        Quad((sign << 127 | exponent << 112 | fraction).to_be_bytes())
    }

    #[test]
    fn quadruples_round_to_the_nearest_double_ties_to_even() {
        let lsb = 1u128 << 60; // last bit that a double keeps
        assert_eq!(quad(0, 16383, lsb / 2).to_f64().to_bits(), 1f64.to_bits());
        assert_eq!(
            quad(0, 16383, lsb / 2 + 1).to_f64().to_bits(),
            1f64.to_bits() + 1
        );
        assert_eq!(
            quad(0, 16383, lsb + lsb / 2).to_f64().to_bits(),
            1f64.to_bits() + 2
        );
        assert_eq!(
            quad(0, 16383, (1 << 112) - 1).to_f64().to_bits(),
            2f64.to_bits()
        );
    }

    #[test]
    fn quadruples_beyond_doubles_become_infinite_or_vanish() {
        assert_eq!(
            quad(0, 16383 + 1024, 0).to_f64().to_bits(),
            f64::INFINITY.to_bits()
        );
        assert_eq!(
            quad(1, 0x7ffe, 5).to_f64().to_bits(),
            f64::NEG_INFINITY.to_bits()
        );
        // The greatest double, and half a last place above it, which rounds up.
        assert_eq!(
            quad(0, 16383 + 1023, ((1 << 52) - 1) << 60)
                .to_f64()
                .to_bits(),
            f64::MAX.to_bits()
        );
        assert_eq!(
            quad(0, 16383 + 1023, (1 << 112) - 1).to_f64().to_bits(),
            f64::INFINITY.to_bits()
        );
        // 2⁻¹⁰⁷⁵ is a tie between 0 and the least subnormal; a little more is not.
        assert_eq!(quad(0, 16383 - 1075, 0).to_f64().to_bits(), 0);
        assert_eq!(quad(0, 16383 - 1075, 1).to_f64().to_bits(), 1);
        assert_eq!(quad(0, 16383 - 1076, (1 << 112) - 1).to_f64().to_bits(), 0);
        assert_eq!(quad(1, 0, 1).to_f64().to_bits(), (-0f64).to_bits());
        // The greatest subnormal and what rounds up to the least normal double.
        assert_eq!(
            quad(0, 16383 - 1023, (1 << 112) - 1).to_f64().to_bits(),
            f64::MIN_POSITIVE.to_bits()
        );
    }

    #[test]
    fn nan_quadruples_become_nans() {
        assert!(quad(0, 0x7fff, 1).to_f64().is_nan());
        assert!(Quad::from(f64::NAN).to_f64().is_nan());
        assert_eq!(
            quad(1, 0x7fff, 0).to_f64().to_bits(),
            f64::NEG_INFINITY.to_bits()
        );
    }

    proptest! {
        #[test]
        fn doubles_come_back_from_quadruples(bits: u64) {
            let value = f64::from_bits(bits);
            let back = Quad::from(value).to_f64();
            prop_assert!(back.to_bits() == bits || (value.is_nan() && back.is_nan()));
        }

        #[test]
        fn subnormal_doubles_come_back_from_quadruples(bits in 0u64..1 << 52, sign in 0u64..2) {
            let bits = bits | sign << 63;
            prop_assert_eq!(Quad::from(f64::from_bits(bits)).to_f64().to_bits(), bits);
        }

        /// Against the definition: no double is nearer.
        #[test]
        fn rounding_picks_a_neighbour(fraction in 0u128..1 << 112, exponent in 15361u128..17406) {
            let back = Quad::from(quad(0, exponent, fraction).to_f64());
            let (exact, rounded) = (quad(0, exponent, fraction).0, back.0);
            let distance = u128::from_be_bytes(exact).abs_diff(u128::from_be_bytes(rounded));
            prop_assert!(distance <= 1 << 59, "{} from {:x?}", distance, exact);
        }
    }
}

mod section_4_9_to_4_11 {
    use super::*;

    #[test]
    fn opaque_data_is_padded_with_zeros() {
        golden(
            &Opaque(Bytes::from_static(b"\x01\x02\x03\x04\x05")),
            &[0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0],
        );
        golden(&Opaque::default(), &[0; 4]);
        golden(&Text("sillyprog".into()), b"\0\0\0\x09sillyprog\0\0\0");
        assert_eq!(
            (
                opaque_len(5),
                string_len(4),
                padded(1),
                opaque_len(usize::MAX)
            ),
            (12, 8, 4, usize::MAX - 3)
        );
    }

    #[test]
    fn fixed_opaque_data_has_no_length() {
        let mut encoder = Encoder::new();
        encoder.fixed_opaque(&[1, 2, 3, 4, 5]);
        let wire = encoder.into_vec();
        assert_eq!(wire, [1, 2, 3, 4, 5, 0, 0, 0]);
        let mut decoder = Decoder::new(&wire);
        assert_eq!(decoder.fixed_opaque::<5>().unwrap(), [1, 2, 3, 4, 5]);
        decoder.finish().unwrap();
        assert_eq!(
            Decoder::new(&wire).fixed_octets(5).unwrap(),
            [1, 2, 3, 4, 5][..]
        );
        assert_eq!(
            Decoder::new(&wire)
                .run::<8>()
                .unwrap()
                .padded_octets::<0, 5>()
                .unwrap(),
            [1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn padding_other_than_zero_is_refused() {
        for at in 9..12 {
            let mut wire = [0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0];
            *wire.get_mut(at).unwrap() = 1;
            refused::<Opaque>(&wire, DecodeErrorKind::Padding, 4);
            assert_eq!(lax::<Opaque>(&wire).unwrap().0, [1, 2, 3, 4, 5][..]);
            assert_eq!(
                lax_octets(&lax::<Opaque>(&wire).unwrap()).last_chunk(),
                Some(&[0u8, 0, 0])
            );
            let fixed = wire.get(4..).unwrap();
            let error = Decoder::new(fixed)
                .run::<8>()
                .unwrap()
                .padded_octets::<0, 5>()
                .unwrap_err();
            assert_eq!(*error.kind(), DecodeErrorKind::Padding);
            assert_eq!(
                *Decoder::new(fixed).fixed_opaque::<5>().unwrap_err().kind(),
                DecodeErrorKind::Padding
            );
        }
    }

    #[test]
    fn lengths_over_the_bound_are_refused_both_ways() {
        let wire = [0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0];
        let error = Decoder::new(&wire).opaque(4).unwrap_err();
        assert_eq!(
            *error.kind(),
            DecodeErrorKind::TooLong { length: 5, max: 4 }
        );
        assert_eq!(Decoder::new(&wire).opaque(5).unwrap().len(), 5);
        let error = Encoder::new().string("hello", 4).unwrap_err();
        assert_eq!(
            *error.kind(),
            EncodeErrorKind::TooLong { length: 5, max: 4 }
        );
        let error = Encoder::new()
            .fixed_shared(&Bytes::from_static(b"hello"), 4)
            .unwrap_err();
        assert_eq!(
            *error.kind(),
            EncodeErrorKind::WrongLength {
                length: 5,
                expected: 4
            }
        );
    }

    #[test]
    fn hostile_lengths_allocate_nothing() {
        for length in [5, 1 << 16, 0x7fff_ffff, 0xffff_fffd, u32::MAX] {
            let wire = to_vec(&(length, 0u32)).unwrap();
            let needed = usize::try_from(length).unwrap().next_multiple_of(4);
            refused::<Opaque>(
                &wire,
                DecodeErrorKind::Truncated {
                    needed,
                    remaining: 4,
                },
                4,
            );
            refused::<Text>(
                &wire,
                DecodeErrorKind::Truncated {
                    needed,
                    remaining: 4,
                },
                4,
            );
        }
    }

    #[test]
    fn strings_are_utf8() {
        golden(&Text("größe".into()), b"\0\0\0\x07gr\xc3\xb6\xc3\x9fe\0");
        refused::<Text>(b"\0\0\0\x04ab\xff\0", DecodeErrorKind::Utf8 { valid: 2 }, 0);
        let error = Decoder::new(b"\0\0\0\x04ab\xff\0").str_ref(9).unwrap_err();
        assert_eq!(error.to_string(), "at octet 0: not UTF-8 after 2 octets");
    }

    #[test]
    fn lax_strings_keep_octets_that_are_not_utf8() {
        let text = lax::<Text>(b"\0\0\0\x03ab\xff\0").unwrap();
        assert_eq!(text.0, "ab\u{10ffff}");
        assert_eq!(lax_octets(&text), b"\0\0\0\x03ab\xff\0");
        // Bounds count octets.
        let mut encoder = Encoder::new().with_mode(Mode::Lax);
        encoder.string(&text, 3).unwrap();
        assert!(Encoder::new().string(&text, 3).is_err());
    }

    #[test]
    fn borrowed_items_are_slices_of_the_input() {
        let wire = b"\0\0\0\x03abc\0\0\0\0\x01x\0\0\0";
        let mut decoder = Decoder::new(wire);
        let (text, opaque) = <(TextRef<'_>, OpaqueRef<'_>)>::decode(&mut decoder).unwrap();
        decoder.finish().unwrap();
        assert_eq!((text.0, opaque.0), ("abc", &b"x"[..]));
        assert_eq!(to_vec(&(text, opaque)).unwrap(), wire);
    }

    proptest! {
        #[test]
        fn lax_strings_give_any_octets_back(octets: Vec<u8>) {
            let wire = to_vec(&OpaqueRef(&octets)).unwrap();
            let text = lax::<Text>(&wire).unwrap();
            prop_assert_eq!(lax_octets(&text), wire);
            if let Ok(string) = std::str::from_utf8(&octets) {
                let private = string.chars().any(|c| c >= '\u{10ff80}');
                prop_assert!(private || text.0 == string);
            }
        }

        #[test]
        fn lax_strings_keep_the_private_characters_apart(string in "[a\u{10ff7f}-\u{10ffff}]{0,20}") {
            let wire = to_vec(&TextRef(&string)).unwrap();
            prop_assert_eq!(lax_octets(&lax::<Text>(&wire).unwrap()), wire);
        }
    }
}

mod section_4_12_and_4_13 {
    use super::*;

    #[test]
    fn arrays_have_a_count_only_if_variable() {
        golden(&Array(vec![1u32, 2]), &[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        golden(&Array(vec![true]), &[0, 0, 0, 1, 0, 0, 0, 1]);
        golden(&Array(Vec::<Text>::new()), &[0; 4]);
        let mut encoder = Encoder::new();
        encoder.fixed_array(&[1i16, -1]).unwrap();
        let wire = encoder.into_vec();
        assert_eq!(wire, [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(
            Decoder::new(&wire).fixed_array::<i16, 2>().unwrap(),
            [1, -1]
        );
        assert_eq!(
            Decoder::new(&wire).fixed_array::<u32, 2>().unwrap(),
            [1, u32::MAX]
        );
        assert_eq!(Decoder::new(&wire).fixed_vec::<i32>(2).unwrap(), [1, -1]);
    }

    #[test]
    fn scalars_of_every_count_round_trip() {
        for count in 0u8..40 {
            let items: Vec<u64> = (0..count).map(|at| u64::from(at) << 40).collect();
            let wire = to_vec(&Array(items.clone())).unwrap();
            assert_eq!(wire.len(), 4 + 8 * usize::from(count));
            assert_eq!(from_slice::<Array<u64>>(&wire).unwrap().0, items);
            assert_eq!(
                wire.get(4..).unwrap(),
                items
                    .iter()
                    .flat_map(|item| item.to_be_bytes())
                    .collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn counts_over_the_bound_are_refused_both_ways() {
        let wire = [0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        let error = Decoder::new(&wire).array::<u32>(1).unwrap_err();
        assert_eq!(*error.kind(), DecodeErrorKind::TooMany { count: 2, max: 1 });
        assert_eq!(error.to_string(), "at octet 0: 2 elements, at most 1");
        let error = Encoder::new().array(&[1u32, 2], 1).unwrap_err();
        assert_eq!(*error.kind(), EncodeErrorKind::TooMany { count: 2, max: 1 });
        let error = Encoder::new().fixed_vec(&[1u32, 2], 3).unwrap_err();
        assert_eq!(
            *error.kind(),
            EncodeErrorKind::WrongLength {
                length: 2,
                expected: 3
            }
        );
    }

    #[test]
    fn counts_that_the_octets_cannot_hold_allocate_nothing() {
        let wire = to_vec(&(u32::MAX, 0u64)).unwrap();
        let needed = usize::try_from(u32::MAX).unwrap() * 8;
        refused::<Array<u64>>(
            &wire,
            DecodeErrorKind::Truncated {
                needed,
                remaining: 8,
            },
            4,
        );
        let needed = usize::try_from(u32::MAX).unwrap() * 4;
        refused::<Array<Text>>(
            &wire,
            DecodeErrorKind::Truncated {
                needed,
                remaining: 8,
            },
            4,
        );
    }

    #[test]
    fn elements_without_octets_are_counted() {
        golden(&Array(vec![(); 3]), &[0, 0, 0, 3]);
        let wire = u32::MAX.to_be_bytes();
        let needed = usize::try_from(u32::MAX).unwrap();
        refused::<Array<()>>(
            &wire,
            DecodeErrorKind::Memory {
                needed,
                left: 64 << 20,
            },
            4,
        );
    }

    #[test]
    fn errors_name_the_element() {
        let error = from_slice::<Array<bool>>(&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9])
            .field("flags")
            .unwrap_err();
        assert_eq!(error.to_string(), "flags[1] at octet 8: 9 is no bool");
    }
}

mod section_4_14_to_4_16 {
    use super::*;

    #[test]
    fn tuples_are_one_member_after_the_other() {
        golden(
            &(1u32, Text("ab".into()), false),
            b"\0\0\0\x01\0\0\0\x02ab\0\0\0\0\0\0",
        );
        golden(&(1u32, 2u64), &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(<(u32, Quad)>::fixed_len(), Some(20));
        let error = from_slice::<(u32, bool)>(&[0, 0, 0, 0, 0, 0, 0, 2]).unwrap_err();
        assert_eq!(error.to_string(), "1 at octet 4: 2 is no bool");
    }

    #[test]
    fn void_takes_no_octets() {
        golden(&(), &[]);
        refused::<()>(&[0; 4], DecodeErrorKind::Trailing { octets: 4 }, 0);
        assert_eq!(lax::<()>(&[0; 4]), Ok(()));
    }

    #[test]
    fn unions_report_a_discriminant_without_an_arm() {
        let mut decoder = Decoder::new(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        decoder.u32().unwrap();
        let tag = decoder.u32().unwrap();
        let error = decoder.union_arm_error(tag.into());
        assert_eq!(
            error.to_string(),
            "at octet 4: the union has no arm 4294967295"
        );
        assert_eq!(
            EncodeError::listed_case(-1).to_string(),
            "discriminant -1 has an arm of its own"
        );
    }

    #[test]
    fn runs_hold_every_fixed_item() {
        let mut inner = RunMut::<8>::new();
        inner.scalars::<0, u32, 2>(&[7, 8]);
        let mut run = RunMut::<96>::new();
        run.i32::<0>(-1);
        run.u32::<4>(2);
        run.i64::<8>(-3);
        run.u64::<16>(4);
        run.f32::<24>(0.5);
        run.bool::<28>(true);
        run.f64::<32>(-0.25);
        run.quad::<40>(Quad::from(3.0));
        run.enumeration::<56, _>(Filekind::DATA);
        run.octets::<60, 5>(b"abcde");
        run.part::<68, 8>(inner);
        run.i8::<76>(-5);
        run.u16::<80>(6);
        run.octets::<84, 4>(b"wxyz");
        let mut encoder = Encoder::new();
        encoder.put_run(run);
        encoder.u32(0);
        let wire = encoder.into_vec();
        assert_eq!(wire.len(), 100);

        let mut decoder = Decoder::new(&wire);
        let run = decoder.run::<96>().unwrap();
        assert_eq!(
            (
                run.i32::<0>(),
                run.u32::<4>(),
                run.i64::<8>(),
                run.u64::<16>()
            ),
            (-1, 2, -3, 4)
        );
        assert_eq!(
            (run.f32::<24>().to_bits(), run.bool::<28>().unwrap()),
            (0.5f32.to_bits(), true)
        );
        assert_eq!(
            (run.f64::<32>().to_bits(), run.quad::<40>()),
            ((-0.25f64).to_bits(), Quad::from(3.0))
        );
        assert_eq!(run.enumeration::<56, Filekind>().unwrap(), Filekind::DATA);
        assert_eq!(run.padded_octets::<60, 5>().unwrap(), *b"abcde");
        assert_eq!(run.part::<68, 8>().scalars::<0, u32, 2>(), [7, 8]);
        assert_eq!((run.i8::<76>().unwrap(), run.u16::<80>().unwrap()), (-5, 6));
        assert_eq!(run.octets::<84, 4>(), *b"wxyz");
        assert_eq!((decoder.offset(), decoder.remaining()), (96, 4));
    }

    #[test]
    fn errors_within_runs_have_the_offset_of_the_item() {
        let mut decoder = Decoder::new(&[0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9]);
        decoder.u32().unwrap();
        let run = decoder.run::<12>().unwrap();
        assert_eq!(
            run.bool::<4>().unwrap_err().to_string(),
            "at octet 8: 9 is no bool"
        );
        let part = run.part::<4, 8>();
        assert_eq!(
            part.enumeration::<4, Filekind>().unwrap_err().to_string(),
            "at octet 12: 9 is no filekind"
        );
        let error = decoder.run::<4>().unwrap_err();
        assert_eq!(error.to_string(), "at octet 16: 4 octets needed, 0 left");
    }
}

/// `struct tree { unsigned value; tree *left; tree *right; };`, as generated.
#[derive(Debug, PartialEq)]
struct Tree {
    value: u32,
    left: Option<Box<Tree>>,
    right: Option<Box<Tree>>,
}

impl Encode for Tree {
    fn encoded_len(&self) -> usize {
        sum([4, self.left.encoded_len(), self.right.encoded_len()])
    }

    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.u32(self.value);
        e.optional(self.left.as_ref())
            .map_err(|error| error.field("left"))?;
        e.optional(self.right.as_ref())
            .map_err(|error| error.field("right"))
    }
}

impl<'de> Decode<'de> for Tree {
    const MIN_LEN: usize = 12;

    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        let value = d.u32().map_err(|error| error.field("value"))?;
        let left = d.boxed().map_err(|error| error.field("left"))?;
        let right = d.boxed().map_err(|error| error.field("right"))?;
        Ok(Self { value, left, right })
    }
}

/// `struct kids { kids list<>; };`: recursion through an array, as generated.
#[derive(Debug, PartialEq)]
struct Kids(Vec<Kids>);

impl<'de> Decode<'de> for Kids {
    const MIN_LEN: usize = 4;

    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        d.nested(|d| {
            Ok(Self(
                d.array(u32::MAX).map_err(|error| error.field("list"))?,
            ))
        })
    }
}

mod section_4_19 {
    use super::*;

    #[test]
    fn optional_data_follows_its_flag() {
        golden(&None::<u32>, &[0; 4]);
        golden(&Some(7u32), &[0, 0, 0, 1, 0, 0, 0, 7]);
        refused::<Option<u32>>(&[0, 0, 0, 2, 0, 0, 0, 7], DecodeErrorKind::Bool(2), 0);
        assert_eq!(
            lax::<Option<u32>>(&[0, 0, 0, 2, 0, 0, 0, 7]).unwrap(),
            Some(7)
        );
        let leaf = |value| Tree {
            value,
            left: None,
            right: None,
        };
        golden(&leaf(5), &[0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
        let tree = Tree {
            value: 1,
            left: None,
            right: Some(Box::new(leaf(2))),
        };
        golden(
            &tree,
            &[
                0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
        );
    }

    #[test]
    fn lists_are_nodes_with_flags() {
        golden(
            &List(vec![7u32, 8]),
            &[0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0],
        );
        golden(&List::<u32>::default(), &[0; 4]);
        golden(
            &Chain {
                first: 7u32,
                rest: vec![8],
            },
            &[0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0],
        );
        let error = from_slice::<List<bool>>(&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3])
            .unwrap_err();
        assert_eq!(error.to_string(), "[1] at octet 12: 3 is no bool");
        assert_eq!(
            Chain {
                first: 7u32,
                rest: vec![8]
            }
            .iter()
            .copied()
            .collect::<Vec<_>>(),
            [7, 8]
        );
    }

    /// S2: on a stack far too small for recursion.
    #[test]
    fn a_million_nodes_take_no_stack() {
        let decoded = std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
            let mut encoder = Encoder::with_capacity(8_000_004);
            encoder.list(&vec![7u32; 1_000_000]).unwrap();
            from_slice::<List<u32>>(&encoder.into_vec()).map(|list| list.len())
        });
        assert_eq!(decoded.unwrap().join().unwrap(), Ok(1_000_000));
    }

    /// S2: the memory budget counts nodes, not the room kept for more.
    #[test]
    fn a_million_nodes_of_48_octets_fit_the_default_budget() {
        let list = List(vec![(1u64, 2u64, 3u64, 4u64, 5u64, 6u64); 1_000_000]);
        let wire = to_vec(&list).unwrap();
        assert_eq!(
            from_slice::<List<(u64, u64, u64, u64, u64, u64)>>(&wire).map(|list| list.len()),
            Ok(1_000_000)
        );
    }

    /// S2
    #[test]
    fn a_depth_bomb_is_refused() {
        let bomb = [0, 0, 0, 5, 0, 0, 0, 1].repeat(100_000);
        let error = from_slice::<Tree>(&bomb).unwrap_err();
        assert_eq!(
            (*error.kind(), error.offset()),
            (DecodeErrorKind::Depth { max: 64 }, 520)
        );
        assert_eq!(error.path().parts().len(), 65);
        let bomb = [0, 0, 0, 1].repeat(100_000);
        let error = from_slice::<Kids>(&bomb).unwrap_err();
        assert_eq!(
            (*error.kind(), error.offset()),
            (DecodeErrorKind::Depth { max: 64 }, 256)
        );
    }

    #[test]
    fn depth_is_that_of_the_value_not_the_sum_of_its_parts() {
        let limits = Limits {
            max_depth: 1,
            ..Limits::default()
        };
        let leaf = |value| {
            Some(Box::new(Tree {
                value,
                left: None,
                right: None,
            }))
        };
        let tree = Tree {
            value: 1,
            left: leaf(2),
            right: leaf(3),
        };
        let wire = to_vec(&tree).unwrap();
        assert_eq!(
            Tree::decode(&mut Decoder::new(&wire).with_limits(limits)).unwrap(),
            tree
        );
        let deeper = to_vec(&Tree {
            value: 0,
            left: Some(Box::new(tree)),
            right: None,
        })
        .unwrap();
        let error = Tree::decode(&mut Decoder::new(&deeper).with_limits(limits)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "left.left at octet 16: nested more than 1 deep"
        );
    }

    #[test]
    fn a_million_kids_are_no_deeper_than_one() {
        let mut wire = 1_000_000u32.to_be_bytes().to_vec();
        wire.resize(4_000_004, 0);
        assert_eq!(from_slice::<Kids>(&wire).unwrap().0.len(), 1_000_000);
    }
}

/// `union filetype switch (filekind kind) { … };` and `struct file { … };`, as generated.
mod section_7 {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Filetype {
        Text,
        Data(String),
        Exec(String),
    }

    #[derive(Debug, PartialEq)]
    struct File {
        filename: String,
        r#type: Filetype,
        owner: String,
        data: Bytes,
    }

    impl Encode for Filetype {
        fn encoded_len(&self) -> usize {
            match self {
                Self::Text => 4,
                Self::Data(text) | Self::Exec(text) => sum([4, string_len(text.len())]),
            }
        }

        fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
            match self {
                Self::Text => {
                    e.enumeration(Filekind::TEXT);
                    Ok(())
                }
                Self::Data(creator) => {
                    e.enumeration(Filekind::DATA);
                    e.string(creator, 255).field("creator")
                }
                Self::Exec(interpretor) => {
                    e.enumeration(Filekind::EXEC);
                    e.string(interpretor, 255).field("interpretor")
                }
            }
        }
    }

    impl<'de> Decode<'de> for Filetype {
        const MIN_LEN: usize = 4;

        fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
            Ok(match d.enumeration().field("kind")? {
                Filekind::TEXT => Self::Text,
                Filekind::DATA => Self::Data(d.string(255).field("creator")?),
                Filekind::EXEC => Self::Exec(d.string(255).field("interpretor")?),
                Filekind(other) => return Err(d.union_arm_error(other.into()).field("kind")),
            })
        }
    }

    impl Encode for File {
        fn encoded_len(&self) -> usize {
            sum([
                string_len(self.filename.len()),
                self.r#type.encoded_len(),
                string_len(self.owner.len()),
                opaque_len(self.data.len()),
            ])
        }

        fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
            e.string(&self.filename, 255).field("filename")?;
            self.r#type.encode(e).field("type")?;
            e.string(&self.owner, 32).field("owner")?;
            e.shared(&self.data, 65535).field("data")
        }
    }

    impl<'de> Decode<'de> for File {
        const MIN_LEN: usize = 16;

        fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
            Ok(Self {
                filename: d.string(255).field("filename")?,
                r#type: Decode::decode(d).field("type")?,
                owner: d.string(32).field("owner")?,
                data: d.opaque(65535).field("data")?,
            })
        }
    }

    /// The 48 octets of RFC 4506 §7.
    const SILLYPROG: &[u8] =
        b"\0\0\0\x09sillyprog\0\0\0\0\0\0\x02\0\0\0\x04lisp\0\0\0\x04john\0\0\0\x06(quit)\0\0";

    fn sillyprog() -> File {
        File {
            filename: "sillyprog".into(),
            r#type: Filetype::Exec("lisp".into()),
            owner: "john".into(),
            data: Bytes::from_static(b"(quit)"),
        }
    }

    #[test]
    fn the_example_has_the_octets_of_the_rfc() {
        assert_eq!(SILLYPROG.len(), 48);
        golden(&sillyprog(), SILLYPROG);
        golden(&Filetype::Text, &[0; 4]);
        golden(&Filetype::Data("me".into()), b"\0\0\0\x01\0\0\0\x02me\0\0");
    }

    #[test]
    fn errors_name_field_and_octet() {
        let mut wire = SILLYPROG.to_vec();
        *wire.get_mut(19).unwrap() = 3;
        let error = from_slice::<File>(&wire).unwrap_err();
        assert_eq!(error.to_string(), "type.kind at octet 16: 3 is no filekind");
        // In lax mode the enum passes, and then no arm is found, as in C.
        let error = lax::<File>(&wire).unwrap_err();
        assert_eq!(
            error.to_string(),
            "type.kind at octet 16: the union has no arm 3"
        );
        let mut wire = SILLYPROG.to_vec();
        *wire.get_mut(31).unwrap() = 33;
        let error = from_slice::<File>(&wire).unwrap_err();
        assert_eq!(
            error.to_string(),
            "owner at octet 28: 33 octets, at most 32"
        );
        assert_eq!(
            format!("{error:?}"),
            "DecodeError(owner at octet 28: 33 octets, at most 32)"
        );
    }

    #[test]
    fn chunks_decode_as_one() {
        for at in 0..SILLYPROG.len() {
            let (head, tail) = SILLYPROG.split_at(at);
            let chunks = [Bytes::from_static(head), Bytes::from_static(tail)];
            assert_eq!(from_chunks::<File>(&chunks).unwrap(), sillyprog());
        }
        assert_eq!(
            from_chunks::<File>(&[Bytes::from_static(SILLYPROG)]).unwrap(),
            sillyprog()
        );
        assert!(from_chunks::<File>(&[]).is_err());
    }
}

/// RFC 4506 has one encoding of each value: what decodes encodes to the octets it came from.
mod canonical {
    use super::*;

    #[track_caller]
    fn comes_back<T: Encode + DecodeOwned>(octets: &[u8]) {
        let mut decoder = Decoder::new(octets);
        if let Ok(value) = T::decode(&mut decoder) {
            let wire = to_vec(&value).unwrap();
            assert_eq!(wire, octets.get(..decoder.offset()).unwrap());
            assert_eq!(wire.len(), value.encoded_len());
        }
        let mut decoder = Decoder::new(octets).with_mode(Mode::Lax);
        if let Ok(value) = T::decode(&mut decoder) {
            assert_eq!(lax_octets(&value).len(), decoder.offset());
        }
    }

    proptest! {
        #[test]
        fn words_come_back(words in prop::collection::vec(prop::sample::select(vec![0u32, 0, 1, 1, 2, 3, 4, 5, 0x6100_0000, 0xff00_0000, u32::MAX]), 0..24)) {
            let octets = words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
            comes_back::<Tree>(&octets);
            comes_back::<List<Text>>(&octets);
            comes_back::<Chain<Opaque>>(&octets);
            comes_back::<Array<Option<Box<(bool, u8)>>>>(&octets);
            comes_back::<Array<Array<Filekind>>>(&octets);
            comes_back::<Option<(Quad, f64, f32)>>(&octets);
            comes_back::<List<Array<()>>>(&octets);
            let _ = from_slice::<Kids>(&octets);
        }

        #[test]
        fn any_octets_come_back(octets: Vec<u8>) {
            comes_back::<Tree>(&octets);
            comes_back::<Text>(&octets);
            comes_back::<(i8, u16, Quad)>(&octets);
            comes_back::<Array<Opaque>>(&octets);
        }
    }
}

mod limits {
    use super::*;

    #[test]
    fn memory_is_charged_before_it_is_taken() {
        let wire = to_vec(&Array(vec![Text("abcd".into()); 10])).unwrap();
        let elements = 10 * size_of::<Text>();
        let enough = Limits {
            memory: elements + 40,
            ..Limits::DEFAULT
        };
        assert!(Array::<Text>::decode(&mut Decoder::new(&wire).with_limits(enough)).is_ok());
        let less = Limits {
            memory: elements + 39,
            ..Limits::DEFAULT
        };
        let error = Array::<Text>::decode(&mut Decoder::new(&wire).with_limits(less)).unwrap_err();
        assert_eq!(
            *error.kind(),
            DecodeErrorKind::Memory { needed: 4, left: 3 }
        );
        let few = Limits {
            memory: 8,
            ..Limits::DEFAULT
        };
        let error = Array::<Text>::decode(&mut Decoder::new(&wire).with_limits(few)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("at octet 4: {elements} octets of memory, 8 left")
        );
    }

    #[test]
    fn lists_boxes_and_lax_strings_are_charged() {
        let few = Limits {
            memory: 15,
            ..Limits::DEFAULT
        };
        let wire = to_vec(&List(vec![7u32; 4])).unwrap();
        let error = List::<u32>::decode(&mut Decoder::new(&wire).with_limits(few)).unwrap_err();
        assert_eq!(
            error.kind(),
            &DecodeErrorKind::Memory { needed: 4, left: 3 }
        );
        let wire = to_vec(&Some(Box::new((1u64, 2u64)))).unwrap();
        let error = Option::<Box<(u64, u64)>>::decode(&mut Decoder::new(&wire).with_limits(few))
            .unwrap_err();
        assert_eq!(
            error.kind(),
            &DecodeErrorKind::Memory {
                needed: 16,
                left: 15
            }
        );
        // Four octets that are not UTF-8 take sixteen.
        let wire = to_vec(&OpaqueRef(&[0xff; 4])).unwrap();
        let error = Text::decode(&mut Decoder::new(&wire).with_limits(few).with_mode(Mode::Lax))
            .unwrap_err();
        assert_eq!(
            error.kind(),
            &DecodeErrorKind::Memory {
                needed: 16,
                left: 15
            }
        );
    }

    #[test]
    fn one_length_caps_all() {
        let short = Limits {
            max_len: 3,
            ..Limits::DEFAULT
        };
        let error = Decoder::new(b"\0\0\0\x04abcd")
            .with_limits(short)
            .opaque(255)
            .unwrap_err();
        assert_eq!(
            *error.kind(),
            DecodeErrorKind::TooLong { length: 4, max: 3 }
        );
        let error = Decoder::new(&[0, 0, 0, 4])
            .with_limits(short)
            .array::<()>(255)
            .unwrap_err();
        assert_eq!(*error.kind(), DecodeErrorKind::TooMany { count: 4, max: 3 });
    }
}

mod sharing {
    use super::*;

    fn record(len: usize) -> Bytes {
        to_bytes(&(7u32, Opaque(vec![0x5a; len].into()))).unwrap()
    }

    #[test]
    fn large_opaque_data_is_a_slice_of_the_record() {
        let wire = record(1024);
        let (_, large) = from_bytes::<(u32, Opaque)>(&wire).unwrap();
        assert_eq!(large.as_ptr(), wire.slice(8..).as_ptr());
        let (_, copy) = from_slice::<(u32, Opaque)>(&wire).unwrap();
        assert_eq!(copy, large);
        assert!(!wire.as_ptr_range().contains(&copy.as_ptr()));
    }

    #[test]
    fn small_opaque_data_is_a_copy() {
        let wire = record(1023);
        let (_, small) = from_bytes::<(u32, Opaque)>(&wire).unwrap();
        assert!(!wire.as_ptr_range().contains(&small.as_ptr()));
    }

    #[test]
    fn slices_cost_no_memory() {
        let wire = record(4096);
        let none = Limits {
            memory: 0,
            ..Limits::DEFAULT
        };
        assert!(<(u32, Opaque)>::decode(&mut Decoder::shared(&wire).with_limits(none)).is_ok());
        assert!(<(u32, Opaque)>::decode(&mut Decoder::new(&wire).with_limits(none)).is_err());
    }

    #[test]
    fn the_rest_is_shared() {
        let wire = record(12);
        let mut decoder = Decoder::shared(&wire);
        decoder.u32().unwrap();
        let rest = decoder.rest_shared();
        assert_eq!((rest.as_ptr(), rest.len()), (wire.slice(4..).as_ptr(), 16));
        decoder.finish().unwrap();
        assert_eq!(Decoder::new(&wire).rest_shared(), wire);
        assert_eq!(Decoder::new(&wire).rest(), &wire[..]);
    }
}

mod segments {
    use super::*;

    fn large(octet: u8, len: usize) -> Opaque {
        Opaque(vec![octet; len].into())
    }

    #[test]
    fn large_shared_octets_are_kept_apart() {
        let value = (
            1u32,
            large(1, 1025),
            large(2, 1024),
            Text("t".into()),
            large(3, 1023),
        );
        let mut encoder = Encoder::segmented(2000);
        value.encode(&mut encoder).unwrap();
        assert_eq!(encoder.len(), value.encoded_len());
        let segments: Vec<&[u8]> = encoder.segments().collect();
        assert_eq!(
            segments
                .iter()
                .map(|segment| segment.len())
                .collect::<Vec<_>>(),
            [8, 1025, 7, 1024, 1036]
        );
        assert_eq!(segments.get(1).unwrap().as_ptr(), value.1.0.as_ptr());
        let joined = to_vec(&value).unwrap();
        assert_eq!(segments.concat(), joined);
        assert_eq!(encoder.clone().into_segments().concat(), joined);
        assert_eq!(encoder.clone().into_bytes(), joined);
        assert_eq!(
            encoder.into_segments().get(3).unwrap().as_ptr(),
            value.2.0.as_ptr()
        );
    }

    #[test]
    fn an_encoder_of_one_buffer_has_one_segment() {
        let mut encoder = Encoder::new();
        assert_eq!((encoder.segments().count(), encoder.is_empty()), (0, true));
        large(1, 5000).encode(&mut encoder).unwrap();
        assert_eq!(encoder.segments().count(), 1);
    }

    #[test]
    fn raw_octets_are_a_multiple_of_four() {
        let mut encoder = Encoder::segmented(0);
        encoder.raw(&[1, 2, 3, 4]).unwrap();
        encoder.raw_shared(&vec![5; 1024].into()).unwrap();
        encoder.raw_shared(&vec![6; 4].into()).unwrap();
        assert_eq!(
            encoder.segments().map(<[u8]>::len).collect::<Vec<_>>(),
            [4, 1024, 4]
        );
        assert_eq!(
            *encoder.raw(&[0; 3]).unwrap_err().kind(),
            EncodeErrorKind::Unaligned { length: 3 }
        );
        assert!(encoder.raw_shared(&vec![0; 2001].into()).is_err());
    }

    #[test]
    fn patching_counts_all_octets_and_stays_out_of_shared_ones() {
        let mut encoder = Encoder::segmented(0);
        encoder.u32(0);
        large(1, 1024).encode(&mut encoder).unwrap();
        encoder.u32(0);
        assert!(encoder.patch_u32(0, 0x0102_0304));
        assert!(encoder.patch_u32(8 + 1024, 0x0506_0708));
        assert!(!encoder.patch_u32(8, 1));
        assert!(!encoder.patch_u32(8 + 1023, 1));
        assert!(!encoder.patch_u32(8 + 1025, 1));
        assert!(!encoder.patch_u32(2, 1));
        assert!(!encoder.patch_u32(12 + 1024, 1));
        let wire = encoder.into_vec();
        assert_eq!(wire.first_chunk(), Some(&[1u8, 2, 3, 4]));
        assert_eq!(wire.last_chunk(), Some(&[5u8, 6, 7, 8]));
    }

    #[test]
    fn one_store_of_padding_needs_no_room_beyond_the_exact_length() {
        for len in 0..9 {
            let text = Text("x".repeat(len));
            let mut encoder = Encoder::with_capacity(text.encoded_len());
            text.encode(&mut encoder).unwrap();
            let wire = encoder.into_vec();
            assert_eq!(
                (wire.len(), wire.capacity()),
                (text.encoded_len(), text.encoded_len())
            );
        }
    }

    proptest! {
        #[test]
        fn truncation_keeps_the_front(lens in prop::collection::vec(prop::sample::select(vec![0usize, 5, 1024, 1500]), 0..6), keep: prop::sample::Index) {
            let mut encoder = Encoder::segmented(0);
            for (at, len) in lens.iter().enumerate() {
                large(u8::try_from(at).unwrap() + 1, *len).encode(&mut encoder).unwrap();
            }
            let mut whole = encoder.clone().into_vec();
            let keep = keep.index(whole.len() + 1);
            encoder.truncate(keep);
            whole.truncate(keep);
            prop_assert_eq!(encoder.len(), keep);
            prop_assert_eq!(encoder.segments().collect::<Vec<_>>().concat(), whole.clone());
            encoder.u32(9);
            whole.extend([0, 0, 0, 9]);
            prop_assert_eq!(encoder.clone().into_segments().concat(), whole.clone());
            prop_assert_eq!(encoder.into_vec(), whole);
        }
    }
}

mod traits {
    use super::*;

    #[test]
    fn debug_output_shows_no_payload() {
        let mut encoder = Encoder::new();
        encoder.u32(7);
        assert_eq!(
            format!("{encoder:?}"),
            "Encoder { len: 4, apart: 0, mode: Strict, .. }"
        );
        let mut decoder = Decoder::new(&[1, 2, 3, 4, 5, 6, 7, 8]);
        decoder.u32().unwrap();
        assert_eq!(
            format!("{decoder:?}"),
            "Decoder { offset: 4, remaining: 4, mode: Strict, .. }"
        );
    }

    #[test]
    fn values_encode_as_objects_and_references() {
        let values: [&dyn Encode; 3] = [&1u32, &TextRef("ab"), &Some(Box::new(2u32))];
        let mut encoder = Encoder::new();
        for value in values {
            value.encode(&mut encoder).unwrap();
        }
        assert_eq!(
            encoder.len(),
            values
                .iter()
                .map(|value| value.encoded_len())
                .sum::<usize>()
        );
        assert_eq!(to_vec(values[1]).unwrap(), b"\0\0\0\x02ab\0\0");
        assert_eq!(
            to_vec(&(&1u32, TextRef("a"))).unwrap(),
            b"\0\0\0\x01\0\0\0\x01a\0\0\0"
        );
    }

    #[test]
    fn an_encoder_is_used_again() {
        let mut encoder = Encoder::new();
        encoder.put([1, 2, 3, 4]);
        encoder.u8(5);
        assert_eq!(encoder.clone().into_vec(), [1, 2, 3, 4, 0, 0, 0, 5]);
        encoder.clear();
        encoder.i16(-1);
        assert_eq!(encoder.into_vec(), [0xff; 4]);
    }
}
