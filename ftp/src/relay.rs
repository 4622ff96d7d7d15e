//! Transfers from one server to another, without the octets passing here.
//!
//! ```text
//!              ┌─ control ─► source ──┐
//!   client ────┤                      │ data: one listens, the other connects
//!              └─ control ─► target ◄─┘
//! ```
//!
//! RFC 959 §5.2 has the figure; what it takes to be right or to fail loudly is here. The source is proved to exist before
//! the target is told to make room; type, mode, structure and protection are made equal on both; both must end with a
//! positive reply, and then the sizes must agree, since a server may call an empty file a success when the other never
//! sent. Which of the two listens, and begins TLS, is chosen by what they can do, and where that is refused, the other is
//! tried, once.

mod attempt;
mod proof;
mod watch;
mod way;

pub use way::Addressing;

use crate::answer;
use crate::client::{Client, Shared, lock, same};
use crate::error::{Error, ErrorKind, Phase};
use crate::name::Name;
use crate::pool::{Pool, Want, Wanted};
use crate::reply::Reply;
use crate::server::Server;
use crate::session::{Method, Verb};
use crate::site::{Site, enter};
use crate::transfer::{Progress, ProgressSink};
use crate::verify::{Algorithm, Verify};
use attempt::{Attempt, Done, Links, Problem, recover, release};
use fairway_stack::Family;
use proof::Known;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use way::{End, Way, Wishes, ways};

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The one that has the file.
    Source,
    /// The one that gets it.
    Target,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Source => Self::Target,
            Self::Target => Self::Source,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// Which server listens for the data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Orientation {
    /// The source; the target connects to it.
    SourcePassive,
    /// The target; the source connects to it.
    TargetPassive,
}

impl Orientation {
    /// The side that listens.
    #[must_use]
    pub const fn passive(self) -> Side {
        match self {
            Self::SourcePassive => Side::Source,
            Self::TargetPassive => Side::Target,
        }
    }

    /// The side that connects.
    #[must_use]
    pub const fn active(self) -> Side {
        self.passive().other()
    }
}

/// How the data connection between two servers was protected.
///
/// Each server is made to be one that others connect to by TLS, and one of them has to be the client. If that is the
/// source and the target speaks TLS 1.3, the file is often cut short: the target sends tickets behind the handshake, the
/// source, which has nothing to read, closes with them unread, and that resets the connection under what the target has
/// not yet read. ProFTPD 1.3.8 does so, to a vsftpd or another ProFTPD, which may even call it a success; TLS 1.2 has no
/// such tickets. So the target is made the client where it can be. Where only the source can, what breaks is an error
/// that says this, and what a target calls a success is believed only of the same size, where that can be compared, which
/// of text it cannot: see [`RelayReport::verified`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// Not at all.
    Clear,
    /// TLS, begun by this side, which `SSCN` had told to be the client.
    SecureClient(Side),
    /// TLS, begun by the passive side, which `CPSV` had told to.
    SecurePassive,
}

/// What a comparison showed. A difference is an error instead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verified {
    /// Nothing could be compared, or was to be: both servers' word is all there is.
    No,
    /// Of a text, whose size changes on the way: both files are empty, or neither is.
    NotEmpty,
    /// The sizes are equal.
    Size,
    /// The sizes and the hashes by this method are.
    Hash(Algorithm),
}

/// What a transfer between servers did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RelayReport {
    /// The size of the source in octets, if either server told it.
    pub octets: Option<u64>,
    /// How long it took, with all that was asked and compared.
    pub time: Duration,
    /// Who listened.
    pub orientation: Orientation,
    /// How the one that listened was asked to.
    pub passive: Option<Method>,
    /// How the other was told where.
    pub active: Option<Method>,
    /// How the data connection was protected.
    pub protection: Protection,
    /// What was compared.
    pub verified: Verified,
    /// How many times it was begun: 2 if one way was refused.
    pub tries: u32,
    /// The name the target gave to the file, of a copy with a unique name.
    pub name: Option<Name>,
    /// The last words of the source and of the target.
    pub replies: Vec<Reply>,
}

/// Something of each of two servers.
#[derive(Clone, Debug)]
struct Both<T> {
    source: T,
    target: T,
}

impl<T> Both<T> {
    const fn get(&self, side: Side) -> &T {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    const fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }
}

#[derive(Clone)]
struct Options {
    verb: Verb,
    text: bool,
    verify: Verify,
    progress: Option<ProgressSink>,
    time_limit: Option<Duration>,
    start_limit: Option<Duration>,
    wishes: Wishes,
}

impl Options {
    const fn type_argument(&self) -> &'static str {
        if self.text { "A N" } else { "I" }
    }
}

