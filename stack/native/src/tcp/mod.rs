//! The Transmission Control Protocol: RFC 9293 and what belongs to it.
//!
//! [`Tcp`] is the whole transport of a host as one pure value. It knows neither interfaces nor routes: it is told of
//! segments, errors, the time and the program's calls, and asked for segments, news and deadlines.
//!
//! ```text
//!   handle_packet ─► demultiplexing ─┬─► connection  (Tcb: input → ack · receive · urgent · recovery)
//!                    by four-tuple   ├─► TIME-WAIT   (60 octets each)
//!                                    ├─► handshake   (SYN cache; cookies when it is full)
//!                                    └─► listener, or a reset
//!   calls: connect send recv … ──────► connection
//!   handle_timeout ─► timer heap ────► connection
//!                                         │ dirty list        │ news
//!   poll_packet ◄── output ◄──────────────┘                   └──► poll_notice
//! ```
//!
//! After any call or `handle_*`, drain [`Tcp::poll_packet`] and [`Tcp::poll_notice`]; come back no later than
//! [`Tcp::poll_timeout`].
//!
//! # Cost
//! Nothing is ever scanned: a segment finds its connection by one hash, a connection with something to send is in the
//! dirty list once, deadlines are moved without touching the heap. An idle connection holds no buffers.
//!
//! # Files
//! | file | holds |
//! |---|---|
//! | `tcp.rs` `demux.rs` `dispatch.rs` | [`Tcp`]: tables, deadlines; what arrives; what is sent and told |
//! | `calls.rs` `stream.rs` `close.rs` `inspect.rs` | the calls of programs |
//! | `listen.rs` `cookie.rs` | handshakes of listeners: RFC 9293 §3.10.7.2, RFC 4987 |
//! | `timewait.rs` | RFC 9293 §3.10.7.4 in TIME-WAIT, RFC 6191, RFC 1337 |
//! | `tcb.rs` `state.rs` | one connection, its state |
//! | `input.rs` `ack.rs` `receive.rs` `urgent.rs` | a segment arrives: RFC 9293 §3.10.7, RFC 5961, RFC 7323 |
//! | `output.rs` `train.rs` | what to send next: Nagle, silly windows, retransmissions; cutting runs |
//! | `deadlines.rs` `timers.rs` | what happens when time is up; the heap |
//! | `sack.rs` `rack.rs` `recovery.rs` `rtt.rs` `cc/` | RFC 6675, 8985, 6937, 5682, 6298, 5681, 9438 |
//! | `sendq.rs` `recvq.rs` `out_of_order.rs` | octets in queues |
//! | `table.rs` `ports.rs` `isn.rs` | where things are found; names in use; numbers nobody can guess |
//! | `segment.rs` `options.rs` `config.rs` `counters.rs` `info.rs` | the rest |
//!
//! # Where it leaves the RFCs
//! * The least retransmission timeout is SRTT + 200 ms, not one second (RFC 6298 §2.4 is a SHOULD that nobody keeps).
//! * Window probes carry no octet of data; they are answered all the same (RFC 9293 §3.8.6.1).
//! * A segment without timestamps on a connection that has them is taken (RFC 7323 §3.2 SHOULD drop).
//! * While connecting, an ICMP error of any kind ends the attempt (RFC 5461 §4).

mod ack;
mod calls;
mod cc;
mod check;
mod close;
mod config;
mod cookie;
mod counters;
mod deadlines;
mod demux;
mod dispatch;
mod endpoint;
mod info;
mod input;
mod inspect;
mod isn;
mod listen;
mod num;
mod options;
mod out_of_order;
mod output;
mod ports;
mod rack;
mod receive;
mod recovery;
mod recvq;
mod rtt;
mod sack;
mod segment;
mod sendq;
mod state;
mod stream;
mod table;
mod tcb;
#[expect(
    clippy::module_inception,
    reason = "the file is named for the type it defines"
)]
mod tcp;
mod timers;
mod timewait;
mod train;
mod types;
mod urgent;

#[cfg(test)]
mod tests;

pub use cc::Congestion;
pub use config::TcpConfig;
pub use counters::TcpCounters;
pub use info::{RecoveryPhase, TcpInfo};
pub use options::SocketOptions;
pub use state::State;
pub use table::ConnId;
pub use tcp::Tcp;
pub use types::{
    Close, Context, IpChoices, IpInfo, Notice, Outgoing, PathInfo, Paths, Readiness, RecvFlags,
    SendFlags, Shutdown, Unreachable,
};
