//! Linux: netlink, HTB, nftables.

use std::io::{self, PipeReader, PipeWriter};

use async_trait::async_trait;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;
use tracing::error;

use super::{
    Change, Changes, Platform, Reservations, ShapedData, Shaper, ShaperClass, ShaperState,
};
use crate::interface::{IfIndex, Interface};
use crate::intserv::BytesPerSec;
use crate::routing::{self, LinuxRouting, LinuxWatch};
use crate::tc::TcSettings;
use crate::tc::linux::{
    BEST_EFFORT_CLASS, CONTROL_CLASS, InterfaceStatus, LinuxTc, TcCounters, TcState,
};

/// Where the system says that it passes packets on, and groups.
const FORWARDS: [&str; 2] = [
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv6/conf/all/forwarding",
];
const FORWARDS_MULTICAST: [&str; 2] = [
    "/proc/sys/net/ipv4/conf/all/mc_forwarding",
    "/proc/sys/net/ipv6/conf/all/mc_forwarding",
];

impl Platform {
    /// This machine: the network namespace of the calling thread.
    ///
    /// # Errors
    /// Another process has the traffic control of this namespace, which stays as it is; a system that does not speak
    /// netlink.
    pub fn linux() -> io::Result<Self> {
        Ok(Self {
            routing: Box::new(LinuxRouting::new(true)?),
            shaper: Box::new(LinuxTc::new()?),
            changes: Box::new(LinuxChanges::Idle(Some(LinuxWatch::new()?))),
            forwards: is_on(FORWARDS),
            forwards_multicast: Box::new(|| is_on(FORWARDS_MULTICAST)),
        })
    }
}

/// Whether one of these files says something else than 0.
fn is_on(files: [&str; 2]) -> bool {
    files
        .iter()
        .any(|file| std::fs::read_to_string(file).is_ok_and(|text| text.trim() != "0"))
}

/// What netlink tells: heard by a thread that sleeps in the system, for there is no safe way to have a runtime watch a
/// descriptor of this kind.
#[derive(Debug)]
enum LinuxChanges {
    /// The thread is made when news is first waited for: it has the rights that are left then.
    Idle(Option<LinuxWatch>),
    Running {
        news: mpsc::Receiver<Change>,
        /// The thread ends when this is closed.
        _alive: PipeWriter,
    },
    /// There will be no news.
    Deaf,
}

impl LinuxChanges {
    fn start(watch: LinuxWatch) -> io::Result<Self> {
        let (end, alive) = io::pipe()?;
        let (tell, news) = mpsc::channel(64);
        std::thread::Builder::new()
            .name("routes".to_owned())
            .stack_size(128 << 10)
            .spawn(move || listen(watch, &end, &tell))?;
        Ok(Self::Running {
            news,
            _alive: alive,
        })
    }
}

/// The thread. A change that nobody takes makes it wait; what is lost then, the kernel tells.
fn listen(mut watch: LinuxWatch, end: &PipeReader, tell: &mpsc::Sender<Change>) {
    loop {
        let news = match watch.try_next() {
            Ok(Some(routing::Change::Interface(_))) => Change::Interfaces,
            Ok(Some(routing::Change::Routes { prefix, length })) => {
                Change::Routes((length > 0).then_some((prefix, length)))
            }
            Ok(Some(routing::Change::Everything)) => Change::All,
            Ok(None) => {
                let mut both = [
                    PollFd::new(&watch, PollFlags::IN),
                    PollFd::new(end, PollFlags::IN),
                ];
                match poll(&mut both, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(_) => return,
                }
                if !both[1].revents().is_empty() {
                    return;
                }
                continue;
            }
            Err(error) => {
                error!(%error, "no news of routes any more");
                return;
            }
        };
        if tell.blocking_send(news).is_err() {
            return;
        }
    }
}

#[async_trait]
impl Changes for LinuxChanges {
    async fn next(&mut self) -> Change {
        if let Self::Idle(watch) = self {
            *self = match watch.take().map(Self::start) {
                Some(Ok(running)) => running,
                Some(Err(error)) => {
                    error!(%error, "no news of routes");
                    Self::Deaf
                }
                None => Self::Deaf,
            };
        }
        if let Self::Running { news, .. } = self
            && let Some(change) = news.recv().await
        {
            return change;
        }
        core::future::pending().await
    }
}

impl Shaper for LinuxTc {
    fn set_interface(&mut self, interface: &Interface, settings: &TcSettings) -> Reservations {
        // What the system has lost is installed anew, or else counted.
        Self::set_interface(self, interface, settings);
        Reservations::Kept
    }

    fn interface_gone(&mut self, interface: IfIndex) {
        Self::interface_gone(self, interface);
    }

    fn close(&mut self) {
        Self::close(self);
    }

    fn classes(&mut self) -> Vec<ShaperClass> {
        let status = self.status();
        status.interfaces.iter().flat_map(classes).collect()
    }

    fn state(&self, interface: IfIndex) -> ShaperState {
        let Some(of) = self.summary(interface) else {
            return ShaperState {
                kind: "off",
                ..ShaperState::default()
            };
        };
        let (kind, remark) = match of.state {
            TcState::Installed => ("htb", of.no_classifier),
            TcState::AdmissionOnly(why) => ("admission only", Some(why)),
            TcState::Off(why) => ("off", Some(why)),
        };
        ShaperState {
            kind,
            link_rate: of.link_rate.map(BytesPerSec::get),
            share: of.share.map(BytesPerSec::get),
            reserved: of.reserved.map(BytesPerSec::get),
            link_header: of.link_header,
            reservations: Some(of.reservations),
            remark,
        }
    }
}

/// What is counted on an interface.
fn classes(of: &InterfaceStatus) -> Vec<ShaperClass> {
    let class = |class, data, rate, counters: &TcCounters| ShaperClass {
        interface: of.index,
        class,
        data,
        rate,
        sent_octets: counters.octets,
        sent_packets: counters.packets,
        dropped_packets: counters.drops.into(),
        excess_octets: counters.excess_octets,
        excess_packets: counters.excess_packets,
    };
    let always = [
        (CONTROL_CLASS, ShapedData::Control, &of.control),
        (BEST_EFFORT_CLASS, ShapedData::BestEffort, &of.best_effort),
    ];
    let is_installed = of.state == TcState::Installed;
    let always = always
        .into_iter()
        .filter(|_| is_installed)
        .map(|(name, data, counters)| class(Some(name.to_owned()), data, None, counters));
    let reserved = of.reservations.iter().map(|one| {
        let data = ShapedData::Reserved(one.session, one.filters.clone());
        let rate = Some(one.rate.get());
        class(one.class.clone(), data, rate, &one.counters)
    });
    always.chain(reserved).collect()
}
