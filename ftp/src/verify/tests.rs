use super::{Algorithm, Digest};
use crate::reply::{Code, Reply};

const ABC_MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

fn read(text: &str, algorithm: Algorithm, path: &str) -> Option<String> {
    let reply = Reply::new(Code::new(250).unwrap(), text);
    Digest::read(&reply, algorithm, path.as_bytes()).map(|digest| digest.to_string())
}

// RFC 1321 A.5, RFC 3174 §7.3, RFC 6234 §8.4: of "abc".
#[test]
fn digests_are_those_of_the_rfcs() {
    let of = |algorithm| Digest::of(b"abc", algorithm).to_string();
    assert_eq!(of(Algorithm::Crc32), "352441c2");
    assert_eq!(of(Algorithm::Md5), ABC_MD5);
    assert_eq!(
        of(Algorithm::Sha1),
        "a9993e364706816aba3e25717850c26c9cd0d89d"
    );
    assert_eq!(
        of(Algorithm::Sha256),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert!(of(Algorithm::Sha512).starts_with("ddaf35a193617abacc417349ae204131"));
    for algorithm in Algorithm::ALL {
        assert_eq!(of(algorithm).len(), algorithm.octets() * 2);
    }
}

// draft-bryan-ftpext-hash, draft-twine-ftpmd5, and servers.
#[test]
fn replies_are_read_as_servers_write_them() {
    let upper = ABC_MD5.to_uppercase();
    for text in [
        format!("MD5 0-3 {ABC_MD5} notes.txt"),
        format!("md5 0-3 {upper} a b c.txt"),
        format!("Computing MD5 digest\n{upper}"),
        format!("\"notes.txt\" {upper}"),
        format!("notes.txt {ABC_MD5}"),
        format!("{ABC_MD5} notes.txt"),
        format!("MD5: {ABC_MD5}."),
        format!("\"a \"\"{upper}\"\" b\" {ABC_MD5}"),
    ] {
        let digest = read(&text, Algorithm::Md5, "/x/notes.txt");
        assert_eq!(digest.as_deref(), Some(ABC_MD5), "{text}");
    }
}

#[test]
fn a_crc_may_lack_leading_zeros() {
    for text in [
        "4D2",
        "000004d2",
        "0x4D2",
        "\"f\" 4d2",
        "CRC32 0-9 4D2 f",
        "f 4d2",
    ] {
        let crc = read(text, Algorithm::Crc32, "f");
        assert_eq!(crc.as_deref(), Some("000004d2"), "{text}");
    }
    assert_eq!(read("0", Algorithm::Crc32, "f").unwrap(), "00000000");
}

#[test]
fn what_could_mean_two_digests_means_none() {
    let other = Digest::of(b"", Algorithm::Md5);
    let both = format!("{other} {ABC_MD5}");
    assert_eq!(read(&both, Algorithm::Md5, "f"), None);
    // Unless one of them is the name.
    let digest = read(&both, Algorithm::Md5, &format!("d/{other}"));
    assert_eq!(digest.as_deref(), Some(ABC_MD5));
    // The draft's form says which is which.
    let text = format!("MD5 0-3 {ABC_MD5} {other}");
    assert_eq!(read(&text, Algorithm::Md5, "f").as_deref(), Some(ABC_MD5));
    for text in ["", "done", "cut 900150983cd24fb0", "-"] {
        assert_eq!(read(text, Algorithm::Md5, "f"), None, "{text}");
        assert_eq!(read(&format!("{text} no"), Algorithm::Crc32, "f"), None);
    }
}

#[test]
fn digits_are_counted() {
    assert_eq!(
        Digest::parse("352441c2", Algorithm::Crc32),
        Some(Digest::of(b"abc", Algorithm::Crc32))
    );
    for (text, algorithm) in [
        ("", Algorithm::Crc32),
        ("123456789", Algorithm::Crc32),
        ("+1", Algorithm::Crc32),
        ("352441c2", Algorithm::Md5),
        ("90015098 cd24fb0d6963f7d28e17f72", Algorithm::Md5),
    ] {
        assert_eq!(Digest::parse(text, algorithm), None, "{text}");
    }
}

proptest::proptest! {
    /// No reply is too strange to be read, and what is read is in it.
    #[test]
    fn any_reply_is_read(text in "([0-9a-fA-F]{8}|[0-9a-f]{32}|MD5|CRC32|0-4|\"|[ -~]{0,9}|\n| )*", path in "[ -~]{0,12}") {
        for algorithm in Algorithm::ALL {
            if let Some(digest) = read(&text, algorithm, &path) {
                let digits = digest.trim_start_matches('0').to_owned();
                proptest::prop_assert!(text.to_ascii_lowercase().contains(&digits));
            }
        }
    }
}
