//! Questions and answers, as documents.
//!
//! ```text
//! → {"request":"interfaces"}
//! ← {"interfaces":[{"name":"eth0", …}]}
//! → {"request":"reserve","destination":"192.0.2.9:5004"}
//! ← {"event":{"kind":"path","senders":[…]}}           and so on, until the connection ends
//! ```
//!
//! A question is one line, and so is an answer. After `watch`, `send` and `reserve` lines come as things happen; what was
//! announced or reserved ends with the connection.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::value::{Adspec, EventOf, Flowspec, Tspec};
use crate::daemon::config::{Endpoint, ReservationEntry, SenderEntry};

/// The longest question.
pub const MAX_LINE: usize = 64 << 10;

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// How the daemon is.
    Status,
    /// Interfaces, with their traffic control.
    Interfaces,
    /// Sessions, with all their state.
    Sessions {
        /// Only of this destination; of port 0: whatever the port.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        destination: Option<Endpoint>,
        /// At most so many, and no more than 10000.
        #[serde(default = "most_sessions")]
        most: usize,
    },
    /// Sessions, and what data each of their reservations has carried.
    Installed {
        /// Only of this destination; of port 0: whatever the port.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        destination: Option<Endpoint>,
        /// At most so many sessions, and no more than 10000.
        #[serde(default = "most_sessions")]
        most: usize,
    },
    /// What traffic control has installed, and counted.
    TrafficControl {
        /// Only of this destination; of port 0: whatever the port.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        destination: Option<Endpoint>,
        /// At most so many classes, and no more than 10000.
        #[serde(default = "most_sessions")]
        most: usize,
    },
    /// Neighbours.
    Neighbours,
    /// Counters.
    Counters,
    /// Applications.
    Applications,
    /// The last messages that passed.
    Log {
        /// Only of this destination; of port 0: whatever the port.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        destination: Option<Endpoint>,
        /// At most so many, the newest.
        #[serde(default = "most_lines")]
        most: usize,
    },
    /// Messages as they pass.
    Watch {
        /// Only of this destination; of port 0: whatever the port.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        destination: Option<Endpoint>,
    },
    /// Be a sender.
    Send(SenderEntry),
    /// Be a receiver.
    Reserve(ReservationEntry),
}

/// Sessions, or classes, of one answer, unless told otherwise: an answer is made at once, while nothing else is done.
const fn most_sessions() -> usize {
    1000
}

const fn most_lines() -> usize {
    100
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To `status`.
    Status(Status),
    /// To `interfaces`.
    Interfaces(Vec<InterfaceOf>),
    /// To `sessions` and `installed`.
    Sessions(Sessions),
    /// To `traffic_control`.
    TrafficControl(Classes),
    /// To `neighbours`.
    Neighbours(Vec<NeighbourOf>),
    /// To `counters`.
    Counters(Counters),
    /// To `applications`.
    Applications(Vec<ApplicationOf>),
    /// To `log`.
    Log(Vec<LogLine>),
    /// One more message, to `watch`.
    Message(LogLine),
    /// To `send` and `reserve`, as things happen.
    Event(EventOf),
    /// There is no answer, and why.
    Error(String),
}

/// How the daemon is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// How long it runs.
    pub uptime_micros: u64,
    /// It passes on the messages of others.
    pub is_router: bool,
    /// Interfaces on which RSVP is spoken.
    pub interfaces: usize,
    /// Sessions.
    pub sessions: usize,
    /// Applications connected.
    pub applications: usize,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InterfaceOf {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// It is on and has a carrier.
    pub is_up: bool,
    /// RSVP is spoken there.
    pub is_enabled: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The longest packet.
    pub mtu_bytes: u32,
    /// *R*.
    pub refresh_micros: u64,
    /// Messages are signed.
    pub is_authenticated: bool,
    /// Its traffic control.
    pub traffic_control: TrafficControlOf,
}

