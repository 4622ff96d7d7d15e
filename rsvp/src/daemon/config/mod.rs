//! `rsvpd.toml`: what the daemon is told.
//!
//! Every key has a default; unknown keys are errors. The shipped `etc/rsvpd.toml` explains each and shows the defaults,
//! commented out.

mod fixed;
mod interface;
mod life;
mod unit;

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::life::Lives;
use crate::api::{self, server};
use crate::engine;
use crate::interface::Settings;

pub use fairway_service::ConfigError;
pub use fixed::{
    Endpoint, Protocol, ReservationEntry, SenderEntry, ServiceName, StyleName, Traffic,
};
pub use interface::{
    AlgorithmName, Authentication, Excess, HelloInterval, InterfaceKeys, InterfaceTable, KeyEntry,
    LinkHeader, LinkRate, TrafficControlMode, Udp,
};
pub use life::NoKey;
pub use unit::{Mode, Moment, NotUnderstood, Octets, Rate, Secret, Share, Span};

/// Where the daemon looks for its file if no flag names one; it need not be there.
pub const DEFAULT_PATH: &str = "/etc/rsvpd.toml";

/// Where the control socket is.
pub const CONTROL_SOCKET: &str = "/run/rsvp/control.sock";

/// The effective configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Path of the socket of `rsvpctl`; empty for none.
    pub control_socket: PathBuf,
    /// Its permissions.
    pub control_mode: Mode,
    /// Path of the socket for applications; empty for none.
    pub rapi_socket: PathBuf,
    /// Its permissions.
    pub rapi_mode: Mode,
    /// The group both sockets belong to; empty: as the daemon's.
    pub socket_group: String,
    /// The user to become, if started as root: the first of these that exists. None does: stay, without most rights.
    pub user: Vec<String>,
    /// What is logged, as in `RUST_LOG`, which wins.
    pub log: String,
    /// Where `GET /metrics` is answered; empty for nowhere.
    #[serde(with = "unit::empty_is_none")]
    pub metrics: Option<SocketAddr>,
    /// `metrics` may be an address that others reach.
    pub metrics_for_others: bool,
    /// Whether messages of others are passed on.
    pub router: Router,
    /// What is done with interfaces that have no table.
    pub other_interfaces: OtherInterfaces,
    /// Bounds.
    pub limits: Limits,
    /// What holds for interfaces where their tables say nothing else.
    pub defaults: InterfaceTable,
    /// Interfaces by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub interface: BTreeMap<String, InterfaceTable>,
    /// Senders that the daemon announces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sender: Vec<SenderEntry>,
    /// Reservations that the daemon makes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reservation: Vec<ReservationEntry>,
}

/// Whether this node is a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Router {
    /// If it forwards packets when the daemon starts.
    Auto,
    /// It is.
    Yes,
    /// It is not: only what is for this node is taken.
    No,
}

/// What is done with interfaces that have no table of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtherInterfaces {
    /// They are used as `[defaults]` says.
    Use,
    /// RSVP is not spoken there.
    Ignore,
}

/// Bounds on what others can make grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Sessions.
    pub sessions: usize,
    /// Senders of one session.
    pub senders: usize,
    /// Reservations of one session.
    pub reservations: usize,
    /// Filters of one reservation of style SE.
    pub filters: usize,
    /// Path state of all sessions together.
    pub senders_in_all: usize,
    /// Reservation state of all sessions together.
    pub reservations_in_all: usize,
    /// Applications that take part in one session; those of one user are never more than it leaves to others.
    pub applications_per_session: usize,
    /// Blockades of one session.
    pub blockades: usize,
    /// Neighbours.
    pub neighbours: usize,
    /// Messages that wait for an acknowledgement.
    pub unacknowledged: usize,
    /// Octets of POLICY_DATA and unknown objects kept with one piece of state.
    pub carried_octets: usize,
    /// Applications connected at one time.
    pub applications: usize,
    /// Those of one user; and never more than it leaves to others.
    pub applications_per_user: usize,
    /// Sessions of one application.
    pub sessions_per_application: usize,
    /// Sessions of one user's applications.
    pub sessions_per_user: usize,
    /// Connections of `rsvpctl` at one time.
    pub control_connections: usize,
    /// Senders and reservations of one of them.
    pub control_parties: usize,
    /// Memberships in groups, each on one interface, for applications on this node: shared out among the users by turns.
    pub memberships: usize,
    /// Groups of one user.
    pub groups_per_user: usize,
    /// Messages remembered for `rsvpctl log`.
    pub log_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let engine = engine::Limits::default();
        let applications = server::Limits::default();
        Self {
            sessions: engine.sessions,
            senders: engine.senders,
            reservations: engine.reservations,
            filters: engine.filters,
            senders_in_all: engine.senders_in_all,
            reservations_in_all: engine.reservations_in_all,
            applications_per_session: engine.applications,
            blockades: engine.blockades,
            neighbours: engine.neighbours,
            unacknowledged: engine.unacknowledged,
            carried_octets: engine.carried_octets,
            applications: applications.clients,
            applications_per_user: applications.clients_per_user,
            sessions_per_application: applications.sessions_per_client,
            sessions_per_user: applications.sessions_per_user,
            control_connections: 64,
            control_parties: 64,
            memberships: 1000,
            groups_per_user: 100,
            log_entries: 4096,
        }
    }
}

