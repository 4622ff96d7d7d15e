//! A parameter: its names, its range, and where its value is.

use std::fmt;
use std::time::Duration;

use super::tree::PARAMETERS;
use crate::Errno;
use crate::config::Config;

/// What the number of a parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 0 is off, 1 is on.
    Flag,
    /// So many of something.
    Count,
    /// Octets.
    Octets,
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Millis,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "off, on",
            Self::Count => "",
            Self::Octets => "octets",
            Self::Seconds => "s",
            Self::Millis => "ms",
        })
    }
}

/// What may be done with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It can be read.
    ReadOnly,
    /// It can be read and set.
    ReadWrite,
}

/// A table that a parameter gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Table {
    /// `tcpstat`.
    TcpStat,
    /// `udpstat`.
    UdpStat,
    /// `icmpstat`.
    IcmpStat,
    /// The routes.
    Routes,
    /// The routes that have the flags asked for.
    RoutesByFlags,
    /// The interfaces with their addresses.
    Interfaces,
    /// The neighbours with their link addresses.
    Neighbors,
}

/// What the value of a parameter is.
#[derive(Clone, Copy, Debug)]
pub enum ParameterKind {
    /// A number in a range, kept in [`Config`].
    Number {
        /// The smallest value.
        minimum: i64,
        /// The largest value.
        maximum: i64,
        /// Reads it.
        read: fn(&Config) -> i64,
        /// Sets it; to be called with values in the range only.
        write: fn(&mut Config, i64),
    },
    /// A number that cannot be another: what the seed could tune and this stack does one way.
    Fixed(i64),
    /// A version: a number, and a text of fewer than ten characters (`inetvers_ctl`).
    Version,
    /// A table of octets.
    Table(Table),
}

/// A parameter of the stack, or one of its tables. Two are equal if their names are.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// Its dotted name.
    pub name: &'static str,
    /// Its symbol, as in `TCPCTL_KEEPCNT`; empty for those of the project's own.
    pub symbol: &'static str,
    /// Its path of numbers (SYS-1). Of the tables of routes, the fourth number, the address family, is the caller's.
    pub mib: &'static [i32],
    /// What its number counts.
    pub unit: Unit,
    /// What its value is.
    pub kind: ParameterKind,
    /// What it is for.
    pub about: &'static str,
}

impl PartialEq for Parameter {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Parameter {}

/// A parameter's number with its limits: `inetcfg_ctl` (`sockets.md` §10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it is now.
    pub current: i64,
    /// What it is unless set.
    pub default: i64,
    /// The smallest value it can be set to.
    pub minimum: i64,
    /// The largest value it can be set to.
    pub maximum: i64,
}