/// Traffic control of an interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrafficControlOf {
    /// What does it: `htb`, `fair queue`, `admission only`, `off`.
    pub kind: String,
    /// What the link carries.
    pub link_bytes_per_sec: Option<f32>,
    /// How much of it can be reserved.
    pub reservable_bytes_per_sec: Option<f32>,
    /// How much is.
    pub reserved_bytes_per_sec: Option<f32>,
    /// Octets that the link puts in front of each packet: what is reserved counts them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link_header_bytes: Option<u32>,
    /// Reservations.
    pub reservations: Option<usize>,
    /// What the administrator should know.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remark: Option<String>,
}

/// What is installed, perhaps not all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Classes {
    /// By interface: control traffic, best effort, then reservations, the oldest first.
    pub classes: Vec<ClassOf>,
    /// There are more.
    pub is_cut: bool,
}

/// A class of traffic control: data that is kept apart, and what it has come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassOf {
    /// The interface it leaves by.
    pub interface: String,
    /// What keeps it apart: `htb`, `admission only`.
    pub mode: String,
    /// Its name, as `tc` prints it; none: it is only counted.
    pub class: Option<String>,
    /// Whose data it is for: `control`, `best effort`, `reservation`.
    pub kind: String,
    /// The session of a reservation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<SessionName>,
    /// Its senders; none: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub senders: Vec<String>,
    /// What it takes of the link, its headers included.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rate_bytes_per_sec: Option<f32>,
    /// Sent, link headers included.
    pub sent_bytes: u64,
    /// Sent.
    pub sent_packets: u64,
    /// Dropped, for want of room in its queue.
    pub dropped_packets: u64,
    /// Beyond the reservation: sent as best effort.
    pub excess_bytes: u64,
    /// Beyond the reservation.
    pub excess_packets: u64,
}

/// Names a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionName {
    /// Its destination.
    pub destination: IpAddr,
    /// Its protocol.
    pub protocol: String,
    /// Its port; 0: none.
    pub port: u16,
}

/// Sessions, perhaps not all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    /// By destination, protocol and port.
    pub sessions: Vec<SessionOf>,
    /// There are more.
    pub is_cut: bool,
}

/// A session and its state: RFC 2209 §1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionOf {
    /// Where the data goes.
    pub destination: IpAddr,
    /// In which protocol.
    pub protocol: String,
    /// To which port; 0 for none.
    pub port: u16,
    /// Path state.
    pub senders: Vec<SenderOf>,
    /// Reservation state.
    pub reservations: Vec<ReservationOf>,
    /// What traffic control was asked for.
    pub installed: Vec<InstalledOf>,
    /// What is asked of previous hops.
    pub requests: Vec<RequestOf>,
    /// Requests that failed further up, and block others as great.
    pub blockades: Vec<BlockadeOf>,
    /// Applications of this node that take part.
    pub applications: usize,
}

/// A sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SenderOf {
    /// The source of its data.
    pub sender: String,
    /// The node before this one; none: it is an application here.
    pub previous_hop: Option<IpAddr>,
    /// The interface its data comes in by.
    pub incoming: String,
    /// Those it leaves by.
    pub outgoing: Vec<String>,
    /// What it sends.
    pub tspec: Tspec,
    /// What the path can do, up to here.
    pub adspec: Option<Adspec>,
    /// A hop before this one does not know RSVP.
    pub after_non_rsvp_hop: bool,
    /// Only for applications of this node.
    pub is_local_only: bool,
    /// When its state ends without a refresh; none: not by itself.
    pub expires_in_micros: Option<u64>,
}

/// A reservation, as it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReservationOf {
    /// The interface the data leaves by.
    pub outgoing: String,
    /// The node that asks; none: an application here.
    pub next_hop: Option<IpAddr>,
    /// The style.
    pub style: String,
    /// The senders; none of style WF.
    pub senders: Vec<String>,
    /// What is asked for.
    pub flowspec: Flowspec,
    /// When its state ends without a refresh; none: not by itself.
    pub expires_in_micros: Option<u64>,
}

