//! Listings of directories, in whatever way the server writes them.
//!
//! MLSD (RFC 3659 §7) has a grammar. LIST has none: RFC 959 §4.1.3 only says that the server sends a list, and servers
//! send what `dir`, `ls` or their file manager prints. Here is what that has come to be in some thirty systems, read
//! without input or output, clock or locale: octets go into a [`Listing`], [`Entry`] values come out. One line by
//! itself is read by [`parse_line`].
//!
//! ```text
//!  octets ──► Listing ──► lines ──► joined ──► dialect ──► Item::Entry(Entry)
//!             (Limits)              (VMS,      (Format)    Item::Unknown(line number, octets)
//!                                    VOS)                  counted: headings, totals   ──► Report
//!                         Context: now, zone of the server, order of day and month
//! ```
//!
//! ```
//! use fairway_ftp::list::{Context, Kind, Line, Precision, parse_line};
//! use jiff::{Timestamp, tz::TimeZone};
//!
//! // It is March where we are, and the server writes the local time of Tokyo.
//! let now: Timestamp = "2026-03-01T00:00:00Z".parse()?;
//! let context = Context::new(now, TimeZone::posix("JST-9")?);
//! let line = b"lrwxrwxrwx   1 ada      staff          7 Dec 10 18:30 bin -> usr/bin";
//! let Line::Entry(entry) = parse_line(line, &context) else { panic!("no entry") };
//! assert_eq!((entry.name.as_ref(), entry.kind), (&b"bin"[..], Kind::Link));
//! assert_eq!(entry.target.as_deref(), Some(&b"usr/bin"[..]));
//! let modified = entry.modified.unwrap();
//! assert_eq!(modified.at, "2025-12-10T09:30:00Z".parse()?);
//! assert_eq!(modified.precision, Precision::Minute);
//! # Ok::<(), jiff::Error>(())
//! ```
//!
//! # Dialects
//!
//! | [`Format`] | a line of it |
//! | --- | --- |
//! | [`Mlsx`](Format::Mlsx) | `type=file;size=1815;modify=20251210093000; notes.txt` |
//! | [`Unix`](Format::Unix) | `-rw-r--r--   1 ada   staff   1815 Dec 10 09:30 notes.txt` |
//! | [`UnixNumeric`](Format::UnixNumeric) | `0100644   500  101   12345    123456789   notes.txt` |
//! | [`NetWare`](Format::NetWare) | `- [RWCEAFMS] ada      1815 Dec 10 09:30 notes.txt` |
//! | [`ClassicMac`](Format::ClassicMac) | `-rw-r--r--     326     1489     1815 Nov 22  1995 notes` |
//! | [`Sterling`](Format::Sterling) | `-C--E-----FTP B ADA1     18128     1815 Aug 12 13:56 NOTES` |
//! | [`Dos`](Format::Dos) | `12-10-25  09:30AM                 1815 notes.txt` |
//! | [`Os2`](Format::Os2) | `   1815      A    12-10-97   09:30  notes.txt` |
//! | [`Vms`](Format::Vms) | `NOTES.TXT;4    2/4   10-DEC-1997 09:30:15  [STAFF,ADA]  (RWED,RWED,RE,)` |
//! | [`Mvs`](Format::Mvs) | `ADA001 3390   2004/06/23  1    1  FB     128  6144  PS    ADA.NOTES` |
//! | [`MvsMembers`](Format::MvsMembers) | `NOTES     01.03 2002/09/12 2002/10/11 09:37    11    11     0 ADA` |
//! | [`Jes`](Format::Jes) | `ADA1     JOB01906 ADA      OUTPUT A        RC=0000 3 spool files` |
//! | [`Os400`](Format::Os400) | `ADA              1815 97/12/10 09:30:15 *STMF      notes.txt` |
//! | [`NonStop`](Format::NonStop) | `NOTES         101        1815 10-Dec-97 09:30:15 170,175 "nunu"` |
//! | [`Eplf`](Format::Eplf) | `+i8388621.48594,m825718503,r,s1815,`, tab, `notes.txt` |
//! | [`Cms`](Format::Cms) | `NOTES    TXT      V         71         26          1 1997-12-10 09:30:15 ADA191` |
//! | [`Bfs`](Format::Bfs) | `12/10/1997 09:30:15 F 1 1815 'notes.txt'` |
//! | [`Os9`](Format::Os9) | `20.20 97/12/10 0930 ---wr-wr 2650 1815 notes` |
//! | [`Vos`](Format::Vos) | `w      1  stm       97-12-10 09:30:15  notes` |
//! | [`VShell`](Format::VShell) | `1815  Dec 10, 1997 09:30 notes.txt` |
//! | [`VxWorks`](Format::VxWorks) | `1815    Dec-10-1997  09:30:15   notes.txt` |
//! | [`WfFtp`](Format::WfFtp) | `notes.txt      1815  12/10/97  Wed.   09:30:15` |
//! | [`PcTcp`](Format::PcTcp) | `notes.txt       1815  12-10-97  09:30   A` |
//! | [`Allied`](Format::Allied) | `1815     NOTES.TXT   Wed Dec 10 09:30:15 1997` |
//! | [`Irmx`](Format::Irmx) | `notes     DRAU  5  1,815   1,024   1 # 0         10 DEC 97` |
//! | [`Gp6000`](Format::Gp6000) | `-rwxrwxrwx 97.12.10 09:30:15 ADA   STAFF  1815 notes` |
//! | [`Msp`](Format::Msp) | `-rw-  F      10000   10000  DA    97.12.10  ADA.NOTES` |
//! | [`Melcom`](Format::Melcom) | `- RW-RW-RW-   1   ADA     1815 DEC 10  1997 NOTES     B(B)` |
//! | [`Gcos7`](Format::Gcos7) | `- - -----0 SEPT         ADA              DEC 10, 1997 NOTES` |
//! | [`Mpe`](Format::Mpe) | `NOTES           80B  FA          12        12   3        16  1  1` |
//! | [`ClearPath`](Format::ClearPath) | `ADA/NOTES          SEQDATA    1815 12/10/1997  09:30` |
//! | [`Tops20`](Format::Tops20) | `<ADA>NOTES.TXT.1;P777700;A,1,10-Dec-1997 09:30:15,10-Dec-1997 09:30:15` |
//! | [`Names`](Format::Names) | `notes.txt`, as NLST answers; only if the caller says so |
//!
//! # How a dialect is found
//!
//! Each dialect is strict: a line is an entry only if all of it makes sense, so that the order of trying hardly matters,
//! and prose, error messages and banners are [`Line::Unknown`] instead of files with odd names. A listing keeps to the
//! dialect of its first line; headings of columns decide it before that.
//!
//! Dates are read in the zone of the [`Context`]. One without a year is the latest such date at most a day ahead of the
//! present. Whether `03/04/05` has the month, the day or the year first is found out from the lines of the listing: it
//! waits for one that only has one reading, such as a day behind the 12th, and leaves out readings in the future. If
//! nothing decides, it is what the system does at home.
//!
//! # What to be careful with
//!
//! Names are chosen by the server. [`Entry::is_safe_name`] says which ones can be used for a local file.
//! Sizes of systems that count blocks or records are upper bounds: [`Entry::size_is_exact`].
//! What is kept for a listing has caps: [`Limits`].

mod cjk;
mod cms;
mod context;
mod date;
mod dos;
mod embedded;
mod entry;
mod eplf;
mod format;
mod jes;
mod line;
mod listing;
mod mac;
mod mainframe;
mod mlsx;
mod month;
mod mvs;
mod names;
mod netware;
mod nonstop;
mod notice;
mod os2;
mod os400;
mod sterling;
mod text;
mod unix;
mod vms;
mod vos;

#[cfg(test)]
mod tests;

pub use context::{Context, DateOrder};
pub use entry::{Details, Entry, Kind, Modified, Precision};
pub use format::Format;
pub use line::{Line, detect_line, parse_line, parse_line_as};
pub use listing::{Item, Limits, Listing, Report, UnknownLine};
pub use notice::Skip;
