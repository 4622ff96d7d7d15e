//! What can be learned about a connection: `tcp_info` of other systems.

use core::time::Duration;

use super::cc::Congestion;
use super::num::span;
use super::recovery::Phase;
use super::state::State;
use super::tcb::Tcb;

/// What loss recovery is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryPhase {
    /// Nothing is amiss.
    Open,
    /// Something was reported out of order, and is not taken for lost.
    Disorder,
    /// Fast recovery.
    Recovery,
    /// Recovery from a timeout.
    Loss,
}

/// A look at a connection. Sizes are in octets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub struct TcpInfo {
    /// Its state.
    pub state: State,
    /// What loss recovery is doing.
    pub phase: RecoveryPhase,
    /// Both ends do selective acknowledgments, scaled windows, timestamps, congestion notification.
    pub sack: bool,
    /// See `sack`.
    pub window_scale: bool,
    /// See `sack`.
    pub timestamps: bool,
    /// See `sack`.
    pub ecn: bool,
    /// Shift of the windows that the peer announces, and of ours.
    pub send_shift: u8,
    /// See `send_shift`.
    pub recv_shift: u8,
    /// Timeouts in a row.
    pub backoff: u8,
    /// Probes without an answer.
    pub probes: u8,
    /// Retransmission timeout, with its back-off.
    pub rto: Duration,
    /// SRTT, RTTVAR, and the least round-trip time.
    pub rtt: Duration,
    /// See `rtt`.
    pub rtt_variation: Duration,
    /// See `rtt`.
    pub min_rtt: Duration,
    /// RACK's reordering window, and whether reordering was seen.
    pub reordering_window: Duration,
    /// See `reordering_window`.
    pub reordering_seen: bool,
    /// Longest segment to send, and the longest received lately.
    pub send_mss: u32,
    /// See `send_mss`.
    pub recv_mss: u32,
    /// The path's maximum transmission unit.
    pub path_mtu: u32,
    /// Congestion control.
    pub congestion: Congestion,
    /// cwnd.
    pub congestion_window: u32,
    /// ssthresh; `u32::MAX` before anything was lost.
    pub slow_start_threshold: u32,
    /// SND.WND.
    pub send_window: u32,
    /// RCV.WND as announced.
    pub recv_window: u32,
    /// Sent and not acknowledged; of that: selectively acknowledged, taken for lost, sent again.
    pub unacknowledged: u32,
    /// See `unacknowledged`.
    pub sacked: u32,
    /// See `unacknowledged`.
    pub lost: u32,
    /// See `unacknowledged`.
    pub resent: u32,
    /// Written and not sent.
    pub unsent: u32,
    /// Arrived and not read.
    pub unread: u32,
    /// The buffers' sizes as they are now.
    pub send_buffer: u32,
    /// See `send_buffer`.
    pub recv_buffer: u32,
    /// Memory in use, buffers included.
    pub memory: usize,
}

impl Tcb {
    pub(crate) fn info(&self) -> TcpInfo {
        TcpInfo {
            state: self.state,
            phase: match self.recovery.phase {
                Phase::Open if self.board.sacked() > 0 || self.recovery.duplicates > 0 => {
                    RecoveryPhase::Disorder
                }
                Phase::Open => RecoveryPhase::Open,
                Phase::Recovery => RecoveryPhase::Recovery,
                Phase::Loss => RecoveryPhase::Loss,
            },
            sack: self.is.sack,
            window_scale: self.is.scaling,
            timestamps: self.is.timestamps,
            ecn: self.is.ecn,
            send_shift: self.send_shift,
            recv_shift: self.recv_shift,
            backoff: self.backoff,
            probes: self.probes,
            rto: self.rtt.timeout(self.backoff).duration(),
            rtt: self.rtt.smoothed().duration(),
            rtt_variation: self.rtt.variation().duration(),
            min_rtt: self.rtt.least().duration(),
            reordering_window: self.rack.window().duration(),
            reordering_seen: self.rack.reordering_seen(),
            send_mss: self.mss.into(),
            recv_mss: self.recv_mss.into(),
            path_mtu: self.path.mtu.into(),
            congestion: self.control.congestion(),
            congestion_window: self.control.window,
            slow_start_threshold: self.control.threshold,
            send_window: self.send_window,
            recv_window: span(self.rcv_edge, self.rcv_nxt),
            unacknowledged: span(self.nxt, self.una),
            sacked: self.board.sacked(),
            lost: self.board.lost(),
            resent: self.board.resent(),
            unsent: self.unsent(),
            unread: super::num::seq_len(self.recv_queue.len()),
            send_buffer: self.options.send_buffer,
            recv_buffer: self.options.recv_buffer,
            memory: self.memory(),
        }
    }
}