impl Limits {
    /// Those of the engine.
    #[must_use]
    pub fn engine(&self) -> engine::Limits {
        engine::Limits {
            sessions: self.sessions,
            senders: self.senders,
            reservations: self.reservations,
            filters: self.filters,
            senders_in_all: self.senders_in_all,
            reservations_in_all: self.reservations_in_all,
            applications: self.applications_per_session,
            blockades: self.blockades,
            neighbours: self.neighbours,
            unacknowledged: self.unacknowledged,
            carried_octets: self.carried_octets,
            ..engine::Limits::default()
        }
    }

    /// Those of the server of applications.
    #[must_use]
    pub fn server(&self) -> server::Limits {
        server::Limits {
            clients: self.applications,
            clients_per_user: self.applications_per_user,
            sessions_per_client: self.sessions_per_application,
            sessions_per_user: self.sessions_per_user,
            sessions_of_one: self.applications_per_session,
            ..server::Limits::default()
        }
    }

    /// Those of the engine, and the length of the log, where `other` differs.
    fn only_at_start(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        let of = |key, bound: fn(&Self) -> usize| (bound(self) != bound(other)).then_some(key);
        [
            of("limits.sessions", |of| of.sessions),
            of("limits.senders", |of| of.senders),
            of("limits.reservations", |of| of.reservations),
            of("limits.filters", |of| of.filters),
            of("limits.senders_in_all", |of| of.senders_in_all),
            of("limits.reservations_in_all", |of| of.reservations_in_all),
            of("limits.applications_per_session", |of| {
                of.applications_per_session
            }),
            of("limits.blockades", |of| of.blockades),
            of("limits.neighbours", |of| of.neighbours),
            of("limits.unacknowledged", |of| of.unacknowledged),
            of("limits.carried_octets", |of| of.carried_octets),
            of("limits.log_entries", |of| of.log_entries),
        ]
        .into_iter()
        .flatten()
    }

    /// A bound that leaves nothing to do.
    fn fault(&self) -> Option<&'static str> {
        let all = [
            ("sessions", self.sessions),
            ("senders", self.senders),
            ("reservations", self.reservations),
            ("filters", self.filters),
            ("senders_in_all", self.senders_in_all),
            ("reservations_in_all", self.reservations_in_all),
            ("applications_per_session", self.applications_per_session),
            ("blockades", self.blockades),
            ("neighbours", self.neighbours),
            ("unacknowledged", self.unacknowledged),
            ("applications", self.applications),
            ("applications_per_user", self.applications_per_user),
            ("sessions_per_application", self.sessions_per_application),
            ("sessions_per_user", self.sessions_per_user),
            ("control_connections", self.control_connections),
            ("control_parties", self.control_parties),
            ("memberships", self.memberships),
            ("groups_per_user", self.groups_per_user),
        ];
        all.iter()
            .find(|(_, value)| *value == 0)
            .map(|(key, _)| *key)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            control_socket: PathBuf::from(CONTROL_SOCKET),
            control_mode: Mode(0o660),
            rapi_socket: PathBuf::from(api::SOCKET_PATH),
            rapi_mode: Mode(0o666),
            socket_group: String::new(),
            user: vec!["_rsvp".to_owned()],
            log: "info".to_owned(),
            metrics: None,
            metrics_for_others: false,
            router: Router::Auto,
            other_interfaces: OtherInterfaces::Use,
            limits: Limits::default(),
            defaults: InterfaceKeys::default().into(),
            interface: BTreeMap::new(),
            sender: Vec::new(),
            reservation: Vec::new(),
        }
    }
}

