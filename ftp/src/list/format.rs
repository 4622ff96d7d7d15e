//! The dialects, and how one is told from another.

use std::fmt;

use super::context::Reader;
use super::entry::Draft;
use super::text::Words;
use super::{
    cms, dos, embedded, eplf, jes, mac, mainframe, mlsx, mvs, names, netware, nonstop, os2, os400,
    sterling, unix, vms, vos,
};

/// A dialect of listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// MLST and MLSD (RFC 3659 §7).
    Mlsx,
    /// `ls -l` and its imitations.
    Unix,
    /// Mode, owner, group, size and time as numbers.
    UnixNumeric,
    /// Novell NetWare.
    NetWare,
    /// NetPresenz, Rumpus, WebSTAR: servers of the classic Mac OS.
    ClassicMac,
    /// Connect:Enterprise of Sterling Commerce.
    Sterling,
    /// MS-DOS, Windows and Windows CE.
    Dos,
    /// OS/2.
    Os2,
    /// OpenVMS.
    Vms,
    /// Data sets of MVS and z/OS.
    Mvs,
    /// Members of a partitioned data set of MVS and z/OS.
    MvsMembers,
    /// Job queues of z/OS.
    Jes,
    /// OS/400, IBM i.
    Os400,
    /// Guardian of HP NonStop.
    NonStop,
    /// Easily Parsed LIST Format.
    Eplf,
    /// Minidisks and shared files of z/VM.
    Cms,
    /// The byte file system of z/VM.
    Bfs,
    /// Microware OS-9.
    Os9,
    /// Stratus VOS.
    Vos,
    /// VShell of earlier years.
    VShell,
    /// VxWorks.
    VxWorks,
    /// wfFtp in routers of Wellfleet and Nortel.
    WfFtp,
    /// PC/TCP and Chameleon.
    PcTcp,
    /// Allied Telesis.
    Allied,
    /// Intel iRMX.
    Irmx,
    /// Fujitsu GP6000.
    Gp6000,
    /// Fujitsu OS IV/MSP.
    Msp,
    /// Mitsubishi MELCOM.
    Melcom,
    /// Bull GCOS 7.
    Gcos7,
    /// HP 3000, MPE/iX.
    Mpe,
    /// Unisys ClearPath MCP.
    ClearPath,
    /// TOPS-20.
    Tops20,
    /// Names alone, as NLST gives them. Never guessed: any prose would be one.
    Names,
}

impl Format {
    /// All dialects, in the order in which they are tried.
    pub const ALL: [Self; 33] = [
        Self::Unix,
        Self::Mlsx,
        Self::Dos,
        Self::Eplf,
        Self::ClassicMac,
        Self::Sterling,
        Self::NetWare,
        Self::Melcom,
        Self::Gcos7,
        Self::Msp,
        Self::Gp6000,
        Self::Bfs,
        Self::UnixNumeric,
        Self::Os9,
        Self::Os2,
        Self::VShell,
        Self::VxWorks,
        Self::Allied,
        Self::Tops20,
        Self::Vms,
        Self::Os400,
        Self::NonStop,
        Self::MvsMembers,
        Self::Mvs,
        Self::Jes,
        Self::Cms,
        Self::WfFtp,
        Self::PcTcp,
        Self::Irmx,
        Self::Vos,
        Self::ClearPath,
        Self::Mpe,
        Self::Names,
    ];