/// A file to be copied from one server to another; made by [`Client::copy`].
#[derive(Clone)]
#[must_use = "nothing is copied before `run` is called"]
pub struct Relay {
    shared: Arc<Shared>,
    sites: Both<Site>,
    names: Both<Name>,
    options: Options,
}

impl Relay {
    /// As text: both servers convert line ends (type A). The sizes may differ then and are not compared.
    pub fn text(mut self) -> Self {
        self.options.text = true;
        self
    }

    /// Behind what the target has (`APPE`). Not tried the other way round once the target has been told.
    pub fn append(mut self) -> Self {
        self.options.verb = Verb::Appe;
        self
    }

    /// Under a name that the target chooses (`STOU`), which is in the report. Not tried the other way round once the
    /// target has been told.
    pub fn unique(mut self) -> Self {
        self.options.verb = Verb::Stou;
        self
    }

    /// What is compared in the end; the sizes by default. A hash must be known to both servers; where there is none, the
    /// sizes have to do.
    pub fn verify(mut self, verify: Verify) -> Self {
        self.options.verify = verify;
        self
    }

    /// Tells `sink` about every second how large the target is. That takes a third connection, and is left out while the
    /// pool has none to spare.
    pub fn progress(mut self, sink: ProgressSink) -> Self {
        self.options.progress = Some(sink);
        self
    }

    /// How long all of it may take; no limit by default. A file that has been seen to stand still for
    /// [`Limits::data_idle`](crate::Limits::data_idle) is given up anyway.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.options.time_limit = Some(limit);
        self
    }

    /// How long both servers may take to begin, once told; [`Limits::data_connection`](crate::Limits::data_connection)
    /// by default. Some that refuse another server's connection do it by saying nothing.
    pub fn start_limit(mut self, limit: Duration) -> Self {
        self.options.start_limit = Some(limit);
        self
    }

    /// Whether data that would be private with either server alone may pass in the clear, where the two cannot do
    /// otherwise; no by default.
    pub fn allow_clear_data(mut self, allow: bool) -> Self {
        self.options.wishes.allow_clear_data = allow;
        self
    }

    /// Only this way round. Where data is private and either server can be the client of TLS, both are tried.
    pub fn orientation(mut self, orientation: Orientation) -> Self {
        self.options.wishes.orientation = Some(orientation);
        self
    }

    /// Only by these commands.
    pub fn addressing(mut self, addressing: Addressing) -> Self {
        self.options.wishes.addressing = addressing;
        self
    }

    /// Copies it.
    ///
    /// # Errors
    /// [`ErrorKind::Relay`] names the side that failed and what happened there: [`ErrorKind::ThirdParty`] if a server
    /// takes no part in such transfers or nothing leads from one to the other, [`ErrorKind::DataConnection`] if they did
    /// not find each other, [`ErrorKind::Refused`] for a file that is not there or not allowed,
    /// [`ErrorKind::Aborted`] for what broke in the middle, [`ErrorKind::Verify`] if the copy is not what the source is.
    /// [`ErrorKind::Unsupported`] for a directory, and for a file onto itself.
    ///
    /// # Cancel safety
    /// Dropped, the transfer is broken off on both servers and both connections get back in step by themselves. The
    /// target may be left cut short.
    pub async fn run(self) -> Result<RelayReport, Error> {
        let Self {
            shared,
            sites,
            names,
            options,
        } = self;
        let other = [&sites.source, &sites.target]
            .into_iter()
            .any(|site| !Arc::ptr_eq(&site.shared, &shared));
        if other {
            return Err(ErrorKind::Unsupported("a server of another client".into()).into());
        }
        let encode = |site: &Site, name: &Name| {
            let path = name.encode(site.server.name_charset());
            path.map(std::borrow::Cow::into_owned)
                .map_err(Error::argument("path"))
        };
        let paths = Both {
            source: encode(&sites.source, &names.source)?,
            target: encode(&sites.target, &names.target)?,
        };
        // One call uses one directory on each side, whatever else is done with the handles.
        let sites = Both {
            source: sites.source.detached(),
            target: sites.target.detached(),
        };
        let limit = options.time_limit;
        let clock = shared.net.clock();
        let job = Job {
            shared,
            sites,
            names,
            paths,
            options,
        };
        let copy = Box::pin(job.copy());
        match limit {
            None => copy.await,
            Some(limit) => match clock.timeout(limit, copy).await {
                Ok(result) => result,
                Err(_) => Err(ErrorKind::TimedOut {
                    phase: Phase::Total,
                }
                .into()),
            },
        }
    }
}

/// A copy under way.
struct Job {
    shared: Arc<Shared>,
    sites: Both<Site>,
    names: Both<Name>,
    paths: Both<Vec<u8>>,
    options: Options,
}

/// Where a copy stands between attempts.
struct Course {
    known: Known,
    /// What was refused this time.
    refused: Vec<Way>,
    failed: Option<Problem>,
    tries: u32,
}

