//! Octets as text, and messages put together by hand.

use bytes::Bytes;
use fairway_rsvp::wire::fill_checksum;

/// The octets of hexadecimal digits; blanks between them do not matter.
pub(crate) fn octets(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

/// A message of this type with these objects, TTL 64, no flags; length and checksum are computed.
pub(crate) fn message(message_type: u8, objects: &[&str]) -> Bytes {
    let mut out = vec![0x10, message_type, 0, 0, 64, 0, 0, 0];
    objects.iter().for_each(|object| out.extend(octets(object)));
    let length = u16::try_from(out.len()).unwrap();
    out[6..8].copy_from_slice(&length.to_be_bytes());
    fill_checksum(&mut out);
    out.into()
}

// Objects as RFC 2205 appendix A draws them.
pub(crate) const SESSION: &str = "000c 0101 ef010203 11 00 1388";
pub(crate) const SESSION_V6: &str = "0018 0102 20010db8000000000000000000000009 06 01 0050";
pub(crate) const HOP: &str = "000c 0301 0a000001 08000403";
pub(crate) const HOP_V6: &str = "0018 0302 20010db8000000000000000000000001 00000007";
pub(crate) const TIME: &str = "0008 0501 00007530";
pub(crate) const ERROR: &str = "000c 0601 0a000009 01 01 0002";
pub(crate) const ERROR_V6: &str = "0018 0602 20010db8000000000000000000000002 00 0d 8001";
pub(crate) const SCOPE: &str = "000c 0701 0a000002 0a000003";
pub(crate) const SCOPE_V6: &str =
    "0024 0702 20010db8000000000000000000000001 20010db8000000000000000000000002";
pub(crate) const WF: &str = "0008 0801 00 000011";
pub(crate) const FF: &str = "0008 0801 00 00000a";
pub(crate) const SE: &str = "0008 0801 00 000012";
pub(crate) const FLOWSPEC: &str =
    "0024 0902 00000007 05000006 7f000005 49189680 469c4000 49989680 00000064 000005dc";
pub(crate) const FLOWSPEC_GS: &str = "0030 0902 0000000a 02000009 7f000005 49189680 469c4000 49989680 00000064 000005dc 82000002 49989680 000001f4";
pub(crate) const FILTER: &str = "000c 0a01 0a000002 0000 1770";
pub(crate) const FILTER_2: &str = "000c 0a01 0a000003 0000 1771";
pub(crate) const FILTER_V6: &str = "0018 0a02 20010db8000000000000000000000002 0000 1770";
pub(crate) const FILTER_LABEL: &str = "0018 0a03 20010db8000000000000000000000002 00 0abcde";
pub(crate) const TEMPLATE: &str = "000c 0b01 0a000002 0000 1770";
pub(crate) const TEMPLATE_V6: &str = "0018 0b02 20010db8000000000000000000000002 0000 1770";
pub(crate) const TEMPLATE_LABEL: &str = "0018 0b03 20010db8000000000000000000000002 00 0abcde";
pub(crate) const TSPEC: &str =
    "0024 0c02 00000007 01000006 7f000005 49189680 469c4000 49989680 00000064 000005dc";
pub(crate) const ADSPEC: &str = "0054 0d02 00000013 01000008 04000001 00000001 06000001 4cee6b28 08000001 00000064 0a000001 \
    000005dc 02000008 85000001 00000000 86000001 00000000 87000001 00000000 88000001 00000000 05000000";
pub(crate) const POLICY: &str = "0010 0e01 0004 0000 00080001 01020304";
pub(crate) const CONFIRM: &str = "0008 0f01 0a0000fe";
pub(crate) const CONFIRM_V6: &str = "0014 0f02 20010db80000000000000000000000fe";
pub(crate) const HELLO: &str = "000c 1601 00000011 00000022";
pub(crate) const HELLO_ACK: &str = "000c 1602 00000022 00000011";
pub(crate) const MESSAGE_ID: &str = "000c 1701 01123456 00000007";
pub(crate) const ACK: &str = "000c 1801 00123456 00000007";
pub(crate) const NACK: &str = "000c 1802 00123456 00000009";
pub(crate) const LIST: &str = "0010 1901 00123456 00000007 00000009";
pub(crate) const SRC_LIST: &str = "0010 1902 00123456 00000007 0a000002";
pub(crate) const SRC_LIST_V6: &str = "001c 1903 00123456 00000007 20010db8000000000000000000000002";
pub(crate) const MCAST_LIST: &str = "0014 1904 00123456 00000007 0a000002 ef010203";
pub(crate) const MCAST_LIST_V6: &str =
    "002c 1905 00123456 00000007 20010db8000000000000000000000002 ff0e0000000000000000000000000101";
pub(crate) const CHALLENGE: &str = "0014 4001 0000 000000000001 0123456789abcdef";
pub(crate) const INTEGRITY: &str =
    "0024 0401 80000000 00000001 00000001 00000007 743223b6 28a0194b f8b5e3d9 14db74de";
pub(crate) const DCLASS: &str = "0008 e101 000000b8";
