//! Errors of socket calls: one enum with the BSD name, the `SOCE…` name and both numbers.

use nix::errno::Errno;
use std::fmt;
use std::io;

/// Declares [`NetError`] and the table behind its methods: `variant = BSD number, system's name, "text";`.
macro_rules! errors {
    ($($variant:ident = $bsd:literal, $errno:ident, $text:literal;)+) => {
        /// Why a socket call failed.
        ///
        /// Variants carry the BSD meaning; [`name`](Self::name), [`bsd`](Self::bsd), [`soce_name`](Self::soce_name)
        /// and [`code`](Self::code) give the names and numbers programs of that tradition know. Numbers are BSD's,
        /// whatever the machine's own are.
        ///
        /// ```
        /// use fairway_stack::NetError;
        ///
        /// let error = NetError::AddrInUse;
        /// assert_eq!((error.name(), error.bsd()), ("EADDRINUSE", Some(48)));
        /// assert_eq!((error.soce_name().as_str(), error.code()), ("SOCEADDRINUSE", Some(10048)));
        /// assert_eq!(error.to_string(), "address already in use (EADDRINUSE)");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum NetError {
            $(#[doc = concat!("`", stringify!($errno), "`, BSD ", $bsd, ": ", $text, ".")] $variant,)+
            /// The name does not exist, or has no address (`HOST_NOT_FOUND`).
            HostNotFound,
            /// The name could not be looked up just now (`TRY_AGAIN`).
            TryAgain,
            /// An error of the system that has no place in the table: its own number.
            System(i32),
            /// An error without a number.
            Other(io::ErrorKind),
        }

        impl NetError {
            /// Every error that has a BSD number, by number.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The BSD name: `"EADDRINUSE"`; for lookups the name of `h_errno`; `"-"` where there is none.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($errno),)+
                    Self::HostNotFound => "HOST_NOT_FOUND",
                    Self::TryAgain => "TRY_AGAIN",
                    Self::System(_) | Self::Other(_) => "-",
                }
            }

            /// The BSD number, if the error is in the table.
            #[must_use]
            pub const fn bsd(self) -> Option<i32> {
                match self {
                    $(Self::$variant => Some($bsd),)+
                    Self::HostNotFound | Self::TryAgain | Self::System(_) | Self::Other(_) => None,
                }
            }

            const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::HostNotFound => "host not found",
                    Self::TryAgain => "name lookup failed, try again",
                    Self::System(_) | Self::Other(_) => "system error",
                }
            }

            const fn errno(self) -> Option<Errno> {
                match self {
                    $(Self::$variant => Some(Errno::$errno),)+
                    Self::HostNotFound | Self::TryAgain | Self::System(_) | Self::Other(_) => None,
                }
            }

            fn from_errno(errno: i32) -> Self {
                match Errno::from_raw(errno) {
                    $(Errno::$errno => Self::$variant,)+
                    _ => Self::System(errno),
                }
            }
        }
    };
}

errors! {
    Perm = 1, EPERM, "operation not permitted";
    NotFound = 2, ENOENT, "no such file";
    Srch = 3, ESRCH, "no such object";
    Intr = 4, EINTR, "call interrupted";
    Io = 5, EIO, "input or output error";
    Nxio = 6, ENXIO, "no such interface";
    BadFile = 9, EBADF, "bad descriptor";
    NoMem = 12, ENOMEM, "no memory";
    Access = 13, EACCES, "permission denied";
    Fault = 14, EFAULT, "bad address";
    Exists = 17, EEXIST, "file exists";
    CrossDevice = 18, EXDEV, "on another file system";
    NoDev = 19, ENODEV, "no such device";
    NotDir = 20, ENOTDIR, "not a directory";
    IsDir = 21, EISDIR, "is a directory";
    Inval = 22, EINVAL, "bad argument";
    TooManyFilesInSystem = 23, ENFILE, "too many open sockets in the system";
    TooManyFiles = 24, EMFILE, "too many open sockets";
    FBig = 27, EFBIG, "file too big";
    NoSpace = 28, ENOSPC, "no space left on the device";
    NotSeekable = 29, ESPIPE, "has no offsets";
    ReadOnly = 30, EROFS, "read-only file system";
    Pipe = 32, EPIPE, "sending after the end of the stream";
    WouldBlock = 35, EWOULDBLOCK, "nothing can be done now";
    InProgress = 36, EINPROGRESS, "connecting";
    Already = 37, EALREADY, "an earlier connect is not finished";
    NotSock = 38, ENOTSOCK, "not a socket";
    DestAddrReq = 39, EDESTADDRREQ, "a destination is required";
    MsgSize = 40, EMSGSIZE, "message too long for one datagram";
    Prototype = 41, EPROTOTYPE, "protocol does not fit the socket";
    NoProtoOpt = 42, ENOPROTOOPT, "option or level unknown";
    ProtoNoSupport = 43, EPROTONOSUPPORT, "protocol not offered";
    SockTNoSupport = 44, ESOCKTNOSUPPORT, "socket type not offered";
    OpNotSupp = 45, EOPNOTSUPP, "operation not offered on this socket";
    PfNoSupport = 46, EPFNOSUPPORT, "protocol family not offered";
    AfNoSupport = 47, EAFNOSUPPORT, "address family not offered";
    AddrInUse = 48, EADDRINUSE, "address already in use";
    AddrNotAvail = 49, EADDRNOTAVAIL, "address not available";
    NetDown = 50, ENETDOWN, "network is down";
    NetUnreach = 51, ENETUNREACH, "network unreachable";
    NetReset = 52, ENETRESET, "connection dropped by the network";
    ConnAborted = 53, ECONNABORTED, "connection aborted";
    ConnReset = 54, ECONNRESET, "connection reset by the peer";
    NoBufs = 55, ENOBUFS, "no buffer space";
    IsConn = 56, EISCONN, "already connected";
    NotConn = 57, ENOTCONN, "not connected";
    Shutdown = 58, ESHUTDOWN, "sending after shutdown";
    TooManyRefs = 59, ETOOMANYREFS, "too many references";
    TimedOut = 60, ETIMEDOUT, "timed out";
    ConnRefused = 61, ECONNREFUSED, "connection refused";
    Loop = 62, ELOOP, "too many symbolic links";
    NameTooLong = 63, ENAMETOOLONG, "name too long";
    HostDown = 64, EHOSTDOWN, "host is down";
    HostUnreach = 65, EHOSTUNREACH, "host unreachable";
    NotEmpty = 66, ENOTEMPTY, "directory not empty";
    Quota = 69, EDQUOT, "quota exceeded";
}

