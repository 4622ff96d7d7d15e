//! What LIST, NLST, MLSD and MLST say, and times.

use super::files::Node;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Time of RFC 3659 §2.3.
pub(super) fn stamp(seconds: i64) -> String {
    let at = Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%Y%m%d%H%M%S").to_string()
}

/// Reads a time of RFC 3659 §2.3; fractions are cut off.
pub(super) fn seconds(stamp: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(stamp.get(..14)?).ok()?;
    if !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let at = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    Some(TimeZone::UTC.to_timestamp(at).ok()?.as_second())
}

/// A line of LIST, as `ls -l` has it, at `now`.
pub(super) fn long_line(name: &[u8], node: &Node, now: i64) -> Vec<u8> {
    let kind = if node.is_directory() { 'd' } else { '-' };
    let bits: String = (0..9)
        .map(|bit| match node.mode >> (8 - bit) & 1 {
            0 => '-',
            _ => ['r', 'w', 'x'].into_iter().cycle().nth(bit).unwrap_or('?'),
        })
        .collect();
    let at = Timestamp::from_second(node.modified).unwrap_or_default();
    // As ls does: half a year back, and not in the future, has the time of the day.
    let recent = (0..15_768_000).contains(&(now - node.modified));
    let at = at.strftime(if recent { "%b %e %H:%M" } else { "%b %e  %Y" });
    let links = if node.is_directory() { 2 } else { 1 };
    let size = node.len();
    let mut line =
        format!("{kind}{bits} {links:>3} u1       users    {size:>12} {at} ").into_bytes();
    line.extend(name);
    line
}

/// An entry of MLSD and MLST with the facts asked for, RFC 3659 §7.2.
pub(super) fn facts(name: &[u8], node: &Node, kind: &str, wanted: &[&str]) -> Vec<u8> {
    let mut line = Vec::new();
    for fact in wanted {
        let value = match *fact {
            "Type" => kind.to_owned(),
            "Size" if !node.is_directory() => node.len().to_string(),
            "Modify" => stamp(node.modified),
            "Perm" if node.is_directory() => "cdeflmp".to_owned(),
            "Perm" => "adfrw".to_owned(),
            "UNIX.mode" => format!("0{:o}", node.mode),
            _ => continue,
        };
        line.extend(format!("{fact}={value};").into_bytes());
    }
    line.push(b' ');
    line.extend(name);
    line
}

/// The facts there are.
pub(super) const FACTS: [&str; 5] = ["Type", "Size", "Modify", "Perm", "UNIX.mode"];

#[cfg(test)]
mod tests {
    use super::{Node, facts, long_line, seconds, stamp};
    use crate::ftp::LEAP_DAY;

    #[test]
    fn times_are_read_and_written() {
        assert_eq!(stamp(LEAP_DAY), "20240229123456");
        assert_eq!(seconds(b"20240229123456.789"), Some(LEAP_DAY));
        assert_eq!(seconds(b"2024022912345x"), None);
    }

    #[test]
    fn lines_are_as_others_write_them() {
        let node = Node::file("abc", LEAP_DAY);
        assert_eq!(
            String::from_utf8(long_line(b"a b", &node, LEAP_DAY + 5)).unwrap(),
            "-rw-r--r--   1 u1       users               3 Feb 29 12:34 a b"
        );
        assert_eq!(
            facts(b"x", &node, "file", &["Size", "Type"]),
            b"Size=3;Type=file; x"
        );
    }
}