/// Reads the files that a configuration names.
pub trait ReadSecret {
    /// The octets of a file that nobody but the daemon may read.
    ///
    /// # Errors
    /// Why not, in words.
    fn read(&mut self, file: &Path) -> Result<Vec<u8>, String>;
}

impl Config {
    /// Reads a configuration; `file` is for the messages.
    ///
    /// # Errors
    /// Syntax, unknown keys, values that are none or make no sense; with file, line and key.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut config: Self =
            toml::from_str(text).map_err(|error| ConfigError::of_parser(file, text, &error))?;
        config.defaults = config.defaults.over(&InterfaceKeys::default()).into();
        config.check(file, text)?;
        Ok(config)
    }

    fn check(&self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let wrong = |table: (&str, usize), key: &str, what: String| {
            ConfigError::of_key(file, text, table, key, what)
        };
        fairway_service::check_directives(&self.log).map_err(|what| wrong(("", 0), "log", what))?;
        if let Some(address) = self.metrics
            && !address.ip().is_loopback()
            && !self.metrics_for_others
        {
            let what =
                format!("{address} can be reached by others: say `metrics_for_others = true`");
            return Err(wrong(("", 0), "metrics", what));
        }
        if let Some(key) = self.limits.fault() {
            return Err(wrong(("limits", 0), key, "at least 1 expected".to_owned()));
        }
        let tables = self.interface.keys().map(|name| {
            let keys = self.keys_of_table(name);
            (format!("interface.{name}"), keys, true)
        });
        let are_used = self.other_interfaces == OtherInterfaces::Use;
        let defaults = ("defaults".to_owned(), self.default_keys(), are_used);
        for (table, keys, is_used) in [defaults].into_iter().chain(tables) {
            if let Some((key, what)) = keys.fault(is_used && keys.enabled) {
                return Err(wrong((&table, 0), key, what));
            }
            for (nth, entry) in keys.key.iter().enumerate() {
                if let Some((key, what)) = entry.fault() {
                    return Err(wrong((&format!("{table}.key"), nth), key, what));
                }
            }
        }
        for (nth, entry) in self.sender.iter().enumerate() {
            if let Some((key, what)) = entry.fault() {
                return Err(wrong(("sender", nth), key, what.to_owned()));
            }
        }
        for (nth, entry) in self.reservation.iter().enumerate() {
            if let Some((key, what)) = entry.fault() {
                return Err(wrong(("reservation", nth), key, what.to_owned()));
            }
        }
        Ok(())
    }

    /// The file that parses to this configuration.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // Numbers beyond i64 cannot be written; no limit comes near.
        toml::to_string(self).unwrap_or_default()
    }

    /// Whether the file itself holds keys that are nobody else's business.
    #[must_use]
    pub fn holds_secrets(&self) -> bool {
        let tables = self.interface.values().chain([&self.defaults]);
        tables
            .flat_map(|table| table.key.iter().flatten())
            .any(|entry| entry.secret.is_some())
    }

    /// The tables of interfaces that this machine does not have, each with its line in `text`, which was parsed.
    #[must_use]
    pub fn missing_interfaces<'a>(
        &'a self,
        text: &str,
        machine: &[String],
    ) -> Vec<(&'a str, Option<usize>)> {
        let line_of = |name: &str| {
            let mut lines = (1..).zip(text.lines());
            let found = lines.find(|(_, line)| {
                let table = line.trim().trim_start_matches('[').replace(['"', '\''], "");
                table
                    .strip_prefix("interface.")
                    .and_then(|rest| rest.strip_prefix(name))
                    .is_some_and(|rest| rest.starts_with([']', '.']))
            });
            found.map(|(number, _)| number)
        };
        self.interface
            .keys()
            .filter(|name| !machine.contains(name))
            .map(|name| (name.as_str(), line_of(name)))
            .collect()
    }

    fn default_keys(&self) -> InterfaceKeys {
        self.defaults.clone().over(&InterfaceKeys::default())
    }

    fn keys_of_table(&self, name: &str) -> InterfaceKeys {
        let table = self.interface.get(name).cloned().unwrap_or_default();
        table.over(&self.default_keys())
    }

    /// The keys that a running daemon takes no other value of: those in which `other` differs. They count when it starts.
    #[must_use]
    pub fn only_at_start(&self, other: &Self) -> Vec<&'static str> {
        let keys = [
            (
                "control_socket",
                self.control_socket != other.control_socket,
            ),
            ("control_mode", self.control_mode != other.control_mode),
            ("rapi_socket", self.rapi_socket != other.rapi_socket),
            ("rapi_mode", self.rapi_mode != other.rapi_mode),
            ("socket_group", self.socket_group != other.socket_group),
            ("user", self.user != other.user),
            ("metrics", self.metrics != other.metrics),
            ("router", self.router != other.router),
        ];
        let keys = keys.into_iter().filter(|(_, differs)| *differs);
        let limits = self.limits.only_at_start(&other.limits);
        keys.map(|(key, _)| key).chain(limits).collect()
    }

    /// What holds for an interface.
    #[must_use]
    pub fn keys(&self, name: &str) -> InterfaceKeys {
        let mut keys = self.keys_of_table(name);
        if self.other_interfaces == OtherInterfaces::Ignore && !self.interface.contains_key(name) {
            keys.enabled = false;
        }
        keys
    }

    /// The files that hold keys are read, so that nothing can go wrong any more.
    ///
    /// # Errors
    /// A file that cannot be read, or that others can; with file, line and key. `file` and `text` are those that were
    /// parsed.
    pub fn load(
        self,
        file: &Path,
        text: &str,
        reader: &mut impl ReadSecret,
    ) -> Result<Loaded, ConfigError> {
        let mut secrets = BTreeMap::new();
        let tables = self
            .interface
            .iter()
            .map(|(name, table)| (format!("interface.{name}.key"), table))
            .chain([("defaults.key".to_owned(), &self.defaults)]);
        for (name, table) in tables {
            for (nth, entry) in table.key.iter().flatten().enumerate() {
                let Some(path) = &entry.secret_file else {
                    continue;
                };
                let octets = reader.read(path).and_then(|mut octets| {
                    while octets.last().is_some_and(|last| b"\r\n".contains(last)) {
                        octets.pop();
                    }
                    if octets.is_empty() {
                        return Err("there is no key in it".to_owned());
                    }
                    Ok(octets)
                });
                let octets = octets.map_err(|what| {
                    let what = format!("{}: {what}", path.display());
                    ConfigError::of_key(file, text, (&name, nth), "secret_file", what)
                })?;
                secrets.insert(path.clone(), octets);
            }
        }
        let tables = self.missing_interfaces(text, &[]);
        let tables = tables.into_iter();
        Ok(Loaded {
            file: file.to_owned(),
            lives: self.lives(file, text),
            tables: tables.map(|(name, line)| (name.to_owned(), line)).collect(),
            config: self,
            secrets,
        })
    }
}