impl NetError {
    /// The name in the `SOCE…` tradition: `"SOCEADDRINUSE"`; for the rest as [`name`](Self::name).
    #[must_use]
    pub fn soce_name(self) -> String {
        match self.bsd() {
            Some(_) => format!("SOC{}", self.name()),
            None => self.name().to_owned(),
        }
    }

    /// The number in the `SOCE…` tradition: 10000 and the BSD number.
    #[must_use]
    pub const fn code(self) -> Option<i32> {
        match self.bsd() {
            Some(bsd) => Some(10_000 + bsd),
            None => None,
        }
    }

    /// The standard library's kind of this error.
    #[must_use]
    pub fn kind(self) -> io::ErrorKind {
        match self {
            Self::HostNotFound => io::ErrorKind::NotFound,
            Self::Other(kind) => kind,
            other => io::Error::from(other).kind(),
        }
    }

    /// Whether a resource of this machine has run out: descriptors, buffers, memory. Waiting may help, trying again
    /// at once does not.
    #[must_use]
    pub const fn is_exhausted(self) -> bool {
        matches!(
            self,
            Self::TooManyFiles | Self::TooManyFilesInSystem | Self::NoBufs | Self::NoMem
        )
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(errno) => fmt::Display::fmt(&io::Error::from_raw_os_error(*errno), f),
            Self::Other(kind) => fmt::Display::fmt(kind, f),
            Self::HostNotFound | Self::TryAgain => f.write_str(self.text()),
            _ => write!(f, "{} ({})", self.text(), self.name()),
        }
    }
}

impl std::error::Error for NetError {}

impl From<Errno> for NetError {
    fn from(errno: Errno) -> Self {
        Self::from_errno(errno as i32)
    }
}

impl From<io::Error> for NetError {
    fn from(error: io::Error) -> Self {
        if let Some(errno) = error.raw_os_error() {
            return Self::from_errno(errno);
        }
        if let Some(ours) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
        {
            return *ours;
        }
        match error.kind() {
            io::ErrorKind::InvalidInput => Self::Inval,
            io::ErrorKind::WouldBlock => Self::WouldBlock,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::Unsupported => Self::OpNotSupp,
            kind => Self::Other(kind),
        }
    }
}

impl From<NetError> for io::Error {
    fn from(error: NetError) -> Self {
        match (error.errno(), error) {
            (Some(errno), _) => Self::from_raw_os_error(errno as i32),
            (None, NetError::System(errno)) => Self::from_raw_os_error(errno),
            (None, NetError::Other(kind)) => Self::from(kind),
            (None, NetError::HostNotFound) => Self::new(io::ErrorKind::NotFound, error),
            (None, _) => Self::other(error),
        }
    }
}

/// Why [`accept`](crate::TcpListener::accept) gave no connection, by what the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The connection died before it was accepted. Accept again at once.
    #[error("a connection died before it was accepted: {0}")]
    Connection(NetError),
    /// Descriptors, buffers or memory have run out. The connection still waits: accept again after a pause, or after
    /// closing something; at once would spin.
    #[error("no resources to accept a connection: {0}")]
    Exhausted(NetError),
    /// The listener itself is unusable; accepting again gives the same.
    #[error("cannot accept: {0}")]
    Listener(NetError),
}