impl Parameter {
    /// The parameter of that dotted name or symbol.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        PARAMETERS
            .iter()
            .find(|one| one.name == name || !one.symbol.is_empty() && one.symbol == name)
    }

    /// The parameter at that path.
    ///
    /// # Errors
    /// SYS-11: [`Errno::NotDir`] for a path that is empty or has more elements than the parameter, [`Errno::Inval`] for
    /// too few, [`Errno::NoProtoOpt`] if there is no such family or protocol, [`Errno::OpNotSupp`] if the rest is
    /// unknown.
    pub fn by_path(path: &[i32]) -> Result<&'static Self, Errno> {
        let Some((top, rest)) = path.split_first() else {
            return Err(Errno::NotDir);
        };
        let under_top = || PARAMETERS.iter().filter(|one| one.mib.first() == Some(top));
        if under_top().next().is_none() {
            return Err(Errno::OpNotSupp);
        }
        let [family, protocol, control, ..] = rest else {
            let known = rest.is_empty() || under_top().any(|one| one.mib.starts_with(path));
            return Err(if known {
                Errno::Inval
            } else {
                Errno::NoProtoOpt
            });
        };
        let branch: Vec<&'static Self> = under_top()
            .filter(|one| one.mib.starts_with(&[*top, *family, *protocol]))
            .collect();
        let Some(first) = branch.first() else {
            return Err(Errno::NoProtoOpt);
        };
        // The tables of routes: an address family comes first, and one of them takes an argument.
        if first.is_by_family() {
            let [_, _, _, which, argument @ ..] = rest else {
                return Err(Errno::Inval);
            };
            let found = branch
                .into_iter()
                .find(|one| one.mib.last() == Some(which))
                .ok_or(Errno::OpNotSupp)?;
            return match argument.len() {
                0 if matches!(found.kind, ParameterKind::Table(Table::RoutesByFlags)) => {
                    Err(Errno::Inval)
                }
                0 | 1 => Ok(found),
                _ => Err(Errno::NotDir),
            };
        }
        if let Some(found) = branch.iter().find(|one| path.starts_with(one.mib)) {
            return if path.len() == found.mib.len() {
                Ok(found)
            } else {
                Err(Errno::NotDir)
            };
        }
        let deeper = branch.iter().any(|one| one.mib.get(3) == Some(control));
        // SYS-10: "inetcfg" parameters need a fifth element.
        Err(if deeper && path.len() == 4 {
            Errno::Inval
        } else {
            Errno::OpNotSupp
        })
    }

    /// Whether its path has an address family in the fourth place.
    pub(crate) const fn is_by_family(&self) -> bool {
        matches!(
            self.kind,
            ParameterKind::Table(
                Table::Routes | Table::RoutesByFlags | Table::Interfaces | Table::Neighbors
            )
        )
    }

    /// What may be done with it.
    #[must_use]
    pub const fn access(&self) -> Access {
        match self.kind {
            ParameterKind::Number { .. } => Access::ReadWrite,
            ParameterKind::Fixed(_) | ParameterKind::Version | ParameterKind::Table(_) => {
                Access::ReadOnly
            }
        }
    }

    /// Its number and limits in a configuration; `None` if its value is no number.
    #[must_use]
    pub fn setting(&self, config: &Config) -> Option<Setting> {
        match self.kind {
            ParameterKind::Number {
                minimum,
                maximum,
                read,
                ..
            } => Some(Setting {
                current: read(config),
                default: read(&Config::default()),
                minimum,
                maximum,
            }),
            ParameterKind::Fixed(value) => Some(Setting {
                current: value,
                default: value,
                minimum: value,
                maximum: value,
            }),
            ParameterKind::Version | ParameterKind::Table(_) => None,
        }
    }

    /// Sets its number in a configuration.
    ///
    /// # Errors
    /// [`Errno::Perm`] if it cannot be set, [`Errno::Inval`] outside its range (SYS-11).
    pub fn set(&self, config: &mut Config, value: i64) -> Result<(), Errno> {
        match self.kind {
            ParameterKind::Number {
                minimum,
                maximum,
                write,
                ..
            } => {
                if value < minimum || value > maximum {
                    return Err(Errno::Inval);
                }
                write(config, value);
                Ok(())
            }
            ParameterKind::Fixed(_) | ParameterKind::Version | ParameterKind::Table(_) => {
                Err(Errno::Perm)
            }
        }
    }
}

/// A field of [`Config`] that a number in some unit can be read from and written to.
pub(super) trait Tunable {
    fn get(&self, unit: Unit) -> i64;
    /// Numbers outside the field's type become its ends; the range declared keeps them out.
    fn put(&mut self, value: i64, unit: Unit);
}

impl Tunable for bool {
    fn get(&self, _: Unit) -> i64 {
        i64::from(*self)
    }

    fn put(&mut self, value: i64, _: Unit) {
        *self = value != 0;
    }
}

macro_rules! tunable {
    ($($number:ty),*) => {$(
        impl Tunable for $number {
            fn get(&self, _: Unit) -> i64 {
                i64::from(*self)
            }

            fn put(&mut self, value: i64, _: Unit) {
                *self = <$number>::try_from(value.max(0)).unwrap_or(<$number>::MAX);
            }
        }
    )*};
}

tunable!(u8, u16, u32);

impl Tunable for Duration {
    fn get(&self, unit: Unit) -> i64 {
        match unit {
            Unit::Millis => i64::try_from(self.as_millis()).unwrap_or(i64::MAX),
            Unit::Seconds | Unit::Count | Unit::Flag | Unit::Octets => {
                i64::try_from(self.as_secs()).unwrap_or(i64::MAX)
            }
        }
    }

    fn put(&mut self, value: i64, unit: Unit) {
        let value = u64::try_from(value).unwrap_or(0);
        *self = match unit {
            Unit::Millis => Self::from_millis(value),
            Unit::Seconds | Unit::Count | Unit::Flag | Unit::Octets => Self::from_secs(value),
        };
    }
}