/// A configuration, and what was in the files it names.
#[derive(Clone, Default)]
pub struct Loaded {
    config: Config,
    /// Where it is from.
    file: PathBuf,
    /// The tables of interfaces, with their lines.
    tables: Vec<(String, Option<usize>)>,
    lives: Vec<Lives>,
    secrets: BTreeMap<PathBuf, Vec<u8>>,
}

impl core::fmt::Debug for Loaded {
    /// Without the secrets.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Loaded {
    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The file it is from; empty if there was none.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The tables of interfaces that this machine does not have, each with its line in the file.
    pub fn missing_interfaces<'a>(
        &'a self,
        machine: &'a [String],
    ) -> impl Iterator<Item = (&'a str, Option<usize>)> {
        let missing = self
            .tables
            .iter()
            .filter(|(name, _)| !machine.contains(name));
        missing.map(|(name, line)| (name.as_str(), *line))
    }

    /// The tables of which no key is valid now, so many seconds after 1970, though interfaces sign by them.
    pub fn without_key(&self, now: u64) -> impl Iterator<Item = NoKey> {
        self.lives.iter().filter_map(move |of| of.fault(now))
    }

    /// What the engine is told of an interface.
    #[must_use]
    pub fn settings(&self, name: &str) -> Settings {
        let keys = self.config.keys(name);
        keys.settings(|file| self.secrets.get(file).map_or(&[], Vec::as_slice))
    }
}

#[cfg(test)]
mod tests;
