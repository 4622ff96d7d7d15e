//! What a socket call of the engine can fail with.

/// An error of the sockets layer (BSD's names; `sockets.md` §4 gives their meaning).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Errno {
    /// `EPERM`: it is read-only, or not allowed.
    #[error("not permitted")]
    Perm,
    /// `ENOENT`: no such name.
    #[error("no such name")]
    NoEnt,
    /// `ENXIO`: no such interface.
    #[error("no such interface")]
    NxIo,
    /// `ESRCH`: no such entry.
    #[error("no such entry")]
    Srch,
    /// `EINTR`: cancelled.
    #[error("cancelled")]
    Intr,
    /// `EACCES`: a broadcast without `SO_BROADCAST`, and the like.
    #[error("not allowed")]
    Access,
    /// `EEXIST`: it is there already.
    #[error("it exists already")]
    Exist,
    /// `ENOMEM`: a buffer is too small, or there is no memory.
    #[error("no memory")]
    NoMem,
    /// `ENOTDIR`: there is nothing below it.
    #[error("not a directory")]
    NotDir,
    /// `ENODEV`: no such device.
    #[error("no such device")]
    NoDev,
    /// `EINVAL`: an argument or the socket's state does not fit.
    #[error("invalid argument")]
    Inval,
    /// `EMFILE`: no room for another socket.
    #[error("too many sockets")]
    TooManyFiles,
    /// `EPIPE`: sending was shut down.
    #[error("broken pipe")]
    Pipe,
    /// `EWOULDBLOCK`: nothing can be done now.
    #[error("would block")]
    WouldBlock,
    /// `EINPROGRESS`: connecting has begun.
    #[error("in progress")]
    InProgress,
    /// `EALREADY`: an earlier connect has not ended.
    #[error("already in progress")]
    Already,
    /// `ENOTSOCK`: there is no such socket, or no longer.
    #[error("not a socket")]
    NotSock,
    /// `EDESTADDRREQ`: a destination is needed.
    #[error("destination address required")]
    DestAddrReq,
    /// `EMSGSIZE`: too long for one datagram, or for the path.
    #[error("message too long")]
    MsgSize,
    /// `ENOPROTOOPT`: no such option here.
    #[error("option not available")]
    NoProtoOpt,
    /// `EPROTONOSUPPORT`: no such protocol.
    #[error("protocol not supported")]
    ProtoNoSupport,
    /// `EOPNOTSUPP`: not for this kind of socket.
    #[error("operation not supported")]
    OpNotSupp,
    /// `EAFNOSUPPORT`: no such address family.
    #[error("address family not supported")]
    AfNoSupport,
    /// `EADDRINUSE`: the name is taken.
    #[error("address in use")]
    AddrInUse,
    /// `EADDRNOTAVAIL`: not an address of this host.
    #[error("address not available")]
    AddrNotAvail,
    /// `ENETDOWN`: the interface is down.
    #[error("network is down")]
    NetDown,
    /// `ENETUNREACH`: no route.
    #[error("network is unreachable")]
    NetUnreach,
    /// `ECONNABORTED`: it died before it was accepted.
    #[error("connection aborted")]
    ConnAborted,
    /// `ECONNRESET`: the peer aborted.
    #[error("connection reset by peer")]
    ConnReset,
    /// `ENOBUFS`: a limit is reached or a queue is full.
    #[error("no buffer space")]
    NoBufs,
    /// `EISCONN`: it has a peer already.
    #[error("already connected")]
    IsConn,
    /// `ENOTCONN`: it has no peer.
    #[error("not connected")]
    NotConn,
    /// `ETIMEDOUT`: the peer did not answer.
    #[error("timed out")]
    TimedOut,
    /// `ECONNREFUSED`: nobody listens.
    #[error("connection refused")]
    ConnRefused,
    /// `ENAMETOOLONG`: the name is too long.
    #[error("name too long")]
    NameTooLong,
    /// `EHOSTDOWN`: it does not answer ARP.
    #[error("host is down")]
    HostDown,
    /// `EHOSTUNREACH`: no way to the host.
    #[error("no route to host")]
    HostUnreach,
    /// `EPROTOTYPE`: a socket of another type has the name.
    #[error("wrong type for the socket")]
    ProtoType,
}
