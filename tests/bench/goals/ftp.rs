//! The goals of the FTP client.

use super::Bar::{AtLeast, AtMost, Shown};
use super::{Goal, alone, lowest, ratio};

/// Every goal of the FTP client that a program can measure. A line appears when its figures were measured.
#[rustfmt::skip]
pub(crate) const FTP: &[Goal] = &[
    lowest("G1", "plain", "download of 1 GiB from vsftpd: time, of the best of curl and suppaftp", "ours.vsftpd.download.wall", &["curl.vsftpd.download.wall", "suppaftp.vsftpd.download.wall"], AtMost(1.0)),
    ratio("G1", "plain", "  processor time, of suppaftp's", "ours.vsftpd.download.cpu", "suppaftp.vsftpd.download.cpu", AtMost(0.9)),
    alone("G15", "plain", "  highest memory", "ours.vsftpd.download.memory", Some("suppaftp.vsftpd.download.memory"), AtMost(6144.0)),
    lowest("G2", "plain", "upload of a file of 1 GiB to vsftpd: time", "ours.vsftpd.upload.wall", &["curl.vsftpd.upload.wall", "suppaftp.vsftpd.upload.wall"], AtMost(1.0)),
    ratio("G2", "plain", "  processor time, of curl's", "ours.vsftpd.upload.cpu", "curl.vsftpd.upload.cpu", AtMost(0.8)),
    ratio("", "plain", "  from memory: processor time, of suppaftp's", "ours.vsftpd.memory.cpu", "suppaftp.vsftpd.memory.cpu", Shown),
    ratio("G3", "plain", "1000 files of 1 KiB from vsftpd, of suppaftp's", "ours.vsftpd.small.rate", "suppaftp.vsftpd.small.rate", AtLeast(1.0)),
    ratio("", "plain", "  of lftp's", "ours.vsftpd.small.rate", "lftp.vsftpd.small.rate", Shown),
    ratio("G4", "plain", "  over 4 connections, of our own over one", "ours.vsftpd.pool.rate", "ours.vsftpd.small.rate", AtLeast(1.6)),
    ratio("G5", "plain", "10 000 entries from vsftpd, parsed: time, of suppaftp's unparsed", "ours.vsftpd.list.wall", "suppaftp.vsftpd.list.wall", AtMost(1.2)),
    ratio("", "plain", "  processor time", "ours.vsftpd.list.cpu", "suppaftp.vsftpd.list.cpu", Shown),
    ratio("", "plain", "  by MLSD where the server has it: time", "ours.vsftpd.best-list.wall", "suppaftp.vsftpd.list.wall", Shown),
    alone("G5", "plain", "  memory more than for a line", "ours.vsftpd.list.growth", None, AtMost(4096.0)),
    ratio("G14", "plain", "a cached call to vsftpd, of bare round trips", "ours.vsftpd.pwd.rate", "ours.vsftpd.noop.rate", AtLeast(0.909)),

    lowest("G1", "plain", "download of 1 GiB from Pure-FTPd: time, of the best of curl and suppaftp", "ours.pureftpd.download.wall", &["curl.pureftpd.download.wall", "suppaftp.pureftpd.download.wall"], AtMost(1.0)),
    ratio("G1", "plain", "  processor time, of suppaftp's", "ours.pureftpd.download.cpu", "suppaftp.pureftpd.download.cpu", AtMost(0.9)),
    alone("G15", "plain", "  highest memory", "ours.pureftpd.download.memory", Some("suppaftp.pureftpd.download.memory"), AtMost(6144.0)),
    lowest("G2", "plain", "upload of a file of 1 GiB to Pure-FTPd: time", "ours.pureftpd.upload.wall", &["curl.pureftpd.upload.wall", "suppaftp.pureftpd.upload.wall"], AtMost(1.0)),
    ratio("G2", "plain", "  processor time, of curl's", "ours.pureftpd.upload.cpu", "curl.pureftpd.upload.cpu", AtMost(0.8)),
    ratio("", "plain", "  from memory: processor time, of suppaftp's", "ours.pureftpd.memory.cpu", "suppaftp.pureftpd.memory.cpu", Shown),
    ratio("G3", "plain", "1000 files of 1 KiB from Pure-FTPd, of suppaftp's", "ours.pureftpd.small.rate", "suppaftp.pureftpd.small.rate", AtLeast(1.0)),
    ratio("", "plain", "  of lftp's", "ours.pureftpd.small.rate", "lftp.pureftpd.small.rate", Shown),
    ratio("G4", "plain", "  over 4 connections, of our own over one", "ours.pureftpd.pool.rate", "ours.pureftpd.small.rate", AtLeast(1.6)),
    ratio("G5", "plain", "10 000 entries from Pure-FTPd, parsed: time, of suppaftp's unparsed", "ours.pureftpd.list.wall", "suppaftp.pureftpd.list.wall", AtMost(1.2)),
    ratio("", "plain", "  processor time", "ours.pureftpd.list.cpu", "suppaftp.pureftpd.list.cpu", Shown),
    ratio("", "plain", "  by MLSD where the server has it: time", "ours.pureftpd.best-list.wall", "suppaftp.pureftpd.list.wall", Shown),
    alone("G5", "plain", "  memory more than for a line", "ours.pureftpd.list.growth", None, AtMost(4096.0)),
    ratio("G14", "plain", "a cached call to Pure-FTPd, of bare round trips", "ours.pureftpd.pwd.rate", "ours.pureftpd.noop.rate", AtLeast(0.909)),

    lowest("G6", "tls", "download of 1 GiB from vsftpd under TLS 1.3: time", "ours.vsftpd.tls-download.wall", &["curl.vsftpd.tls-download.wall", "suppaftp.vsftpd.tls-download.wall"], AtMost(1.053)),
    ratio("G6", "tls", "  processor time, of suppaftp's", "ours.vsftpd.tls-download.cpu", "suppaftp.vsftpd.tls-download.cpu", AtMost(1.05)),
    alone("G15", "tls", "  highest memory", "ours.vsftpd.tls-download.memory", Some("suppaftp.vsftpd.tls-download.memory"), AtMost(8192.0)),
    lowest("G6", "tls", "upload of 1 GiB to vsftpd under TLS 1.3: time", "ours.vsftpd.tls-upload.wall", &["curl.vsftpd.tls-upload.wall", "suppaftp.vsftpd.tls-upload.wall"], AtMost(1.053)),
    ratio("G6", "tls", "  processor time, of suppaftp's", "ours.vsftpd.tls-upload.cpu", "suppaftp.vsftpd.tls-upload.cpu", AtMost(1.05)),

    lowest("G6", "tls", "download of 1 GiB from Pure-FTPd under TLS 1.3: time", "ours.pureftpd.tls-download.wall", &["curl.pureftpd.tls-download.wall", "suppaftp.pureftpd.tls-download.wall"], AtMost(1.053)),
    ratio("G6", "tls", "  processor time, of suppaftp's", "ours.pureftpd.tls-download.cpu", "suppaftp.pureftpd.tls-download.cpu", AtMost(1.05)),
    alone("G15", "tls", "  highest memory", "ours.pureftpd.tls-download.memory", Some("suppaftp.pureftpd.tls-download.memory"), AtMost(8192.0)),
    lowest("G6", "tls", "upload of 1 GiB to Pure-FTPd under TLS 1.3: time", "ours.pureftpd.tls-upload.wall", &["curl.pureftpd.tls-upload.wall", "suppaftp.pureftpd.tls-upload.wall"], AtMost(1.053)),
    ratio("G6", "tls", "  processor time, of suppaftp's", "ours.pureftpd.tls-upload.cpu", "suppaftp.pureftpd.tls-upload.cpu", AtMost(1.05)),
    ratio("G8", "copies", "1 GiB from vsftpd to Pure-FTPd, of lftp's rate", "ours.vsftpd.copy.rate", "lftp.vsftpd.copy.rate", AtLeast(1.0)),
    alone("G8", "copies", "  processor time", "ours.vsftpd.copy.cpu", Some("lftp.vsftpd.copy.cpu"), AtMost(0.02)),

    ratio("G8", "copies", "1 GiB from Pure-FTPd to vsftpd, of lftp's rate", "ours.pureftpd.copy.rate", "lftp.pureftpd.copy.rate", AtLeast(1.0)),
    alone("G8", "copies", "  processor time", "ours.pureftpd.copy.cpu", Some("lftp.pureftpd.copy.cpu"), AtMost(0.02)),
];