/// A reservation, as it is carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstalledOf {
    /// The interface the data leaves by.
    pub outgoing: String,
    /// The senders; none: whoever sends.
    pub senders: Vec<String>,
    /// What all that ask for it there need.
    pub flowspec: Flowspec,
    /// What the senders send together.
    pub path: Tspec,
    /// Why data is held to it: `edge`, `merge`, `branch`.
    pub policing: Vec<String>,
    /// What it has carried, if that was asked for and is counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted: Option<Counted>,
}

/// Data of a reservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Sent, link headers included.
    pub sent_bytes: u64,
    /// Sent.
    pub sent_packets: u64,
    /// Dropped, for want of room in its queue.
    pub dropped_packets: u64,
    /// Beyond the reservation: sent as best effort.
    pub excess_bytes: u64,
    /// Beyond the reservation.
    pub excess_packets: u64,
}

/// What is asked of a previous hop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestOf {
    /// The interface towards it.
    pub incoming: String,
    /// The node; none: an application here.
    pub previous_hop: Option<IpAddr>,
    /// The style.
    pub style: String,
    /// The senders; none of style WF.
    pub senders: Vec<String>,
    /// What the next refresh asks for: of style FF for each of them, else one for all; null: nothing for that one, which is
    /// not torn yet; empty: nothing for any.
    #[serde(default)]
    pub flowspecs: Vec<Option<Flowspec>>,
    /// When it is refreshed.
    pub refresh_in_micros: Option<u64>,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockadeOf {
    /// The sender; none of style WF.
    pub sender: Option<String>,
    /// What failed.
    pub flowspec: Flowspec,
    /// When it is tried again.
    pub expires_in_micros: u64,
}

/// A neighbour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeighbourOf {
    /// The interface it is on.
    pub interface: String,
    /// Its address.
    pub address: IpAddr,
    /// It knows RFC 2961.
    pub has_refresh_reduction: bool,
    /// Its messages come in UDP.
    pub is_encapsulated: bool,
    /// What its Hellos say, if there were any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub is_alive: Option<bool>,
    /// How it stands with signatures: `none`, `challenged`, `established`.
    pub security: String,
    /// Messages that wait for its acknowledgement.
    pub unacknowledged: usize,
    /// Since when nothing came of it.
    pub silent_micros: u64,
}

/// What was counted, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    /// Messages that came, by type.
    pub received: BTreeMap<String, u64>,
    /// Messages that went, by type.
    pub sent: BTreeMap<String, u64>,
    /// Messages dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Everything else.
    pub other: BTreeMap<String, u64>,
    /// Messages on each interface, by type: what the sums above are made of, and what passes between neighbours only.
    #[serde(default)]
    pub interfaces: Vec<MessagesOf>,
}

/// Messages of one type on one interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessagesOf {
    /// The interface.
    pub interface: String,
    /// The type; none: they were dropped before it was known.
    pub message: Option<String>,
    /// Came, and could be read.
    pub received: u64,
    /// Went.
    pub sent: u64,
    /// Dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// An application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApplicationOf {
    /// `application`, `sender` and `reservation` of the configuration, `rsvpctl`.
    pub kind: String,
    /// Its user, where it has one.
    pub uid: Option<u32>,
    /// Its process, where the system tells.
    pub pid: Option<i32>,
    /// Its sessions, by name where they are few.
    pub sessions: usize,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub about: Option<String>,
}

/// A message that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, since the daemon's start.
    pub at_micros: u64,
    /// When, since 1970.
    #[serde(default)]
    pub at_unix_micros: u64,
    /// `in` or `out`.
    pub direction: String,
    /// The interface.
    pub interface: String,
    /// From or to whom.
    pub peer: IpAddr,
    /// Its type.
    pub message: String,
    /// What it is about.
    pub session: Option<String>,
    /// The rest.
    pub summary: String,
}