impl Job {
    async fn copy(&self) -> Result<RelayReport, Error> {
        let clock = self.shared.net.clock();
        let start = clock.now();
        let mut course = Course {
            known: self.prove().await?,
            refused: Vec::new(),
            failed: None,
            tries: 0,
        };
        let mut wants = Both {
            source: Want::Any,
            target: Want::Any,
        };
        let (mut links, family) = self.neighbours(&wants).await?;
        let (way, done) = loop {
            let ends = self.ends(&links);
            let Some(way) = self.next_way(&ends, &mut course)? else {
                return Err(self.failure(&mut course, None));
            };
            course.tries += 1;
            tracing::debug!(
                source = %self.sites.source.server,
                target = %self.sites.target.server,
                ?way,
                "transfer between servers"
            );
            let watch = Box::pin(self.watch(&course.known));
            let attempt = Attempt::new(self, &mut links, &ends, way);
            let problem = match attempt.run(watch).await {
                Ok(done) => break (way, done),
                Err(problem) => problem,
            };
            tracing::debug!(error = %problem.error, ?way, "transfer between servers failed");
            // Before anything else: what the target still writes must not meet what is written next.
            let whole = recover(&mut links, problem.waiting).await;
            let stale = problem.side.filter(|_| problem.stale);
            if let Some(side) = stale.filter(|side| *wants.get(*side) == Want::Any) {
                *wants.get_mut(side) = Want::New;
                course.tries -= 1;
                drop(links);
                links = self.lease(&wants, family).await?;
                continue;
            }
            if !problem.other_way {
                return Err(self.failure(&mut course, Some(problem)));
            }
            self.shared.refusals.add(&self.sites, way.orientation);
            course.refused.push(way);
            // The error tells both.
            let before = course.failed.replace(problem);
            if before.is_some() {
                let last = course.failed.take();
                course.failed = before;
                return Err(self.failure(&mut course, last));
            }
            if !whole {
                release(links);
                links = self.lease(&wants, family).await?;
            }
        };
        self.shared.refusals.remove(&self.sites, way.orientation);
        // What is compared needs one connection at a time.
        drop(links);
        let name = self.given_name(&done);
        let compared = self.compare(&course.known, name.as_ref(), way).await;
        let (verified, octets) = compared?;
        if let (Some(sink), Some(octets)) = (&self.options.progress, octets) {
            sink(&Progress {
                from: 0,
                octets,
                total: Some(octets),
            });
        }
        Ok(RelayReport {
            octets,
            time: clock.now().saturating_duration_since(start),
            orientation: way.orientation,
            passive: done.method(way.orientation.passive()),
            active: done.method(way.orientation.active()),
            protection: way.protection,
            verified,
            tries: course.tries,
            name: name.filter(|_| self.options.verb == Verb::Stou),
            replies: [done.outcomes.source, done.outcomes.target]
                .into_iter()
                .filter_map(|outcome| outcome.replies.into_iter().next_back())
                .collect(),
        })
    }

