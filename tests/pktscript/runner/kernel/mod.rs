//! A script against the kernel of this machine: its packets come and go through a TUN device, its calls are system
//! calls, its time is real.
//!
//! The process that runs a script moves into a network namespace of its own first ([`Kernel::enter`]), which ends
//! with it; so every script needs a process. Everything happens on one thread, except for reading the device and for
//! a `close` that lingers.

mod diag;
mod namespace;
mod socket;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tun_rs::SyncDevice;

use super::ast::{Call, Settings, Side};
use super::executor::{Executor, Failure, Step, Value};
use socket::Sockets;

/// How long a waiting call is left alone before it is asked again.
const GLANCE: Duration = Duration::from_millis(2);

/// The kernel, through a TUN device in a namespace of this process's own.
pub struct Kernel {
    start: Instant,
    device: Arc<SyncDevice>,
    /// What the kernel sent, in order.
    packets: Receiver<(Instant, Vec<u8>)>,
    sockets: Sockets,
    /// The counters of the namespace when the script began.
    counters: BTreeMap<String, u64>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").finish_non_exhaustive()
    }
}

impl Kernel {
    /// Moves this process into a new network namespace and readies it for a script.
    ///
    /// Needs root and `/dev/net/tun`, and has to be called before the process has a second thread, as only the
    /// calling one moves.
    ///
    /// # Errors
    /// When the machine cannot do this.
    pub fn enter(settings: &Settings) -> Result<Self, String> {
        let device = Arc::new(namespace::enter(settings)?);
        let (sender, packets) = channel();
        let reader = Arc::clone(&device);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 70_000];
            while let Ok(len) = reader.recv(&mut buffer) {
                let packet = buffer.get(..len).unwrap_or_default().to_vec();
                if sender.send((now(), packet)).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            start: now(),
            device,
            packets,
            sockets: Sockets::new(settings),
            counters: namespace::counters(),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the kernel lives in real time")]
fn now() -> Instant {
    Instant::now()
}

impl Executor for Kernel {
    fn side(&self) -> Side {
        Side::Linux
    }

    fn now(&self) -> Duration {
        now().duration_since(self.start)
    }

    fn step(&mut self, until: Duration, watch: bool) -> Result<Step, String> {
        let left = until.saturating_sub(self.now());
        let wait = if watch { left.min(GLANCE) } else { left };
        match self.packets.recv_timeout(wait) {
            Ok((at, packet)) => Ok(Step::Packet(
                at.saturating_duration_since(self.start),
                packet,
            )),
            Err(RecvTimeoutError::Timeout) if self.now() < until => Ok(Step::Changed),
            Err(RecvTimeoutError::Timeout) => Ok(Step::Reached),
            Err(RecvTimeoutError::Disconnected) => Err("the TUN device is gone".into()),
        }
    }

    fn inject(&mut self, packet: &[u8]) -> Result<(), String> {
        match self.device.send(packet) {
            Ok(len) if len == packet.len() => Ok(()),
            Ok(len) => Err(format!(
                "the TUN device took {len} octets of {}",
                packet.len()
            )),
            Err(error) => Err(format!("the TUN device took no packet: {error}")),
        }
    }

    fn call(&mut self, call: &Call, data: &[u8], named: Option<u32>) -> Result<Value, Failure> {
        self.sockets.call(call, data, named)
    }

    fn tcp_info(&mut self, socket: u32) -> Result<BTreeMap<&'static str, u64>, String> {
        let (local, remote) = self.sockets.ends(socket)?;
        diag::tcp_info(local, remote)
    }

    fn counter(&mut self, name: &str) -> Result<u64, String> {
        let now = namespace::counters();
        let value = now
            .get(name)
            .ok_or_else(|| format!("/proc/net/snmp and netstat have no {name}"))?;
        Ok(value.saturating_sub(self.counters.get(name).copied().unwrap_or(0)))
    }

    fn event(&mut self, _name: &str) -> Result<u64, String> {
        Err("the kernel has no events; the line needs the tag native:".into())
    }

    /// Timers of the kernel are coarse: the further away, the more, up to an eighth of the way.
    fn tolerance(&self, wait: Duration) -> Duration {
        Duration::from_millis(100) + wait / 8
    }
}