impl AcceptError {
    /// The error beneath.
    #[must_use]
    pub const fn error(self) -> NetError {
        match self {
            Self::Connection(error) | Self::Exhausted(error) | Self::Listener(error) => error,
        }
    }
}

impl From<io::Error> for AcceptError {
    fn from(error: io::Error) -> Self {
        NetError::from(error).into()
    }
}

impl From<NetError> for AcceptError {
    fn from(error: NetError) -> Self {
        match error {
            error if error.is_exhausted() => Self::Exhausted(error),
            NetError::BadFile
            | NetError::NotSock
            | NetError::Inval
            | NetError::OpNotSupp
            | NetError::Fault => Self::Listener(error),
            // Linux hands over errors the new connection already met: network, host, protocol (accept(2)).
            error => Self::Connection(error),
        }
    }
}

impl From<AcceptError> for io::Error {
    fn from(error: AcceptError) -> Self {
        error.error().into()
    }
}

impl From<AcceptError> for NetError {
    fn from(error: AcceptError) -> Self {
        error.error()
    }
}

#[cfg(test)]
mod tests {
    use super::{AcceptError, NetError};
    use std::io;

    /// sockets.md §4: the documented codes, with their numbers.
    #[test]
    fn documented_codes_have_their_numbers() {
        let table = [
            ("SOCEPERM", 10001),
            ("SOCEINTR", 10004),
            ("SOCENOMEM", 10012),
            ("SOCEFAULT", 10014),
            ("SOCENOTDIR", 10020),
            ("SOCEINVAL", 10022),
            ("SOCEMFILE", 10024),
            ("SOCEWOULDBLOCK", 10035),
            ("SOCEINPROGRESS", 10036),
            ("SOCEALREADY", 10037),
            ("SOCENOTSOCK", 10038),
            ("SOCEDESTADDRREQ", 10039),
            ("SOCEMSGSIZE", 10040),
            ("SOCENOPROTOOPT", 10042),
            ("SOCEPROTONOSUPPORT", 10043),
            ("SOCESOCKTNOSUPPORT", 10044),
            ("SOCEOPNOTSUPP", 10045),
            ("SOCEPFNOSUPPORT", 10046),
            ("SOCEAFNOSUPPORT", 10047),
            ("SOCEADDRINUSE", 10048),
            ("SOCEADDRNOTAVAIL", 10049),
            ("SOCENETUNREACH", 10051),
            ("SOCECONNABORTED", 10053),
            ("SOCENOBUFS", 10055),
            ("SOCEISCONN", 10056),
            ("SOCENOTCONN", 10057),
            ("SOCETIMEDOUT", 10060),
            ("SOCECONNREFUSED", 10061),
            ("SOCESRCH", 10003),
            ("SOCENXIO", 10006),
            ("SOCEBADF", 10009),
            ("SOCEACCES", 10013),
            ("SOCEPIPE", 10032),
            ("SOCEPROTOTYPE", 10041),
            ("SOCENETDOWN", 10050),
            ("SOCENETRESET", 10052),
            ("SOCECONNRESET", 10054),
            ("SOCESHUTDOWN", 10058),
            ("SOCETOOMANYREFS", 10059),
            ("SOCELOOP", 10062),
            ("SOCENAMETOOLONG", 10063),
            ("SOCEHOSTDOWN", 10064),
            ("SOCEHOSTUNREACH", 10065),
            ("SOCENOTEMPTY", 10066),
        ];
        for (name, code) in table {
            let found = NetError::ALL.iter().find(|error| error.soce_name() == name);
            assert_eq!(found.and_then(|error| error.code()), Some(code), "{name}");
        }
    }

    #[test]
    fn every_error_survives_the_way_through_io_error() {
        for &error in NetError::ALL {
            assert_eq!(NetError::from(io::Error::from(error)), error);
        }
        for error in [
            NetError::HostNotFound,
            NetError::TryAgain,
            NetError::System(62),
        ] {
            assert_eq!(NetError::from(io::Error::from(error)), error);
        }
        assert!(NetError::ALL.is_sorted_by_key(|error| error.bsd()));
    }

    /// accept: SOCEMFILE and SOCENOBUFS can be waited out, SOCECONNABORTED retried (ACC-5).
    #[test]
    fn accept_errors_say_what_to_do() {
        let typed = |error: NetError| AcceptError::from(io::Error::from(error));
        assert_eq!(
            typed(NetError::TooManyFiles),
            AcceptError::Exhausted(NetError::TooManyFiles)
        );
        assert_eq!(
            typed(NetError::ConnAborted),
            AcceptError::Connection(NetError::ConnAborted)
        );
        assert_eq!(
            typed(NetError::Inval),
            AcceptError::Listener(NetError::Inval)
        );
    }
}
