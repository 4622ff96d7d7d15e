//! A network: the hosts, what joins them, and the time they live in.

use crate::capture::Capture;
use crate::driver::Driver;
use crate::link::LinkBuilder;
use crate::log;
use crate::map::Map;
use crate::node::{Node, NodeBuilder};
use crate::segment::SegmentBuilder;
use fairway_stack::{Clock, Instant, VirtualClock};
use std::future::Future;
use std::hash::Hasher as _;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What the calendar says when a network begins: midnight, 1 January 2026 (UTC).
pub const WALL_START: Duration = Duration::from_secs(1_767_225_600);

/// A network of simulated hosts, and the virtual time in which they live. See the [crate's front page](crate).
///
/// Time passes only in [`run`](Self::run). Whatever is random comes from the seed: the same program with the same seed
/// gives the same frames at the same nanoseconds.
#[derive(Debug)]
pub struct Network {
    /// Declared first: tasks end before the hosts whose sockets they hold.
    driver: Driver,
    map: Arc<Map>,
}

impl Network {
    /// A network without hosts.
    ///
    /// # Panics
    /// If the system refuses what a tokio runtime without I/O needs, which is next to nothing.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let clock = VirtualClock::new(SystemTime::UNIX_EPOCH + WALL_START);
        #[expect(clippy::expect_used, reason = "documented above")]
        let driver = Driver::new(&clock).expect("a runtime without I/O can be built");
        let map = Map::new(clock, driver.handle().clone(), seed);
        Self { driver, map }
    }

    /// A host of that name, which other hosts can look up.
    ///
    /// # Panics
    /// If there is one already.
    #[must_use]
    pub fn node(&self, name: &str) -> Node {
        self.build_node(name).build()
    }

    /// A host that passes on packets that are not for it.
    ///
    /// # Panics
    /// If there is a host of that name already.
    #[must_use]
    pub fn router(&self, name: &str) -> Node {
        self.build_node(name).router().build()
    }

    /// A host with other tunables or limits than the usual ones.
    pub fn build_node(&self, name: &str) -> NodeBuilder<'_> {
        NodeBuilder::new(&self.map, name)
    }

    /// A link between two hosts, to say more about before it is [connected](LinkBuilder::connect). It adds an interface
    /// to either.
    ///
    /// # Panics
    /// When both are the same host: it speaks to itself without a link.
    pub fn link(&self, one: &Node, other: &Node) -> LinkBuilder<'_> {
        LinkBuilder::new(&self.map, one, other)
    }

    /// An Ethernet that several hosts share, to say more about before it is [built](SegmentBuilder::build).
    pub fn segment(&self) -> SegmentBuilder<'_> {
        SegmentBuilder::new(&self.map)
    }

    /// Gives every host routes to every network by the shortest ways there are now: links that are down are none.
    /// Takes away those it gave before. Only routers are ways to elsewhere; a host that is no router and has one first
    /// hop for all gets a default route.
    pub fn route_all(&self) {
        self.map.route_all();
    }

    /// Lets time pass until `main` has ended. Tasks that hosts have spawned run meanwhile, and go on in the next run.
    ///
    /// # Panics
    /// When `main` waits for what can never happen; the message says which hosts have tasks, and where those were
    /// spawned. When it is called within itself or another runtime.
    pub fn run<F: Future>(&self, main: F) -> F::Output {
        assert!(
            tokio::runtime::Handle::try_current().is_err(),
            "Network::run is a runtime of its own: call it from a plain #[test], not from within another runtime"
        );
        self.driver.run(&self.map.world, main)
    }

    /// Lets that much time pass.
    pub fn run_for(&self, span: Duration) {
        let clock = self.clock();
        self.run(clock.sleep(span));
    }

    /// The clock that all hosts share.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.map.world.clock.clone().into()
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.map.world.clock.now()
    }

    /// Captures everything on every link and segment there is, as interfaces of one file. A packet that crosses
    /// several links is in it several times.
    #[must_use]
    pub fn capture_all(&self) -> Capture {
        self.map.capture(None, None)
    }

    /// As [`capture_all`](Self::capture_all), to a file or elsewhere, as it happens.
    ///
    /// The writer is called while the network is locked, and must not call it or its hosts: that panics.
    #[must_use]
    pub fn capture_all_to(&self, writer: Box<dyn Write + Send>) -> Capture {
        self.map.capture(None, Some(writer))
    }

    /// Separates hosts: whatever one of `these` sends to an address of one of `those`, and the other way round, is lost
    /// as soon as it is put on any link. Adds to separations made before.
    pub fn partition(&self, these: &[&Node], those: &[&Node]) {
        self.map.partition(these, those);
    }

    /// Ends all separations.
    pub fn heal(&self) {
        self.map.heal();
    }

    /// What happened to links, hosts and frames, a line each, oldest first. Ordinary frames are not in it.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        let state = self.map.world.lock();
        state.log.lines().map(Into::into).collect()
    }

    /// Adds a line to the log.
    pub fn note(&self, text: &str) {
        self.map
            .world
            .change(|state, now| state.log.write(now, format_args!("note: {text}")));
    }

    /// A hash of the log and of all captures: equal for equal runs.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let state = self.map.world.lock();
        let mut hash = log::hasher();
        hash.write_u64(state.log.hash());
        for capture in &state.captures {
            hash.write_u64(capture.hash());
        }
        hash.finish()
    }

    /// How many things the network has planned to happen so far: arrivals of frames, deadlines of hosts.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.map.world.lock().events_planned()
    }
}