    /// What to try next; nothing if all that can be has been.
    fn next_way(&self, ends: &Both<End>, course: &mut Course) -> Result<Option<Way>, Error> {
        let known = self.shared.refusals.of(&self.sites);
        match ways(ends, self.options.wishes, &known) {
            Ok(ways) => Ok(ways.into_iter().find(|way| !course.refused.contains(way))),
            Err(_) if course.failed.is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The error to report: that of the last attempt, and what came before.
    fn failure(&self, course: &mut Course, last: Option<Problem>) -> Error {
        let mut before = course.failed.take();
        let last = match last {
            Some(last) => last,
            None => match before.take() {
                Some(problem) => problem,
                None => {
                    return ErrorKind::DataConnection {
                        reason: "no way left to try".into(),
                        reply: None,
                    }
                    .into();
                }
            },
        };
        let before = before.map(|problem| match problem.side {
            Some(side) => self.at(side, problem.error, None),
            None => problem.error,
        });
        match last.side {
            Some(side) => self.at(side, last.error, before),
            None => last.error,
        }
    }

    /// An error that says at which side it happened.
    fn at(&self, side: Side, error: Error, before: Option<Error>) -> Error {
        ErrorKind::Relay {
            side,
            host: self.sites.get(side).server.authority(),
            error,
            before,
        }
        .into()
    }

    /// Both connections, and the kind of address that both servers must be reached at, if either had been reached at
    /// another: the data connection goes from one to the other.
    async fn neighbours(&self, wants: &Both<Want>) -> Result<(Links, Option<Family>), Error> {
        let links = self.lease(wants, None).await?;
        let families = [links.source.family(), links.target.family()];
        let [source, target] = families;
        if source == target || source.is_none() || target.is_none() {
            return Ok((links, None));
        }
        release(links);
        for family in families.into_iter().flatten() {
            if let Ok(links) = self.lease(wants, Some(family)).await {
                return Ok((links, Some(family)));
            }
        }
        // There is none; who chooses a way says so.
        Ok((self.lease(wants, None).await?, None))
    }

    /// Both connections, each in its directory.
    async fn lease(&self, wants: &Both<Want>, family: Option<Family>) -> Result<Links, Error> {
        let mut wants = wants.clone();
        let directories = Both {
            source: self.sites.source.wanted_directory(),
            target: self.sites.target.wanted_directory(),
        };
        loop {
            let wanted = [Side::Source, Side::Target].map(|side| Wanted {
                server: &self.sites.get(side).server,
                directory: directories.get(side),
                want: *wants.get(side),
                family,
            });
            let leased = Pool::lease_pair(&self.shared, wanted).await;
            let (source, target) = leased.map_err(|failed| match failed.which {
                Some(0) => self.at(Side::Source, failed.error, None),
                Some(_) => self.at(Side::Target, failed.error, None),
                None => failed.error,
            })?;
            let mut links = Both { source, target };
            let mut again = false;
            for side in [Side::Source, Side::Target] {
                let lease = links.get_mut(side);
                let entered = enter(lease, directories.get(side)).await;
                let stale = |error| lease.is_stale(error);
                match entered {
                    Ok(true) => {}
                    // There is no way back from where it is.
                    Ok(false) => {
                        again = true;
                        *wants.get_mut(side) = Want::New;
                    }
                    Err(error) if stale(&error) && *wants.get(side) == Want::Any => {
                        again = true;
                        *wants.get_mut(side) = Want::New;
                    }
                    Err(error) => return Err(self.at(side, error, None)),
                }
            }
            if !again {
                return Ok(links);
            }
        }
    }

    fn ends(&self, links: &Links) -> Both<End> {
        let end = |side: Side| {
            let (link, server) = (links.get(side), &self.sites.get(side).server);
            End {
                host: server.authority(),
                address: link.reached_at(),
                secure: link.is_secure(),
                private: server.wants_private_data(),
                trusts: server.trusts_passive_address(),
                features: link.session.features().clone(),
            }
        };
        Both {
            source: end(Side::Source),
            target: end(Side::Target),
        }
    }

    /// What the file is called at the target.
    fn given_name(&self, done: &Done) -> Option<Name> {
        if self.options.verb != Verb::Stou {
            return Some(self.names.target.clone());
        }
        let outcome = &done.outcomes.target;
        let name = outcome.begun.iter().chain(outcome.replies.last());
        let name = name.into_iter().find_map(answer::unique_name)?;
        let charset = self.sites.target.server.name_charset();
        Some(charset.name_of(&name))
    }
}

/// Between which servers, in order, which way round was refused.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<Vec<Refusal>>);

/// From here to there, this way round.
type Refusal = (Arc<Server>, Arc<Server>, Orientation);

/// How many refusals are remembered.
const REFUSALS: usize = 1024;

impl Refusals {
    fn of(&self, sites: &Both<Site>) -> Vec<Orientation> {
        let all = lock(&self.0);
        let these = all.iter().filter(|refusal| is_between(refusal, sites));
        these.map(|(_, _, orientation)| *orientation).collect()
    }

    fn add(&self, sites: &Both<Site>, orientation: Orientation) {
        self.remove(sites, orientation);
        let mut all = lock(&self.0);
        if all.len() >= REFUSALS {
            all.remove(0);
        }
        let (source, target) = (&sites.source.server, &sites.target.server);
        all.push((Arc::clone(source), Arc::clone(target), orientation));
    }

    fn remove(&self, sites: &Both<Site>, orientation: Orientation) {
        let mut all = lock(&self.0);
        all.retain(|refusal| !(is_between(refusal, sites) && refusal.2 == orientation));
    }
}

fn is_between(refusal: &Refusal, sites: &Both<Site>) -> bool {
    same(&refusal.0, &sites.source.server) && same(&refusal.1, &sites.target.server)
}

impl Client {
    /// A file to be copied from one server to another, or within one, without its octets passing here. Both handles are
    /// to be of this client.
    pub fn copy(&self, from: (&Site, impl Into<Name>), to: (&Site, impl Into<Name>)) -> Relay {
        Relay {
            shared: Arc::clone(&self.shared),
            sites: Both {
                source: from.0.clone(),
                target: to.0.clone(),
            },
            names: Both {
                source: from.1.into(),
                target: to.1.into(),
            },
            options: Options {
                verb: Verb::Stor,
                text: false,
                verify: Verify::Size,
                progress: None,
                time_limit: None,
                start_limit: None,
                wishes: Wishes::default(),
            },
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("sites", &self.sites)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