impl Reply {
    /// The line that is sent, its end included.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        // Maps with text as keys, and no numbers that JSON lacks: nothing to fail.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// Lines put together from octets as they come.
#[derive(Debug, Default)]
pub struct Lines {
    octets: Vec<u8>,
}

/// A line of more than [`MAX_LINE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of more than {MAX_LINE} octets")]
pub struct LineTooLong;

impl Lines {
    /// More octets.
    pub fn extend(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// Whether [`next_line`](Self::next_line) has something to say.
    #[must_use]
    pub fn has_line(&self) -> bool {
        self.octets.len() > MAX_LINE || self.octets.contains(&b'\n')
    }

    /// The next line, without its end.
    ///
    /// # Errors
    /// [`LineTooLong`].
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, LineTooLong> {
        match self.octets.iter().position(|octet| *octet == b'\n') {
            Some(end) if end <= MAX_LINE => {
                let rest = self.octets.split_off(end + 1);
                let mut line = core::mem::replace(&mut self.octets, rest);
                line.truncate(end);
                Ok(Some(line))
            }
            None if self.octets.len() <= MAX_LINE => Ok(None),
            _ => Err(LineTooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Result<Request, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// STYLE §10: one document a line, snake_case keys with units.
    #[test]
    fn questions_are_what_the_documentation_shows() {
        assert_eq!(
            request(r#"{"request":"interfaces"}"#),
            Ok(Request::Interfaces)
        );
        assert_eq!(
            request(r#"{"request":"sessions"}"#),
            Ok(Request::Sessions {
                destination: None,
                most: 1000
            })
        );
        let Ok(Request::Reserve(entry)) = request(
            r#"{"request":"reserve","destination":"192.0.2.9:5004","delay":"20ms","service":"guaranteed"}"#,
        ) else {
            panic!("no request");
        };
        assert_eq!(entry.destination.port, 5004);
        assert!(
            request(r#"{"request":"reboot"}"#)
                .unwrap_err()
                .contains("reboot")
        );
        assert!(request("").is_err());
    }

    #[test]
    fn classes_without_a_session_have_no_keys_for_it() {
        let class = ClassOf {
            interface: "eth0".to_owned(),
            mode: "htb".to_owned(),
            class: Some("5250:2".to_owned()),
            kind: "best effort".to_owned(),
            session: None,
            senders: Vec::new(),
            rate_bytes_per_sec: None,
            sent_bytes: 1500,
            sent_packets: 1,
            dropped_packets: 0,
            excess_bytes: 0,
            excess_packets: 0,
        };
        let text = serde_json::to_string(&class).unwrap();
        assert!(
            !text.contains("session") && !text.contains("rate"),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<ClassOf>(&text).unwrap(), class);
        assert_eq!(
            request(r#"{"request":"traffic_control"}"#),
            Ok(Request::TrafficControl {
                destination: None,
                most: 1000
            })
        );
    }

    #[test]
    fn answers_read_as_they_were_written() {
        let reply = Reply::Event(EventOf::NotAsked {
            sender: None,
            why: "no".to_owned(),
        });
        let line = reply.to_line();
        assert_eq!(
            line,
            b"{\"event\":{\"kind\":\"not_asked\",\"why\":\"no\"}}\n"
        );
        assert_eq!(serde_json::from_slice::<Reply>(&line).unwrap(), reply);
        assert_eq!(
            Reply::Error("no".to_owned()).to_line(),
            b"{\"error\":\"no\"}\n"
        );
    }

    #[test]
    fn lines_come_in_pieces_and_have_an_end() {
        let mut lines = Lines::default();
        assert!(!lines.has_line());
        lines.extend(b"one\ntw");
        assert!(lines.has_line());
        assert_eq!(lines.next_line(), Ok(Some(b"one".to_vec())));
        assert!(!lines.has_line());
        assert_eq!(lines.next_line(), Ok(None));
        lines.extend(b"o\n\n");
        assert_eq!(lines.next_line(), Ok(Some(b"two".to_vec())));
        assert_eq!(lines.next_line(), Ok(Some(Vec::new())));
        lines.extend(&vec![b'x'; MAX_LINE + 1]);
        assert!(lines.has_line());
        assert_eq!(lines.next_line(), Err(LineTooLong));
    }
}
