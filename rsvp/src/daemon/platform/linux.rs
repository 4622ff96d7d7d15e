//! Linux: netlink, HTB, nftables.

use core::time::Duration;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;

use async_trait::async_trait;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;
use tracing::{debug, error, info};

use super::{
    Change, Changes, Platform, Reservations, ShapedData, Shaper, ShaperClass, ShaperState,
};
use crate::interface::{IfIndex, Interface};
use crate::intserv::BytesPerSec;
use crate::routing::{self, LinuxRouting, LinuxWatch};
use crate::tc::TcSettings;
use crate::tc::linux::{
    BEST_EFFORT_CLASS, CONTROL_CLASS, InterfaceStatus, LinuxTc, NETWORK_CONTROL_CLASS, TcCounters,
    TcState, TcWatch,
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

/// How long after a failure routes are watched again.
const AGAIN: Duration = Duration::from_secs(1);

/// How often it is looked whether what is installed is still there.
const LOOK: Duration = Duration::from_secs(5);

/// At every how many of those looks it is tried again to install what could not be.
const LOOKS_PER_TRIAL: u32 = 12;

impl Platform {
    /// This machine: the network namespace of the calling thread. `user`: who the daemon is going to be, if it is to be
    /// somebody else than it is now.
    ///
    /// # Errors
    /// Another process has the traffic control of this namespace, which stays as it is; a system that does not speak
    /// netlink.
    pub fn linux(user: Option<u32>) -> io::Result<Self> {
        let shaper = user.map_or_else(LinuxTc::new, LinuxTc::for_user)?;
        let watches = (LinuxWatch::new()?, shaper.watch()?);
        Ok(Self {
            routing: Box::new(LinuxRouting::new(true)?),
            shaper: Box::new(shaper),
            changes: Box::new(LinuxChanges::Idle(Some(watches))),
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
/// descriptor of this kind. Another looks after traffic control.
#[derive(Debug)]
enum LinuxChanges {
    /// The threads are made when news is first waited for: they have the rights that are left then.
    Idle(Option<(LinuxWatch, TcWatch)>),
    Running {
        news: mpsc::Receiver<Change>,
        /// The threads end when this is closed.
        _alive: PipeWriter,
    },
    /// There will be no news.
    Deaf,
}

impl LinuxChanges {
    fn start((routes, installed): (LinuxWatch, TcWatch)) -> io::Result<Self> {
        let (end, alive) = io::pipe()?;
        let (tell, news) = mpsc::channel(64);
        let (tell_too, end_too) = (tell.clone(), end.try_clone()?);
        let thread = |name: &str| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.stack_size(128 << 10)
        };
        thread("routes").spawn(move || listen(routes, LinuxWatch::new, &end, &tell))?;
        thread("installed").spawn(move || look_after(installed, &end_too, &tell_too))?;
        Ok(Self::Running {
            news,
            _alive: alive,
        })
    }
}

/// What tells of changes, when its descriptor is readable.
trait Watch: AsFd {
    fn try_next(&mut self) -> io::Result<Option<routing::Change>>;
}

impl Watch for LinuxWatch {
    fn try_next(&mut self) -> io::Result<Option<routing::Change>> {
        Self::try_next(self)
    }
}

/// The thread that looks after traffic control: when interfaces are read anew, it is mended.
fn look_after(mut watch: TcWatch, end: &PipeReader, tell: &mpsc::Sender<Change>) {
    let mut looks = 0;
    while !has_ended(end, LOOK) {
        looks = (looks + 1) % LOOKS_PER_TRIAL;
        let tries = looks == 0 && watch.is_wanting();
        if (tries || watch.is_amiss()) && tell.blocking_send(Change::Interfaces).is_err() {
            return;
        }
    }
}

/// The thread that hears of changes. One that nobody takes makes it wait; what is lost then, the kernel tells.
///
/// A watch that fails is made anew, and all routes are looked at then: until then the daemon goes on with those it knows,
/// which costs its neighbours less than if it ended.
fn listen<W: Watch>(
    mut watch: W,
    mut again: impl FnMut() -> io::Result<W>,
    end: &PipeReader,
    tell: &mpsc::Sender<Change>,
) {
    while let Err(error) = hear(&mut watch, end, tell) {
        error!(%error, "no news of routes until they can be watched again");
        watch = loop {
            if has_ended(end, AGAIN) {
                return;
            }
            match again() {
                Ok(watch) => break watch,
                Err(error) => debug!(%error, "routes cannot be watched yet"),
            }
        };
        info!("routes are watched again");
        // Whatever may have changed meanwhile.
        if tell.blocking_send(Change::All).is_err() {
            return;
        }
    }
}

/// Tells of changes until the daemon ends.
fn hear(watch: &mut impl Watch, end: &PipeReader, tell: &mpsc::Sender<Change>) -> io::Result<()> {
    loop {
        let news = match watch.try_next()? {
            Some(routing::Change::Interface(_)) => Change::Interfaces,
            Some(routing::Change::Routes { prefix, length }) => {
                Change::Routes((length > 0).then_some((prefix, length)))
            }
            Some(routing::Change::Everything) => Change::All,
            None => {
                let mut both = [
                    PollFd::new(watch, PollFlags::IN),
                    PollFd::new(end, PollFlags::IN),
                ];
                match poll(&mut both, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
                if !both[1].revents().is_empty() {
                    return Ok(());
                }
                continue;
            }
        };
        if tell.blocking_send(news).is_err() {
            return Ok(());
        }
    }
}

/// Waits so long for the daemon to end.
fn has_ended(end: &PipeReader, patience: Duration) -> bool {
    let timeout = Timespec::try_from(patience).ok();
    let mut one = [PollFd::new(end, PollFlags::IN)];
    if poll(&mut one, timeout.as_ref()).is_err() {
        // A signal, or no memory: no reason to hurry.
        std::thread::park_timeout(patience);
    }
    !one[0].revents().is_empty()
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
    fn look_after(&mut self) {
        self.look_after_table();
    }

    fn set_interface(&mut self, interface: &Interface, settings: &TcSettings) -> Reservations {
        // What the system has lost is installed anew, or else counted.
        let lost = self.set_this_interface(interface, settings);
        if lost.is_empty() {
            Reservations::Kept
        } else {
            Reservations::KeptWithout(lost)
        }
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
        (
            NETWORK_CONTROL_CLASS,
            ShapedData::Control,
            &of.network_control,
        ),
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

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::fd::BorrowedFd;

    /// Tells one change, and then fails or has nothing more to tell.
    struct Once {
        descriptor: PipeReader,
        change: Option<routing::Change>,
        fails: bool,
    }

    impl AsFd for Once {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.descriptor.as_fd()
        }
    }

    impl Watch for Once {
        fn try_next(&mut self) -> io::Result<Option<routing::Change>> {
            match self.change.take() {
                None if self.fails => Err(io::ErrorKind::OutOfMemory.into()),
                change => Ok(change),
            }
        }
    }

    /// RFC 2205 §3.6: without news of routes there is no local repair; a daemon does not stay deaf.
    #[test]
    fn a_watch_that_fails_is_made_anew() {
        let (end, alive) = io::pipe().unwrap();
        let (quiet, _never) = io::pipe().unwrap();
        let watch = |fails| Once {
            descriptor: quiet.try_clone().unwrap(),
            change: Some(routing::Change::Interface(IfIndex(1))),
            fails,
        };
        let (tell, mut news) = mpsc::channel(8);
        let mut later = vec![Ok(watch(false)), Err(io::ErrorKind::OutOfMemory.into())];
        let first = watch(true);
        let thread = std::thread::spawn(move || {
            listen(first, || later.pop().unwrap(), &end, &tell);
        });
        let heard: Vec<Change> = (0..3).filter_map(|_| news.blocking_recv()).collect();
        assert!(matches!(
            heard[..],
            [Change::Interfaces, Change::All, Change::Interfaces]
        ));
        drop(alive);
        thread.join().unwrap();
        assert!(news.blocking_recv().is_none());
    }
}
