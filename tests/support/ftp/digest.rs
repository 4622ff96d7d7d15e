//! Digests of files: HASH (draft-bryan-ftp-hash), XCRC, XMD5, XSHA….

use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use std::fmt::Write as _;

/// The algorithms, by the names HASH has for them.
pub(super) const NAMES: [&str; 5] = ["SHA-1", "SHA-256", "SHA-512", "MD5", "CRC32"];

/// The digest of `octets` in hexadecimal; `None` if there is no such algorithm.
pub(super) fn digest(algorithm: &str, octets: &[u8]) -> Option<String> {
    let octets = match algorithm {
        "SHA-1" => Sha1::digest(octets).to_vec(),
        "SHA-256" => Sha256::digest(octets).to_vec(),
        "SHA-512" => Sha512::digest(octets).to_vec(),
        "MD5" => Md5::digest(octets).to_vec(),
        "CRC32" => crc32(octets).to_be_bytes().to_vec(),
        _ => return None,
    };
    Some(octets.iter().fold(String::new(), |mut text, octet| {
        let _never_fails = write!(text, "{octet:02x}");
        text
    }))
}

/// The checksum of IEEE 802.3, bit by bit.
fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(u32::MAX, |crc, &octet| {
        (0..8).fold(crc ^ u32::from(octet), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{NAMES, digest};

    #[test]
    fn digests_are_those_of_everyone() {
        assert_eq!(digest("CRC32", b"123456789").unwrap(), "cbf43926");
        assert_eq!(
            digest("MD5", b"").unwrap(),
            "d41d8cd98f00b204e9800998ecf8427e"
        );
        assert!(NAMES.iter().all(|name| digest(name, b"").is_some()));
    }
}
