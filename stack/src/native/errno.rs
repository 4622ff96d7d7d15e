//! The engine's errors, as the facade's.

use crate::error::NetError;
use fairway_native::Errno;

/// `engine's = ours`, each once.
macro_rules! map {
    ($($errno:ident => $error:ident,)+) => {
        impl From<Errno> for NetError {
            fn from(errno: Errno) -> Self {
                match errno {
                    $(Errno::$errno => Self::$error,)+
                    // One that was added to the engine and not here.
                    _ => Self::Other(std::io::ErrorKind::Other),
                }
            }
        }

        #[cfg(test)]
        const ALL: &[Errno] = &[$(Errno::$errno),+];
    };
}

map! {
    Perm => Perm,
    NoEnt => NotFound,
    NxIo => Nxio,
    Srch => Srch,
    Intr => Intr,
    Access => Access,
    Exist => Exists,
    NoMem => NoMem,
    NotDir => NotDir,
    NoDev => NoDev,
    Inval => Inval,
    TooManyFiles => TooManyFiles,
    Pipe => Pipe,
    WouldBlock => WouldBlock,
    InProgress => InProgress,
    Already => Already,
    NotSock => NotSock,
    DestAddrReq => DestAddrReq,
    MsgSize => MsgSize,
    NoProtoOpt => NoProtoOpt,
    ProtoNoSupport => ProtoNoSupport,
    OpNotSupp => OpNotSupp,
    AfNoSupport => AfNoSupport,
    AddrInUse => AddrInUse,
    AddrNotAvail => AddrNotAvail,
    NetDown => NetDown,
    NetUnreach => NetUnreach,
    ConnAborted => ConnAborted,
    ConnReset => ConnReset,
    NoBufs => NoBufs,
    IsConn => IsConn,
    NotConn => NotConn,
    TimedOut => TimedOut,
    ConnRefused => ConnRefused,
    NameTooLong => NameTooLong,
    HostDown => HostDown,
    HostUnreach => HostUnreach,
    ProtoType => Prototype,
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::error::NetError;

    /// sockets.md §4: an error of the engine is the BSD error of that meaning, and no two are one.
    #[test]
    fn every_error_of_the_engine_has_its_bsd_number() {
        let mut numbers: Vec<_> = ALL
            .iter()
            .map(|&errno| NetError::from(errno).bsd())
            .collect();
        assert!(numbers.iter().all(Option::is_some));
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ALL.len());
    }
}
