//! What tshark says of a capture, packet by packet.

use fairway_tests::Child;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// What tshark shows of one packet.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Names and values of RSVP's fields, as they come.
    pub(super) fields: Vec<(String, String)>,
    /// The checksums, with what it thinks of them.
    pub(super) checksums: Vec<String>,
    /// Whatever it finds wrong, or does not know what to make of.
    pub(super) complaints: Vec<String>,
}

/// Fields that are compared by their bits, for what is shown of them is not all: floats are rounded.
const BITS: [&str; 9] = [
    "rsvp.tspec.token_bucket_rate",
    "rsvp.tspec.token_bucket_size",
    "rsvp.tspec.peak_data_rate",
    "rsvp.flowspec.token_bucket_rate",
    "rsvp.flowspec.token_bucket_size",
    "rsvp.flowspec.peak_data_rate",
    "rsvp.flowspec.rate",
    "rsvp.adspec.float",
    // Class and C-Type.
    "rsvp.class",
];

/// Reads a capture with tshark.
pub(super) fn read(capture: &Path) -> Vec<Shown> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(capture).args(["-T", "pdml"]);
    tshark.args(["-o", "ip.check_checksum:TRUE"]);
    let output = Child::output(&mut tshark, LIMIT);
    assert!(output.status.success(), "{output:?}");
    let mut packets: Vec<Shown> = Vec::new();
    let mut is_rsvp = false;
    for line in output.stdout.lines().map(str::trim) {
        if line.starts_with("<packet") {
            packets.push(Shown::default());
        } else if let Some(packet) = packets.last_mut() {
            match line.strip_prefix("<proto ") {
                Some(rest) => {
                    let name = attribute(rest, "name");
                    is_rsvp = name == "rsvp";
                    if name.starts_with("_ws") {
                        packet.complaints.push(line.to_owned());
                    }
                }
                None => packet.line(line, is_rsvp),
            }
        }
    }
    packets
}

impl Shown {
    fn line(&mut self, line: &str, is_rsvp: bool) {
        let Some(rest) = line.strip_prefix("<field ") else {
            return;
        };
        let name = attribute(rest, "name");
        let is_bad_checksum = name == "ip.checksum.status" && attribute(rest, "show") != "1";
        // RFC 3209 §5.1 wants the TTL of Hello to be 1, which is remarked on.
        let is_remark =
            line.contains("Expert Info (Note/Sequence): &quot;Time To Live&quot; only 1");
        if is_bad_checksum
            || name.starts_with("_ws") && !name.starts_with("_ws.expert.") && !is_remark
        {
            self.complaints.push(line.to_owned());
            return;
        }
        if !is_rsvp || !name.starts_with("rsvp.") || attribute(rest, "hide") == "yes" {
            return;
        }
        if name == "rsvp.message_checksum" {
            self.checksums.push(attribute(rest, "showname"));
            return;
        }
        let value = if BITS.contains(&name.as_str()) {
            // With it come the octets before it, of the Adspec's parameters.
            let hex = attribute(rest, "value");
            hex[hex.len().saturating_sub(8)..].to_owned()
        } else {
            attribute(rest, "show")
        };
        // What only names a branch says nothing.
        if value.is_empty() {
            return;
        }
        let name = if name.starts_with("rsvp.ctype") {
            "rsvp.ctype".to_owned()
        } else {
            name
        };
        self.fields.push((name, value));
    }
}

/// An attribute of an element; empty if there is none.
fn attribute(element: &str, name: &str) -> String {
    let key = format!("{name}=\"");
    let mut rest = element;
    while let Some(at) = rest.find(&key) {
        let is_whole = at == 0 || rest[..at].ends_with(' ');
        let value = &rest[at + key.len()..];
        if is_whole {
            let text = value.split('"').next().unwrap_or_default();
            return text
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&amp;", "&");
        }
        rest = value;
    }
    String::new()
}