    /// Reads a line as this dialect, which the caller is sure of.
    pub(super) fn parse<'a>(self, words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
        match self {
            Self::Mlsx => mlsx::parse_known(words, reader),
            Self::MvsMembers => mvs::parse_member_known(words, reader),
            Self::Names => names::parse(words),
            _ => self.guess(words, reader),
        }
    }

    /// Reads a line as this dialect if it can be no other.
    fn guess<'a>(self, words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
        match self {
            Self::Mlsx => mlsx::parse(words, reader),
            Self::Unix => unix::parse(words, reader),
            Self::UnixNumeric => unix::parse_numeric(words, reader),
            Self::NetWare => netware::parse(words, reader),
            Self::ClassicMac => mac::parse(words, reader),
            Self::Sterling => sterling::parse(words, reader),
            Self::Dos => dos::parse(words, reader),
            Self::Os2 => os2::parse(words, reader),
            Self::Vms => vms::parse(words, reader),
            Self::Mvs => mvs::parse(words, reader),
            Self::MvsMembers => mvs::parse_member(words, reader),
            Self::Jes => jes::parse(words, reader),
            Self::Os400 => os400::parse(words, reader),
            Self::NonStop => nonstop::parse(words, reader),
            Self::Eplf => eplf::parse(words, reader),
            Self::Cms => cms::parse(words, reader),
            Self::Bfs => cms::parse_bfs(words, reader),
            Self::Os9 => embedded::os9(words, reader),
            Self::Vos => vos::parse(words, reader),
            Self::VShell => embedded::vshell(words, reader),
            Self::VxWorks => embedded::vxworks(words, reader),
            Self::WfFtp => embedded::wfftp(words, reader),
            Self::PcTcp => embedded::pctcp(words, reader),
            Self::Allied => embedded::allied(words, reader),
            Self::Irmx => embedded::irmx(words, reader),
            Self::Gp6000 => mainframe::gp6000(words, reader),
            Self::Msp => mainframe::msp(words, reader),
            Self::Melcom => mainframe::melcom(words, reader),
            Self::Gcos7 => mainframe::gcos7(words, reader),
            Self::Mpe => mainframe::mpe(words, reader),
            Self::ClearPath => mainframe::clearpath(words, reader),
            Self::Tops20 => mainframe::tops20(words, reader),
            Self::Names => None,
        }
    }

    /// Finds the dialect of a line.
    pub(super) fn detect<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<(Self, Draft<'a>)> {
        // The two that an unusual line of `ls` could be taken for come first, and only then all of `ls`.
        if let Some(draft) = unix::usual(words.line(), reader) {
            return Some((Self::Unix, draft));
        }
        for format in Self::ALL
            .into_iter()
            .filter(|format| *format != Self::Unix)
            .chain([Self::Unix])
        {
            reader.forget();
            if let Some(draft) = format.guess(words, reader) {
                return Some((format, draft));
            }
        }
        reader.forget();
        None
    }

    /// The name of the dialect.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mlsx => "MLSx",
            Self::Unix => "Unix",
            Self::UnixNumeric => "Unix, numeric",
            Self::NetWare => "NetWare",
            Self::ClassicMac => "classic Mac OS",
            Self::Sterling => "Connect:Enterprise",
            Self::Dos => "DOS",
            Self::Os2 => "OS/2",
            Self::Vms => "VMS",
            Self::Mvs => "MVS data sets",
            Self::MvsMembers => "MVS members",
            Self::Jes => "JES",
            Self::Os400 => "OS/400",
            Self::NonStop => "NonStop Guardian",
            Self::Eplf => "EPLF",
            Self::Cms => "z/VM CMS",
            Self::Bfs => "z/VM BFS",
            Self::Os9 => "OS-9",
            Self::Vos => "Stratus VOS",
            Self::VShell => "VShell",
            Self::VxWorks => "VxWorks",
            Self::WfFtp => "wfFtp",
            Self::PcTcp => "PC/TCP",
            Self::Allied => "Allied Telesis",
            Self::Irmx => "iRMX",
            Self::Gp6000 => "Fujitsu GP6000",
            Self::Msp => "Fujitsu OS IV/MSP",
            Self::Melcom => "MELCOM",
            Self::Gcos7 => "GCOS 7",
            Self::Mpe => "MPE/iX",
            Self::ClearPath => "ClearPath MCP",
            Self::Tops20 => "TOPS-20",
            Self::Names => "names only",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
